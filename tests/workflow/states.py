"""The state of a finished project, and the processes of a running one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.workflow.project import Project


def digests(project: Project) -> dict[str, str]:
    """Return sha256 of every heatmap file, saliency file, table and checkpoint."""
    results = project.folder / "results"
    kept = ("*.h5", "*.tsv", "*.parquet", "*.pt", "*.csv", "*.html", "*.mp4", "*.svg")
    return {
        str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest()
        for pattern in kept
        for path in sorted(results.rglob(pattern))
        # What was computed in which run is the only thing that may differ after a kill.
        if "shared_pass" not in path.parts
    }


def differences(a: dict[str, str], b: dict[str, str]) -> list[str]:
    """Return the names of files that differ or that only one side has."""
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def jobs_of(process: int) -> list[int]:
    """Return the processes below one, deepest last."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            child = int(path.parent.name)
            found += [child, *jobs_of(child)]
    return found
