"""What has to pass before a change lands says what it left out."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

OTHER = "SKIPPED [3] tests/a.py:7: needs Chromium, which is not installed"
SHARED = "SKIPPED [12] tests/b.py:9: needs ../shared (real data), which is not here"


@pytest.fixture
def checkout(root, tmp_path):
    """A checkout whose `make` prints what pytest is made to print."""
    folder = tmp_path / "checkout"
    (folder / ".ci").mkdir(parents=True)
    shutil.copy2(root / ".ci/run", folder / ".ci/run")
    (tmp_path / "bin").mkdir()
    make = tmp_path / "bin/make"
    make.write_text(f'#!/bin/sh\ncat "{tmp_path}/$1.log"\ntest ! -e "{tmp_path}/$1.fails"\n')
    make.chmod(0o755)
    (tmp_path / "lint.log").touch()
    return folder


def run(checkout: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    above = checkout.parent
    (above / "test.log").write_text("\n".join(["....s", *lines, "4 passed"]) + "\n")
    env = os.environ | {"PATH": f"{above / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run([checkout / ".ci/run"], env=env, capture_output=True, text=True)


def test_skipped_tests_are_counted_and_listed(checkout):
    done = run(checkout, OTHER, SHARED)
    assert done.returncode == 0
    summary = done.stdout.split("4 passed\n")[1]
    assert summary == f"\nSkipped tests: 15\n{OTHER}\n{SHARED}\n"
    assert run(checkout).stdout.endswith("4 passed\n\nSkipped tests: 0\n")


def test_a_test_skipped_for_want_of_what_is_there_fails(checkout):
    (checkout.parent / "shared").mkdir()
    assert run(checkout, OTHER).returncode == 0
    done = run(checkout, OTHER, SHARED)
    assert done.returncode == 1
    assert "was skipped though the folder is here" in done.stderr


@pytest.mark.parametrize("target", ["lint", "test"])
def test_what_fails_in_make_fails_here(checkout, target):
    (checkout.parent / f"{target}.fails").touch()
    assert run(checkout).returncode != 0
