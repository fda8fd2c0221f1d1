"""The 3D ResNets in MMAction2's form: their shapes, and what image networks say of them."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn
from torchvision.models import resnet50, video

from tests.models import parity
from vidsal import registry
from vidsal.models._resnet_3d import Factored, Recogniser
from vidsal.models.i3d_resnet50 import i3d_resnet50
from vidsal.models.r2plus1d_34 import r2plus1d_34
from vidsal.models.slow_only import slow_only

# Published checkpoint -> (model file, parameters that the original counts with 400 classes).
PUBLISHED = {
    "mmaction2_i3d_r50": ("i3d_resnet50", 28_043_472),
    "mmaction2_slowonly_r50": ("slow_only", 32_454_096),
    "mmaction2_r2plus1d_r34": ("r2plus1d_34", 63_759_281),
}
NAMES = [name for name, _ in PUBLISHED.values()]
# Model -> (T,h,w) of the last map of a clip of 32 frames of 64 x 96 px.
LAST = {"i3d_resnet50": (4, 2, 3), "slow_only": (32, 2, 3), "r2plus1d_34": (4, 2, 3)}


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def built(name, count=3, **options):
    torch.manual_seed(0)
    model = registry.load("models", name)(count, **options)
    model.net.eval()
    return model


def run(net, layer, clips):
    """What a layer gives for clips."""
    seen = []
    hook = net.get_submodule(layer).register_forward_hook(lambda *a: seen.append(a[2]))
    with torch.inference_mode():
        net(clips)
    hook.remove()
    return seen[0]


@pytest.mark.parametrize("published", PUBLISHED)
def test_published_checkpoints_fit(published, tmp_path):
    name, parameters = PUBLISHED[published]
    weights = parity.shapes(published)
    path = parity.saved(tmp_path, weights, wrapper="state_dict", meta={})
    net = built(name, 400, weights=path).net
    assert sum(one.numel() for one in net.parameters()) == parameters
    renamed = {re.sub(r"^(backbone|cls_head)\.(fc_cls)?", "", key): key for key in weights}
    for key, value in net.state_dict().items():
        given = weights[renamed[key.removeprefix("fc")]]
        assert torch.equal(value, given.to(value.dtype)), key


@pytest.mark.parametrize("name", NAMES)
def test_shape_of_the_last_map(name):
    assert run(built(name).net, "layer4", drawn(1, 3, 32, 64, 96)).shape[2:] == LAST[name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 33, 47), (9, 64, 40)])
def test_any_size_and_length_and_twice_the_same(name, shape):
    net, clips = built(name).net, drawn(2, 3, *shape)
    with torch.inference_mode():
        logits = net(clips)
        assert logits.shape == (2, 3)
        assert torch.isfinite(logits).all()
        assert torch.equal(net(clips), logits)


@pytest.mark.parametrize("name", NAMES)
def test_a_training_step_reaches_every_trainable_tensor(name):
    assert parity.dead(built(name).net, drawn(4, 3, 4, 32, 48)) == []


@pytest.mark.parametrize("name", NAMES)
def test_colours_the_weights_expect_the_stored_ones_dropped(name, tmp_path):
    net = built(name).net
    stored = {"data_preprocessor.mean": drawn(3, 1, 1, 1), **net.state_dict()}
    model = built(name, weights=parity.saved(tmp_path, stored))
    assert model.preprocess.mean == (0.485, 0.456, 0.406)
    told = registry.entry("models", name).constants["WEIGHTS"]
    assert all(one["url"].endswith(f"-{one['sha256']}.pth") for one in told.values())


def image_network() -> nn.Module:
    """A ResNet-50 for 3 classes with norms that do something, ready to evaluate."""
    torch.manual_seed(1)
    net = resnet50(num_classes=3)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1)
            module.bias.data.normal_(0, 0.1)
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return net.eval()


def inflate(image: nn.Module, net: Recogniser, *, spread: bool) -> None:
    """Give a network an image network's weights, spread over the frames or in the middle one."""
    given, made = image.state_dict(), {}
    for key, value in net.state_dict().items():
        name = re.sub(r"conv(\d)\.bn\.", r"bn\1.", key).replace(".conv.weight", ".weight")
        name = name.replace("downsample.bn", "downsample.1")
        name = name.replace("downsample.weight", "downsample.0.weight")
        source = given[name]
        if value.ndim == 5:
            frames = value.shape[2]
            middle = torch.arange(frames) == frames // 2
            share = torch.full((frames,), 1 / frames) if spread else middle.float()
            source = source[:, :, None] * share.view(-1, 1, 1)
        made[key] = source
    net.load_state_dict(made)


# Frames that the last map sees on each side of its own, from the windows and strides over time:
# i3d: 2 of the stem, 3 x 4, the pair of pool2, 6 x 8; slow_only: nine windows of three.
@pytest.mark.parametrize(("build", "length"), [(i3d_resnet50, 144), (slow_only, 23)])
def test_a_still_clip_is_a_picture(build, length):
    """Inflated weights, away from the ends of time."""
    image, net = image_network(), build(3).net.eval()
    inflate(image, net, spread=True)
    picture = drawn(1, 3, 32, 32)
    maps = run(net, "layer4", picture[:, :, None].expand(-1, -1, length, -1, -1))
    expected = run(image, "layer4", picture)
    torch.testing.assert_close(maps[:, :, maps.shape[2] // 2], expected, rtol=1e-3, atol=1e-4)


def test_slow_only_without_neighbours_is_the_mean_of_an_image_network():
    image, net = image_network(), slow_only(3).net.eval()
    inflate(image, net, spread=False)
    clips = drawn(2, 3, 4, 40, 32)
    with torch.inference_mode():
        frames = torch.stack([image(clips[:, :, t]) for t in range(4)], dim=1)
        torch.testing.assert_close(net(clips), frames.mean(1), rtol=1e-3, atol=1e-4)


def test_i3d_without_neighbours_is_an_image_network_on_every_fourth_frame():
    """And after the first stage, the larger of two neighbours goes on."""
    image, net = image_network(), i3d_resnet50(3).net.eval()
    inflate(image, net, spread=False)
    clips = drawn(1, 3, 16, 40, 32)
    with torch.inference_mode():
        maps = run(image, "layer1", clips[0, :, ::4].transpose(0, 1))
        maps = maps.unflatten(0, (2, 2)).amax(1)
        maps = image.layer4(image.layer3(image.layer2(maps)))
        expected = image.fc(maps.mean(dim=(0, 2, 3)))
        torch.testing.assert_close(net(clips)[0], expected, rtol=1e-3, atol=1e-4)


def norms(module: nn.Module) -> None:
    """Let norms do something that depends on their epsilon."""
    for one in module.modules():
        if isinstance(one, nn.BatchNorm3d):
            one.weight.data.uniform_(0.5, 1)
            one.running_mean.normal_(0, 0.1)
            one.running_var.uniform_(0.01, 0.1)


def test_blocks_of_r2plus1d_are_torchvisions():
    block = r2plus1d_34(3).net.eval().layer2[1]
    norms(block)
    theirs = video.resnet.BasicBlock(128, 128, video.resnet.Conv2Plus1D).eval()
    for number, unit in ((1, block.conv1), (2, block.conv2)):
        pair, norm = getattr(theirs, f"conv{number}")[:2]
        for mine, its in (
            (unit.conv.conv_s, pair[0]),
            (unit.conv.bn_s, pair[1]),
            (unit.conv.conv_t, pair[3]),
            (unit.bn, norm),
        ):
            its.load_state_dict(mine.state_dict())
        norm.eps = 1e-3
    maps = drawn(1, 128, 4, 6, 5)
    with torch.inference_mode():
        torch.testing.assert_close(block(maps), theirs(maps), rtol=1e-4, atol=1e-5)


def test_pairs_of_r2plus1d_have_the_weights_of_a_3d_convolution():
    for given, made in ((64, 64), (128, 128), (256, 512)):
        pair = Factored(given, made, (3, 3, 3), (1, 1, 1))
        found = pair.conv_s.weight.numel() + pair.conv_t.weight.numel()
        assert 0.99 < found / (27 * given * made) <= 1


def test_where_r2plus1d_thins_out_time():
    net, clips = built("r2plus1d_34").net, drawn(1, 3, 17, 32, 32)
    lengths = [run(net, f"layer{stage}", clips).shape[2] for stage in (1, 2, 3, 4)]
    assert lengths == [17, 9, 5, 3]
    assert {m.eps for n, m in net.named_modules() if n.endswith("bn_s")} == {1e-5}
    assert {m.eps for n, m in net.named_modules() if n.endswith(".bn")} == {1e-3}
