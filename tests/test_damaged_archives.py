"""Archives that are cut, flipped, empty, or of a kind that is not read: refused without a trace."""

from __future__ import annotations

import random

import pytest

from tests.archives import FILES, content, make_tar, make_zip, refusal
from vidsal.errors import InputError
from vidsal.unpacking import unpack


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
