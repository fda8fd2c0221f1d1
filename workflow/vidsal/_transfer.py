"""One file over HTTP from one address: resumed where it broke off, retried, never trusted blindly.

The partial file lies in a folder of its own with a note of where it came from. It is continued
only when the server proves that its file is still the same (If-Range with a strong ETag or a time
of change), or when a published checksum will tell; otherwise it starts over.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import requests
import urllib3

from vidsal._version import VERSION
from vidsal.errors import InputError
from vidsal.progress import Progress

log = logging.getLogger(__name__)
BLOCK = 1 << 16
LONGEST_WAIT = 60.0
BUSY = {408, 425, 429, 500, 502, 503, 504}
PAGE = re.compile(rb"(?is)(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)*<(!doctype\s+html|html\b)")
FINAL = (
    requests.exceptions.SSLError,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
)
PASSING = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    ConnectionError,
    TimeoutError,
)
REASONS = {
    "NameResolution": "its host is not known here",
    "Name or service": "its host is not known here",
    "refused": "the connection is refused",
    "ProxyError": "the proxy does not let it through",
    "IncompleteRead": "the connection broke off",
    "reset by peer": "the connection broke off",
    "Remote end closed": "the connection broke off",
}


class Refused(Exception):  # noqa: N818 - a finding about an address; another one may do
    """This address will not give the file; the message says why."""


class _Cut(Exception):  # noqa: N818
    """The transfer broke off; what is there is kept, and asking again may help."""


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for.

    Attributes:
        attempts: failures in a row, each without a byte gained, after which an address is given up.
        timeout: seconds without a byte after which a connection counts as dead.
        wait: seconds before the second attempt; doubled from one to the next, up to a minute.
    """

    attempts: int = 5
    timeout: float = 30.0
    wait: float = 1.0


class Part:
    """A partial download and the note of where it came from, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Nothing has to exist yet."""
        self.file, self.paper = folder / "part", folder / "part.json"
        self.resumed = False

    @property
    def have(self) -> int:
        """How many bytes are there."""
        return self.file.stat().st_size if self.file.is_file() else 0

    def note(self) -> dict:
        """Return {url, validator, total}; empty when it cannot be read."""
        try:
            note = json.loads(self.paper.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def begin(self, **note: object) -> None:
        """Start over; the note is on disk before the first byte."""
        self.drop()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.paper.with_suffix(".new")
        temporary.write_text(json.dumps(note), encoding="utf-8")
        os.replace(temporary, self.paper)

    def drop(self) -> None:
        """Throw away what is there."""
        self.file.unlink(missing_ok=True)
        self.paper.unlink(missing_ok=True)
        self.resumed = False


@dataclass(frozen=True)
class Wanted:
    """What is known of a file beforehand: its name, its size, and whether a checksum will tell."""

    name: str
    size: int | None = None
    checked: bool = False


def download(url: str, part: Part, wanted: Wanted, patience: Patience) -> None:
    """Bring the whole file into `part`, however often the connection breaks.

    Raises:
        Refused: this address will not give the file.
        InputError: the disk has no room for it.
    """
    failures, best = 0, part.have
    while True:
        try:
            _attempt(url, part, wanted, patience.timeout)
            return
        except _Cut as cut:
            reason = str(cut)
        failures = 1 if part.have > best else failures + 1
        best = max(best, part.have)
        if failures >= patience.attempts:
            raise Refused(f"{reason}, {failures} times in a row")
        pause = min(patience.wait * 2 ** (failures - 1), LONGEST_WAIT)
        log.warning(
            "%s from %s: %s; %d bytes are there; again in %g s",
            *(wanted.name, url, reason, part.have, pause),
        )
        time.sleep(pause)


def is_page(head: bytes, name: str, kind: str = "") -> bool:
    """Say whether the first bytes of a file are those of a web page that nobody asked for."""
    if name.lower().endswith((".html", ".htm")):
        return False
    said = kind.lower().startswith(("text/html", "application/xhtml"))
    return bool(PAGE.match(head)) or (said and head.lstrip().startswith(b"<"))


def _attempt(url: str, part: Part, wanted: Wanted, timeout: float) -> None:
    """Ask once, and take what comes."""
    note = part.note()
    can_go_on = note.get("url") == url and (wanted.checked or note.get("validator"))
    have = part.have if can_go_on else 0
    if have and have == note.get("total"):
        part.resumed = True
        return
    try:
        headers = _headers(have, note.get("validator"))
        with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
            _take(response, url, part, wanted, have)
    except FINAL as error:
        raise Refused(_reason(error, timeout)) from error
    except PASSING as error:
        raise _Cut(_reason(error, timeout)) from error


def _headers(have: int, validator: str | None) -> dict[str, str]:
    # Compressed on the way, the bytes that are there could not be counted.
    headers = {"User-Agent": f"vidsal/{VERSION}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if validator:
            headers["If-Range"] = validator
    return headers


def _take(response: requests.Response, url: str, part: Part, wanted: Wanted, have: int) -> None:
    """Write the body of an answer where it belongs."""
    start, total = _place(response, part, have)
    if start and start == total:
        part.resumed = True
        return
    blocks = response.raw.stream(BLOCK, decode_content=False)
    first = next(blocks, b"")
    kind = response.headers.get("Content-Type", "")
    if not start and is_page(first, wanted.name, kind):
        raise Refused("the server sends a web page instead of the file (a login, or it has moved)")
    if not start and not first:
        raise Refused("the server sends an empty file")
    if wanted.size and total is not None and total != wanted.size:
        raise Refused(f"the server has {total} bytes instead of {wanted.size}")
    if start:
        part.resumed = True
    else:
        part.begin(url=url, validator=_validator(response), total=total)
    _check_space(wanted.name, part.file.parent, (total or wanted.size or start) - start)
    _write(part, chain([first], blocks), wanted.name, start, total)
    if total is not None and part.have < total:
        raise _Cut("the connection broke off")


def _place(response: requests.Response, part: Part, have: int) -> tuple[int, int | None]:
    """Return (first byte that the answer holds, size of the whole file if it says so)."""
    status, given = response.status_code, response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", given.strip())
    total = int(match[2]) if match and match[2] != "*" else None
    if status == 200:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    if status == 206 and match and match[1] == str(have):
        return have, total
    if status == 416 and have and total == have:
        return have, have
    if status in (206, 416):
        part.drop()
        raise _Cut("the server's file is another than the one begun")
    told = f"the server answers {status} {response.reason or ''}".strip()
    raise _Cut(told) if status in BUSY else Refused(told)


def _validator(response: requests.Response) -> str | None:
    """Return what If-Range may hold: a strong ETag, else the time of the last change."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _write(part: Part, blocks: Iterator[bytes], label: str, start: int, total: int | None) -> None:
    with open(part.file, "ab") as out, Progress(label, start, total) as progress:
        for block in blocks:
            out.write(block)
            progress.add(len(block))
        out.flush()
        os.fsync(out.fileno())


def _check_space(name: str, folder: Path, count: int) -> None:
    free = shutil.disk_usage(folder).free
    if count > free:
        raise InputError(
            f"{name}: {count} bytes are still to come, but only {free} are free in {folder}; "
            "free some space and run again"
        )


def _reason(error: Exception, timeout: float) -> str:
    """Return a few words for an error of the network; the log has the whole of it."""
    log.info("%s: %s", type(error).__name__, error)
    timeouts = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    text = f"{type(error).__name__} {error}"
    if isinstance(error, timeouts) or "timed out" in text.lower():
        return f"no answer for {timeout:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate cannot be verified"
    known = (words for sign, words in REASONS.items() if sign.lower() in text.lower())
    return next(known, f"the connection failed ({type(error).__name__})")
