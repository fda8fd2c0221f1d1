"""Variants: batches change nothing, and nothing more than a batch is held."""

from __future__ import annotations

import pytest
import torch

from vidsal.attribution import _variants
from vidsal.attribution._pass import PASSES, capture
from vidsal.errors import InputError


def test_scores_and_gradients_are_those_of_single_passes(case):
    passes = [capture(case.model, clip, 1) for clip in case.clips]
    scores = _variants.scores(case.model, case.clips, 1)
    gradients = list(_variants.gradients(case.model, case.clips, 1))
    torch.testing.assert_close(scores, torch.tensor([one.score for one in passes]))
    for gradient, one in zip(gradients, passes, strict=True):
        torch.testing.assert_close(gradient, one.gradient)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_every_variant_is_counted_once(c3d, size):
    variants = [c3d.clips[0] * factor for factor in (0.2, 0.4, 0.6, 0.8, 1.0)]
    forward, backward = PASSES.forward, PASSES.backward
    scores = _variants.scores(c3d.model, variants, 0, batch_size=size)
    gradients = list(_variants.gradients(c3d.model, variants, 0, batch_size=size))
    assert scores.shape == (5,)
    assert len(gradients) == 5
    assert (PASSES.forward - forward, PASSES.backward - backward) == (10, 5)


def test_only_one_batch_is_drawn_ahead(c3d):
    drawn = []

    def variants():
        for number in range(6):
            drawn.append(number)
            yield c3d.clips[0]

    with _variants.batch(2):
        found = _variants.gradients(c3d.model, variants(), 0)
        next(found)
    assert drawn == [0, 1]


def test_batch_is_put_back(c3d):
    with pytest.raises(InputError), _variants.batch(3):
        _variants.scores(c3d.model, c3d.clips, 99)
    assert _variants._SIZES == [8]


def test_logits_and_probabilities_are_those_of_the_network(case):
    with torch.no_grad():
        expected = case.model.net(case.clips)
    torch.testing.assert_close(_variants.logits(case.model, case.clips), expected)
    found = _variants.probabilities(case.model, case.clips, 1, batch_size=1)
    torch.testing.assert_close(found, expected.softmax(dim=1)[:, 1])
    assert not found.is_inference()


def test_the_batch_size_in_force_can_be_asked():
    with _variants.batch(3):
        assert _variants.batch_size() == 3
    assert _variants.batch_size() == 8
