"""The lines of an EyeLink ASC file, as tables of samples, events and messages."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._rows import whole
from vidsal.recordings._source import compiled, decode, number, numbers, read_bytes

MOST_OTHER_LINES = 5_000_000
EYES = {"LEFT": "L", "RIGHT": "R"}
NAMES = {"EFIX": "fixation", "ESACC": "saccade", "EBLINK": "blink"}
PLACES = ("xL", "yL", "xR", "yR")
COORDS = re.compile(r"^(GAZE|DISPLAY)_COORDS\s+" + r"\s+".join([r"(-?[\d.]+)"] * 4))
OFFSET = re.compile(r"^(-?\d{1,9})\s+(?=\S)")


@dataclass(frozen=True)
class Layout:
    """From which line on the samples hold which eyes (of "LR"), at which rate, and what."""

    line: int
    eyes: str
    kind: str = "GAZE"
    rate: float | None = None


@dataclass(frozen=True)
class Asc:
    """What an ASC file says, everything with its line number and the tracker's clock in seconds."""

    samples: pd.DataFrame
    events: pd.DataFrame
    messages: pd.DataFrame
    blocks: np.ndarray
    resolutions: list[float]
    layouts: list[Layout]
    dropped: Counter

    @property
    def rate(self) -> float | int | None:
        """Samples per second, where the file states one and only one."""
        rates = {layout.rate for layout in self.layouts if layout.rate and layout.rate > 0}
        return whole(rates.pop()) if len(rates) == 1 else None

    @property
    def pixels_per_degree(self) -> float | None:
        """Mean of the blocks, where they state it."""
        return round(float(np.mean(self.resolutions)), 6) if self.resolutions else None

    @property
    def corners(self) -> tuple[float, float, float, float] | None:
        """Left, top, right, bottom of the screen, in pixels, where the file states one."""
        found: dict[str, set] = {"GAZE": set(), "DISPLAY": set()}
        for text in self.messages.loc[self.messages["text"].str.contains("_COORDS"), "text"]:
            if match := COORDS.match(text):
                found[match[1]].add(tuple(numbers(pd.Series(match.groups()[1:]))))
        stated = found["GAZE"] or found["DISPLAY"]
        corners = stated.pop() if len(stated) == 1 else None
        usable = corners and np.isfinite(corners).all()
        return corners if usable and corners[2] > corners[0] and corners[3] > corners[1] else None


def load(path: str | Path) -> Asc:
    """Read an ASC file.

    Returns:
        ``samples``: line, clock, xL, yL, xR, yR (NaN = missing); ``events``: line, event, eye,
        clock, duration, x, y; ``messages``: line, clock (moved by the message's own offset), text
        (without the offset);
        ``blocks``: lines of the START lines; ``resolutions``: pixels per degree of each block, mean
        of x and y; ``dropped``: malformed lines, and rows that are ``not_gaze``.

    Raises:
        InputError: no such file, or no ASC.
    """
    data = read_bytes(path)
    starts, stops = _lines(data)
    first = np.frombuffer(data, np.uint8)[starts]
    is_sample = (first >= ord("0")) & (first <= ord("9"))
    other = np.flatnonzero(~is_sample & (first > ord(" ")) & (first != ord("*")))
    if len(other) > MOST_OTHER_LINES:
        raise InputError(f"gaze recording {path}: no EyeLink ASC file, most lines are no samples")
    scan = _Scan()
    for line in other.tolist():
        scan.take(line, data[starts[line] : stops[line]])
    if not (scan.layouts or scan.events or scan.messages):
        raise InputError(
            f"gaze recording {path}: no EyeLink ASC file (no START, MSG or EFIX line); "
            "convert an .edf with SR Research's edf2asc"
        )
    samples = _samples(data, np.flatnonzero(is_sample), starts, stops, scan)
    columns = ["line", "event", "eye", "clock", "duration", "x", "y"]
    return Asc(
        samples=samples,
        events=pd.DataFrame(scan.events, columns=columns),
        messages=pd.DataFrame(scan.messages, columns=["line", "clock", "text"]),
        blocks=np.array(scan.blocks, dtype=np.int64),
        resolutions=scan.resolutions,
        layouts=scan.layouts,
        dropped=scan.dropped,
    )


def trials(asc: Asc, trial_message: str, path: str | Path) -> tuple[np.ndarray, list[str]]:
    """The lines at which trials begin, and what they are called.

    A trial begins at every message that ``trial_message`` fits, and is called what follows the
    fitting part; in a file without such messages at every START, and is called by its number.
    """
    pattern = compiled("trial_message", trial_message, path)
    found = [(line, pattern.search(text)) for line, text in _texts(asc)]
    found = [(line, match) for line, match in found if match]
    if found:
        names = [match.string[match.end() :].strip() for _, match in found]
        names = [name or str(index) for index, name in enumerate(names)]
        return np.array([line for line, _ in found], dtype=np.int64), names
    begins = asc.blocks if len(asc.blocks) else np.zeros(1, np.int64)
    return begins, [str(index) for index in range(len(begins))]


def named_videos(
    asc: Asc, begins: np.ndarray, video_message: str, path: str | Path
) -> dict[int, str]:
    """Trial number -> the group of the first message in it that ``video_message`` fits."""
    pattern = compiled("video_message", video_message, path, groups=1)
    found: dict[int, str] = {}
    for line, text in _texts(asc):
        trial = int(np.searchsorted(begins, line, side="right")) - 1
        if trial >= 0 and trial not in found and (match := pattern.search(text)):
            found[trial] = (match[1] or "").strip()
    if not found:
        raise InputError(
            f"video_message: {video_message!r} for {path}: fits no message of any trial; "
            "look the wording up in the file's MSG lines"
        )
    return found


class _Scan:
    """Collects what the lines that are no samples say."""

    def __init__(self) -> None:
        self.layouts: list[Layout] = []
        self.events: list[tuple] = []
        self.messages: list[tuple[int, float, str]] = []
        self.blocks: list[int] = []
        self.resolutions: list[float] = []
        self.dropped: Counter = Counter()
        self.event_kind = "GAZE"
        self.readers = {
            b"MSG": self.message,
            b"START": self.start,
            b"END": self.end,
            b"SAMPLES": self.layout,
            b"EVENTS": self.event_layout,
            b"EFIX": self.event,
            b"ESACC": self.event,
            b"EBLINK": self.event,
        }

    def take(self, line: int, text: bytes) -> None:
        """Read a line; keywords that say nothing about gaze are passed over."""
        if reader := self.readers.get(text.split(None, 1)[0]):
            try:
                reader(line, text)
            except (ValueError, IndexError, KeyError):
                self.dropped["malformed"] += 1

    def message(self, line: int, text: bytes) -> None:
        """``MSG <time> [<offset>] <text>``; the event was ``offset`` ms before the time."""
        parts = text.split(None, 2)
        clock, words = number(decode(parts[1])), decode(parts[2]).strip() if len(parts) > 2 else ""
        offset = OFFSET.match(words)
        if offset:
            clock, words = clock - int(offset[1]), words[offset.end() :]
        self.messages.append((line, clock / 1e3, words))

    def start(self, line: int, text: bytes) -> None:
        """``START <time> <eyes> <types>``: a block of recording."""
        eyes = _eyes(decode(text).split())
        self.blocks.append(line)
        if eyes:
            self.layouts.append(Layout(line, eyes))

    def end(self, _line: int, text: bytes) -> None:
        """``END <time> <types> RES <x> <y>``: mean pixels per degree of the block."""
        words = decode(text).split()
        if "RES" in words:
            at = words.index("RES")
            mean = (number(words[at + 1]) + number(words[at + 2])) / 2
            self.resolutions += [mean] if mean > 0 else []

    def layout(self, line: int, text: bytes) -> None:
        """``SAMPLES <GAZE, HREF or PUPIL> <eyes> RATE <hertz> ...``."""
        words = decode(text).split()
        rate = number(words[words.index("RATE") + 1]) if "RATE" in words else None
        self.layouts.append(Layout(line, _eyes(words) or "L", words[1], rate))

    def event_layout(self, _line: int, text: bytes) -> None:
        """``EVENTS <GAZE, HREF or PUPIL> ...``."""
        self.event_kind = decode(text).split()[1]

    def event(self, line: int, text: bytes) -> None:
        """``EFIX <eye> <start> <end> <duration> <x> <y> ...``, likewise ESACC and EBLINK."""
        words = decode(text).split()
        name, eye = NAMES[words[0]], words[1]
        if eye not in ("L", "R"):
            raise ValueError(eye)
        clock, duration = number(words[2]) / 1e3, number(words[4]) / 1e3
        if name != "blink" and self.event_kind != "GAZE":
            self.dropped["not_gaze"] += 1
            return
        place = (np.nan, np.nan)
        if name != "blink":
            place = tuple(np.nan if word == "." else number(word) for word in (words[5], words[6]))
        self.events.append((line, name, eye, clock, duration, *place))


def _lines(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Where the lines begin and end."""
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    starts = np.concatenate([[0], ends + 1])
    stops = np.concatenate([ends, [len(data)]])
    filled = stops > starts
    return starts[filled], stops[filled]


def _samples(
    data: bytes, rows: np.ndarray, starts: np.ndarray, stops: np.ndarray, scan: _Scan
) -> pd.DataFrame:
    """The sample lines under the layout that was stated last before them."""
    if len(rows) and stops[rows[-1]] == len(data):
        rows = _whole_last(data, rows, starts, scan)
    begins = np.array([layout.line for layout in scan.layouts], dtype=np.int64)
    which = np.searchsorted(begins, rows, side="right") - 1
    scan.dropped["malformed"] += int((which < 0).sum())
    parts = []
    for index, layout in enumerate(scan.layouts):
        own = rows[which == index]
        if not len(own):
            continue
        if layout.kind != "GAZE":
            scan.dropped["not_gaze"] += len(own)
            continue
        parts.append(_block(data, own, starts, stops, layout))
    empty = pd.DataFrame(columns=["line", "clock", *PLACES], dtype=np.float64)
    samples = pd.concat(parts, ignore_index=True) if parts else empty
    good = np.isfinite(samples["clock"].to_numpy())
    scan.dropped["malformed"] += int((~good).sum())
    return samples[good].reset_index(drop=True)


def _whole_last(data: bytes, rows: np.ndarray, starts: np.ndarray, scan: _Scan) -> np.ndarray:
    """The sample lines without a last one that was cut off within its numbers."""
    eyes = scan.layouts[-1].eyes if scan.layouts else "L"
    if len(data[starts[rows[-1]] :].split()) > 3 * len(eyes) + 1:
        return rows
    scan.dropped["malformed"] += 1
    return rows[:-1]


def _block(
    data: bytes, rows: np.ndarray, starts: np.ndarray, stops: np.ndarray, layout: Layout
) -> pd.DataFrame:
    """Sample lines of one layout: <time> then <x> <y> <pupil> for each eye; the rest is skipped."""
    breaks = np.flatnonzero(np.diff(rows) > 1)
    heads = starts[rows[np.concatenate([[0], breaks + 1])]]
    tails = stops[rows[np.concatenate([breaks, [len(rows) - 1]])]]
    text = b"\n".join(data[a:b] for a, b in zip(heads.tolist(), tails.tolist(), strict=True))
    names = ["clock", *(f"{axis}{eye}" for eye in layout.eyes for axis in ("x", "y", "p"))]
    table = _numeric(text, names)
    table = table.reindex(columns=["clock", *PLACES])
    table["clock"] /= 1e3
    table.insert(0, "line", rows)
    return table


def _numeric(text: bytes, names: list[str]) -> pd.DataFrame:
    """The first columns of lines with blanks or tabs between them, as float64; "." is NaN."""
    options = {"sep": r"\s+", "header": None, "names": names, "usecols": names, "index_col": False}
    options |= {"quoting": csv.QUOTE_NONE, "na_values": ["."], "encoding_errors": "replace"}
    # pandas wants one line that is as long as the names.
    file = io.BytesIO(b"0 " * len(names) + b"\n" + text)
    try:
        table = pd.read_csv(file, dtype=np.float64, **options)
    except ValueError:
        file.seek(0)
        table = pd.read_csv(file, dtype=str, low_memory=False, **options)
    return pd.DataFrame({name: numbers(table[name])[1:] for name in names})


def _eyes(words: list[str]) -> str:
    """Which eyes a line names, in the order of the columns."""
    return "".join(letter for word, letter in EYES.items() if word in words)


def _texts(asc: Asc) -> zip:
    """Line and text of every message."""
    return zip(asc.messages["line"].tolist(), asc.messages["text"].tolist(), strict=True)
