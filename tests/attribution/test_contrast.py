"""One class against another, as one more logit that every method takes for a class."""

from __future__ import annotations

import copy

import pytest
import torch

from tests.attribution.conftest import reference
from tests.attribution.test_attribution_contract import METHODS, bound, build
from vidsal.attribution import _variants
from vidsal.attribution._contrast import contrasted
from vidsal.errors import InputError

# What is linear in the score is of a difference the difference.
SIGNED = {"input_x_gradient": {"absolute": False}, "hires_cam": {"relu": False}}
SIGNED |= {"grad_cam": {"relu": False}, "integrated_gradients": {"absolute": False, "steps": 3}}
SIGNED |= {"occlusion": {"window": [2, 8, 8]}, "linear_approximation": {}}
REFUSING = {"saliency_tubes", "saliency_tubes_keras", "class_feature_pyramids", "rise"}


def case(name):
    found = reference(name, torch.float32)
    with torch.no_grad():
        count = found.model.net(found.clips[:1]).shape[1]
    return found.model, found.clips[0], count


@pytest.mark.parametrize("name", ["c3d_a", "cnnlstm_a"])
@pytest.mark.parametrize("method", SIGNED)
def test_maps_of_a_difference_are_differences_of_maps(method, name):
    model, clip, count = case(name)
    function, options = bound(method)
    options |= SIGNED[method]
    first, second = (function(model, clip, target, **options) for target in (2, 0))
    with contrasted(model, 2, 0, count) as target:
        found = function(model, clip, target, **options)
    torch.testing.assert_close(found, first - second, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["c3d_a", "cnnlstm_a"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_takes_a_contrast_or_says_why_not(method, name):
    model, clip = build(name)
    with torch.no_grad():
        logits = model.net(clip[None])
    function, options = bound(method)

    def asked(target):
        try:
            return function(model, clip, target, **options)
        except InputError as error:
            return error

    alone = asked(1)
    with contrasted(model, 1, 0, logits.shape[1]) as target:
        found = asked(target)
    if isinstance(alone, InputError):
        assert isinstance(found, InputError)
    elif method in REFUSING:
        assert f"cannot explain {model.name} by a contrast" in str(found)
    else:
        assert not isinstance(found, InputError), found
        assert found.shape == alone.shape
        assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", ["c3d_a", "cnn_lstm"])
def test_no_trace_is_left(name):
    model, clip = build(name)
    own, names = type(model.net), [path for path, _ in model.net.named_modules()]
    with torch.no_grad():
        before = model.net(clip[None])
        with contrasted(model, 1, 0, before.shape[1]) as target:
            inside = model.net(clip[None])
            copied = copy.deepcopy(model.net)(clip[None])
            assert [path for path, _ in model.net.named_modules()] == names
            assert not model.net._forward_hooks
        after = model.net(clip[None])
    torch.testing.assert_close(inside[:, target], before[:, 1] - before[:, 0])
    assert torch.equal(inside[:, :target], before)
    assert torch.equal(copied, inside)
    assert torch.equal(after, before)
    assert type(model.net) is own


def test_features_of_frames_are_still_looked_at_once():
    model, clip = build("cnn_lstm")
    with contrasted(model, 1, 0, 3) as target:
        before = _variants._pass.PASSES.forward
        found = _variants.scores(model, [clip] * 5, target)
        assert _variants._pass.PASSES.forward - before == 1
    expected = _variants.logits(model, [clip])[0]
    torch.testing.assert_close(found, (expected[1] - expected[0]).expand(5))


def test_no_contrast_is_the_class_itself():
    model, _, count = case("c3d_a")
    with contrasted(model, 2, None, count) as target:
        assert target == 2
