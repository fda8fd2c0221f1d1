"""The version number, in one place."""

from __future__ import annotations

VERSION = "0.1.0"


def version() -> str:
    """Return the version of this vidsal."""
    return VERSION
