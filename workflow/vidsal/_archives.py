"""What an archive holds, entry by entry: zip, tar (plain, gz, bz2, xz) and single gz files."""

from __future__ import annotations

import contextlib
import gzip
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path
from typing import IO

from vidsal.errors import InputError

TAR_ENDINGS = (".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
OTHERS = {b"Rar!": "unar or 7z", b"7z\xbc\xaf": "7z", b"\x28\xb5\x2f\xfd": "zstd"}
LONGEST_TARGET = 4096
# What the standard library raises at garbage; flipped bits found all of them.
DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    LZMAError,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OverflowError,
    ValueError,
)


@dataclass(frozen=True)
class Entry:
    """One entry of an archive: `kind` is file, folder, symlink, hardlink or odd."""

    name: str
    kind: str
    size: int = 0
    target: str = ""
    content: IO[bytes] | None = None


def entries(archive: Path) -> Iterator[Entry]:
    """Return the entries of an archive, whose content is to be read before the next is asked for.

    Raises:
        InputError: this kind of file is not read here.
    """
    with open(archive, "rb") as file:
        head = file.read(8)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_entries(archive)
    for sign, program in OTHERS.items():
        if head.startswith(sign):
            raise InputError(
                f"{archive}: archives of this kind are not read; unpack it by hand with {program}"
            )
    if head.startswith(b"\x1f\x8b") and not _holds_tar(archive):
        return _gz_entries(archive)
    if archive.name.lower().endswith(TAR_ENDINGS) or tarfile.is_tarfile(archive):
        return _tar_entries(archive)
    raise InputError(f"{archive}: no zip, tar or gz archive; delete it to have it downloaded again")


def _holds_tar(archive: Path) -> bool:
    """Say whether a gz file holds a tar; zeros alone would pass for an empty one."""
    if archive.name.lower().endswith(TAR_ENDINGS):
        return True
    with contextlib.suppress(*DAMAGE), gzip.open(archive, "rb") as content:
        return content.read(262).endswith(b"ustar")
    return False


def _zip_entries(archive: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            # Some programs of Windows write backslashes between folders.
            name = info.orig_filename.replace("\\", "/")
            if info.flag_bits & 1:
                raise InputError(f"{archive}: it wants a password; unpack it by hand")
            if info.is_dir() or name.endswith("/"):
                yield Entry(name, "folder")
                continue
            kind = _zip_kind(info)
            with _opened(archive, file, info) as content:
                if kind == "symlink":
                    yield Entry(name, kind, target=os.fsdecode(content.read(LONGEST_TARGET)))
                else:
                    yield Entry(name, kind, info.file_size, content=content)


def _zip_kind(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == 3 else 0
    return {0: "file", stat.S_IFREG: "file", stat.S_IFLNK: "symlink"}.get(kind, "odd")


def _opened(archive: Path, file: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    try:
        return file.open(info)
    except NotImplementedError as error:
        raise InputError(
            f"{archive}: its entry {info.filename!r} is compressed in a way that Python cannot "
            "read; unpack it by hand with 7z"
        ) from error


def _tar_entries(archive: Path) -> Iterator[Entry]:
    # One pass from front to end; the list of members, which only grows, is thrown away.
    with _opened_tar(archive) as file:
        for member in file:
            file.members.clear()
            if member.isdir():
                yield Entry(member.name, "folder")
            elif member.issym():
                yield Entry(member.name, "symlink", target=member.linkname)
            elif member.islnk():
                yield Entry(member.name, "hardlink", target=member.linkname)
            elif member.isreg():
                content = file.extractfile(member)
                yield Entry(member.name, "file", member.size, content=content)
            else:
                yield Entry(member.name, "odd")


def _opened_tar(archive: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(archive, "r|*")
    except TypeError as error:  # what tarfile makes of a gzip header that ends too early
        raise tarfile.ReadError("its header is cut off") from error


def _gz_entries(archive: Path) -> Iterator[Entry]:
    with gzip.open(archive, "rb") as content:
        name = archive.name[:-3] if archive.name.lower().endswith(".gz") else archive.name
        yield Entry(name, "file", content=content)
