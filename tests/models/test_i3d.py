"""I3D pads as TensorFlow does and gives what its port gave; flow is a network of its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models import parity
from vidsal.attribution._pass import capture
from vidsal.errors import InputError
from vidsal.models.i3d import i3d, same

FIXTURE = "d1_i3d_rgb"


def clip():
    return parity.clip("clip_rgb_112", **parity.KINETICS, repeat=2)


@pytest.mark.parametrize(("epsilon", "prefix"), [(1e-5, "module."), (1e-3, "")])
def test_logits_are_the_originals(tmp_path, epsilon, prefix):
    path = parity.saved(tmp_path, parity.state(FIXTURE), prefix=prefix)
    net = i3d(400, weights=path, epsilon=epsilon).net.eval()
    with torch.inference_mode():
        logits = net(clip())[0]
    parity.compare(FIXTURE, f"logits_bn_eps_{'1e-5' if epsilon < 1e-4 else '1e-3'}", logits)


def test_grad_cam_is_the_originals(tmp_path):
    model = i3d(400, weights=parity.saved(tmp_path, parity.state(FIXTURE)), epsilon=1e-5)
    label = parity.recipe(FIXTURE)["label"]
    found = capture(model, clip()[0], label, model.cam_layers[:1])
    maps, gradients = found.activations["mixed_5c"], found.gradients["mixed_5c"]
    cam = (maps * gradients.mean(dim=(2, 3), keepdim=True)).sum(0).relu()
    parity.compare(FIXTURE, "gradcam_mixed_5c_raw", cam.repeat_interleave(8, dim=0))


@pytest.mark.parametrize("size", range(1, 10))
@pytest.mark.parametrize(("window", "stride"), [(1, 1), (3, 1), (2, 2), (3, 2), (7, 2)])
def test_same_is_tensorflows(size, window, stride):
    maps = torch.ones(1, 1, size, size, size)
    padded = same(maps, (window,) * 3, (stride,) * 3)
    cells = -(-size // stride)
    assert padded.unfold(2, window, stride).shape[2] == cells
    total = max((cells - 1) * stride + window - size, 0)
    assert padded.shape[2:] == (size + total,) * 3
    assert padded[0, 0, total // 2, total // 2, total // 2] == 1
    assert padded[0, 0, : total // 2].sum() == 0


def moved(pixels):
    """Six frames of a texture that moves to the right by so many pixels per frame."""
    texture = np.random.default_rng(0).integers(0, 256, (8, 16, 3), dtype=np.uint8)
    texture = texture.repeat(8, axis=0).repeat(8, axis=1)
    return np.stack([np.roll(texture, pixels * frame, axis=1) for frame in range(6)])


def test_flow_is_what_moves():
    model = i3d(3, modality="flow", size=[64, 128], length=6)
    found = model.preprocess(moved(4))
    assert found.shape == (2, 6, 64, 128)
    middle = found[:, :, 16:48, 32:96].flatten(2).median(dim=-1).values * 20
    torch.testing.assert_close(middle, torch.tensor([[4.0], [0.0]]).expand(2, 6), atol=0.5, rtol=0)
    # Still pictures: nothing but what the filters do at the edges.
    assert model.preprocess(moved(0)).abs().max() * 20 < 0.1
    assert model.preprocess.black().shape == (2, 1, 1, 1)
    with torch.inference_mode():
        assert model.net.eval()(found[None]).shape == (1, 3)


def test_unknown_modalities_are_refused():
    with pytest.raises(InputError, match="modality 'depth' is unknown; take rgb or flow"):
        i3d(3, modality="depth")
