"""Archives that are fine, broken, or out for harm; nothing may ever lie outside the folder."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import stat
import subprocess
import sys
import tarfile
import time
import zipfile

import pytest

from vidsal import unpacking
from vidsal.errors import InputError
from vidsal.unpacking import marker, unpack

FILES = {"a.txt": b"one", "deep/er/b.bin": bytes(range(256)) * 40, "deep/c": b"", "ä ö.txt": b"u"}
TAR_MODES = {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz", "tgz": "w:gz"}


@pytest.fixture
def cell(tmp_path):
    """A folder `cell/in` to unpack into, and beside it things that must stay as they are."""
    (tmp_path / "cell").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("untouched")
    yield tmp_path
    assert (tmp_path / "outside/secret").read_text() == "untouched"
    assert [p.name for p in (tmp_path / "outside").iterdir()] == ["secret"]
    assert {p.name for p in (tmp_path / "cell").iterdir()} <= {"in"}
    archives = {p.name for p in tmp_path.iterdir()} - {"cell", "outside"}
    assert all(name.startswith("x.") for name in archives), archives


def make_zip(folder, entries, name="x.zip"):
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in entries:
            archive.writestr(entry, data)
    return folder / name


def make_tar(folder, members, name="x.tar"):
    """Write (name or TarInfo, bytes) in order."""
    mode = TAR_MODES[name.split(".", 1)[1]]
    with tarfile.open(folder / name, mode) as archive:
        for member, data in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return folder / name


def tar_link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def zip_link(name, target, mode=stat.S_IFLNK | 0o777):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info, target


def content(folder):
    """Return name -> bytes of the visible files, links as texts."""
    return {
        p.relative_to(folder).as_posix(): f"-> {os.readlink(p)}"
        if p.is_symlink()
        else p.read_bytes()
        for p in folder.rglob("*")
        if (p.is_file() or p.is_symlink()) and not p.name.startswith(".")
    }


def hidden(folder):
    return sorted(p.name for p in folder.rglob(".*"))


def refusal(archive, folder, **options):
    """Return why an archive is refused, after seeing that nothing is left of it."""
    with pytest.raises(InputError) as caught:
        unpack(archive, folder / "cell/in", **options)
    assert content(folder / "cell/in") == {}
    assert hidden(folder / "cell/in") == []
    assert str(archive) in str(caught.value)
    return str(caught.value)


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


# Ways out of the folder

ESCAPES = [
    "../outside/secret",
    "../../outside/new",
    "a/../../outside/new",
    "./../x",
    "a/..",
    "/tmp/vidsal-escaped",
    "//tmp/vidsal-escaped",
    "C:/Windows/x",
    "C:",
]
ODD = ["a\nb", "a\x1b[2J", "a\x7f", "n" * 256, "/".join("d" * 40), "a/" * 900 + "b"]


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_out(cell, name, kind):
    entries = [("fine", b"1"), (name, b"bad")]
    archive = make_zip(cell, entries) if kind == "zip" else make_tar(cell, entries)
    assert "it leads out of the folder" in refusal(archive, cell)
    assert not os.path.lexists("/tmp/vidsal-escaped")


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_odd_names(cell, name, kind):
    archive = (make_zip if kind == "zip" else make_tar)(cell, [(name, b"bad")])
    assert "the name" in refusal(archive, cell)


@pytest.mark.parametrize("name", ["a\\b", "..\\..\\outside\\secret", "caf\udce9"])
def test_odd_names_of_tars(cell, name):
    assert "characters that names should not have" in refusal(make_tar(cell, [(name, b"")]), cell)


def test_backslashes_that_lead_out(cell):
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = "..\\..\\outside\\new"
    assert "it leads out of the folder" in refusal(make_zip(cell, [(info, b"1")]), cell)


@pytest.mark.parametrize(
    "target",
    ["../outside", "/etc", "..", "d/../../outside", "../../outside/secret", "", "..\\x", "d/.."],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_symlinks_that_lead_out(cell, target, kind):
    if kind == "zip":
        archive = make_zip(cell, [zip_link("link", target)])
    else:
        archive = make_tar(cell, [("d/a", b"1"), tar_link("link", target)])
    assert "out of the folder" in refusal(archive, cell)


def test_nothing_is_written_through_a_link(cell):
    members = [("d/a", b"1"), tar_link("way", "d"), ("way/b", b"2")]
    assert "it lies below way, which is no folder" in refusal(make_tar(cell, members), cell)
    members = [("way/b", b"2"), tar_link("way", "d")]
    assert "the name comes twice" in refusal(make_tar(cell, members), cell)


def test_chains_of_links_that_would_lead_out_together(cell):
    members = [("d/e/f", b"1"), tar_link("d/near", "e"), tar_link("far", "d/near/../../..")]
    assert "out of the folder" in refusal(make_tar(cell, members), cell)


@pytest.mark.parametrize("target", ["../outside/secret", "/etc/passwd", "nothing", "d", "link"])
def test_hard_links_to_anything_but_a_file_before(cell, target):
    members = [("d/a", b"1"), tar_link("link", "d/a"), tar_link("bad", target, tarfile.LNKTYPE)]
    assert "link" in refusal(make_tar(cell, members), cell) or target == "../outside/secret"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"Z"])
def test_devices_and_pipes(cell, kind):
    info = tarfile.TarInfo("dev")
    info.type = kind
    assert "device or a pipe" in refusal(make_tar(cell, [(info, b"")]), cell)


@pytest.mark.parametrize("mode", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_devices_in_zips(cell, mode):
    archive = make_zip(cell, [zip_link("dev", b"", mode | 0o666)])
    assert "device or a pipe" in refusal(archive, cell)


def test_modes_are_not_taken_over(cell):
    info = tarfile.TarInfo("tool")
    info.mode, info.uid = 0o6777, 0
    unpack(make_tar(cell, [(info, b"#!/bin/sh")]), cell / "cell/in")
    mode = (cell / "cell/in/tool").stat().st_mode
    assert not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IXUSR)


@pytest.mark.parametrize("name", [".unpacked-y.zip.json", "sources.lock", ".downloads/a/part"])
def test_our_own_names_cannot_be_planted(cell, name):
    assert "vidsal's own" in refusal(make_zip(cell, [(name, b"{}")]), cell)


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


# Bombs


def test_a_zip_bomb(cell, monkeypatch):
    monkeypatch.setattr(unpacking, "ALWAYS_FINE", 100_000)
    archive = make_zip(cell, [("fine", b"1"), ("zeros", bytes(2_000_000))])
    assert "over 200 times its size" in refusal(archive, cell)
    assert unpack(archive, cell / "cell/in", max_ratio=2000) == 2


@pytest.mark.parametrize("ending", ["tar.gz", "tar.bz2", "tar.xz"])
def test_a_tar_bomb(cell, monkeypatch, ending):
    monkeypatch.setattr(unpacking, "ALWAYS_FINE", 100_000)
    archive = make_tar(cell, [(f"{n}", bytes(500_000)) for n in range(20)], f"x.{ending}")
    assert "over 200 times its size" in refusal(archive, cell)


def test_a_gz_bomb_is_counted_while_it_grows(cell, monkeypatch):
    monkeypatch.setattr(unpacking, "ALWAYS_FINE", 100_000)
    monkeypatch.setattr(unpacking, "BLOCK", 10_000)
    (cell / "x.bin.gz").write_bytes(gzip.compress(bytes(5_000_000)))
    text = refusal(cell / "x.bin.gz", cell)
    grown = int(text.split("grows to ")[1].split()[0])
    size = (cell / "x.bin.gz").stat().st_size
    assert 200 * size < grown <= 200 * size + 10_000  # one block too many, no more


def test_a_gz_of_zeros_is_no_empty_tar(cell):
    (cell / "x.bin.gz").write_bytes(gzip.compress(bytes(5000)))
    unpack(cell / "x.bin.gz", cell / "cell/in")
    assert content(cell / "cell/in") == {"x.bin": bytes(5000)}


def test_a_sparse_tar_is_counted_by_what_it_would_write(cell, monkeypatch):
    monkeypatch.setattr(unpacking, "ALWAYS_FINE", 100_000)
    (cell / "x.hole").touch()
    os.truncate(cell / "x.hole", 50_000_000)
    command = ["tar", "-cSf", "x.tar", "x.hole"]
    if subprocess.run(command, cwd=cell, capture_output=True, check=False).returncode:
        pytest.skip("needs GNU tar")
    assert (cell / "x.tar").stat().st_size < 20_000
    assert "over 200 times its size" in refusal(cell / "x.tar", cell)


def test_a_disk_that_is_too_small(cell, monkeypatch):
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda _: type("D", (), {"free": 5000}))
    archive = make_zip(cell, FILES.items())
    assert "bytes and more are needed, 5000 are free" in refusal(archive, cell)


def test_too_many_entries(cell):
    path = cell / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(100_001):
            archive.writestr(zipfile.ZipInfo(f"{number % 100}/{number}/"), b"")
    started = time.monotonic()
    text = refusal(path, cell, max_entries=1000)
    assert "it holds more than 1000 entries" in text
    assert time.monotonic() - started < 20


def test_the_limits_let_the_largest_sets_through():
    # Something-Something has 220,847 videos, DHF1K 582,605 frames; 5 million leave room.
    assert unpacking.MAX_ENTRIES >= 1_000_000


# Damage, other kinds


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_truncated_archives(cell, ending):
    data = random.Random(1).randbytes(200_000)
    entries = [("a", data), ("b", data)]
    archive = (make_zip if ending == "zip" else make_tar)(cell, entries, f"x.{ending}")
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    assert "damaged" in refusal(archive, cell)
    archive.write_bytes(whole)
    assert unpack(archive, cell / "cell/in") == 2


def test_a_header_that_ends_too_early(cell):
    archive = make_tar(cell, FILES.items(), "x.tar.gz")
    whole = archive.read_bytes()
    for length in range(1, 24):
        archive.write_bytes(whole[:length])
        assert str(archive) in refusal(archive, cell)


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "tar.xz"])
def test_flipped_bits_never_do_harm(cell, ending):
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    archive = (make_zip if ending == "zip" else make_tar)(cell, FILES.items(), f"x.{ending}")
    whole = archive.read_bytes()
    for number in range(60):
        broken = bytearray(whole)
        for _ in range(chance.choice([1, 3, 20])):
            broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        archive.write_bytes(broken)
        target = cell / f"cell/in/{number}"
        try:
            unpack(archive, target)
        except InputError:
            assert content(target) == {}


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"Rar!\x1a\x07\x01\x00", "by hand with unar or 7z"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "by hand with 7z"),
        (b"\x28\xb5\x2f\xfd....", "by hand with zstd"),
        (b"<!DOCTYPE html>", "no zip, tar or gz archive"),
        (b"", "no zip, tar or gz archive"),
    ],
)
def test_other_kinds_of_file(cell, head, words):
    (cell / "x.zip").write_bytes(head)
    assert words in refusal(cell / "x.zip", cell)


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
def test_an_empty_archive(cell, ending):
    archive = (make_zip if ending == "zip" else make_tar)(cell, [], f"x.{ending}")
    assert "it is empty" in refusal(archive, cell)


def test_a_password_is_asked_of_the_user(cell):
    archive = make_zip(cell, [("a", b"1")])
    data = bytearray(archive.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    assert "wants a password" in refusal(archive, cell)


def test_a_compression_that_python_does_not_know(cell):
    archive = make_zip(cell, [("a", b"1")])
    data = bytearray(archive.read_bytes())
    data[8] = 9  # deflate64, which Windows writes above 2 GB
    data[data.index(b"PK\x01\x02") + 10] = 9
    archive.write_bytes(data)
    assert "unpack it by hand with 7z" in refusal(archive, cell)


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
