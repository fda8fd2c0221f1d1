"""Files from the network into a folder: checked, resumed, retried, or asked of the user.

A source is a dictionary: `name`, where the file lies below the folder; `url`, and `mirrors` to try
after it; what is published of `sha256`, `md5` and `size` in bytes; `licence`. A source with `form`
instead of `url` cannot be fetched by a program: `form` says what the user does.

Where no checksum was published, the sha256 of the first download is remembered in `sources.lock`
in the folder, and what comes later must be the same. A file that is there already is checked and
used, whoever put it there. Proxies are those of the environment (http_proxy, https_proxy,
no_proxy).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import pooch

from vidsal import _transfer, locks, parts
from vidsal._transfer import Part, Patience, Refused, Wanted
from vidsal.errors import InputError, disk_is_full

LOCK = "sources.lock"
STAGING = ".downloads"
PROVIDED = "provided by the user"
HEAD = 1024
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetched:
    """A file in its place.

    Attributes:
        name: its name below the folder.
        path: where it lies.
        bytes: its size, None for a folder.
        sha256: its checksum, '' for a folder.
        licence: as its source says.
        url: where it came from, or that the user put it there.
    """

    name: str
    path: Path
    bytes: int | None
    sha256: str
    licence: str
    url: str


def fetch(
    sources: list[dict],
    folder: str | Path,
    *,
    offline: bool = False,
    patience: Patience | None = None,
) -> list[Fetched]:
    """Put the files of `sources` into `folder`; return them in that order.

    Args:
        sources: what is wanted, as the module says.
        folder: where to; made when it is not there.
        offline: never touch the network, but say what is missing and where it goes.
        patience: how long servers are waited for.

    Raises:
        InputError: files that only the user can fetch are missing (all are named at once), no
            address gives a file, or a file is not what was published or first downloaded.
    """
    folder = Path(folder)
    for source in sources:
        _refuse_odd_name(source["name"])
    _refuse_missing(sources, folder, offline)
    return [_fetch_one(source, folder, patience or Patience()) for source in sources]


def remembered(folder: str | Path) -> dict[str, dict]:
    """Return name -> what is remembered of a download: bytes, sha256, mtime_ns, url.

    Raises:
        InputError: the file cannot be read.
    """
    path = Path(folder) / LOCK
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: the checksums of earlier downloads cannot be read ({error}); mend the file, "
            "or delete it to trust the files that are there"
        ) from error
    return found


def remember(folder: str | Path, name: str, **facts: object) -> None:
    """Write down what is known of a file in the folder's `sources.lock`, if it can be written."""
    folder = Path(folder)
    if remembered(folder).get(name) == facts:
        return
    try:
        with locks.held(folder / f".{LOCK}.held"), parts.replacing(folder / LOCK) as temporary:
            text = json.dumps(remembered(folder) | {name: facts}, sort_keys=True, indent=1)
            temporary.write_text(text + "\n", encoding="utf-8")
    except OSError as error:  # a folder of others, which may only be read
        if disk_is_full(error):
            raise
        log.warning("%s: cannot be written (%s), so its files are read each time", folder, error)


def is_there(path: Path) -> bool:
    """Say whether a file, or a folder with something in it that is not hidden, is at this place."""
    if path.is_dir():
        with os.scandir(path) as entries:
            return any(not entry.name.startswith(".") for entry in entries)
    return path.exists()


def _refuse_odd_name(name: str) -> None:
    parts_ = PurePosixPath(name).parts
    if not parts_ or name.startswith("/") or any(p.startswith(".") for p in parts_):
        raise InputError(f"source {name!r}: its name leads elsewhere; take one like videos.zip")


def _refuse_missing(sources: list[dict], folder: Path, offline: bool) -> None:
    """Name all files at once that only the user can put in place."""
    told = [
        f"{folder / source['name']}: {_instruction(source)}"
        for source in sources
        if (offline or "url" not in source) and not is_there(folder / source["name"])
    ]
    if told:
        why = "offline is true, and these are missing" if offline else "no program can fetch these"
        lines = "\n  ".join(told)
        raise InputError(f"{folder}: {why}; put them there by hand, then run again:\n  {lines}")


def _instruction(source: dict) -> str:
    if "url" not in source:
        return source["form"]
    places = " or ".join([source["url"], *source.get("mirrors", ())])
    return f"from {places} ({_published(source)})"


def _published(source: dict) -> str:
    facts = [f"{source['size']} bytes"] if "size" in source else []
    facts += [f"{kind} {source[kind]}" for kind in ("sha256", "md5") if kind in source]
    return ", ".join(facts) or "no size or checksum is published"


def _fetch_one(source: dict, folder: Path, patience: Patience) -> Fetched:
    path = folder / source["name"]
    if not is_there(path):
        with _staging(folder, source["name"]) as staging:
            if not is_there(path):  # another process may have brought it in the meantime
                _download(source, folder, staging, patience)
    return _checked(source, folder)


@contextlib.contextmanager
def _staging(folder: Path, name: str) -> Iterator[Path]:
    """Hold the folder of one file's partial download, so that only one process writes there."""
    top, label = folder / STAGING, name.replace("/", "%2F")
    try:
        (top / label).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot write there ({error.strerror}); name another folder"
        ) from error
    with locks.held(top / f"{label}.held"):
        yield top / label
        shutil.rmtree(top / label, ignore_errors=True)
    with contextlib.suppress(OSError):  # others may still download into the same folder
        top.rmdir()


def _download(source: dict, folder: Path, staging: Path, patience: Patience) -> None:
    """Try the addresses in order until one gives the file, then rename it to its place."""
    name, path, reasons = source["name"], folder / source["name"], []
    for url in [source["url"], *source.get("mirrors", ())]:
        try:
            file = _from(url, source, folder, staging, patience)
        except Refused as refusal:
            log.warning("%s: %s: %s", name, url, refusal)
            reasons.append(f"{url}: {refusal}")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        facts = _facts(file, _expected(source, folder))
        os.replace(file, path)
        remember(folder, name, **facts, url=url)
        log.info("%s: %d bytes from %s", path, facts["bytes"], url)
        return
    raise InputError(
        f"{name}: cannot be downloaded ({'; '.join(reasons)}); run again later, or fetch it by "
        f"hand and put it at {path} ({_published(source)})"
    )


def _from(url: str, source: dict, folder: Path, staging: Path, patience: Patience) -> Path:
    """Download from one address through pooch, which compares the checksum; return the file.

    A download put together from several connections that turns out wrong is made once more.
    """
    known = _expected(source, folder)
    wanted = Wanted(source["name"], source.get("size"), known is not None)
    part = Part(staging)
    pooch.get_logger().setLevel(logging.WARNING)
    catalogue = pooch.create(staging, "", registry={"whole": known}, urls={"whole": url})
    bring = partial(_bring, part=part, wanted=wanted, patience=patience)
    while True:
        try:
            return Path(catalogue.fetch("whole", downloader=bring))
        except InputError:
            raise
        except ValueError as error:  # pooch: another checksum
            log.info("%s", error)
            resumed, wrong = part.resumed, _wrong(part.file, known, source, folder)
            part.drop()
            if not resumed:
                raise Refused(wrong) from error
            log.warning("%s: pieces of %s do not fit together; from the start", wanted.name, url)


def _wrong(file: Path, known: str, source: dict, folder: Path) -> str:
    kind, _, digest = known.partition(":")
    problem = f"its {kind} is {pooch.file_hash(str(file), alg=kind)}, not {digest}"
    if kind in source:
        return f"{problem} as published"
    return f"{problem} as first downloaded (delete its entry in {folder / LOCK} to accept it)"


def _bring(
    url: str, temporary: str, _: object, *, part: Part, wanted: Wanted, patience: Patience
) -> None:
    """Download as pooch asks for it; the part stays until its checksum is known to be right."""
    _transfer.download(url, part, wanted, patience)
    if wanted.size not in (None, part.have):
        part_size = part.have
        part.drop()
        raise Refused(f"it has {part_size} bytes instead of {wanted.size}")
    os.unlink(temporary)
    parts.link_or_copy(part.file, Path(temporary))


def _expected(source: dict, folder: Path) -> str | None:
    """Return the checksum that a download must have, as pooch writes it; None = nobody knows."""
    if "sha256" in source:
        return f"sha256:{source['sha256']}"
    if "md5" in source:
        return f"md5:{source['md5']}"
    first = remembered(folder).get(source["name"], {}).get("sha256")
    return f"sha256:{first}" if first else None


def _facts(path: Path, known: str | None = None) -> dict:
    """Return size, time and sha256 of a file; a checksum that pooch has compared is taken over."""
    found, (kind, _, digest) = path.stat(), (known or "").partition(":")
    digest = digest if kind == "sha256" else parts.sha256(path)
    return {"bytes": found.st_size, "mtime_ns": found.st_mtime_ns, "sha256": digest}


def _checked(source: dict, folder: Path) -> Fetched:
    """Return a file that is there after checking it; one that has not changed is not read again."""
    name, path = source["name"], folder / source["name"]
    if path.is_dir():
        return Fetched(name, path, None, "", source["licence"], PROVIDED)
    known, found = remembered(folder).get(name, {}), path.stat()
    same = (known.get("bytes"), known.get("mtime_ns")) == (found.st_size, found.st_mtime_ns)
    if not same or known.get("sha256") != source.get("sha256", known.get("sha256")):
        log.info("checking %s", path)
        facts = _facts(path)
        _refuse_wrong(source, folder, facts, known)
        known = facts | {"url": known.get("url", PROVIDED)}
        remember(folder, name, **known)
    return Fetched(name, path, known["bytes"], known["sha256"], source["licence"], known["url"])


def _refuse_wrong(source: dict, folder: Path, facts: dict, known: dict) -> None:
    """Refuse a file that is not what was published, else not what was first downloaded."""
    path = folder / source["name"]
    with open(path, "rb") as file:
        page = _transfer.is_page(file.read(HEAD), source["name"])
    problem, way_out = "", "delete it to have it downloaded again"
    if page:
        problem = "it is a web page, not the file (what a server sends in place of a login)"
    elif source.get("size", facts["bytes"]) != facts["bytes"]:
        problem = f"it has {facts['bytes']} bytes, but {source['size']} are published"
    elif source.get("sha256", facts["sha256"]) != facts["sha256"]:
        problem = f"its sha256 is {facts['sha256']}, but {source['sha256']} is published"
    elif "md5" in source and "sha256" not in source and _md5(path) != source["md5"]:
        problem = f"its md5 is {_md5(path)}, but {source['md5']} is published"
    elif _is_another(source, facts, known):
        problem = f"its sha256 is {facts['sha256']}, but {known['sha256']} was first downloaded"
        way_out += f", or its entry in {folder / LOCK} to accept it"
    if problem:
        raise InputError(f"{path}: {problem}; {way_out}")


def _is_another(source: dict, facts: dict, known: dict) -> bool:
    """Say whether a file without a published checksum is not the one first downloaded."""
    published = {"sha256", "md5"} & source.keys()
    return not published and known.get("sha256", facts["sha256"]) != facts["sha256"]


def _md5(path: Path) -> str:
    return pooch.file_hash(str(path), alg="md5")
