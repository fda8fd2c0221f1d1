"""Lines of words between blanks, and events out of labelled samples."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._rows import keep, runs
from vidsal.recordings._source import EXTRA, parse

STILL = ("fixation", "pursuit")


def columns(
    body: bytes, names: tuple[str, ...], dropped: Counter, path: str | Path, more: bool = False
) -> pd.DataFrame:
    """Text columns of lines that hold one word for each name, with blanks or tabs between them.

    Args:
        body: lines, as bytes of ``read_bytes``.
        names: of the columns.
        dropped: gets the lines with fewer or more words as ``malformed``.
        path: the file, for messages.
        more: lines may hold more words, which are left out.

    Raises:
        InputError: there are lines, and none is of this form.
    """
    body = re.sub(rb"[ \t\f\v]+", b" ", body)
    body = re.sub(rb"(?m)^ | $", b"", body)
    table = parse(body, path, " ", [*names, EXTRA], keep_default_na=False)
    extra = table.pop(EXTRA)
    good = table[names[-1]] != ""
    if not more:
        good &= extra == ""
    if len(table) and not good.any():
        raise InputError(
            f"gaze recording {path}: no line holds {len(names)} words ({', '.join(names)}); "
            "check the format"
        )
    return keep(table, good, "malformed", dropped).reset_index(drop=True)


def labelled(rows: pd.DataFrame, pursuit_step: float) -> pd.DataFrame:
    """One row for every run of samples that bear one label, lasting to the next sample after it.

    A fixation stands at the mean of its samples, a saccade at its first one. A pursuit moves, so
    that it becomes rows that last ``pursuit_step`` at most, each at the mean of its own samples.

    Args:
        rows: columns clock (s, ascending), x, y (NaN = not seen), label: fixation, saccade,
            pursuit, or anything else, which makes no event; others are those of the first sample.
        pursuit_step: seconds, above 0.
    """
    rows = rows.reset_index(drop=True)
    number = runs(rows["label"])
    clock = rows["clock"].to_numpy()
    start = clock[np.searchsorted(number, number)]
    # A thousandth is forgiven to steps that sum up to just less than the whole.
    piece = np.floor((clock - start) / pursuit_step + 1e-3)
    piece = np.where(rows["label"] == "pursuit", piece, 0.0)
    groups = rows.groupby(runs(pd.Series(number), pd.Series(piece)))
    made = groups.first()
    last, following = groups["clock"].last(), made["clock"].shift(-1)
    made["duration"] = following.where(following > last, last) - made["clock"]
    made["event"] = made["label"]
    means, still = groups[["x", "y"]].mean(), made["event"].isin(STILL)
    for axis in ("x", "y"):
        made[axis] = means[axis].where(still, made[axis])
    seen = np.isfinite(made[["x", "y"]]).all(axis=1)
    return made[seen & made["event"].isin([*STILL, "saccade"])]


def named(path: str | Path, pattern: str) -> str | None:
    """The first group of a pattern in the file's name, None where it does not fit."""
    match = re.match(pattern, Path(path).name)
    return match[1] if match else None
