"""Named weights come from a server, are checked, and lie once for all datasets."""

from __future__ import annotations

import csv
import hashlib

import pytest
import yaml

from tests.test_weights import choose, write
from vidsal import obtaining
from vidsal.errors import InputError

BODY = b"weights " * 1000
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server(server):
    server.add("/files/net.pth", BODY)
    return server


@pytest.fixture
def fetch(root, tmp_path, server, monkeypatch):
    """Fetch weights that are described so, for a dataset; return the link and the table's row."""
    monkeypatch.chdir(tmp_path)
    config = yaml.safe_load((root / "config.yaml").read_text())

    def call(dataset="kth", offline=False, **about):
        table = {"url": server.url("/files/net.pth"), "licence": "MIT"} | about
        table = {key: value for key, value in table.items() if value is not None}
        own_config = config | {"rooms": write(tmp_path, {"known": table}), "offline": offline}
        own_config["run"] = {"datasets": [], "models": []}
        folder = tmp_path / "results" / dataset / "weights"
        files = folder / "own.pt", folder / "own.tsv"
        obtaining.fetch(own_config, choose(own_config, weights="known"), *files)
        with files[1].open(newline="") as file:
            (row,) = csv.DictReader(file, delimiter="\t")
        return files[0], row

    return call


@pytest.mark.parametrize("digits", [0, 8, 64])
def test_weights_are_fetched_checked_and_written_down(fetch, server, tmp_path, digits):
    link, row = fetch(sha256=DIGEST[:digits])
    assert link.read_bytes() == BODY
    assert link.is_symlink()
    assert link.resolve() == tmp_path / "data" / "weights" / "mine" / "net.pth"
    assert (row["file"], row["sha256"], row["licence"]) == ("net.pth", DIGEST, "MIT")
    assert row["url"] == server.url("/files/net.pth")


def test_the_second_dataset_downloads_nothing(fetch, server):
    fetch("kth")
    fetch("ucf101")
    assert len(server.asked) == 1


def test_the_link_stays_right_when_the_folder_moves(fetch, tmp_path):
    link, _ = fetch()
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("results", "data"):
        (tmp_path / name).rename(moved / name)
    assert (moved / link.relative_to(tmp_path)).read_bytes() == BODY


@pytest.mark.parametrize("wrong", ["f" * 8, "f" * 64])
def test_another_file_is_refused(fetch, tmp_path, wrong):
    with pytest.raises(InputError, match=f"{DIGEST}.*{wrong}"):
        fetch(sha256=wrong)
    assert not (tmp_path / "results" / "kth" / "weights" / "own.pt").exists()


@pytest.mark.parametrize("digits", [8, 64])
def test_offline_says_which_file_goes_where(fetch, server, tmp_path, digits):
    with pytest.raises(InputError) as error:
        fetch(offline=True, sha256=DIGEST[:digits])
    for phrase in (
        "weights known of mine",
        "offline is true",
        "data/weights/mine/net.pth: from " + server.url("/files/net.pth"),
        DIGEST[:digits],
    ):
        assert phrase in str(error.value)
    assert server.asked == []
    place = tmp_path / "data" / "weights" / "mine" / "net.pth"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(BODY)
    link, row = fetch(offline=True, sha256=DIGEST[:8])
    assert link.read_bytes() == BODY
    assert row["url"] == "provided by the user"


def test_what_only_the_user_can_fetch_is_asked_for(fetch):
    with pytest.raises(InputError, match=r"net\.pth: sign the form at example\.org"):
        fetch(url=None, form="sign the form at example.org", file="net.pth")
