"""TSM shifts as its paper says, and gives what the originals gave in each published layout."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch.nn import functional
from torchvision.models import get_model

from tests.models import parity
from vidsal.attribution.grad_cam_per_frame import grad_cam_per_frame
from vidsal.errors import InputError
from vidsal.models._model import IMAGENET
from vidsal.models.tsm import WEIGHTS, shifted, tsm

KINETICS, EPIC, THESIS = "d2_tsm_r50_k400", "d3_tsm_r50_epic", "d4_mmaction_tsm3_gradcam"
SMALL = {"backbone": "resnet18", "size": [32, 32], "length": 4}


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def small(**options):
    torch.manual_seed(0)
    model = tsm(3, **(SMALL | options))
    model.net.eval()
    return model


def eight_frames():
    return parity.clip("clip_rgb_112", **IMAGENET, repeat=2)[:, :, ::2]


def logits(model, clip):
    with torch.inference_mode():
        return model.net.eval()(clip)[0]


def far(name, output, found):
    """Say whether an output is nowhere near one that the fixture warns of."""
    reference = torch.from_numpy(parity.expected(name, output))
    return (found - reference).norm() > 1e-3 * reference.norm()


def test_kinetics_logits_are_the_originals(tmp_path):
    extras = {"epoch": 50, "arch": "resnet50", "best_prec1": 71.2}
    state = parity.state(KINETICS)
    path = parity.saved(tmp_path, state, prefix="module.", wrapper="state_dict", **extras)
    model = tsm(400, weights=path)
    found = logits(model, eight_frames())
    parity.compare(KINETICS, "logits", found)
    # VideoVisual fed (N,C,T,H,W) to a network that reads (N,T,C,H,W).
    assert far(KINETICS, "logits_WRONG_ncthw_layout", found)
    clip = eight_frames()
    scrambled = clip.reshape(1, 8, 3, *clip.shape[3:]).transpose(1, 2)
    parity.compare(KINETICS, "logits_WRONG_ncthw_layout", logits(model, scrambled))


@pytest.mark.parametrize(("head", "count", "prefix"), [("verb", 125, ""), ("noun", 352, "module.")])
def test_epic_logits_are_the_originals(tmp_path, head, count, prefix):
    extras = {"segment_count": 8, "modality": "RGB"}
    state = parity.state(EPIC)
    path = parity.saved(tmp_path, state, prefix=prefix, wrapper="state_dict", **extras)
    model = tsm(count, head=head, weights=path)
    parity.compare(EPIC, f"{head}_logits", logits(model, eight_frames()))


def test_a_head_must_be_chosen_unless_it_is_replaced(tmp_path):
    path = parity.saved(tmp_path, parity.shapes("tsm_epic_resnet50_multitask_8seg"))
    with pytest.raises(InputError, match=r"2 unexpected: fc_noun\.weight, fc_noun\.bias"):
        tsm(125, weights=path)
    with pytest.raises(InputError, match=r"fc_noun\.weight 352x2048 instead of 125x2048"):
        tsm(125, head="noun", weights=path)
    tsm(5, new_head=True, weights=path)


@pytest.fixture(scope="module")
def thesis(tmp_path_factory):
    """The network of the thesis, its clip of 16 frames of 168 x 224 px, and their logits."""
    folder = tmp_path_factory.mktemp("tsm")
    path = parity.saved(folder, parity.state(THESIS), wrapper="state_dict", meta={})
    colours = {"mean": (123.675, 116.28, 103.53), "std": (58.395, 57.12, 57.375)}
    colours = {key: tuple(value / 255 for value in values) for key, values in colours.items()}
    clip = parity.clip("clip_rgb_112", **colours, repeat=2)[:, :, :, 28:196]
    model = tsm(3, length=16, weights=path)
    return model, clip, logits(model, clip)


def test_logits_of_the_thesis(thesis):
    parity.compare(THESIS, "logits", thesis[2])


@pytest.fixture(scope="module", params=["layer4.1", "layer4"])
def cam(request, thesis):
    """Grad-CAM of a layer as the thesis shows it: (16,168,224), from 0 to 1."""
    model, clip, found = thesis
    coarse = grad_cam_per_frame(model, clip[0], int(found.argmax()), layer=request.param)
    fine = functional.interpolate(coarse[None, None], clip.shape[2:], mode="trilinear")[0, 0]
    return request.param, (fine - fine.min()) / (fine.max() - fine.min())


def test_grad_cam_of_the_thesis(cam):
    layer, found = cam
    name = "cam_backbone_layer4_1_relu" if layer == "layer4.1" else "cam_backbone_layer4"
    parity.compare(THESIS, f"{name}_sub", found[:, ::4, ::4])
    parity.compare(THESIS, f"{name}_mid_full", found[8])
    if layer == "layer4":
        mean = found.mean(0)
        mean = (mean - mean.min()) / (mean.max() - mean.min()) * 255
        parity.compare(THESIS, "aggregate_mean_over_frames_sub", mean[::4, ::4])


def test_what_the_shift_moves():
    clips = drawn(2, 5, 16, 3, 3)
    found = shifted(clips.flatten(0, 1), 5).unflatten(0, (2, 5))
    nothing = torch.zeros(2, 2, 3, 3)
    for frame in range(5):
        later = clips[:, frame + 1, :2] if frame < 4 else nothing
        earlier = clips[:, frame - 1, 2:4] if frame else nothing
        assert torch.equal(found[:, frame, :2], later)
        assert torch.equal(found[:, frame, 2:4], earlier)
    assert torch.equal(found[:, :, 4:], clips[:, :, 4:])


def features(model, layer, clips):
    """What a layer gives for clips, (N,T,C,h,w)."""
    seen = []
    hook = model.net.get_submodule(layer).register_forward_hook(lambda *a: seen.append(a[2]))
    with torch.inference_mode():
        model.net(clips)
    hook.remove()
    return seen[0].unflatten(0, (len(clips), -1))


def test_frames_are_frames():
    """Before the first shift, frames in another order give features in that order."""
    model, clips, order = small(), drawn(2, 3, 4, 32, 32), torch.tensor([2, 0, 3, 1])
    plain = features(model, "maxpool", clips)
    torch.testing.assert_close(features(model, "maxpool", clips[:, :, order]), plain[:, order])
    with torch.inference_mode():
        alone = model.net.bn1(model.net.conv1(clips[1:, :, 3])).relu()
        torch.testing.assert_close(model.net.maxpool(alone), plain[1:, 3])
    mixed = features(model, "layer1", clips)
    apart = features(model, "layer1", clips[:, :, order]) - mixed[:, order]
    assert apart.abs().max() > 1e-3


def test_one_block_reaches_one_frame_further():
    model, clips = small(), drawn(1, 3, 7, 32, 32).repeat(2, 1, 1, 1, 1)
    clips[1, :, 3] += 1
    for layer, reach in (("maxpool", 0), ("layer1.0", 1), ("layer1.1", 2)):
        first, second = features(model, layer, clips.expand(2, 3, 7, 32, 32))
        touched = (first != second).flatten(1).any(1)
        assert touched.tolist() == [abs(frame - 3) <= reach for frame in range(7)]


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_the_backbone_is_torchvisions(backbone):
    torch.manual_seed(4)
    ours = tsm(3, backbone=backbone).net.state_dict()
    torch.manual_seed(4)
    theirs = get_model(backbone, num_classes=3).state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())


def test_without_its_shifted_weights_it_is_the_mean_of_an_image_network():
    """Zero weights for channels that come from elsewhere: every frame by itself."""
    model = small()
    image = get_model("resnet18", num_classes=3).eval()
    for name, conv in model.net.named_modules():
        if re.fullmatch(r"layer\d\.\d\.conv1", name):
            conv.weight.data[:, : conv.in_channels // 4] = 0
    image.load_state_dict(model.net.state_dict())
    clips = drawn(2, 3, 4, 32, 32)
    with torch.inference_mode():
        frames = torch.stack([image(clips[:, :, t]) for t in range(4)], dim=1)
        torch.testing.assert_close(model.net(clips), frames.mean(1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 33, 47), (9, 64, 40)])
def test_any_size_and_length_and_twice_the_same(shape):
    model, clips = small(), drawn(2, 3, *shape)
    found = logits(model, clips)
    assert torch.isfinite(found).all()
    assert torch.equal(logits(model, clips), found)


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_a_training_step_reaches_every_trainable_tensor(backbone):
    net = small(backbone=backbone).net
    assert parity.dead(net, drawn(4, 3, 4, 32, 48)) == []


def test_image_weights_are_a_start(tmp_path):
    image = get_model("resnet18", num_classes=1000).state_dict()
    path = parity.saved(tmp_path, image)
    net = small(weights=path, new_head=True).net
    assert torch.equal(net.layer4[1].conv1.weight, image["layer4.1.conv1.weight"])
    assert net.fc.weight.shape == (3, 512)


def test_colours_may_be_those_of_the_weights():
    frames = np.full((1, 32, 32, 3), 255, np.uint8)
    white = small(mean=[0.5] * 3, std=[0.25] * 3).preprocess(frames)
    torch.testing.assert_close(white, torch.full((3, 1, 32, 32), 2.0))


@pytest.mark.parametrize("option", [{"backbone": "resnet34"}, {"head": "action"}])
def test_unknown_choices_are_refused(option):
    with pytest.raises(InputError, match=next(iter(option.values()))):
        tsm(3, **option)


def test_checksums_are_those_in_the_names_of_the_files():
    for about in WEIGHTS.values():
        if "openmmlab" in about["url"] or "pytorch" in about["url"]:
            assert about["url"].endswith(f"-{about['sha256']}.pth")
