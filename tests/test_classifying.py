"""A video's logits are the mean of its clips', whatever the batch."""

from __future__ import annotations

import dataclasses
import json
import logging

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from vidsal import testing
from vidsal.asking import ask
from vidsal.classifying import Views, averaged, classify, cut, lay_clips, read_numbered
from vidsal.errors import InputError
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
    with h5py.File(tmp_path / "frames.h5", "r") as file:  # as the workflow does
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


class Hungry(Colours):
    """Has memory for two clips at once, as a small card would."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.asked.append(len(x))
        if len(x) > 2:
            raise torch.OutOfMemoryError("too much")
        return super().forward(x)


def test_out_of_memory_is_tried_again_at_half_the_batch(model, group, tmp_path, caplog):
    hungry = VideoModel("hungry", Hungry(), model.preprocess, None, ("norm",), 4, 2, 3)
    config = {"numerics": {"batch_size": 5}}
    row = {"video": "video", "label": ""}
    with caplog.at_level(logging.WARNING):
        make = testing._classifier(config, hungry, {"video": group}, {})
        make(row, tmp_path / "part.json")
    assert "out of memory; the video is done again at batch size 2" in caplog.text
    assert hungry.net.asked == [5, 2, 2, 2]
    made = json.loads((tmp_path / "part.json").read_text())[0]
    expected = classify(model, group)
    np.testing.assert_allclose(made["clip_logits"], expected["logits"], rtol=1e-5)


def test_a_clip_that_never_fits_is_an_error(model, group, tmp_path):
    class Full(Colours):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise torch.OutOfMemoryError("too much")

    full = VideoModel("full", Full(), model.preprocess, None, ("norm",), 4, 2, 3)
    make = testing._classifier({"numerics": {"batch_size": 4}}, full, {"video": group}, {})
    with pytest.raises(torch.OutOfMemoryError):
        make({"video": "video", "label": ""}, tmp_path / "part.json")


def test_the_whole_is_the_default(model, group):
    expected, found = (
        classify(model, group),
        classify(model, group, views=Views("all", 1, "logits")),
    )
    assert all(np.array_equal(found[key], expected[key]) for key in expected)
    assert (found["crops"], found["padded"]) == (1, 0)
    assert found["starts"].tolist() == [0, 3, 6, 9, 12, 13]


def test_a_number_of_clips_is_spread_evenly(model, group):
    found = classify(model, group, views=Views(clips=3))
    assert found["starts"].tolist() == [0, 6, 13]
    pictures = group["frames"][()][found["starts"][:, None] + np.arange(4) * 2]
    means = pictures.mean(axis=(1, 2, 3)) / 255
    np.testing.assert_allclose(found["logits"], means, rtol=1e-4)
    assert lay_clips(model, 21, 1).tolist() == [[6, 8, 10, 12]]
    assert lay_clips(model, 10, 50)[:, 0].tolist() == [0, 1, 2], "no clip twice"


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("clips_", ["all", 1, 4])
def test_a_short_video_repeats_its_last_frame(model, group, tmp_path, count, clips_):
    with h5py.File(tmp_path / "short.h5", "w") as file:
        file["v/frames"], file["v/time"] = group["frames"][:count], np.arange(count) / 25
        found = classify(model, file["v"], views=Views(clips=clips_))
    shown = [min(number, count - 1) for number in (0, 2, 4, 6)]
    mean = group["frames"][()][shown].mean(axis=(0, 1, 2)) / 255
    np.testing.assert_allclose(found["logits"], [mean], rtol=1e-4)
    assert found["padded"] == 4 - len(set(shown))


def segmented(model, **changes):
    return dataclasses.replace(model, sampling="segments", **changes)


def test_segments_are_asked_once_all_over_the_video(model, group):
    found = classify(segmented(model), group)
    pictures = group["frames"][()][[2, 7, 13, 18]]
    np.testing.assert_allclose(found["logits"], [pictures.mean(axis=(0, 1, 2)) / 255], rtol=1e-4)
    assert (found["starts"].tolist(), found["padded"]) == ([2], 0)


def test_a_video_of_as_many_frames_as_segments_is_a_dense_clip(model, group):
    dense = dataclasses.replace(model, length=21, stride=1, hop=21)
    expected, found = classify(dense, group), classify(segmented(dense), group)
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_more_clips_of_segments_take_other_frames_of_each(model):
    own = segmented(model)
    assert lay_clips(own, 40, 1).tolist() == lay_clips(own, 40).tolist() == [[5, 15, 25, 35]]
    assert lay_clips(own, 40, 2).tolist() == [[2, 12, 22, 32], [7, 17, 27, 37]]
    assert np.array_equal(np.sort(lay_clips(own, 40, 10).ravel()), np.arange(40))
    assert lay_clips(own, 4, 50).tolist() == [[0, 1, 2, 3]], "no clip twice"


def test_averages():
    logits = np.float32([[3, 0, -1], [0, 1, 50]])
    np.testing.assert_allclose(averaged(logits, "logits"), [1.5, 0.5, 24.5])
    shares = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum(1, keepdims=True)
    np.testing.assert_allclose(np.exp(averaged(logits, "probabilities")), shares.mean(axis=0))
    np.testing.assert_allclose(averaged(logits[:1], "probabilities"), np.log(shares[0]), rtol=1e-6)


def test_the_average_decides(model, group):
    class Torn(nn.Module):
        """One view is sure of class 0, the others lean to class 1."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.tensor([50.0, 0.0, 0.0]))
            self.calls = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return self.weight[None] * 1 if self.calls == 1 else torch.tensor([[0.0, 2.0, 0.0]])

    torn = dataclasses.replace(model, net=Torn())
    found = classify(torn, group, 1, Views(average="logits"))
    assert found["predicted"] == 0
    torn = dataclasses.replace(model, net=Torn())
    found = classify(torn, group, 1, Views(average="probabilities"))
    assert found["predicted"] == 1
    sure = np.exp(2) / (np.exp(2) + 2)
    assert found["probability"] == pytest.approx(5 / 6 * sure, rel=1e-5)


@pytest.mark.parametrize(("shape", "axis"), [((6, 24), 2), ((24, 6), 1)])
def test_three_crops_are_the_ends_and_the_middle_of_the_longer_side(shape, axis):
    # Halved by area, so that resizing first and cutting then gives the same numbers.
    frames = np.random.default_rng(1).integers(0, 256, (2, *shape, 3), dtype=np.uint8)
    half = Preprocessing((3, 3), (0, 0, 0), (1, 1, 1), mode="crop", scale=1, resize="area")
    rows, columns = shape[0] // 2, shape[1] // 2
    whole = frames.reshape(2, rows, 2, columns, 2, 3).mean(axis=(2, 4)).transpose(3, 0, 1, 2)
    first, last = cut(frames, half.size)
    for part, place in ((first, slice(None, 3)), (frames, None), (last, slice(-3, None))):
        place = slice((12 - 3) // 2, (12 - 3) // 2 + 3) if place is None else place
        index = [slice(None)] * 4
        index[axis + 1] = place
        np.testing.assert_allclose(half(part), whole[tuple(index)], atol=1e-4)


def test_crops_are_views_beside_the_one_that_is_explained(model, group):
    """The pictures are 6 x 8, the network takes 6 x 4: columns 0-3, 2-5 and 4-7."""
    wide = dataclasses.replace(
        model, preprocess=Preprocessing((6, 4), (0, 0, 0), (1, 1, 1), mode="crop")
    )
    found = classify(wide, group, 2, Views(crops=3))
    frames = group["frames"][()][clips.layout(21, 4, 2, 3)] / 255
    parts = [frames[:, :, :, first : first + 4].mean(axis=(1, 2, 3)) for first in (0, 2, 4)]
    np.testing.assert_allclose(found["logits"], np.stack(parts, 1).reshape(-1, 3), rtol=1e-4)
    assert found["crops"] == 3
    np.testing.assert_array_equal(found["logits"][1::3], classify(wide, group)["logits"])
    # Where nothing is left over there is one view.
    fitting_ = dataclasses.replace(
        model, preprocess=Preprocessing((3, 4), (0, 0, 0), (1, 1, 1), mode="crop")
    )
    assert classify(fitting_, group, views=Views(crops=3))["crops"] == 1


def test_unusable_views_are_refused(model, group):
    with pytest.raises(InputError, match=r"mode squash.*crops: 1 under classify.per_model"):
        classify(model, group, views=Views(crops=3))
    for given in ({"clips": 0}, {"clips": "some"}, {"crops": 10}, {"average": "median"}):
        with pytest.raises(InputError, match="in classify"):
            Views(**given)


def test_an_answer_that_is_no_number_is_refused(model, group):
    model.net.norm.running_var.fill_(float("nan"))
    with pytest.raises(InputError, match="its weights are broken"):
        classify(model, group)


def test_the_views_are_recorded(model, group, tmp_path, caplog):
    wide = dataclasses.replace(
        model, preprocess=Preprocessing((6, 4), (0, 0, 0), (1, 1, 1), mode="crop"), length=16
    )
    views = {"clips": 2, "crops": 3, "average": "probabilities"}
    config = {"numerics": {"batch_size": 4}}
    with caplog.at_level(logging.INFO):
        make = testing._classifier(config, wide, {"video": group}, views)
        make({"video": "video", "label": "1"}, tmp_path / "part.json")
    made = json.loads((tmp_path / "part.json").read_text())[0]
    assert set(made) == set(testing.PREDICTION_COLUMNS)
    assert np.shape(made["clip_logits"]) == (3, 3)
    recorded = {key: made[key] for key in ("clip_starts", "crops", "average", "padded")}
    assert recorded == {"clip_starts": [0], "crops": 3, "average": "probabilities", "padded": 5}
    assert "21 frames are fewer than a clip has" in caplog.text


def test_options_of_one_model_replace_the_common_ones():
    common = {"clips": "all", "crops": 1, "average": "logits", "dump": "numpy"}
    config = {"classify": common | {"per_model": {"tsn": {"clips": 10}}}}
    assert testing.testing_options(config, "tsn") == {
        "clips": 10,
        "crops": 1,
        "average": "logits",
    }
    assert testing.testing_options(config, "r3d_18")["clips"] == "all"
