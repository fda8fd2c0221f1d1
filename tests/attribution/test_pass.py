"""One pass: its parts agree with plain autograd, and methods share it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from vidsal import registry
from vidsal.attribution import _pass
from vidsal.attribution._pass import PASSES, capture, observe, sharing
from vidsal.attribution._taps import Keep
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel

FAMILY = [
    name
    for name in registry.names("attribution")
    if registry.entry("attribution", name).constants.get("SHARED_PASS")
]


def spent(function) -> tuple[int, int]:
    forward, backward = PASSES.forward, PASSES.backward
    function()
    return PASSES.forward - forward, PASSES.backward - backward


def settled(name: str) -> dict[str, object]:
    """What the constants of a method's file say of the pass it needs."""
    module = registry.module("attribution", name)
    collector = getattr(module, "COLLECT", None)
    return {
        "back": getattr(module, "BACK", "input"),
        "extra": [collector] if collector else [],
    }


def explained(method, model: VideoModel, clip: torch.Tensor) -> torch.Tensor | None:
    """The map of class 1, None when the method says that it cannot explain such a network."""
    try:
        return method(model, clip, 1)
    except InputError as error:
        if "cannot explain" not in str(error):
            raise
        return None


def test_family_is_marked():
    cams = ("grad_cam", "grad_cam_per_frame", "grad_cam_plus_plus", "xgrad_cam", "hires_cam")
    others = ("layer_cam", "eigen_cam", "saliency_tubes", "gradient", "input_x_gradient")
    assert {*cams, *others} <= set(FAMILY)


@pytest.mark.parametrize("name", FAMILY)
def test_a_method_asks_for_what_its_file_says(name, c3d):
    method, says = registry.load("attribution", name), settled(name)
    passes = (1, int(says["back"] != "nothing"))
    if explained(method, c3d.model, c3d.clips[0]) is None:
        return
    assert spent(lambda: method(c3d.model, c3d.clips[0], 1)) == passes
    with sharing(c3d.model, ["relu2"], **says):
        assert spent(lambda: method(c3d.model, c3d.clips[0], 1)) == passes


def test_logits_and_gradient(case, agrees):
    passes = [capture(case.model, *pair) for pair in zip(case.clips, case.targets, strict=True)]
    agrees(case, [one.logits for one in passes], case.expected["logits"])
    agrees(case, [one.gradient for one in passes], case.expected["grad"])
    assert passes[0].score == passes[0].logits[case.targets[0]].item()


def test_gradient_in_double_precision(case64, agrees):
    case = case64
    passes = [capture(case.model, *pair) for pair in zip(case.clips, case.targets, strict=True)]
    agrees(case, [one.gradient for one in passes], case.expected["grad"])


def test_activations_and_their_gradients(c3d, agrees):
    passes = [
        capture(c3d.model, *pair, layers=["relu2"])
        for pair in zip(c3d.clips, c3d.targets, strict=True)
    ]
    agrees(c3d, [one.activations["relu2"] for one in passes], c3d.expected["layer_act"])
    agrees(c3d, [one.gradients["relu2"] for one in passes], c3d.expected["layer_grad"])


def test_later_in_place_layers_do_not_reach_what_was_captured(c3d):
    found = capture(c3d.model, c3d.clips[0], 0, ["conv2", "relu2"])
    assert (found.activations["conv2"] < 0).any()
    torch.testing.assert_close(found.activations["conv2"].relu(), found.activations["relu2"])


def test_frame_wise_layers_are_unfolded(model, clip):
    layer = model.cam_layers[0]
    raw = []
    hook = model.net.get_submodule(layer).register_forward_hook(lambda *of: raw.append(of[2]))
    try:
        found = capture(model, clip, 0, [layer])
    finally:
        hook.remove()
    assert found.activations[layer].shape == found.gradients[layer].shape
    assert found.activations[layer].ndim == 4
    if model.frame_wise:
        # The network sees the frames as a batch, in order: (T,C,h,w).
        assert torch.equal(found.activations[layer].transpose(0, 1), raw[0].detach())


def test_the_family_shares_one_pass(model, clip):
    made = {name: explained(registry.load("attribution", name), model, clip) for name in FAMILY}
    apart = {name: heatmap for name, heatmap in made.items() if heatmap is not None}
    extra = [one for name in apart for one in settled(name)["extra"]]
    together = {}
    with sharing(model, model.cam_layers[:1], extra=extra):
        for name in apart:
            load = registry.load("attribution", name)
            cost = spent(lambda load=load, name=name: together.update({name: load(model, clip, 1)}))
            assert cost == ((0, 0) if len(together) > 1 else (1, 1))
    for name, alone in apart.items():
        assert torch.equal(alone, together[name]), name


def test_without_the_input_gradient_the_way_back_ends_at_the_layers(model, clip):
    layer = model.cam_layers[0]
    whole = capture(model, clip, 1, [layer])
    modes = []
    first = next(module for module in model.net.modules() if not list(module.children()))
    hook = first.register_forward_hook(lambda *of: modes.append(of[2].requires_grad))
    try:
        part = capture(model, clip, 1, [layer], gradient=False)
        seen = observe(model, clip, 1, [layer])
    finally:
        hook.remove()
    assert not any(modes)
    assert part.gradient is None
    assert torch.equal(part.activations[layer], whole.activations[layer])
    assert torch.equal(part.gradients[layer], whole.gradients[layer])
    assert seen.gradient is None
    assert not seen.gradients
    assert torch.equal(seen.activations[layer], whole.activations[layer])
    torch.testing.assert_close(seen.logits, whole.logits)


class Flops(TorchDispatchMode):
    """Counts the multiplications and additions of all operations that torch has a formula for."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func.overloadpacket):
            self.total += formula(*args, **(kwargs or {}), out_val=made)
        return made


def flops(function) -> int:
    with Flops() as counter:
        function()
    return counter.total


@pytest.mark.parametrize("name", ["r3d_18", "tsn", "swin3d_t"])
def test_a_way_back_to_the_last_layer_costs_next_to_nothing(name):
    """Counted in multiplications, so that a busy machine does not matter."""
    has = registry.entry("models", name).options
    small = {"backbone": "resnet18"} if "backbone" in has else {}
    model = registry.load("models", name)(3, size=[64, 64], length=4, **small)
    clip, layer = torch.zeros(3, 4, 64, 64), model.cam_layers[0]

    whole = flops(lambda: capture(model, clip, 1, [layer]))
    part = flops(lambda: capture(model, clip, 1, [layer], gradient=False))
    forward = flops(lambda: observe(model, clip, 1, [layer]))
    assert forward <= part <= 0.55 * whole


def test_a_caller_without_gradients_gets_them_all_the_same(c3d):
    outside = capture(c3d.model, c3d.clips[0], 1, ["relu2"])
    with torch.no_grad():
        inside = capture(c3d.model, c3d.clips[0], 1, ["relu2"])
    assert torch.equal(inside.gradient, outside.gradient)
    assert torch.equal(inside.gradients["relu2"], outside.gradients["relu2"])


def test_a_layer_before_another_is_reached_too(c3d):
    whole = capture(c3d.model, c3d.clips[0], 1, ["conv1", "relu2"])
    part = capture(c3d.model, c3d.clips[0], 1, ["relu2", "conv1"], gradient=False)
    for layer in ("conv1", "relu2"):
        assert torch.equal(part.gradients[layer], whole.gradients[layer])


def test_sharing_goes_as_far_back_as_anybody_needs(c3d):
    clip = c3d.clips[0]
    with sharing(c3d.model, ["relu2"], back="nothing"):
        assert spent(lambda: observe(c3d.model, clip, 0, ["relu2"])) == (1, 0)
        assert spent(lambda: observe(c3d.model, clip, 0)) == (0, 0)
        # Nobody announced this one, so it costs a pass of its own, which then serves the others.
        assert spent(lambda: capture(c3d.model, clip, 0, gradient=False)) == (1, 1)
        assert spent(lambda: observe(c3d.model, clip, 0, ["relu2"])) == (0, 0)
        assert spent(lambda: capture(c3d.model, clip, 0)) == (1, 1)
        assert spent(lambda: capture(c3d.model, clip, 0, ["relu2"], gradient=False)) == (0, 0)


def test_one_impossible_wish_stops_no_other(c3d):
    clip = c3d.clips[0]
    with sharing(c3d.model, ["relu2", "fc"]):
        found = capture(c3d.model, clip, 0, ["relu2"])
        assert spent(lambda: capture(c3d.model, clip, 0, ["relu2"])) == (0, 0)
        with pytest.raises(InputError, match="no feature map"):
            capture(c3d.model, clip, 0, ["fc"])
    assert torch.equal(found.gradient, capture(c3d.model, clip, 0).gradient)


@contextmanager
def pooled(model: VideoModel, keep: Keep) -> Iterator[None]:
    """Collect what the last layer of the reference network reads, at twice its size."""

    def hook(module: nn.Module, inputs: tuple) -> tuple:
        keep("plain", inputs[0], gradient=False)
        return (keep("doubled", 2 * inputs[0]) / 2,)

    handle = model.net.fc.register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@pytest.mark.parametrize("gradient", [True, False])
def test_collectors_keep_tensors_and_their_gradients(c3d, gradient):
    clip, weights = c3d.clips[0], c3d.model.net.fc.weight
    found = capture(c3d.model, clip, 3, gradient=gradient, extra=[pooled])
    torch.testing.assert_close(found.extra["doubled"], 2 * found.extra["plain"])
    torch.testing.assert_close(found.extra_gradients["doubled"][0], weights[3].detach() / 2)
    assert set(found.extra_gradients) == {"doubled"}
    torch.testing.assert_close(found.logits, capture(c3d.model, clip, 3).logits)
    assert not observe(c3d.model, clip, 3, extra=[pooled]).extra_gradients
    assert not any(value.requires_grad for value in found.extra.values())


def test_of_a_module_that_runs_twice_the_last_output_counts():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.relu, self.fc = nn.Conv3d(3, 4, 1), nn.ReLU(), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            inner = self.relu(self.conv(x))
            return self.fc(self.relu(inner - 0.1).mean(dim=(2, 3, 4)))

    torch.manual_seed(0)
    net = Twice()
    model = VideoModel("t", net, Preprocessing((4, 4), (0,) * 3, (1,) * 3), None, (), 2, 1, 2)
    clip = torch.randn(3, 2, 4, 4)
    found = capture(model, clip, 1, ["relu"])
    torch.testing.assert_close(
        found.activations["relu"], (net.conv(clip[None])[0].relu() - 0.1).relu().detach()
    )
    torch.testing.assert_close(
        found.gradients["relu"].flatten(1), (net.fc.weight[1, :, None] / 32).detach().expand(4, 32)
    )


def test_sharing_keeps_clips_and_targets_apart(c3d):
    first, second = c3d.clips
    with sharing(c3d.model, ["relu2"]):
        assert spent(lambda: capture(c3d.model, first, 0)) == (1, 1)
        assert spent(lambda: capture(c3d.model, second, 0)) == (1, 1)
        assert spent(lambda: capture(c3d.model, first, 1)) == (1, 1)
        assert spent(lambda: capture(c3d.model, first, 0, ["relu2"])) == (0, 0)
        shared = capture(c3d.model, second, 0)
    assert torch.equal(shared.gradient, capture(c3d.model, second, 0).gradient)
    assert not torch.equal(shared.gradient, capture(c3d.model, first, 0).gradient)


def test_sharing_runs_again_for_a_layer_that_nobody_announced(c3d):
    with sharing(c3d.model):
        assert spent(lambda: capture(c3d.model, c3d.clips[0], 0)) == (1, 1)
        assert spent(lambda: capture(c3d.model, c3d.clips[0], 0, ["conv1"])) == (1, 1)
        assert spent(lambda: capture(c3d.model, c3d.clips[0], 0, ["conv1"])) == (0, 0)


def test_sharing_sees_that_a_clip_was_changed(c3d):
    clip = c3d.clips[0].clone()
    with sharing(c3d.model):
        first = capture(c3d.model, clip, 0)
        clip *= 2
        assert spent(lambda: capture(c3d.model, clip, 0)) == (1, 1)
        assert not torch.equal(first.logits, capture(c3d.model, clip, 0).logits)


def test_sharing_forgets_the_oldest_and_ends(c3d):
    first, second = c3d.clips
    with sharing(c3d.model, keep=1):
        capture(c3d.model, first, 0)
        capture(c3d.model, second, 0)
        assert spent(lambda: capture(c3d.model, first, 0)) == (1, 1)
    assert spent(lambda: capture(c3d.model, first, 0)) == (1, 1)
    assert _pass._OPEN == []


def test_sharing_leaves_other_models_alone(c3d, model, clip):
    with sharing(c3d.model, ["relu2"]):
        assert spent(lambda: capture(model, clip, 0)) == (1, 1)
        assert spent(lambda: capture(model, clip, 0)) == (1, 1)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ("layer9", "has no such module; its feature maps are at relu2"),
        ("fc", "no feature map"),
        ("unused", "has no feature map"),
    ],
)
def test_layers_without_maps_are_refused(c3d, layer, reason):
    c3d.model.net.unused = nn.ReLU()
    try:
        with pytest.raises(InputError, match=reason):
            capture(c3d.model, c3d.clips[0], 0, [layer])
    finally:
        del c3d.model.net.unused
    assert not c3d.model.net.relu2._forward_hooks


def test_a_layer_beside_the_way_to_the_score_is_refused():
    class Aside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.aside = nn.Conv3d(3, 2, 1), nn.Conv3d(3, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.aside(x)
            return self.used(x).mean(dim=(2, 3, 4))

    preprocess = Preprocessing((4, 4), (0, 0, 0), (1, 1, 1))
    model = VideoModel("aside", Aside(), preprocess, None, ("used",), 2, 1, 2)
    with pytest.raises(InputError, match="does not depend on it"):
        capture(model, torch.zeros(3, 2, 4, 4), 0, ["aside"])


def test_recurrent_layers_run_without_cudnn_and_nothing_else_does():
    seen = []

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.lstm = nn.Conv3d(3, 4, 1), nn.LSTM(4, 2, batch_first=True)
            for module in (self.conv, self.lstm):
                module.register_forward_hook(
                    lambda module, *_: seen.append((module, torch.backends.cudnn.enabled))
                )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.lstm(self.conv(x).mean(dim=(3, 4)).transpose(1, 2))[0][:, -1]

    net = Net()
    model = VideoModel("n", net, Preprocessing((4, 4), (0,) * 3, (1,) * 3), None, (), 2, 1, 2)
    capture(model, torch.randn(3, 2, 4, 4), 0)
    assert seen == [(net.conv, True), (net.lstm, False)]
    assert torch.backends.cudnn.enabled
