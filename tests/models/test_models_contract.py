"""What every file of the room of models promises."""

from __future__ import annotations

import pytest
import torch

from vidsal import registry
from vidsal.errors import InputError
from vidsal.models import VideoModel

OPTIONS = [{"length": 0}, {"hop": 0}, {"mode": "fit"}, {"size": [32]}, {"sampling": "sliding"}]
COMMON = {"size", "mode", "length", "stride", "hop", "sampling", "weights", "new_head"}


def test_it_is_a_video_model(model):
    assert isinstance(model, VideoModel)
    assert model.name in registry.names("models")
    assert (model.length, model.stride, model.hop) == (4, 2, 8)


def test_common_options(model):
    options = registry.entry("models", model.name).options
    assert set(options) >= COMMON


def test_frames_become_logits(model, frames):
    clip = model.preprocess(frames)
    assert clip.shape == (3, 4, 32, 48)
    assert clip.dtype == torch.float32
    with torch.inference_mode():
        logits = model.net(clip[None])
    assert logits.shape == (1, 3)
    assert torch.isfinite(logits).all()


def test_clips_of_a_batch_do_not_meet(model):
    clips = torch.randn(3, 3, 4, 32, 48, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        together = model.net(clips)
        apart = torch.cat([model.net(clip[None]) for clip in clips])
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-5)


def test_cam_layers_exist(model):
    modules = dict(model.net.named_modules())
    assert model.cam_layers
    assert all(layer in modules for layer in model.cam_layers)


def test_frame_wise_says_what_the_cam_layer_sees(model):
    seen = []
    module = model.net.get_submodule(model.cam_layers[0])
    hook = module.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    with torch.inference_mode():
        model.net(torch.zeros(2, 3, 4, 32, 48))
    hook.remove()
    assert seen[0][0] == (2 * 4 if model.frame_wise else 2)
    assert len(seen[0]) == (4 if model.frame_wise else 5)


def test_weights_go_round(model, tmp_path):
    path = tmp_path / "weights.pt"
    torch.save({"state_dict": model.net.state_dict(), "categories": ["a", "b", "c"]}, path)
    torch.manual_seed(99)
    again = registry.load("models", model.name)(3, size=[32, 48], length=4, weights=str(path))
    again.net.eval()
    clip = torch.randn(1, 3, 4, 32, 48, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        torch.testing.assert_close(again.net(clip), model.net(clip), rtol=0, atol=0)
    assert again.categories == ["a", "b", "c"]


def test_weights_for_other_classes_are_refused(model, tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(model.net.state_dict(), path)
    with pytest.raises(InputError, match=r"of another shape: .* instead of 5"):
        registry.load("models", model.name)(5, size=[32, 48], weights=str(path))


@pytest.mark.parametrize("option", OPTIONS)
def test_impossible_options_are_refused(model, option):
    with pytest.raises(InputError, match=next(iter(option))):
        registry.load("models", model.name)(3, **option)
