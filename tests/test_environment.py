"""Dependencies agree everywhere, and the lock is pinned, hashed and names no place."""

from __future__ import annotations

import re
import tomllib

import yaml

DEVELOPMENT = {"pytest", "pytest-xdist", "ruff", "snakefmt"}


def requirements(root):
    lines = (root / "requirements.in").read_text().splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def name(requirement):
    return re.split(r"[<>=]", requirement)[0]


def test_pyproject_holds_the_run_time_requirements(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = {r for r in requirements(root) if name(r) not in DEVELOPMENT}
    assert set(project["dependencies"]) == wanted


def test_conda_environments_ask_for_the_same_versions(root):
    wanted = requirements(root)
    files = sorted((root / "envs").glob("*.yaml"))
    assert files
    for path in files:
        pip = yaml.safe_load(path.read_text())["dependencies"][-1]["pip"]
        assert set(pip) <= wanted, path


def test_lock_is_pinned_and_hashed_without_urls(root):
    lock = (root / "requirements.lock").read_text()
    assert "://" not in lock
    assert "index" not in lock
    packages = re.findall(r"^([a-z][a-z0-9-]*)==", lock, re.MULTILINE)
    assert {name(r) for r in requirements(root)} <= set(packages)
    entries = re.split(r"\n(?=[a-z])", lock.strip())
    assert all("--hash=sha256:" in entry for entry in entries)
