"""Values of a config against the annotations of the options that they are given to."""

from __future__ import annotations

import pytest

from vidsal import registry
from vidsal._annotations import misfit

SIDES = 'Literal["left", "both"]'


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1, "int"),
        (1, "float"),
        (1.5, "float | None"),
        (None, "float | None"),
        (True, "bool"),
        ("x", "str | int | None"),
        ([1, 2], "list[int]"),
        ([1, 2.5], "list[float] | None"),
        ([], "list[str]"),
        ({"a": 1}, "dict | None"),
        ("left", SIDES),
        (None, f"{SIDES} | None"),
        ([0, 0, 5, 5], 'list[float] | Literal["fit"]'),
        ("fit", 'list[float] | Literal["fit"]'),
        (2, "Literal[1, 2]"),
        (object(), "np.ndarray"),
        ("occlusion", "Method"),
    ],
)
def test_what_fits(value, annotation):
    assert misfit(value, annotation) == ""


@pytest.mark.parametrize(
    ("value", "annotation", "sentence"),
    [
        ("many", "int", "'many' is no int"),
        (1.5, "int", "1.5 is no int"),
        (True, "int", "True is no int"),
        (True, "float | None", "True is no float | None"),
        (None, "int", "None is no int"),
        (5, "list[int]", "5 is no list[int]"),
        ([1, "2"], "list[int]", "[1, '2'] is no list[int]"),
        ([1, 2.5], "list[int] | None", "[1, 2.5] is no list[int] | None"),
        ("lef", SIDES, "'lef' is not known; did you mean 'left'?"),
        (7, SIDES, "7 is not known; known: both, left"),
        (True, "Literal[1, 2]", "True is not known; known: 1, 2"),
        (2017, 'Literal["2017"]', "2017 is not known; did you mean '2017'?"),
        ("center", 'list[float] | Literal["centre", "fit"]', "did you mean 'centre'?"),
        # PyYAML reads a number without a point as a text.
        ("1e-4", "float", "write it with a point, as in 1.0e-4"),
    ],
)
def test_what_does_not_fit(value, annotation, sentence):
    assert sentence in misfit(value, annotation)


def test_every_default_fits_its_annotation():
    for room in registry.ROOMS:
        for name in registry.names(room):
            for key, option in registry.entry(room, name).options.items():
                assert misfit(option.default, option.annotation) == "", (room, name, key)
