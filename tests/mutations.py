"""Inputs spoilt at random, and what may come of them: a result, or one clear sentence.

A case is drawn from a seed and a number alone, so that every failure can be repeated:
`python -m tests.mutations SEED FIRST LAST` shows them. Each runs in a process of its own with
limits on time, memory and file size, in a folder whose surroundings are compared before and after.
"""

from __future__ import annotations

import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

SECONDS = 60
MEMORY = 8 << 30
FILE_SIZE = 1 << 30
LONGEST_MESSAGE = 2000
USED, REFUSED = "used", "refused"
TOKENS = [
    *(b"NaN", b"inf", b"-1e308", b"1e400", b"9" * 400, b"-1", b"", b'"', b"\0", b"\xff\xfe"),
    *(b"../../etc/passwd", b"/", b"..\\..\\x", b"\xe2\x80\xae", b"0x1p3", b"1,5", b"TRUE", b"#"),
]
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")


def truncated(data: bytes, draw: random.Random) -> bytes:
    """Cut off somewhere."""
    return data[: draw.randrange(len(data) + 1)]


def flipped(data: bytes, draw: random.Random) -> bytes:
    """A few bits turned over."""
    made = bytearray(data)
    for _ in range(draw.choice([1, 2, 8, 64])):
        made[draw.randrange(len(made))] ^= 1 << draw.randrange(8)
    return bytes(made)


def holed(data: bytes, draw: random.Random) -> bytes:
    """A stretch left out, zeroed or repeated."""
    start = draw.randrange(len(data))
    end = min(len(data), start + draw.choice([1, 7, 64, 1000]))
    middle = draw.choice(
        [b"", bytes(end - start), data[start:end] * 3, draw.randbytes(end - start)]
    )
    return data[:start] + middle + data[end:]


def retokened(data: bytes, draw: random.Random) -> bytes:
    """A few numbers replaced by what is none, is huge, or is a path."""
    found = list(NUMBER.finditer(data[:200_000]))
    for match in sorted(draw.sample(found, min(len(found), 4)), key=re.Match.start, reverse=True):
        data = data[: match.start()] + draw.choice(TOKENS) + data[match.end() :]
    return data


def recolumned(data: bytes, draw: random.Random) -> bytes:
    """A column left out, doubled or renamed."""
    separator = max((b"\t", b",", b" ", b";"), key=data[:2000].count)
    column, change = draw.randrange(8), draw.choice(["drop", "double", "rename"])
    lines = []
    for number, line in enumerate(data.split(b"\n")):
        fields = line.split(separator)
        if column < len(fields):
            if change == "rename" and number == 0:
                fields[column] = draw.choice(TOKENS)
            elif change != "rename":
                fields[column : column + 1] = [fields[column]] * (0 if change == "drop" else 2)
        lines.append(separator.join(fields))
    return b"\n".join(lines)


def recoded(data: bytes, draw: random.Random) -> bytes:
    """Another encoding, another end of line, a mark at the start."""
    text = data.decode("latin-1")
    return draw.choice(
        [
            text.encode("utf-16"),
            text.encode("utf-32-be"),
            b"\xef\xbb\xbf" + data,
            data.replace(b"\n", b"\r\n"),
            data.replace(b"\n", b"\r"),
            (text + "\u00e4\u4e2d").encode("utf-8"),
        ]
    )


def shuffled(data: bytes, draw: random.Random) -> bytes:
    """Lines in another order, some twice."""
    lines = data.split(b"\n")
    return b"\n".join(draw.choices(lines, k=len(lines)))


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(truncated, flipped, holed),
    *(retokened, recolumned, recoded, shuffled),
)


def mutate(data: bytes, draw: random.Random, is_text: bool) -> tuple[str, bytes]:
    """Return the names of one or two mutations, and what they made of the data."""
    known = MUTATIONS if is_text else MUTATIONS[:3]
    names = []
    for change in draw.choices(known, k=draw.choice([1, 1, 2])):
        if data:
            data = change(data, draw)
            names.append(change.__name__)
    return " + ".join(names), data


class Case:
    """One spoilt input: which file of which sample, how, and what is done with it."""

    def __init__(self, seed: int, number: int, samples: list[Sample]) -> None:
        """Draw it."""
        self.draw = random.Random(f"{seed} {number}")
        self.sample = self.draw.choice(samples)
        self.name = f"seed {seed} number {number}: {self.sample.name}"

    def write(self, folder: Path) -> None:
        """Copy the sample into a folder and spoil one of its files."""
        shutil.copytree(self.sample.folder, folder, dirs_exist_ok=True)
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        victim = self.draw.choice(files)
        data = victim.read_bytes()
        how, made = mutate(data, self.draw, b"\0" not in data[:1000])
        victim.write_bytes(made)
        self.name += f" {victim.name} {how}"


class Sample:
    """A folder of good files and what the workflow does with it: `use(folder, out)`."""

    def __init__(self, name: str, folder: Path, use: Callable) -> None:
        """Take a name, the folder, and the call."""
        self.name, self.folder, self.use = name, folder, use


def run(case: Case) -> str:
    """Return USED or REFUSED, or what is wrong with the way in which a case ended."""
    with tempfile.TemporaryDirectory(prefix="vidsal-mutation-") as top:
        place, out, told = Path(top, "data"), Path(top, "out"), Path(top, "told")
        case.write(place)
        out.mkdir()
        before = _listing(place)
        child = os.fork()
        if not child:
            _end(case, place, out, told)
        _, status = os.waitpid(child, 0)
        if _listing(place) != before:
            return f"{case.name}: changed its input"
        if extra := set(os.listdir(top)) - {"data", "out", "told"}:
            return f"{case.name}: wrote outside of its folder: {sorted(extra)}"
        return _verdict(case, status, told)


def _end(case: Case, place: Path, out: Path, told: Path) -> None:
    """Use the sample under limits, write down what was not foreseen, and end this process."""
    from vidsal.errors import InputError

    code = 0
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
            case.sample.use(place, out)
    except InputError as error:
        problem = _bad_message(str(error))
        told.write_text(f"{problem}: {str(error)[:500]}" if problem else REFUSED)
        code = 3
    except BaseException:
        told.write_text(traceback.format_exc())
        code = 3
    os._exit(code)


def _bad_message(text: str) -> str:
    """Return what is wrong with a sentence, if anything is."""
    if len(text) > LONGEST_MESSAGE:
        return f"a sentence of {len(text)} characters"
    if "Traceback" in text or len(text) < 20:
        return "no sentence"
    return ""


def _verdict(case: Case, status: int, told: Path) -> str:
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return f"{case.name}: {'over ' + str(SECONDS) + ' s' if name == 'SIGALRM' else name}"
    if not os.WEXITSTATUS(status):
        return USED
    text = told.read_text() if told.is_file() else f"ended with {os.WEXITSTATUS(status)}"
    return text if text == REFUSED else f"{case.name}: {text[-1500:]}"


def _listing(folder: Path) -> list[tuple[str, int, int]]:
    found = ((str(p), p.lstat().st_size, p.lstat().st_mtime_ns) for p in folder.rglob("*"))
    return sorted(found)


def main() -> None:
    """Try cases FIRST to LAST - 1 of a seed; exit with 1 and name those that end as they may not.

    Tried in a process of its own, since it forks, which a process with threads should not.
    """
    from tests.samples import make_samples, warm_up

    warm_up()
    seed, first, last = map(int, sys.argv[1:4])
    count = Counter()
    with tempfile.TemporaryDirectory() as folder:
        samples = make_samples(Path(folder))
        for number in range(first, last):
            ended = run(Case(seed, number, samples))
            count[ended if ended in (USED, REFUSED) else "wrong"] += 1
            if ended not in (USED, REFUSED):
                sys.stdout.write(f"{ended}\n")
    told = ", ".join(f"{number} {what}" for what, number in sorted(count.items()))
    sys.stdout.write(f"seed {seed}, cases {first} to {last}: {told}\n")
    sys.exit(bool(count["wrong"]))


if __name__ == "__main__":
    main()
