"""Datasets of the user's own that are downloaded: from a server on loopback to trimmed clips."""

from __future__ import annotations

import csv
import shutil
import zipfile

import pytest

from tests.workflow.project import SMALL, make_project
from tests.workflow.test_faults import write_video

LISTED = '''"""Videos that are listed once they are there."""

import os

import pandas as pd

SOURCES = [
    {{"name": "set.zip", "url": "{url}", "licence": "CC0", "unpack": True, "to": "films"}},
    {{"name": "part.zip", "url": "{url}", "licence": "CC0", "needs": {{"part": ["two"]}}}},
]


def listed(folder, *, part: str = "one"):
    names = sorted(n for n in os.listdir(folder + "/films") if n.endswith(".avi"))
    paths = [folder + "/films/" + name for name in names]
    return pd.DataFrame(dict(video=[n[:-4] for n in names], path=paths, split="test"))
'''
SURE = '''"""Videos that are known before they are there."""

import pandas as pd

SOURCES = [{{"name": "set.zip", "url": "{url}", "licence": "CC0", "unpack": True, "to": "films"}}]
KNOWN = True


def sure(folder):
    paths = [folder + "/films/" + name for name in ("a.avi", "b.avi")]
    return pd.DataFrame(dict(video=["a", "b"], path=paths, split="test"))
'''
TARGETS = ["results/listed/videos.tsv", "results/sure/trimmed/test-000of001.health.tsv"]
CONFIG = SMALL | {
    "rooms": "my_rooms",
    "run": SMALL["run"]
    | {"datasets": ["listed", "sure"], "models": [], "methods": [], "gaze": []}
    | {"controls": ["centre"]},
    "datasets": {"listed": {}, "sure": {}},
}


@pytest.fixture
def server(server, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name in ("a.avi", "b.avi"):
            write_video(tmp_path / name)
            archive.write(tmp_path / name, name)
    body = (tmp_path / "set.zip").read_bytes()
    server.add("/set.zip", body, cuts=[len(body) // 2])
    return server


@pytest.fixture
def project(root, tmp_path, server):
    made = make_project(root, tmp_path / "project", CONFIG)
    room = made.folder / "my_rooms" / "datasets"
    room.mkdir(parents=True)
    for name, text in {"listed": LISTED, "sure": SURE}.items():
        (room / f"{name}.py").write_text(text.format(url=server.url("/set.zip")))
    return made


def test_from_the_server_to_clips(project, server):
    text = project.run("-n", *TARGETS)
    assert "fetch" in text
    assert server.asked == [], "a dry run downloads nothing"

    project.change_config({"offline": True})
    text = project.run(*TARGETS, check=False)
    for name in ("listed", "sure"):
        assert f"fetch: data/{name}: offline is true, and these are missing" in text
        assert f"data/{name}/set.zip: from {server.url('/set.zip')}" in text
    assert "Traceback" not in text
    assert server.asked == []

    project.change_config({"offline": False})
    project.run(*TARGETS)
    for name in ("listed", "sure"):
        results = project.folder / "results" / name
        with open(results / "sources.tsv", newline="") as file:
            (row,) = csv.DictReader(file, delimiter="\t")
        assert (row["file"], row["url"]) == ("set.zip", server.url("/set.zip"))
    for table in TARGETS:
        lines = (project.folder / table).read_text().splitlines()
        assert [line.split("\t")[0] for line in lines] == ["video", "a", "b"]
    clips = project.folder / "results/sure/trimmed/test-000of001"
    assert sorted(path.name for path in clips.glob("*.mkv")) == ["a.mkv", "b.mkv"]
    assert len(server.asked) == 3, "one for each dataset, and one for the cut"
    assert project.planned(*TARGETS) == {}

    # A new fetch and a deleted archive touch no clip; another video touches its own dataset.
    (project.folder / "data/sure/set.zip").unlink()
    assert project.planned(*TARGETS, "--forcerun", "fetch") == {"fetch": 2}
    films = project.folder / "data/sure/films"
    shutil.copy(films / "b.avi", films / "a.avi")
    assert project.planned(*TARGETS) == {"download": 1, "trim": 1}
