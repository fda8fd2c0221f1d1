"""What room files say of themselves: which scores are good when small, which maps are ceilings.

A metric says `LOWER_IS_BETTER = True`, a control `CEILING = True`; variants of the config inherit.
"""

from __future__ import annotations

from collections.abc import Collection

from vidsal import choosing, registry
from vidsal import config as settings


def lower_is_better(config: dict) -> set[str]:
    """Return the metrics of a run whose small values are the good ones."""
    return _stating(config, "metrics", "LOWER_IS_BETTER", choosing.LOWER_IS_BETTER)


def ceilings(config: dict) -> set[str]:
    """Return the controls of a run that are no floor but a ceiling."""
    return _stating(config, "controls", "CEILING", choosing.CEILINGS)


def _stating(config: dict, key: str, constant: str, known: Collection[str]) -> set[str]:
    """Return the names under `run:` whose file says that a constant is so, or which are known."""
    room, found = settings.RUN_LISTS[key], set()
    for name in settings.chosen(config, key):
        method = settings.choice(config, room, name).method
        stated = registry.entry(room, method, config.get("rooms")).constants
        if stated.get(constant, method in known):
            found.add(name)
    return found
