"""Archives that are out for harm; nothing may ever lie outside the folder, or fill the disk."""

from __future__ import annotations

import gzip
import os
import stat
import subprocess
import tarfile
import time
import zipfile

import pytest

from tests.archives import FILES, content, make_tar, make_zip, refusal, tar_link, zip_link
from vidsal import unpacking
from vidsal.unpacking import unpack

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
    leads_out = target.startswith((".", "/"))
    words = "it leads out of the folder" if leads_out else f"a link to {target!r}, no file before"
    assert words in refusal(make_tar(cell, members), cell)


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
