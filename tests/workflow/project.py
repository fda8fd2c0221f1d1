"""A small copy of the workflow that tests may run, break and edit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

COPIED = ("Snakefile", "config.yaml", "workflow", "profiles", "envs", "examples", "configs")

# Real networks, tiny: 2 + 1 + 2 people, 4 frames of 32x32, one epoch.
SMALL = {
    "run": {
        "models": ["cnn_lstm"],
        "methods": ["gradient", "grad_cam", "grad_cam_per_frame", "occlusion", "smooth_occlusion"],
        "gaze": ["spectral_residual"],
        "controls": ["random", "centre"],
        "aggregations": ["mean"],
        "metrics": ["nss", "s_auc", "relevance_mass"],
    },
    "datasets": {
        "synthetic": {"subjects_train": 2, "subjects_val": 1, "subjects_test": 2, "passes": 1}
    },
    "models": {"cnn_lstm": {"size": [32, 32], "length": 4, "stride": 4}},
    "attribution": {
        "occlusion": {"window": [4, 16, 16], "stride": [4, 16, 16]},
        "smooth_occlusion": {"method": "smooth_grad", "base": "occlusion", "samples": 2},
    },
    "sharding": {"videos_per_job": 3},
    "train": {"epochs": 2},
    "explain": {"every": 1},
    "show": {"videos": 2},
}


@dataclass
class Project:
    """One copy of the workflow with its own config and results."""

    folder: Path

    def run(self, *arguments: str, check: bool = True) -> str:
        """Run Snakemake here; return all it printed."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        text = done.stdout + done.stderr
        if check and done.returncode:
            raise RuntimeError(f"snakemake ended with {done.returncode}:\n{text[-6000:]}")
        return text

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a run."""
        program = [sys.executable, "-m", "snakemake", "--configfile", "small.yaml"]
        return [*program, "--cores", "2", *arguments]

    def planned(self, *arguments: str) -> dict[str, int]:
        """Return rule -> number of jobs that a run would start."""
        text = self.run("-n", *arguments)
        if "Nothing to be done" in text:
            return {}
        lines = text.split("Job stats:")[1].split("total")[0].splitlines()
        found = (line.split() for line in lines if len(line.split()) == 2)
        return {rule: int(count) for rule, count in found if count.isdigit() and rule != "all"}

    def change_config(self, change: dict) -> None:
        """Merge a change into the small config."""
        path = self.folder / "small.yaml"
        path.write_text(yaml.safe_dump(merged(yaml.safe_load(path.read_text()), change)))

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a piece of a source file, which must be there."""
        file = self.folder / path
        text = file.read_text()
        if old not in text:
            raise RuntimeError(f"{path} no longer holds {old!r}; mend the test")
        file.write_text(text.replace(old, new, 1))


def merged(base: dict, change: dict) -> dict:
    """Return a deep merge, as Snakemake does it."""
    made = dict(base)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(made.get(key), dict)
        made[key] = merged(made[key], value) if both else value
    return made


def environment() -> dict[str, str]:
    """Return the environment of a run: no thread is left to chance, no other vidsal is seen."""
    own = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIDSAL_MAIN_PID")}
    return own | {"OMP_NUM_THREADS": "1"}


def make_project(root: Path, folder: Path, config: dict) -> Project:
    """Copy the workflow into an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        source = root / name
        if source.is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy2(source, folder / name)
    (folder / "small.yaml").write_text(yaml.safe_dump(config))
    return Project(folder)
