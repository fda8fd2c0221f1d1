"""Named weights put in place: downloaded into the data folder, checked, linked into the results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from vidsal import downloading, parts, weights
from vidsal.errors import InputError

if TYPE_CHECKING:
    from vidsal.config import Choice

COLUMNS = ["file", "bytes", "sha256", "licence", "url"]
WHOLE = 64


def fetch(config: dict, own: Choice, link: Path, table: Path) -> None:
    """Fetch the weights that a model names, link to them, and write where they came from.

    The file stays in the data folder, which Snakemake never empties; the results hold a link.

    Raises:
        InputError: what `downloading.fetch` refuses, or a file of another checksum.
    """
    about = weights.of(config, own)
    place = Path(weights.path(config, own))
    source = _source(about)
    try:
        (file,) = downloading.fetch([source], place.parent, offline=bool(config.get("offline")))
    except InputError as error:
        known = about.get("sha256", "")
        more = f" (its sha256 begins with {known})" if 0 < len(known) < WHOLE else ""
        name = f"weights {weights.given(own.options)[1]} of {own.method}"
        raise InputError(f"{name}: {error}{more}") from error
    _refuse_other(about, file)
    row = (file.name, file.bytes, file.sha256, file.licence, file.url)
    with parts.replacing(table) as temporary:
        pd.DataFrame([row], columns=COLUMNS).to_csv(
            temporary, sep="\t", index=False, lineterminator="\n"
        )
    with parts.replacing(link) as temporary:
        os.symlink(os.path.relpath(file.path, link.parent.resolve()), temporary)


def _source(about: dict) -> dict:
    """Return the entry as the downloader wants it; it compares whole checksums only."""
    source = {key: about[key] for key in ("url", "mirrors", "form", "md5") if key in about}
    source |= {"name": weights.file_name(about), "licence": about["licence"]}
    if "bytes" in about:
        source["size"] = about["bytes"]
    if len(about.get("sha256", "")) == WHOLE:
        source["sha256"] = about["sha256"]
    return source


def _refuse_other(about: dict, file: downloading.Fetched) -> None:
    if not file.sha256.startswith(about.get("sha256", "")):
        raise InputError(
            f"{file.path}: its sha256 is {file.sha256}, but one that begins with "
            f"{about['sha256']} is published; delete the file to have it downloaded again, and its "
            f"entry in {file.path.parent / downloading.LOCK}"
        )
