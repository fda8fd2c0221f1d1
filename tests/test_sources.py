"""SOURCES of all datasets, which of them apply, and what goes before a download."""

from __future__ import annotations

import csv
import logging
import zipfile

import pytest

from vidsal import downloading, registry, sources
from vidsal.downloading import PROVIDED
from vidsal.errors import InputError

# Servers that speak no https; a first download is remembered, a published checksum compared.
ONLY_HTTP = ("http://cvsp.cs.ntua.gr/", "http://www.nada.kth.se/")
OPTIONS = {"gaze": registry.Option("str", "maps"), "classes": registry.Option("list", [])}
GOOD = {"name": "a.zip", "url": "https://x.invalid/a.zip", "licence": "CC0"}


@pytest.mark.parametrize("dataset", registry.names("datasets"))
def test_sources_of_every_dataset(dataset):
    entry = registry.entry("datasets", dataset)
    found = entry.constants["SOURCES"]
    assert sources.problems(found, entry.options) == []
    for source in found:
        for url in [*([source["url"]] if "url" in source else []), *source.get("mirrors", [])]:
            assert url.startswith(("https://", *ONLY_HTTP)), url


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ({"licence": ""}, "licence is missing"),
        ({"name": None}, "name is missing"),
        ({"license": "CC0"}, "key 'license' is unknown; did you mean 'licence'?"),
        ({"form": "ask"}, "give either url or form"),
        ({"url": "ftp://x.invalid/a"}, "'ftp://x.invalid/a' is no address such as https://..."),
        ({"mirrors": ["x"]}, "'x' is no address"),
        ({"mirrors": "https://x.invalid"}, "mirrors: 'https://x.invalid' is no list"),
        ({"sha256": "abc"}, "sha256 must be 64 digits of 0-9 and a-f"),
        ({"sha256": "A" * 64}, "sha256 must be 64 digits of 0-9 and a-f"),
        ({"md5": "0" * 31}, "md5 must be 32 digits"),
        ({"size": "12 MB"}, "size: '12 MB' is no int"),
        ({"name": "../a"}, "name: '../a' leads out of the dataset's folder"),
        ({"to": "/data", "unpack": True}, "to: '/data' leads out of the dataset's folder"),
        ({"to": "videos"}, "to: only archives are unpacked; add unpack: True"),
        ({"needs": {"gase": ["maps"]}}, "option 'gase' is unknown; did you mean 'gaze'?"),
        ({"needs": {"gaze": "maps"}}, "needs.gaze: 'maps' is no list of values"),
    ],
)
def test_mistakes_in_sources(source, problem):
    assert sources.problems([GOOD], OPTIONS) == []
    (told,) = sources.problems([GOOD, GOOD | source], OPTIONS)
    assert told.startswith("source 2 (")
    assert problem in told


def test_sources_that_are_no_list():
    assert sources.problems("[_make(n) for n in NAMES]", OPTIONS) == [
        "SOURCES must be a list written out in the file, not computed"
    ]
    assert "not a mapping" in sources.problems(["https://x.invalid"], OPTIONS)[0]


# A dataset of the user's own, with sources on loopback


def make_zip(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path.read_bytes()


@pytest.fixture
def server(server, tmp_path):
    for name in ("train", "test"):
        server.add(f"/{name}.zip", make_zip(tmp_path / "made.zip", {f"{name}.avi": b"film"}))
    server.add("/list.txt", b"train test")
    return server


@pytest.fixture
def config(server, tmp_path):
    """Return a function: SOURCES -> config of a dataset that has them."""

    def make(*given, **options):
        room = tmp_path / "rooms" / "datasets"
        room.mkdir(parents=True, exist_ok=True)
        number = len(list(room.iterdir()))
        (room / f"mine{number}.py").write_text(
            f'"""Mine."""\n\nSOURCES = {list(given)!r}\n\n\n'
            f"def mine{number}(folder, *, gaze: str = 'maps', parts: list = ['train']):\n"
            "    raise RuntimeError('never imported here')\n"
        )
        return {
            "rooms": str(tmp_path / "rooms"),
            "data": str(tmp_path / "data"),
            "datasets": {"set": {"method": f"mine{number}"} | options},
        }

    return make


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data" / "set"


def run(config, tmp_path):
    """Fetch; return file -> its row of the table."""
    sources.fetch(config, "set", tmp_path / "sources.tsv")
    with open(tmp_path / "sources.tsv", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file, delimiter="\t")}


def archive(server, name, **more):
    url = server.url(f"/{name}.zip")
    return {"name": f"{name}.zip", "url": url, "licence": "CC0", "unpack": True} | more


def films(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.avi"))


def test_needs_choose_by_option(config):
    train, test = GOOD | {"needs": {"parts": ["train"]}}, GOOD | {"needs": {"parts": ["test"]}}
    raw = GOOD | {"needs": {"gaze": ["raw", None]}}
    given = config(GOOD, train, test, raw)
    assert sources.of(given, "set") == [GOOD, train]
    given["datasets"]["set"] |= {"parts": ["test", "train"], "gaze": "raw"}
    assert sources.of(given, "set") == [GOOD, train, test, raw]


def test_a_wrong_file_of_the_user_is_named(config):
    with pytest.raises(InputError, match=r"mine0\.py: source 1 \(a\.zip\): licence is missing"):
        sources.of(config(GOOD | {"licence": ""}), "set")


def test_all_is_fetched_unpacked_and_written_down(config, server, tmp_path, folder):
    listed = {"name": "list.txt", "url": server.url("/list.txt"), "licence": "MIT", "size": 10}
    given = config(archive(server, "train", to="films"), listed, archive(server, "test"))
    rows = run(given, tmp_path)
    assert films(folder) == ["films/train.avi", "test.avi"]
    assert list(rows) == ["train.zip", "list.txt", "test.zip"]
    assert rows["list.txt"] == {
        "file": "list.txt",
        "bytes": "10",
        "sha256": downloading.remembered(folder)["list.txt"]["sha256"],
        "licence": "MIT",
        "url": server.url("/list.txt"),
    }
    text, asked = (tmp_path / "sources.tsv").read_text(), len(server.asked)
    for name in ("train.zip", "test.zip"):
        (folder / name).unlink()  # once unpacked, an archive may go
    run(given, tmp_path)
    assert (tmp_path / "sources.tsv").read_text() == text
    assert len(server.asked) == asked == 3


def test_another_part_is_fetched_later_into_the_same_folder(config, server, tmp_path, folder):
    both = [archive(server, n, to="films", needs={"parts": [n]}) for n in ("train", "test")]
    run(config(*both), tmp_path)
    assert films(folder) == ["films/train.avi"]
    rows = run(config(*both, parts=["train", "test"]), tmp_path)
    assert films(folder) == ["films/test.avi", "films/train.avi"]
    assert [row["url"] for row in rows.values()] == [s["url"] for s in both]


def test_a_folder_that_the_user_filled_is_used(config, server, tmp_path, folder):
    (folder / "films").mkdir(parents=True)
    (folder / "films/mine.avi").write_bytes(b"mine")
    given = config(archive(server, "train", to="films"), archive(server, "test", to="more"))
    for _ in range(2):
        rows = run(given, tmp_path)
        assert rows["train.zip"]["url"] == PROVIDED
        assert rows["test.zip"]["url"] == server.url("/test.zip")
        assert films(folder) == ["films/mine.avi", "more/test.avi"]
    assert [path for path, *_ in server.asked] == ["/test.zip"]


def test_two_folders_that_the_user_filled(config, server, tmp_path, folder):
    for name in ("films", "more"):
        (folder / name).mkdir(parents=True)
        (folder / name / "mine.avi").write_bytes(b"mine")
    given = config(archive(server, "train", to="films"), archive(server, "test", to="more"))
    assert [row["url"] for row in run(given, tmp_path).values()] == [PROVIDED] * 2
    assert server.asked == []


def test_a_layout_of_the_users_own_is_used(config, server, tmp_path, folder, caplog):
    (folder / "frames/1").mkdir(parents=True)
    (folder / "frames/1/1.png").write_bytes(b"x")
    form = {"name": "gaze", "licence": "x", "form": "ask"}
    with caplog.at_level(logging.INFO):
        rows = run(config(archive(server, "train", to="films"), form), tmp_path)
    assert [row["url"] for row in rows.values()] == [PROVIDED] * 2
    assert f"{folder} holds frames: used as it is, nothing is downloaded" in caplog.text
    assert server.asked == []
    assert sorted(p.name for p in folder.iterdir()) == ["frames"]


def test_an_archive_that_the_user_put_there_is_unpacked(config, server, tmp_path, folder):
    make_zip(folder / "train.zip", {"by_hand.avi": b"1"})
    rows = run(config(archive(server, "train", to="films")) | {"offline": True}, tmp_path)
    assert rows["train.zip"]["url"] == PROVIDED
    assert films(folder) == ["films/by_hand.avi"]
    assert server.asked == []


def test_offline(config, server, tmp_path, folder):
    given = config(archive(server, "train", to="films"), archive(server, "test"))
    with pytest.raises(InputError) as caught:
        run(given | {"offline": True}, tmp_path)
    assert f"{folder}/train.zip: from {server.url('/train.zip')}" in str(caught.value)
    assert f"{folder}/test.zip: from {server.url('/test.zip')}" in str(caught.value)
    assert not (tmp_path / "sources.tsv").exists()
    run(given, tmp_path)
    run(given | {"offline": True}, tmp_path)


def test_forms(config, server, tmp_path, folder, caplog):
    forms = [{"name": n, "licence": "x", "form": f"ask for {n}"} for n in ("videos", "gaze")]
    given = config(*forms, archive(server, "train", to="films"))
    with pytest.raises(InputError, match=r"videos: ask for videos\n.*gaze: ask for gaze"):
        run(given, tmp_path)
    assert server.asked == []
    (folder / "videos").mkdir(parents=True)
    (folder / "videos/1.avi").write_bytes(b"x")
    rows = run(given, tmp_path)  # whether it can do without gaze is for the dataset to say
    assert [row["url"] for row in rows.values()] == [
        PROVIDED,
        sources.NOT_THERE,
        server.url("/train.zip"),
    ]
    assert "ask for gaze" in caplog.text


def test_what_cannot_be_unpacked_may_be_by_hand(config, server, tmp_path, folder):
    server.add("/train.zip", b"Rar!\x1a\x07\x01\x00")
    given = config(archive(server, "train", to="films"))
    with pytest.raises(InputError) as caught:
        run(given, tmp_path)
    assert "unpack it by hand with unar or 7z (unpacked by hand into" in str(caught.value)
    (folder / "films/a.avi").write_bytes(b"x")
    (folder / downloading.LOCK).unlink()
    assert run(given, tmp_path)["train.zip"]["url"] == PROVIDED


def test_a_newer_release_does_not_mix_with_an_older(config, server, tmp_path, folder):
    run(config(archive(server, "train", to="films")), tmp_path)
    body = make_zip(tmp_path / "made.zip", {"newer.avi": b"2"})
    server.add("/train.zip", body, tag='"two"')
    (folder / "train.zip").unlink()
    digest = downloading.parts.sha256(tmp_path / "made.zip")
    newer = config(archive(server, "train", to="films", sha256=digest))
    with pytest.raises(InputError, match="holds the content of another archive of this name"):
        run(newer, tmp_path)
    (folder / "films").rename(tmp_path / "away")
    run(newer, tmp_path)
    assert films(folder) == ["films/newer.avi"]
