"""Feature maps are read as each kind of network lays them out."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from vidsal.attribution._maps import grids, unfold
from vidsal.errors import InputError

SHAPE = (8, 48, 40)
PATCH = (2, 8, 8)


@pytest.fixture
def tokens(c3d):
    return dataclasses.replace(c3d.model, tokens=PATCH)


def numbered(*shape):
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).view(shape)


def test_grids_halve_rows_and_columns():
    assert list(grids(PATCH, SHAPE)) == [(4, 6, 5), (4, 3, 3), (4, 2, 2), (4, 1, 1)]
    assert list(grids(PATCH, (7, 41, 8))) == [(4, 6, 1), (4, 3, 1), (4, 2, 1), (4, 1, 1)]


@pytest.mark.parametrize("grid", [(4, 6, 5), (4, 3, 3)])
@pytest.mark.parametrize("first", [0, 1])
def test_tokens_are_laid_out_in_time_rows_columns(tokens, grid, first):
    maps = numbered(7, *grid)
    listed = torch.cat([torch.full((first, 7), -1.0), maps.flatten(1).T])[None]
    assert torch.equal(unfold(tokens, "x", listed, SHAPE), maps)


def test_channels_last_and_first_are_told_apart(tokens):
    maps = numbered(7, 4, 6, 5)
    assert torch.equal(unfold(tokens, "x", maps.movedim(0, -1)[None], SHAPE), maps)
    assert torch.equal(unfold(tokens, "x", maps[None], SHAPE), maps)


def test_frames_are_put_beside_each_other(c3d):
    frames = dataclasses.replace(c3d.model, frame_wise=True)
    value = numbered(8, 3, 2, 2)
    found = unfold(frames, "x", value, SHAPE)
    assert torch.equal(found[:, 5], value[5])


@pytest.mark.parametrize(
    ("kind", "shape", "wanted"),
    [
        ({}, (1, 6), "(1,C,T,h,w)"),
        ({}, (8, 3, 2, 2), "(1,C,T,h,w)"),
        ({}, (2, 3, 4, 2, 2), "(1,C,T,h,w)"),
        ({}, (1, 31, 7), "(1,C,T,h,w)"),
        ({"frame_wise": True}, (7, 3, 2, 2), "(T,C,h,w)"),
        ({"tokens": PATCH}, (1, 123, 7), "tokens"),
        ({"tokens": PATCH}, (1, 7, 4, 5, 6), "tokens"),
    ],
)
def test_what_is_no_map_is_refused(c3d, kind, shape, wanted):
    model = dataclasses.replace(c3d.model, **kind)
    with pytest.raises(InputError) as refused:
        unfold(model, "x", torch.zeros(shape), SHAPE)
    assert wanted in str(refused.value)
    assert str(shape) in str(refused.value)
