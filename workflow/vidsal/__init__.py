"""vidsal: where and when a video network looks, whether that is true, and whether people agree."""

from __future__ import annotations


def __getattr__(name: str) -> str:
    # Lazily, so that a new version number is not a change of the code that fingerprints see.
    if name == "__version__":
        from vidsal._version import version

        return version()
    raise AttributeError(name)
