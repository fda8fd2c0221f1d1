"""What every method of the room promises, on every kind of network that the room of models has."""

from __future__ import annotations

import copy
import dataclasses
import functools
import random

import numpy as np
import pytest
import torch

from tests.attribution import token_networks
from tests.attribution.conftest import reference
from vidsal import config, registry
from vidsal.attribution import _pass, _variants
from vidsal.errors import InputError

METHODS = registry.names("attribution")
# Fewer passes than the defaults, where a method has such an option.
CHEAP = {
    "steps": 3,
    "samples": 2,
    "iterations": 3,
    "window": [2, 16, 16],
    "cells": [2, 2],
    "depth": 1,
}
CHEAPER = {
    "regions": {"segments": [4, 8]},
    "temporal_rescaling_grouped": {"group": [1, 2]},
    "rise": {"cells": [2, 2, 2]},
    "lime": {"samples": 12, "segments": 8},
    "kernel_shap": {"samples": 12, "segments": 8},
}
# One of each kind: 3-D convolutions with in-place shortcuts, with branches, features of single
# frames before an LSTM and before a mean, frames that meet by shifts, tokens of two sorts.
ROOM = ["r3d_18", "s3d", "cnn_lstm", "tsn", "tsm", "mvit_v2_s", "swin3d_t"]
TINY = ["c3d_a", "cnnlstm_a", "vit_a"]
SIDE = {"mvit_v2_s": 64, "swin3d_t": 64}
# These take minutes in float64; vit_a and r3d_18 stand for them there.
SLOW = ["mvit_v2_s", "swin3d_t", "s3d"]
REFUSAL = "cannot explain"


def bound(method: str):
    """The method and its options as the workflow hands them over."""
    known = registry.entry("attribution", method).options
    wanted = CHEAP | CHEAPER.get(method, {})
    given = {key: value for key, value in wanted.items() if key in known}
    settings = {"attribution": {method: given}}
    options = config.bind(settings, config.choice(settings, "attribution", method))
    return registry.load("attribution", method), options


def build(name: str):
    """A network of the kind for 3 or more classes, and a clip for it."""
    torch.manual_seed(0)
    if name in TINY:
        case = token_networks.vit() if name == "vit_a" else reference(name, torch.float32)
        return case.model, case.clips[0]
    has = registry.entry("models", name).options
    small = {"backbone": "resnet18"} if "backbone" in has else {}
    side = SIDE.get(name, 32)
    made = registry.load("models", name)(3, size=[side, side], length=4, **small)
    made.net.eval()
    clip = torch.randn(3, 4, side, side, generator=torch.Generator().manual_seed(1))
    made.net(clip[None])  # some keep on themselves how many frames they saw last
    return made, clip


built = functools.cache(build)


@pytest.fixture(scope="module", params=[*TINY, *ROOM])
def kind(request):
    """Each kind of network and its clip."""
    return build(request.param)


@pytest.fixture(scope="module", params=[name for name in [*TINY, *ROOM] if name not in SLOW])
def quick(request):
    """The kinds of network that are quick in float64, and their clips."""
    return build(request.param)


@pytest.fixture(params=METHODS)
def method(request):
    """Each method with its options."""
    function, options = bound(request.param)

    def call(model, clip, target=1):
        return function(model, clip, target, **options)

    call.name = request.param
    return call


def asked(method, model, clip) -> torch.Tensor | None:
    """The map, or None where the method says in a sentence that it cannot explain the network."""
    said = f"{method.name} {REFUSAL} {model.name}"
    try:
        return method(model, clip)
    except InputError as error:
        if said not in str(error):
            raise
        return None


def traces(net: torch.nn.Module) -> dict:
    """Everything that a method might leave behind."""
    modules = list(net.modules())
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    numbers = np.random.get_state()
    return {
        "hooks": [len(getattr(module, name)) for module in modules for name in hooks],
        "modes": [module.training for module in modules],
        "own": [sorted(vars(module)) for module in modules],
        "requires_grad": [parameter.requires_grad for parameter in net.parameters()],
        "grad": [None if p.grad is None else p.grad.clone() for p in net.parameters()],
        "values": {key: value.clone() for key, value in net.state_dict().items()},
        "random": [torch.get_rng_state(), random.getstate(), numbers[1].tolist(), numbers[2]],
        "switches": [
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.backends.cudnn.enabled,
            torch.are_deterministic_algorithms_enabled(),
        ],
    }


def assert_equal(before: object, after: object, place: str = "") -> None:
    if isinstance(before, torch.Tensor):
        assert torch.equal(before, after), place
    elif isinstance(before, dict):
        assert before.keys() == after.keys(), place
        for key, value in before.items():
            assert_equal(value, after[key], f"{place}.{key}")
    elif isinstance(before, list):
        assert len(before) == len(after), place
        for number, value in enumerate(before):
            assert_equal(value, after[number], f"{place}[{number}]")
    else:
        assert before == after, place


@pytest.fixture
def unusual(kind):
    """The kind with mixed modes, frozen and unfrozen parameters, and a gradient."""
    model, clip = kind
    modules, parameters = list(model.net.modules()), list(model.net.parameters())
    for number, module in enumerate(modules):
        module.training = number % 3 == 0
    for number, parameter in enumerate(parameters):
        parameter.requires_grad_(number % 2 == 0)
    parameters[0].grad = torch.ones_like(parameters[0])
    yield model, clip
    model.net.eval().requires_grad_(True)
    parameters[0].grad = None


def test_no_trace_a_proper_map_and_the_same_one_again(method, unusual):
    model, clip = unusual
    before, original = traces(model.net), clip.clone()
    heatmap = asked(method, model, clip)
    assert_equal(before, traces(model.net))
    assert torch.equal(clip, original)
    assert not clip.requires_grad
    assert clip.grad is None
    if heatmap is not None:
        check_map(heatmap, clip)
        torch.rand(3)
        model.net.eval()
        # Neither the random state, nor the mode, nor how often it was asked before matters.
        for _ in range(9 if model.name in TINY else 1):
            again = method(model, clip)
        assert torch.equal(heatmap, again)


def check_map(heatmap: torch.Tensor, clip: torch.Tensor) -> None:
    assert heatmap.dtype == torch.float32
    assert heatmap.ndim == 3
    assert all(size <= limit for size, limit in zip(heatmap.shape, clip.shape[1:], strict=True))
    assert torch.isfinite(heatmap).all()
    assert not heatmap.requires_grad
    assert not heatmap.is_inference()


def test_batch_size_does_not_matter(method, quick):
    model, clip = quick
    # In float64: in float32 another batch size may round a unit across the kink of its ReLU, and
    # then the gradient behind it jumps, which says nothing about how clips were put into batches.
    model = dataclasses.replace(model, net=copy.deepcopy(model.net).double())
    maps, spent = [], []
    for size in (2, 64):
        before = _pass.PASSES.forward, _pass.PASSES.backward
        with _variants.batch(size):
            maps.append(asked(method, model, clip.double()))
        spent.append((_pass.PASSES.forward - before[0], _pass.PASSES.backward - before[1]))
    if maps[0] is not None:
        assert spent[0] == spent[1]
        assert spent[0][0] > 0
        assert (maps[1] - maps[0]).abs().max() <= 1e-5 * maps[0].abs().max()


@pytest.mark.parametrize("name", METHODS)
def test_an_impossible_target_is_refused(name):
    function, options = bound(name)
    refusals = []
    for model, clip in map(built, [*TINY, "cnn_lstm"]):
        with pytest.raises(ValueError, match=f"target class 7|{REFUSAL}") as caught:
            function(model, clip, 7, **options)
        refusals.append("target class 7" in str(caught.value))
    assert any(refusals), f"{name} explains none of them"
