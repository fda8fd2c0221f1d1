"""What a dataset downloads: the SOURCES of its file that apply, fetched, unpacked, written down.

What the user put into the dataset's folder goes before any download:

- a file that is there is checked and used;
- a folder to unpack into (`to`) that has files, in a dataset's folder into which vidsal has
  downloaded nothing yet (no `sources.lock`), is used as it is;
- anything else in such a folder is taken for a layout of the user's own, and nothing is downloaded.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path, PurePosixPath

import pandas as pd

from vidsal import config as settings
from vidsal import registry
from vidsal.errors import InputError

TYPES = {
    "name": str,
    "url": str,
    "mirrors": list,
    "sha256": str,
    "md5": str,
    "size": int,
    "licence": str,
    "unpack": bool,
    "to": str,
    "needs": dict,
    "form": str,
}
COLUMNS = ["file", "bytes", "sha256", "licence", "url"]
DIGITS = {"sha256": 64, "md5": 32}
SCHEMES = ("https://", "http://")
NOT_THERE = "not there"
log = logging.getLogger(__name__)


def of(config: dict, dataset: str) -> list[dict]:
    """Return the sources of a dataset that apply to its options; cheap, nothing is imported.

    Raises:
        InputError: SOURCES of the dataset's file is not what it should be.
    """
    own = settings.choice(config, "datasets", dataset)
    return [source for source in _all(config, own) if _applies(source, own.options)]


def problems(sources: object, options: dict[str, object]) -> list[str]:
    """Return a sentence for everything that is wrong with SOURCES of a file with these options."""
    if not isinstance(sources, list):
        return ["SOURCES must be a list written out in the file, not computed"]
    return [
        f"source {number} ({_label(source)}): {problem}"
        for number, source in enumerate(sources, 1)
        for problem in _source_problems(source, options)
    ]


def fetch(config: dict, dataset: str, out: Path) -> None:
    """Put the files of a dataset in place and write what lies there, and where it came from.

    Raises:
        InputError: what `downloading.fetch` and `unpacking.unpack` refuse.
    """
    own = settings.choice(config, "datasets", dataset)
    folder, wanted = Path(config["data"]) / dataset, of(config, dataset)
    if layout := _own_layout(folder, _all(config, own)):
        log.info("%s holds %s: used as it is, nothing is downloaded", folder, layout)
        rows = [_provided(source) for source in wanted]
    else:
        rows = _fetch(wanted, folder, offline=bool(config.get("offline")))
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"bytes": "Int64"})
    table.to_csv(out, sep="\t", index=False, lineterminator="\n")


def missing(config: dict, dataset: str) -> list[str]:
    """Return the files that `fetch` would have to download; looks, and changes nothing."""
    own = settings.choice(config, "datasets", dataset)
    folder, wanted = Path(config["data"]) / dataset, of(config, dataset)
    if not wanted or _own_layout(folder, _all(config, own)):
        return []
    return [
        str(folder / source["name"])
        for source in wanted
        if not (_is_there(source, folder) or _is_unpacked(source, folder))
    ]


def pending(config: dict, dataset: str) -> bool:
    """Say whether `fetch` has something to download or to unpack; looks, and changes nothing."""
    own = settings.choice(config, "datasets", dataset)
    folder, wanted = Path(config["data"]) / dataset, of(config, dataset)
    if not wanted or _own_layout(folder, _all(config, own)):
        return False
    settled = (_is_unpacked if source.get("unpack") else _is_there for source in wanted)
    return not all(done(source, folder) for done, source in zip(settled, wanted, strict=True))


def ways_out(config: dict, dataset: str) -> str:
    """Return what a user can do about videos that are not there."""
    again = any("url" in source for source in of(config, dataset)) and not config.get("offline")
    folder = Path(config["data"]) / dataset
    move = f"move {folder} away to have all of them downloaded, " if again else ""
    return (
        f"put them there, {move}name those that are there in a table of your own (method: folder, "
        "table: ...), or raise max_failures to go on without them"
    )


def _is_there(source: dict, folder: Path) -> bool:
    """Say whether the file of a source is there, or is one that the user may leave out."""
    from vidsal import downloading

    left_out = "url" not in source and bool(_visible(folder))
    return left_out or downloading.is_there(folder / source["name"])


def _is_unpacked(source: dict, folder: Path) -> bool:
    from vidsal import downloading, unpacking

    if not source.get("unpack"):
        return False
    place = folder / source.get("to", "")
    if made := unpacking.marker(source["name"], place):
        return made.get("state") == "done"
    return "to" in source and downloading.is_there(place)


def _fetch(wanted: list[dict], folder: Path, *, offline: bool) -> list[dict]:
    """Return a row for each source, everything in place."""
    from vidsal import downloading

    rows, todo = {}, []
    untouched = not downloading.remembered(folder)
    for source in wanted:
        row = _settled(source, folder, untouched) or _left_to_the_user(source, folder)
        if row is None:
            todo.append(source)
        else:
            rows[source["name"]] = row
    for source, file in zip(todo, downloading.fetch(todo, folder, offline=offline), strict=True):
        if source.get("unpack"):
            _unpack(source, file.path, folder, file.sha256)
        rows[file.name] = _row(source, file.bytes, file.sha256, file.url)
    return [rows[source["name"]] for source in wanted]


def _settled(source: dict, folder: Path, untouched: bool) -> dict | None:
    """Return the row of an archive that was unpacked, by vidsal or by the user, None otherwise."""
    from vidsal import downloading, unpacking

    if not source.get("unpack"):
        return None
    name, place = source["name"], folder / source.get("to", "")
    own, made = downloading.remembered(folder).get(name, {}), unpacking.marker(name, place)
    digest = made.get("sha256", "")
    if made.get("state") == "done" and source.get("sha256", digest) == digest:
        return _row(source, made["bytes"], digest, own.get("url", downloading.PROVIDED))
    filled = "to" in source and downloading.is_there(place) and not made
    if filled and (untouched or own.get("provided")):
        log.info("%s has files: used as it is, %s is left alone", place, name)
        downloading.remember(folder, name, provided=True)
        return _provided(source)
    return None


def _left_to_the_user(source: dict, folder: Path) -> dict | None:
    """Return the row of a file that no program can fetch and whose absence the dataset may know."""
    from vidsal import downloading

    path = folder / source["name"]
    if "url" in source or downloading.is_there(path) or not _visible(folder):
        return None
    log.warning(
        "%s is not there; if the dataset needs it in the layout of %s: %s",
        *(path, folder, source["form"]),
    )
    return _row(source, None, "", NOT_THERE)


def _unpack(source: dict, archive: Path, folder: Path, sha256: str) -> None:
    from vidsal import downloading, unpacking

    place = folder / source.get("to", "")
    try:
        unpacking.unpack(archive, place, sha256=sha256)
    except InputError as error:
        raise InputError(
            f"{error} (unpacked by hand into {place}, it is used as it is once "
            f"{folder / downloading.LOCK} is deleted)"
        ) from error


def _own_layout(folder: Path, sources: list[dict]) -> str:
    """Return a name in the folder that no source put there; '' when vidsal downloaded anything."""
    from vidsal import downloading

    if (folder / downloading.LOCK).exists():
        return ""
    places = [source[key] for source in sources for key in ("name", "to") if source.get(key)]
    ours = {PurePosixPath(place).parts[0] for place in places if place != "."}
    return next((name for name in _visible(folder) if name not in ours), "")


def _visible(folder: Path) -> list[str]:
    """Return the names in a folder but for hidden ones and the lock; none where it is not there."""
    from vidsal import downloading

    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    return [name for name in names if not name.startswith(".") and name != downloading.LOCK]


def _provided(source: dict) -> dict:
    from vidsal import downloading

    return _row(source, None, "", downloading.PROVIDED)


def _row(source: dict, size: int | None, sha256: str, url: str) -> dict:
    found = (source["name"], size, sha256, source["licence"], url)
    return dict(zip(COLUMNS, found, strict=True))


def _all(config: dict, own: settings.Choice) -> list[dict]:
    entry = registry.entry("datasets", own.method, config["rooms"])
    found = entry.constants.get("SOURCES", [])
    if wrong := problems(found, entry.options):
        raise InputError(f"{entry.path}: " + "; ".join(wrong))
    return found


def _applies(source: dict, options: dict[str, object]) -> bool:
    for option, values in source.get("needs", {}).items():
        given = options[option]
        if not any(one in values for one in (given if isinstance(given, list) else [given])):
            return False
    return True


def _label(source: object) -> str:
    return str(source.get("name", "without a name")) if isinstance(source, dict) else str(source)


def _source_problems(source: object, options: dict[str, object]) -> list[str]:
    if not isinstance(source, dict):
        return ["not a mapping such as {name: ..., url: ..., licence: ...}"]
    found = [
        f"key {key!r} is unknown{registry.nearest(key, TYPES)}"
        for key in source
        if key not in TYPES
    ]
    found += [f"{k} is missing" for k in ("name", "licence") if not source.get(k)]
    found += [
        f"{key}: {value!r} is no {TYPES[key].__name__}"
        for key, value in source.items()
        if value is not None and not isinstance(value, TYPES.get(key, object))
    ]
    return found or _value_problems(source, options)


def _value_problems(source: dict, options: dict[str, object]) -> list[str]:
    found = []
    if ("url" in source) == ("form" in source):
        found.append("give either url or form")
    for url in [*([source["url"]] if "url" in source else []), *source.get("mirrors", ())]:
        if not str(url).startswith(SCHEMES):
            found.append(f"{url!r} is no address such as https://...")
    for kind, digits in DIGITS.items():
        if len(value := source.get(kind, "0" * digits)) != digits or set(value) - set(
            "0123456789abcdef"
        ):
            found.append(f"{kind} must be {digits} digits of 0-9 and a-f")
    for key in ("name", "to"):
        path = PurePosixPath(source.get(key, "plain"))
        if path.is_absolute() or any(part.startswith(".") for part in path.parts):
            found.append(f"{key}: {source[key]!r} leads out of the dataset's folder")
    if "to" in source and not source.get("unpack"):
        found.append("to: only archives are unpacked; add unpack: True")
    for option, values in source.get("needs", {}).items():
        if option not in options:
            found.append(f"needs: option {option!r} is unknown{registry.nearest(option, options)}")
        elif not isinstance(values, list):
            found.append(f"needs.{option}: {values!r} is no list of values")
    return found
