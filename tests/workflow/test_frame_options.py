"""Crop, resize, grey and every n-th frame in a config: accepted, refused, and part of a run."""

from __future__ import annotations

import copy

import pytest
import yaml

from vidsal import config as settings
from vidsal import preparing
from vidsal.errors import InputError


@pytest.fixture
def checked(root):
    """Checks the demo's config with some of its `video:` replaced."""
    config = yaml.safe_load((root / "config.yaml").read_text())
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())

    def check(**change):
        made = copy.deepcopy(config)
        made["video"] |= change
        settings.check(made, schema)
        return made

    return check


@pytest.mark.parametrize(
    "change",
    [
        {"crop": None, "resize": None, "grey": False, "every": 1},
        {"crop": "centre", "resize": [112, 112], "grey": True, "every": 5},
        {"crop": [0, 10, 320, 240]},
    ],
    ids=str,
)
def test_values_that_are_meant(checked, change):
    checked(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"crop": "middle"},
        {"crop": [0, 0, 320]},
        {"crop": [0, 0, 320, 0]},
        {"crop": [-1, 0, 320, 240]},
        {"crop": [0, 0, 320.5, 240]},
        {"resize": 112},
        {"resize": [112]},
        {"resize": [112, 8]},
        {"resize": [112, 100_000]},
        {"grey": 1},
        {"every": 0},
        {"every": 1.5},
    ],
    ids=str,
)
def test_values_that_cannot_be_meant(checked, change):
    with pytest.raises(InputError, match=rf"video\.{next(iter(change))}"):
        checked(**change)


def test_every_option_of_the_stage_is_in_the_config(checked):
    assert set(preparing.FRAME_OPTIONS) <= set(checked()["video"])


def test_dry_run_with_all_of_them(fresh):
    video = {"crop": "centre", "resize": [48, 48], "grey": True, "every": 2}
    fresh.change_config({"video": video})
    planned = fresh.planned()
    assert planned["extract_frames"] >= 1
    assert planned["explain"] >= 1
