"""One pass: its parts agree with plain autograd, and methods share it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vidsal import registry
from vidsal.attribution import _pass
from vidsal.attribution._pass import PASSES, capture, sharing
from vidsal.errors import InputError
from vidsal.models import Preprocessing, VideoModel

FAMILY = ("gradient", "input_x_gradient", "grad_cam", "grad_cam_per_frame")


def spent(function) -> tuple[int, int]:
    forward, backward = PASSES.forward, PASSES.backward
    function()
    return PASSES.forward - forward, PASSES.backward - backward


def test_family_is_marked():
    marked = [
        name
        for name in registry.names("attribution")
        if registry.entry("attribution", name).constants.get("SHARED_PASS")
    ]
    assert marked == sorted(FAMILY)


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


def test_four_methods_share_one_pass(model, clip):
    methods = [registry.load("attribution", name) for name in FAMILY]
    apart = [method(model, clip, 1) for method in methods]
    together = []
    with sharing(model, model.cam_layers[:1]):
        cost = spent(lambda: together.extend(method(model, clip, 1) for method in methods))
    assert cost == (1, 1)
    for one, other in zip(apart, together, strict=True):
        assert torch.equal(one, other)


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
