"""A video's logits are the mean of its clips', whatever the batch."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from vidsal.classifying import ask, classify, read_numbered
from vidsal.models import Preprocessing, VideoModel
from vidsal.video import clips


class Colours(nn.Module):
    """Logits that can be worked out by hand: the mean of each colour over the clip."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm3d(3)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dropout(self.norm(x)).mean(dim=(2, 3, 4))


@pytest.fixture
def model():
    preprocess = Preprocessing((6, 8), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return VideoModel("colours", Colours(), preprocess, None, ("norm",), 4, 2, 3)


@pytest.fixture
def group(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (21, 6, 8, 3), dtype=np.uint8)
    frames[..., 1] //= 2
    with h5py.File(tmp_path / "frames.h5", "w") as file:
        file["video/frames"] = frames
        file["video/time"] = np.arange(21) / 25
        yield file["video"]


def test_every_clip_is_asked_and_the_mean_decides(model, group):
    found = classify(model, group)
    layout = clips.layout(21, 4, 2, 3)
    means = group["frames"][()][layout].mean(axis=(1, 2, 3)) / 255
    np.testing.assert_allclose(found["logits"], means, rtol=1e-4)
    np.testing.assert_allclose(found["video_logits"], means.mean(axis=0), rtol=1e-4)
    assert found["predicted"] == means.mean(axis=0).argmax()
    softmax = np.exp(means.mean(axis=0)) / np.exp(means.mean(axis=0)).sum()
    assert found["probability"] == pytest.approx(softmax.max(), rel=1e-4)
    assert found["logits"].dtype == found["video_logits"].dtype == np.float32


@pytest.mark.parametrize("size", [1, 2, 100])
def test_batch_size_does_not_matter(model, group, size):
    expected, found = classify(model, group), classify(model, group, batch_size=size)
    np.testing.assert_allclose(found["logits"], expected["logits"], rtol=1e-5)


def test_no_trace(model, group):
    model.net.train()
    model.net.dropout.eval()
    before = {key: value.clone() for key, value in model.net.state_dict().items()}
    random = torch.get_rng_state()
    classify(model, group)
    assert [module.training for module in model.net.modules()] == [True, True, False]
    assert all(torch.equal(value, before[key]) for key, value in model.net.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())


def test_modes_are_put_back_after_an_error(model):
    model.net.train()
    with pytest.raises(RuntimeError):
        ask(model, torch.zeros(1, 5, 1, 1, 1))
    assert model.net.training


def test_numbered_frames(group):
    numbers = np.array([3, 5, 7, 7])
    assert (read_numbered(group, numbers) == group["frames"][()][numbers]).all()
