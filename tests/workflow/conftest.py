"""A finished run of a small config, made once, and copies of it that tests may break."""

from __future__ import annotations

import shutil

import pytest

from tests.workflow.project import SMALL, Project, make_project


@pytest.fixture(scope="session")
def built(root, tmp_path_factory) -> Project:
    """A project that has run to its end; treat it as read-only."""
    project = make_project(root, tmp_path_factory.mktemp("built"), SMALL)
    project.run()
    return project


@pytest.fixture
def project(built, tmp_path) -> Project:
    """A copy of the finished project, to be edited."""
    folder = tmp_path / "project"
    # Times are kept, or Snakemake would see everything as new.
    shutil.copytree(built.folder, folder, symlinks=True)
    return Project(folder)


@pytest.fixture
def fresh(root, tmp_path) -> Project:
    """A project that has not run yet."""
    return make_project(root, tmp_path, SMALL)
