"""Print the CPU seconds of the last run's jobs by rule, from its benchmark files."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

RUNS = Path("benchmarks/runs")


def costs(folder: Path) -> pd.DataFrame:
    """Return jobs, CPU seconds and wall seconds by rule."""
    rows = []
    for path in sorted(folder.rglob("*.tsv")):
        table = pd.read_csv(path, sep="\t", na_values=["NA", "-"])
        rule = path.relative_to(folder).parts[1].removesuffix(".tsv")
        rows.append({"rule": rule, "cpu": table["cpu_time"].sum(), "wall": table["s"].sum()})
    if not rows:
        sys.exit(f"{folder}: no benchmark files; run the workflow first")
    grouped = pd.DataFrame(rows).groupby("rule")
    made = grouped.agg(jobs=("cpu", "size"), cpu=("cpu", "sum"), wall=("wall", "sum"))
    return made.sort_values("cpu", ascending=False)


def main() -> None:
    """Print the table."""
    table = costs(RUNS)
    sys.stdout.write(table.round(1).to_string() + "\n")
    sys.stdout.write(f"all rules: {table['cpu'].sum():.0f} CPU-s in {table['jobs'].sum()} jobs\n")


if __name__ == "__main__":
    main()
