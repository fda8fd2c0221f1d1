"""Code that is no part of a training leaves its fingerprint alone: no network learns anew."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

PRINTS = """
from vidsal import registry
package, entry = registry.PACKAGE, registry.entry("models", "r3d_18").path
for names in (("fitting", "model_folders"), ("testing",), ("explaining",)):
    print(registry.fingerprint(*(package / f"{name}.py" for name in names), entry))
"""


@pytest.fixture
def prints(root, tmp_path):
    """Return a function: the fingerprints of (training, testing, explaining) of a copy."""
    package = tmp_path / "workflow" / "vidsal"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(root / "workflow" / "vidsal", package, ignore=ignored)

    def found(*edited: str) -> list[str]:
        for name in edited:
            with (package / name).open("a") as file:
                file.write("\n\nEDITED = 1\n")
        done = subprocess.run(
            [sys.executable, "-c", PRINTS],
            cwd=package.parent,
            env={"PYTHONPATH": str(package.parent), "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    return found


def test_classifying_is_no_part_of_training(prints):
    training, testing, explaining = prints()
    assert prints("classifying.py")[0] == training
    found = prints("testing.py")
    assert found[0] == training
    assert found[1] != testing
    assert found[2] == explaining, "maps rest on the answers, not on the code that asked for them"


def test_what_training_runs_is_part_of_it(prints):
    found = [prints()]
    for name in ("training.py", "asking.py", "models/_finish.py", "video/clips.py"):
        found.append(prints(name))
    assert len({training for training, *_ in found}) == len(found)


def test_a_constant_that_is_imported_is_read_from_its_own_file():
    from vidsal import registry
    from vidsal.models import _mmaction2, tsm

    constants = registry.entry("models", "slow_only").constants
    assert constants["LAYOUTS"] == _mmaction2.LAYOUTS
    constants = registry.entry("models", "tsm").constants
    assert constants["IGNORED"] == tsm.IGNORED
    assert constants["LAYOUTS"] == tsm.LAYOUTS
    assert constants["BACKBONE_WEIGHTS"] == tsm.BACKBONE_WEIGHTS
