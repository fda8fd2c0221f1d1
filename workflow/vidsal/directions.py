"""What room files say of themselves: which scores are good when small, which maps are ceilings.

A metric says `LOWER_IS_BETTER = True`, a control `CEILING = True`; variants of the config inherit.
"""

from __future__ import annotations

from vidsal import config as settings
from vidsal import registry

LOWER, CEILING = "LOWER_IS_BETTER", "CEILING"


def lower_is_better(config: dict) -> set[str]:
    """Return the metrics of a run whose small values are the good ones."""
    return _chosen(config, "metrics", LOWER)


def ceilings(config: dict) -> set[str]:
    """Return the controls of a run that are no floor but a ceiling."""
    return _chosen(config, "controls", CEILING)


def stating(room: str, constant: str) -> frozenset[str]:
    """Return the names in a room of the package whose file says that a constant is so."""
    names = registry.names(room)
    return frozenset(name for name in names if registry.entry(room, name).constants.get(constant))


def _chosen(config: dict, key: str, constant: str) -> set[str]:
    """Return the names under `run:` whose file says that a constant is so."""
    room, found = settings.RUN_LISTS[key], set()
    for name in settings.chosen(config, key):
        method = settings.choice(config, room, name).method
        if registry.entry(room, method, config.get("rooms")).constants.get(constant):
            found.add(name)
    return found
