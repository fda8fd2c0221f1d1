"""Gaze tables for tests, a format that makes one, and what is compared: rows, what was left out."""

from __future__ import annotations

import pandas as pd

TIDY = "subject,frame,x,y\na,0,1.5,2\na,1,3,4\nb,0,5,6\n"
OWN_FORMAT = '''"""Two samples and a fixation, in pixels of a screen."""
import pandas as pd


def mine(path, *, shift: float = 0.0):
    table = pd.DataFrame(
        {
            "time": [0.0, 0.1, 0.0, 0.5],
            "x": [9.5, 19.5, 14.5, 99.0],
            "y": [9.5, 9.5, 9.5, 9.5],
            "event": ["sample", "sample", "fixation", "pursuit"],
            "duration": [0.0, 0.0, 0.2, 0.1],
        }
    )
    table["x"] += shift
    table.attrs["geometry"] = {"screen": [100, 50], "space": "screen", "rate": 10.0}
    table.attrs["dropped"] = {"blink": 3}
    return table
'''


def rows(table: pd.DataFrame, *names: str) -> list[tuple]:
    """Return these columns (subject, frame, x, y when none is named), exact."""
    names = names or ("subject", "frame", "x", "y")
    return [tuple(row) for row in table[list(names)].to_numpy(dtype=object)]


def rounded(table: pd.DataFrame, *names: str) -> list[tuple]:
    """Return these columns, places and seconds to six digits after the point."""
    return rows(table.round({"time": 6, "x": 6, "y": 6, "duration": 6}), *names)


def lost(table: pd.DataFrame) -> dict[str, int]:
    return table.attrs["dropped"]
