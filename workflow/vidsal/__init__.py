"""vidsal: where and when a video network looks, whether that is true, and whether people agree."""

from __future__ import annotations

from importlib import import_module

# What a notebook asks for, and where it is.
LAZY = {
    "explain": "vidsal.notebooks",
    "load_model": "vidsal.model_folders",
    "save_model": "vidsal.model_folders",
    "InputError": "vidsal.errors",
}


def __getattr__(name: str) -> object:
    # Lazily, so that `import vidsal` stays quick, and a new version number or what a notebook opens
    # is no change of the code that fingerprints see.
    if name == "__version__":
        from vidsal._version import version

        return version()
    if name in LAZY:
        return getattr(import_module(LAZY[name]), name)
    raise AttributeError(f"module 'vidsal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *LAZY])
