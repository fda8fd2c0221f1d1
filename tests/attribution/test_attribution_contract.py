"""What every method of the room promises, on every model of the room."""

from __future__ import annotations

import copy
import dataclasses
import random

import numpy as np
import pytest
import torch

from vidsal import config, registry
from vidsal.attribution import _pass, _variants

METHODS = registry.names("attribution")
# Fewer passes than the defaults, where a method has such an option.
CHEAP = {"steps": 3, "samples": 2, "window": [2, 16, 16]}


def bound(method: str):
    """The method and its options as the workflow hands them over."""
    known = registry.entry("attribution", method).options
    given = {key: value for key, value in CHEAP.items() if key in known}
    settings = {"attribution": {method: given}}
    options = config.bind(settings, config.choice(settings, "attribution", method))
    return registry.load("attribution", method), options


@pytest.fixture(params=METHODS)
def method(request):
    function, options = bound(request.param)
    return lambda model, clip, target: function(model, clip, target, **options)


def traces(net: torch.nn.Module) -> dict:
    """Everything that a method might leave behind."""
    modules = list(net.modules())
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    numbers = np.random.get_state()
    return {
        "hooks": [len(getattr(module, name)) for module in modules for name in hooks],
        "modes": [module.training for module in modules],
        "requires_grad": [parameter.requires_grad for parameter in net.parameters()],
        "grad": [None if p.grad is None else p.grad.clone() for p in net.parameters()],
        "values": {key: value.clone() for key, value in net.state_dict().items()},
        "random": [torch.get_rng_state(), random.getstate(), numbers[1].tolist(), numbers[2]],
        "switches": [
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
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
def unusual(model):
    """The model with mixed modes, frozen and unfrozen parameters, and a gradient."""
    modules, parameters = list(model.net.modules()), list(model.net.parameters())
    for number, module in enumerate(modules):
        module.training = number % 3 == 0
    for number, parameter in enumerate(parameters):
        parameter.requires_grad_(number % 2 == 0)
    parameters[0].grad = torch.ones_like(parameters[0])
    yield model
    model.net.eval().requires_grad_(True)
    parameters[0].grad = None


def test_no_trace(method, unusual, clip):
    before, original = traces(unusual.net), clip.clone()
    method(unusual, clip, 1)
    assert_equal(before, traces(unusual.net))
    assert torch.equal(clip, original)
    assert not clip.requires_grad
    assert clip.grad is None


def test_map(method, model, clip):
    heatmap = method(model, clip, 1)
    assert heatmap.dtype == torch.float32
    assert heatmap.ndim == 3
    assert all(size <= limit for size, limit in zip(heatmap.shape, clip.shape[1:], strict=True))
    assert torch.isfinite(heatmap).all()
    assert not heatmap.requires_grad
    assert not heatmap.is_inference()


def test_same_map_twice(method, model, clip):
    first = method(model, clip, 1)
    torch.rand(3)
    assert torch.equal(first, method(model, clip, 1))


def test_mode_does_not_matter(method, model, clip):
    expected = method(model, clip, 1)
    model.net.train()
    try:
        assert torch.equal(expected, method(model, clip, 1))
    finally:
        model.net.eval()


def test_batch_size_does_not_matter(method, model, clip):
    # In float64: in float32 another batch size may round a unit across the kink of its ReLU, and
    # then the gradient behind it jumps, which says nothing about how clips were put into batches.
    model = dataclasses.replace(model, net=copy.deepcopy(model.net).double())
    clip = clip.double()
    maps = []
    for size in (1, 3, 64):
        with _variants.batch(size):
            maps.append(method(model, clip, 1))
    for other in maps[1:]:
        assert (other - maps[0]).abs().max() <= 1e-5 * maps[0].abs().max()


def test_passes_do_not_depend_on_the_batch_size(method, model, clip):
    spent = []
    for size in (1, 5):
        forward, backward = _pass.PASSES.forward, _pass.PASSES.backward
        with _variants.batch(size):
            method(model, clip, 1)
        spent.append((_pass.PASSES.forward - forward, _pass.PASSES.backward - backward))
    assert spent[0] == spent[1]
    assert spent[0][0] > 0


@pytest.mark.parametrize("name", METHODS)
def test_an_impossible_target_is_refused(name, model, clip):
    function, options = bound(name)
    with pytest.raises(ValueError, match="target class 7"):
        function(model, clip, 7, **options)
