"""Memory: no more variants live at once than a batch holds, and a batch that is too much is halved.

What a batch of n takes is documented as what n clips take in a bare pass, and four copies of each
clip: the variants, the batch that they are put into, and what the method makes of them.
"""

from __future__ import annotations

import logging
from functools import partial

import h5py
import numpy as np
import pytest
import torch

from tests.attribution.live import Live, peak
from vidsal import explained, registry, targets
from vidsal.attribution import _variants
from vidsal.models import Preprocessing, VideoModel

# Methods that ask many questions, the option that says how many, and others that keep them light.
ASKING = {
    "blur_integrated_gradients": ("steps", {}),
    "gradient_shap": ("samples", {}),
    "integrated_gradients": ("steps", {}),
    "kernel_shap": ("samples", {"segments": 8}),
    "lime": ("samples", {"segments": 8}),
    "occlusion": ("window", {}),
    "rise": ("samples", {"cells": [2, 2, 2]}),
    "score_cam": ("samples", {}),
    "smooth_grad": ("samples", {}),
    "smooth_grad_squared": ("samples", {}),
    "var_grad": ("samples", {}),
}
COPIES = 4


class Wide(torch.nn.Module):
    """A network whose activations are far larger than its clips."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv3d(3, 64, 3, padding=1)
        self.fc = torch.nn.Linear(64, 2)
        self.largest = 0

    def forward(self, x):
        self.largest = max(self.largest, len(x))
        return self.fc(torch.relu(self.conv(x)).mean((2, 3, 4)))


@pytest.fixture
def model():
    torch.manual_seed(0)
    preprocess = Preprocessing(size=(16, 20), mean=(0.4, 0.4, 0.4), std=(0.2, 0.2, 0.2))
    return VideoModel("wide", Wide().eval(), preprocess, ["a", "b"], ("conv",), 8, 1, 8)


@pytest.fixture
def clip():
    return torch.randn(3, 8, 16, 20, generator=torch.Generator().manual_seed(1))


def asking(name: str, count: int):
    """The method with so many questions."""
    option, options = ASKING[name]
    wanted = [1 / 8, 8 / count, 1.0] if option == "window" else count
    return partial(registry.load("attribution", name), **options, **{option: wanted})


def outside(model, clip) -> list[torch.Tensor]:
    return [clip, *model.net.parameters(), *model.net.buffers()]


def most(method, model, clip, size: int) -> int:
    """The most bytes that live at once while a method explains a clip at a batch size."""
    with _variants.batch(size):
        return peak(lambda: method(model, clip, 1), *outside(model, clip))


def bare(model, clip, size: int) -> int:
    """The most bytes that live at once in a forward and backward pass of so many clips."""

    def run():
        batch = clip.expand(size, *clip.shape).clone().requires_grad_()
        torch.autograd.grad(model.net(batch)[:, 1].sum(), batch)

    return peak(run, *outside(model, clip))


def bytes_of(clip: torch.Tensor) -> int:
    return clip.numel() * clip.element_size()


def test_bytes_are_counted_as_long_as_they_live():
    kept = torch.zeros(1000)
    with Live(kept) as live:
        kept.add_(1)
        one = torch.ones(1000)
        view = one[:10]
        del one
        assert live.alive == 4000  # the view still holds all of it
        del view
        assert live.alive == 0
        with torch.enable_grad():
            leaf = torch.ones(500, requires_grad=True)
            made = leaf.exp() * 2
        # exp is kept for the way back, though nobody has a name for it.
        assert live.alive == 6000
        del made
        assert live.alive == 2000
    assert live.peak == 6000


@pytest.mark.parametrize("name", ASKING)
def test_no_more_than_a_batch_lives_at_once(name, model, clip):
    few, many = (most(asking(name, count), model, clip, 2) for count in (8, 64))
    assert many <= few + 2 * bytes_of(clip)


@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize("size", [1, 4, 16])
def test_a_batch_takes_what_is_documented(name, size, model, clip):
    found = most(asking(name, 32), model, clip, size)
    assert found <= bare(model, clip, size) + COPIES * (size + 2) * bytes_of(clip)
    assert model.net.largest <= size


@pytest.fixture
def group(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        made = file.create_group("v")
        made["frames"] = np.random.default_rng(0).integers(0, 255, (19, 16, 20, 3), dtype=np.uint8)
        made["time"], made["frame_index"] = np.arange(19) / 25, np.arange(19)
        made.attrs.update(
            transform=np.eye(3),
            source_size=[16, 20],
            canvas_size=[16, 20],
            source_sha256="x",
            fps="25/1",
            part_key="k",
        )
        yield made


@pytest.mark.parametrize("name", ["integrated_gradients", "occlusion", "rise"])
def test_out_of_memory_does_the_video_again_at_half_the_batch(name, model, group, caplog):
    asked = partial(
        explained.of_video,
        model,
        group,
        {name: asking(name, 8)},
        targets.Target(1, None, "b"),
        [0.0, 0.0],
    )
    small = asked(batch_size=2)[name]
    sizes = []
    hook = model.net.register_forward_pre_hook(partial(too_many, sizes))
    with caplog.at_level(logging.WARNING):
        found = asked(batch_size=8)[name]
    hook.remove()
    np.testing.assert_array_equal(found.saliency, small.saliency)
    assert found.attrs["passes_forward"] == small.attrs["passes_forward"]
    # What was larger than two clips stopped the video, once at each batch size.
    assert [size for size in sizes if size > 2] == [8, 4]
    said = [record.message for record in caplog.records if "out of memory" in record.message]
    assert [text.split()[-1] for text in said] == ["4", "2"]


def too_many(sizes: list[int], module: torch.nn.Module, inputs: tuple) -> None:
    """Refuse more than two clips at once, as a small GPU would."""
    sizes.append(len(inputs[0]))
    if len(inputs[0]) > 2:
        raise torch.OutOfMemoryError("too much")
