"""DHF1K's raw recordings (exportdata_train): columns time, x, y, event, or SMI's own columns.

Layout: record_mapping.m of github.com/wenguanwang/DHF1K (one header line; time in microseconds, x
and y on the screen, a word for the event, of which the first letter counts). The archive that is
published now holds SMI's export as it was (eight columns with tabs between them: Time, Type, Trial,
L Dia X [px], L Dia Y [px], L POR X [px], L POR Y [px], L Event Info).
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from vidsal.errors import InputError
from vidsal.recordings._lines import columns, labelled, named
from vidsal.recordings._rows import finish, keep
from vidsal.recordings._source import numbers, read_bytes, read_table

MICRO = 1e-6
NAMES = ("time", "x", "y", "event")
SUBJECT = r"(P\d+)_Trail\d+\.txt(?:\.gz)?$"
KINDS = {"F": "fixation", "S": "saccade", "B": "blink"}
SMI = {"Time": "time", "Type": "type"} | {
    f"{eye} {name}": ours
    for eye in "LR"
    for name, ours in {"POR X [px]": "x", "POR Y [px]": "y", "Event Info": "event"}.items()
}
PURSUIT_STEP = 1.0  # there is no pursuit in these files


def dhf1k_raw(path: str, *, each_sample: bool = False) -> pd.DataFrame:
    """Read one person's recording of one video.

    Places are pixels of the screen, from 0; the file does not say how large that was (1440x900, and
    the videos of 640x360 filled its width: rect [0, 45, 1440, 810]). ``time`` counts from the first
    line, as record_mapping.m does.

    Runs of samples of a fixation or a saccade become one row each, beside the samples: a fixation
    at the mean of its samples, a saccade at its first one, lasting to the next sample after it.
    With ``each_sample`` every sample of a fixation is a fixation without length of its own, which
    is how the published fixation maps count.

    Left out are samples within a blink (``blink``), at exactly (0, 0), where SMI puts an eye that
    was not seen (``lost``), without a number (``not_a_number``), and lines of another form
    (``malformed``). A file with nothing but its header is a recording without rows.

    Args:
        path: the file.
        each_sample: every sample of a fixation is a fixation.

    Returns:
        columns time, x, y, event, duration; subject where the file is named as in the archive
        (P01_Trail001.txt).

    Raises:
        InputError: no such file, or no line of this form.
    """
    data, dropped = read_bytes(path), Counter()
    table = _smi(data, dropped, path) if b" POR X [px]" in data[:4096] else None
    if table is None:
        table = columns(data.partition(b"\n")[2], NAMES, dropped, path)
    rows = pd.DataFrame({name: numbers(table[name]) for name in ("x", "y")})
    rows["clock"] = numbers(table["time"]) * MICRO
    rows["label"] = table["event"].fillna("").str.strip().str[:1].map(KINDS).fillna("")
    rows = keep(rows, np.isfinite(rows["clock"]), "not_a_number", dropped)
    first = rows["clock"].iloc[0] if len(rows) else 0.0
    rows = _events(rows.sort_values("clock", kind="stable"), each_sample, dropped)
    rows = rows.assign(time=rows["clock"] - first)
    if subject := named(path, SUBJECT):
        rows["subject"] = subject
    return finish(rows, dropped, {"space": "screen"})


def _smi(data: bytes, dropped: Counter, path: str) -> pd.DataFrame:
    """Text columns time, x, y, event of the samples in SMI's own export."""
    table, malformed = read_table(data, "\t", SMI.__contains__, path)
    dropped["malformed"] += malformed
    table = table.rename(columns=SMI).loc[:, lambda t: ~t.columns.duplicated()]
    if missing := {"time", "type", "x", "y", "event"} - set(table):
        raise InputError(
            f"gaze recording {path}: no column for {', '.join(sorted(missing))}; "
            "read it with format: smi"
        )
    return table[table["type"].str.strip() == "SMP"].reset_index(drop=True)


def _events(rows: pd.DataFrame, each_sample: bool, dropped: Counter) -> pd.DataFrame:
    """Samples that were seen, and events."""
    lost = (rows["x"] == 0) & (rows["y"] == 0)
    places = {axis: rows[axis].mask(lost) for axis in ("x", "y")}
    events = labelled(rows.assign(**places), PURSUIT_STEP)
    rows = keep(rows.assign(lost=lost), rows["label"] != "blink", "blink", dropped)
    rows = keep(rows, ~rows["lost"], "lost", dropped).assign(event="sample", duration=0.0)
    if each_sample:
        each = rows[rows["label"] == "fixation"].assign(event="fixation")
        finite = np.isfinite(each[["x", "y"]]).all(axis=1)
        events = pd.concat([events[events["event"] != "fixation"], each[finite]])
    return pd.concat([rows, events], ignore_index=True)
