"""bfloat16 in the trunk, float32 in the head: near the answer, and nothing left behind."""

from __future__ import annotations

import copy
import dataclasses
import math

import pytest
import torch

from vidsal import registry
from vidsal.attribution import _frames, _variants
from vidsal.attribution._fidelity import fidelity, pooled
from vidsal.attribution._pass import capture
from vidsal.attribution._precision import current, precision, trunk
from vidsal.errors import InputError


def dtypes(model, run) -> dict[str, torch.dtype]:
    """What every module with parameters puts out while `run` runs."""
    seen = {}

    def hook(name):
        def keep(module, inputs, output):
            if isinstance(output, torch.Tensor):
                seen[name] = output.dtype

        return keep

    parts = {name: part for name, part in model.net.named_modules() if list(part.parameters(False))}
    hooks = [part.register_forward_hook(hook(name)) for name, part in parts.items()]
    run()
    for one in hooks:
        one.remove()
    return seen


def asked(model, clip, kind: str) -> torch.Tensor:
    with precision(kind):
        return _variants.logits(model, [clip, clip.flip(1)])


def test_answers_and_gradients_are_near_on_every_network(model, clip):
    layer = model.cam_layers[0]
    full = capture(model, clip, 1, [layer])
    with precision("bf16"):
        half = capture(model, clip, 1, [*model.cam_layers])
    assert not torch.equal(full.logits, half.logits)
    # bfloat16 has 8 bits: 0.4 % per step, of activations that are far larger than their sum.
    assert (full.logits - half.logits).abs().max() <= 0.05 * full.logits.abs().max()
    for one in (half.gradient, half.logits, *half.activations.values(), *half.gradients.values()):
        assert one.dtype == torch.float32
    maps = [pooled(found.gradient.abs().sum(dim=0)).flatten() for found in (full, half)]
    assert torch.corrcoef(torch.stack(maps))[0, 1] > 0.9
    for kind in ("activations", "gradients"):
        one, other = (getattr(found, kind)[layer] for found in (full, half))
        assert (one - other).norm() <= 0.1 * one.norm()


def test_the_trunk_is_bfloat16_and_the_head_float32(model, clip):
    seen = dtypes(model, lambda: asked(model, clip, "bf16"))
    assert sum(dtype == torch.bfloat16 for dtype in seen.values()) >= 0.3 * len(seen)
    # The last linear layer gives the logits.
    assert list(seen.values())[-1] == torch.float32


@pytest.fixture(scope="module", params=["cnn_lstm", "mc3_18"])
def network(request):
    has = registry.entry("models", request.param).options
    small = {"backbone": "resnet18"} if "backbone" in has else {}
    built = registry.load("models", request.param)(3, size=[32, 32], length=4, **small)
    built.net.eval()
    return built


def test_fp32_is_what_it_was(network, clip):
    both = torch.stack([clip, clip.flip(1)])
    with torch.inference_mode():
        expected = network.net(both)
        with trunk(network):
            assert torch.equal(network.net(both), expected)
    if network.frame_features is None:
        assert torch.equal(asked(network, clip, "fp32"), expected)


def test_nothing_is_left_behind(network, clip):
    state = {name: value.clone() for name, value in network.net.state_dict().items()}
    asked(network, clip, "bf16")
    with pytest.raises(InputError), precision("bf16"):
        _variants.scores(network, [clip], 99)
    assert not torch.is_autocast_enabled("cpu")
    assert torch.is_autocast_cache_enabled()
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in network.net.modules())
    for name, value in network.net.state_dict().items():
        assert torch.equal(value, state[name])
        assert value.stride() == state[name].stride()


def test_features_of_another_precision_are_not_remembered(clip):
    torch.manual_seed(0)
    network = registry.load("models", "tsn")(3, size=[32, 32], length=4)
    network.net.eval()
    with _frames.remembering(network):
        full = asked(network, clip, "fp32")
        half = asked(network, clip, "bf16")
    assert torch.equal(half, asked(network, clip, "bf16"))
    assert not torch.equal(half, full)


def test_networks_without_known_layers_are_bfloat16_to_the_end(c3d):
    bare = dataclasses.replace(c3d.model, cam_layers=())
    clip = c3d.clips[0]
    full = asked(bare, clip, "fp32")
    half = asked(bare, clip, "bf16")
    assert half.dtype == torch.float32
    assert (full - half).abs().max() <= 0.05 * full.abs().max()


def test_fidelity_is_measured(c3d):
    found = fidelity(c3d.model, c3d.clips[0], 1)
    assert 0.9 < found["bf16_fidelity_gradient"] < 1
    assert found["bf16_fidelity_logits"] == pytest.approx(1, abs=0.2)
    assert current() == "fp32"


def test_fidelity_of_one_class_has_no_rank(c3d):
    net = copy.deepcopy(c3d.model.net)
    net.fc = torch.nn.Linear(net.fc.in_features, 1)
    found = fidelity(dataclasses.replace(c3d.model, net=net), c3d.clips[0], 0)
    assert math.isnan(found["bf16_fidelity_logits"])


def test_boxes_are_means():
    heatmap = torch.arange(4 * 16 * 16.0).reshape(4, 16, 16)
    assert pooled(heatmap).shape == (2, 8, 8)
    torch.testing.assert_close(pooled(heatmap)[1, 0, 0], heatmap[2:, :2, :2].mean())
    assert pooled(heatmap[:1, :3, :5]).shape == (1, 3, 5)


def test_another_word_is_refused():
    with pytest.raises(InputError, match="take fp32 or bf16"), precision("fp16"):
        pass
