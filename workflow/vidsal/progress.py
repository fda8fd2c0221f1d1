"""How far something long has come: a bar on a terminal, else a line in the log now and then."""

from __future__ import annotations

import logging
import sys
import time

from tqdm import tqdm

log = logging.getLogger(__name__)
EVERY_SECONDS = 10.0


class Progress:
    """Counts bytes of one file; use it as a context and call `add`.

    Args:
        label: what the user sees, such as `UCF101.zip`.
        start: bytes that are there already.
        total: bytes there will be, None when nobody knows.
    """

    def __init__(self, label: str, start: int = 0, total: int | None = None) -> None:
        """Show nothing yet."""
        self.label, self.done, self.total = label, start, total
        self.told = time.monotonic()
        shown = sys.stderr.isatty()
        bar = {"initial": start, "total": total, "desc": label, "unit": "B", "unit_scale": True}
        self.bar = tqdm(**bar, leave=False) if shown else None

    def __enter__(self) -> Progress:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()

    def add(self, count: int) -> None:
        """Say that `count` more bytes are there."""
        self.done += count
        if self.bar is not None:
            self.bar.update(count)
        elif time.monotonic() - self.told >= EVERY_SECONDS:
            self.told = time.monotonic()
            share = f" of {self.total / 1e6:.1f}" if self.total else ""
            log.info("%s: %.1f%s MB", self.label, self.done / 1e6, share)
