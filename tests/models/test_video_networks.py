"""What the networks that read whole clips have in common: any size, gradients everywhere."""

from __future__ import annotations

import pytest
import torch
from torchvision.models import get_model_weights, video

from tests.models import parity
from vidsal import registry

TORCHVISION = ("r3d_18", "mc3_18", "r2plus1d_18", "s3d", "mvit_v2_s", "swin3d_t")
NETWORKS = (*TORCHVISION, "i3d", "mfnet_3d", "cnn_lstm", "cnn_lstm_attention")


@pytest.fixture(params=NETWORKS)
def model(request):
    torch.manual_seed(0)
    return registry.load("models", request.param)(3, size=[32, 48], length=4)


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 33, 47), (9, 64, 40)])
def test_any_size_and_length_and_twice_the_same(model, shape):
    clips = drawn(2, 3, *shape)
    model.net.eval()
    with torch.inference_mode():
        logits = model.net(clips)
        assert logits.shape == (2, 3)
        assert torch.isfinite(logits).all()
        assert torch.equal(model.net(clips), logits)


def test_a_training_step_reaches_every_trainable_tensor(model):
    assert parity.dead(model.net, drawn(4, 3, 4, 32, 48)) == []


def test_what_is_not_trainable_changes_nothing(model):
    clips, idle = drawn(2, 3, 4, 32, 48), [p for p in model.net.parameters() if not p.requires_grad]
    model.net.eval()
    with torch.inference_mode():
        logits = model.net(clips)
        for tensor in idle:
            tensor.add_(drawn(*tensor.shape))
        torch.testing.assert_close(model.net(clips), logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", TORCHVISION)
def test_the_network_is_torchvisions(name):
    torch.manual_seed(3)
    ours = registry.load("models", name)(4).net
    torch.manual_seed(3)
    theirs = getattr(video, name)(num_classes=4)
    mine, its = ours.state_dict(), theirs.state_dict()
    assert list(mine) == list(its)
    assert all(torch.equal(mine[key], its[key]) for key in its)


@pytest.mark.parametrize("name", TORCHVISION)
def test_weights_are_those_that_torchvision_names(name):
    told = registry.entry("models", name).constants["WEIGHTS"]["kinetics400"]
    published = get_model_weights(name).KINETICS400_V1
    assert told["url"] == published.url
    assert told["sha256"] == published.url.rsplit("-", 1)[1].removesuffix(".pth")
    preset = published.transforms()
    assert told["size"] == preset.crop_size
    options = {key: told[key] for key in ("size", "mode", "length", "stride")}
    preprocess = registry.load("models", name)(400, **options).preprocess
    assert list(preprocess.mean) == preset.mean
    assert list(preprocess.std) == preset.std
    text = published.meta["_docs"]
    rate = 30 / told["stride"]
    assert f"`clip_len={told['length']}`" in text
    assert f"`frame_rate={rate:g}`" in text
