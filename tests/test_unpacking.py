"""Archives that are fine are unpacked once, whole, and beside what is there."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile

import pytest

from tests.archives import FILES, TAR_MODES, content, hidden, make_tar, make_zip, refusal, tar_link
from vidsal import unpacking
from vidsal.errors import InputError
from vidsal.unpacking import marker, unpack

# Archives that are fine


@pytest.mark.parametrize("ending", TAR_MODES)
def test_tars(cell, ending):
    archive = make_tar(cell, [("./", b""), *FILES.items()], f"x.{ending}")
    if ending == "tar":
        archive = make_tar(cell, FILES.items())
    assert unpack(archive, cell / "cell/in") >= len(FILES)
    assert content(cell / "cell/in") == FILES


def test_zips(cell):
    archive = make_zip(cell, [("empty/", b""), *FILES.items()])
    assert unpack(archive, cell / "cell/in") == len(FILES) + 1
    assert content(cell / "cell/in") == FILES
    assert (cell / "cell/in/empty").is_dir()
    assert hidden(cell / "cell/in") == [".unpacked-x.zip.json"]


def test_a_single_gz(cell):
    (cell / "x.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert unpack(cell / "x.csv.gz", cell / "cell/in") == 1
    assert content(cell / "cell/in") == {"x.csv": b"a,b\n1,2\n"}


def test_backslashes_of_windows_zips_are_folders(cell):
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = "deep\\er\\a.txt"
    unpack(make_zip(cell, [(info, b"1")]), cell / "cell/in")
    assert content(cell / "cell/in") == {"deep/er/a.txt": b"1"}


def test_litter_is_left_out(cell):
    entries = [("__MACOSX/._a", b"1"), ("deep/.DS_Store", b"2"), ("a", b"3")]
    unpack(make_zip(cell, entries), cell / "cell/in")
    assert content(cell / "cell/in") == {"a": b"3"}
    assert hidden(cell / "cell/in") == [".unpacked-x.zip.json"]


def test_links_inside_stay(cell):
    members = [
        ("d/a", b"1"),
        tar_link("d/same", "d/a", tarfile.LNKTYPE),
        tar_link("link", "d/a"),
        tar_link("d/up", "../link"),
        tar_link("folder", "d"),
    ]
    unpack(make_tar(cell, members), cell / "cell/in")
    found = content(cell / "cell/in")
    assert found["d/same"] == b"1"
    assert (found["link"], found["d/up"], found["folder"]) == ("-> d/a", "-> ../link", "-> d")
    assert (cell / "cell/in/d/up").read_bytes() == b"1"


# The same name twice, files that are there


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a", "a"), ("a", "./a"), ("a/b", "a"), ("d//a", "d/a")])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_that_comes_twice(cell, names, kind):
    archive = (make_zip if kind == "zip" else make_tar)(cell, [(n, b"1") for n in names])
    assert "the name comes twice" in refusal(archive, cell)


def test_a_file_below_a_file(cell):
    assert "no folder" in refusal(make_tar(cell, [("a", b"1"), ("a/b", b"2")]), cell)


def test_what_is_there_is_not_overwritten(cell):
    target = cell / "cell/in/deep"
    target.mkdir(parents=True)
    (target / "c").write_text("mine")
    archive = make_zip(cell, FILES.items())
    with pytest.raises(InputError, match="deep/c is there already and would be overwritten"):
        unpack(archive, cell / "cell/in")
    assert content(cell / "cell/in") == {"deep/c": b"mine"}
    (target / "c").write_bytes(FILES["deep/c"])  # the same bytes harm nobody
    unpack(archive, cell / "cell/in")
    assert content(cell / "cell/in") == FILES


def test_a_folder_that_is_a_link_is_not_written_through(cell):
    (cell / "cell/in").mkdir()
    (cell / "cell/in/deep").symlink_to(cell / "outside")
    with pytest.raises(InputError, match="would be overwritten"):
        unpack(make_zip(cell, FILES.items()), cell / "cell/in")


def test_two_archives_share_a_folder(cell):
    unpack(make_zip(cell, [("top/a", b"1"), ("README", b"r")], "x.1.zip"), cell / "cell/in")
    unpack(make_zip(cell, [("top/b", b"2"), ("README", b"r")], "x.2.zip"), cell / "cell/in")
    assert content(cell / "cell/in") == {"top/a": b"1", "top/b": b"2", "README": b"r"}


# Once, and whole


def test_a_second_call_does_nothing(cell, monkeypatch):
    archive = make_zip(cell, FILES.items())
    unpack(archive, cell / "cell/in", sha256="ab")
    monkeypatch.setattr(unpacking, "_extract", lambda work: pytest.fail("unpacked again"))
    assert unpack(archive, cell / "cell/in", sha256="ab") == len(FILES)
    assert marker("x.zip", cell / "cell/in")["sha256"] == "ab"
    with pytest.raises(InputError, match="holds the content of another archive"):
        unpack(archive, cell / "cell/in", sha256="cd")


@pytest.mark.parametrize("state", ["extracting", "placing"])
def test_an_interrupted_call_is_redone(cell, monkeypatch, state):
    archive = make_zip(cell, FILES.items())
    real, left = os.replace, [2]

    def stop(*names):
        if ".unpacked" not in str(names[1]):
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
        real(*names)

    if state == "extracting":  # as kill -9 leaves it
        (cell / "cell/in/.unpacking-x.zip/deep").mkdir(parents=True)
        (cell / "cell/in/.unpacking-x.zip/deep/half").write_text("half")
    else:
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", stop)
            with pytest.raises(KeyboardInterrupt):
                unpack(archive, cell / "cell/in")
        assert marker("x.zip", cell / "cell/in")["state"] == "placing"
        assert len(content(cell / "cell/in")) == 1
    unpack(archive, cell / "cell/in")
    assert content(cell / "cell/in") == FILES
    assert hidden(cell / "cell/in") == [".unpacked-x.zip.json"]


def test_kill_9_and_the_same_call_again(root, cell):
    archive = make_zip(cell, [(f"{n:05}/f", b"x" * 50) for n in range(4000)])
    code = "import sys; from vidsal.unpacking import unpack; unpack(*sys.argv[1:])"
    command = [sys.executable, "-c", code, str(archive), str(cell / "cell/in")]
    env = os.environ | {"PYTHONPATH": str(root / "workflow")}
    one = subprocess.Popen(command, env=env)
    for _ in range(1000):
        if len(list((cell / "cell/in/.unpacking-x.zip").glob("*"))) > 100:
            break
        time.sleep(0.005)
    one.kill()
    one.wait()
    state = marker("x.zip", cell / "cell/in").get("state")
    assert state != "done"
    subprocess.run(command, env=env, check=True)
    assert len(content(cell / "cell/in")) == 4000
    assert hidden(cell / "cell/in") == [".unpacked-x.zip.json"]


def test_a_broken_marker_means_not_unpacked(cell):
    for text in ("", "[]", "{"):
        (cell / "cell/in").mkdir(exist_ok=True)
        (cell / "cell/in/.unpacked-x.zip.json").write_text(text)
        assert marker("x.zip", cell / "cell/in") == {}
    assert unpack(make_zip(cell, FILES.items()), cell / "cell/in") == len(FILES)
    assert json.loads((cell / "cell/in/.unpacked-x.zip.json").read_text())["state"] == "done"
