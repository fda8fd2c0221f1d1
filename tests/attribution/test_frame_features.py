"""Frames that were looked at are not looked at again, and nobody can tell from the answers."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import nn

from vidsal import registry
from vidsal.attribution import _frames, _pass, _variants
from vidsal.attribution._frames import remembering
from vidsal.attribution.frame_ablation import frame_ablation
from vidsal.attribution.occlusion import occlusion
from vidsal.models import Preprocessing, VideoModel

APART = ["cnn_lstm", "cnn_lstm_attention", "tsn"]


def built(name: str) -> VideoModel:
    torch.manual_seed(0)
    model = registry.load("models", name)(5, size=[32, 32], length=8, backbone="resnet18")
    model.net.eval()
    return model


@pytest.fixture(scope="module", params=APART)
def apart(request):
    return built(request.param)


@pytest.fixture
def clip():
    return torch.randn(3, 8, 32, 32, generator=torch.Generator().manual_seed(1))


def spent(function) -> tuple[object, Fraction]:
    before = _pass.PASSES.forward
    return function(), _pass.PASSES.forward - before


@pytest.fixture
def without_memory(monkeypatch):
    monkeypatch.setattr(_frames, "memory", lambda model: None)


def ablated(clip: torch.Tensor) -> list[torch.Tensor]:
    variants = [clip]
    for frame in range(clip.shape[1]):
        variants.append(clip.clone())
        variants[-1][:, frame] = 0
    return variants


def test_the_answers_are_those_of_whole_clips(apart, clip):
    with torch.inference_mode():
        expected = torch.cat([apart.net(variant[None]) for variant in ablated(clip)])
    found = _variants.logits(apart, ablated(clip), batch_size=4)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_frames_are_looked_at_once(apart, clip):
    _, passes = spent(lambda: frame_ablation(apart, clip, 1))
    # The clip's eight frames and the one that stands in their place.
    assert passes == Fraction(9, 8)


@pytest.mark.parametrize("name", ["tsm", "r3d_18"])
def test_networks_whose_frames_meet_see_every_clip_whole(name, clip):
    has = registry.entry("models", name).options
    small = {"backbone": "resnet18"} if "backbone" in has else {}
    model = registry.load("models", name)(5, size=[32, 32], length=8, **small)
    assert _frames.memory(model) is None
    _, passes = spent(lambda: frame_ablation(model, clip, 1))
    assert passes == 9


def test_maps_are_equal_without_memory(apart, clip, request):
    def made():
        return occlusion(apart, clip, 1, window=[2, 16, 16])

    found, passes = spent(made)
    request.getfixturevalue("without_memory")
    plain, whole = spent(made)
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-6)
    # 16 boxes of two of eight frames.
    assert whole == 17
    assert passes == 1 + 16 * Fraction(2, 8)


def test_clips_of_a_video_share_frames(apart, clip):
    following = torch.cat([clip[:, 4:], torch.randn(3, 4, 32, 32)], dim=1)
    with torch.inference_mode():
        expected = apart.net(torch.stack([clip, following]))[:, 1]
    with remembering(apart):
        first, one = spent(lambda: _variants.scores(apart, [clip], 1))
        second, half = spent(lambda: _variants.scores(apart, [following], 1))
    assert (one, half) == (1, Fraction(1, 2))
    torch.testing.assert_close(torch.cat([first, second]), expected, rtol=0, atol=1e-6)


def test_nothing_is_remembered_outside(apart, clip):
    with remembering(apart):
        _variants.scores(apart, [clip], 1)
    _, passes = spent(lambda: _variants.scores(apart, [clip], 1))
    assert passes == 1


def test_another_model_remembers_nothing_of_this_one(apart, clip):
    other = built("tsn")
    with remembering(other):
        _variants.scores(other, [clip], 1)
        found, passes = spent(lambda: _variants.scores(apart, [clip], 1))
    assert passes == 1
    with torch.inference_mode():
        torch.testing.assert_close(found, apart.net(clip[None])[:, 1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 64])
def test_a_small_memory_forgets_alike_at_every_batch_size(clip, size):
    model = built("tsn")
    variants = [*ablated(clip), clip, clip.flip(1)]
    with torch.inference_mode():
        expected = model.net(torch.stack(variants))[:, 2]
    with remembering(model, keep=5), _variants.batch(size):
        found, passes = spent(lambda: _variants.scores(model, variants, 2))
        assert len(_frames._OPEN[-1]._rows) == 5
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    # A clip of eight frames passes a memory of five without a trace: but for the one frame that
    # stands in place of others, and for those at the turn of the last clip, none is met again.
    with remembering(model, keep=5), _variants.batch(1):
        assert passes == spent(lambda: _variants.scores(model, variants, 2))[1]
    assert passes > 8


def test_an_error_leaves_no_empty_rows(apart, clip, monkeypatch):
    def fail(frames):
        raise torch.OutOfMemoryError("full")

    with remembering(apart):
        with monkeypatch.context() as patched:
            patched.setattr(type(apart.net), "frame_features", lambda net, frames: fail(frames))
            with pytest.raises(torch.OutOfMemoryError):
                _variants.scores(apart, [clip], 1)
        found = _variants.scores(apart, [clip], 1)
    with torch.inference_mode():
        torch.testing.assert_close(found, apart.net(clip[None])[:, 1], rtol=0, atol=1e-6)


def test_who_listens_to_a_module_sees_whole_clips(apart, clip):
    seen = []
    hook = apart.net.register_forward_hook(lambda net, given, logits: seen.append(len(given[0])))
    try:
        _, passes = spent(lambda: _variants.scores(apart, ablated(clip), 1, batch_size=3))
    finally:
        hook.remove()
    assert seen == [3, 3, 3]
    assert passes == 9


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_frames_have_the_name_of_their_bits(dtype):
    frames = torch.randn(6, 3, 5, 7, generator=torch.Generator().manual_seed(0)).to(dtype)
    frames[4] = frames[1]
    frames[5] = frames[2]
    frames[5, 1, 2, 3] = torch.nextafter(frames[5, 1, 2, 3], torch.tensor(torch.inf, dtype=dtype))
    names = [tuple(name) for name in _frames.named(frames).tolist()]
    assert names[4] == names[1]
    assert len(set(names)) == 5
    alone = _frames.named(frames[2:3].clone())
    assert tuple(alone[0].tolist()) == names[2]


def test_frames_with_exchanged_pixels_have_other_names():
    frame = torch.arange(12.0).reshape(3, 2, 2)
    names = _frames.named(torch.stack([frame, frame.flip(0), frame.flip(1), frame.flip(2)]))
    assert len({tuple(name) for name in names.tolist()}) == 4


def test_a_users_network_says_it_by_two_methods(clip):
    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 5)

        def forward(self, clips):
            frames = clips.transpose(1, 2).flatten(0, 1)
            return self.from_frame_features(self.frame_features(frames).unflatten(0, (-1, 8)))

        def frame_features(self, frames):
            return frames.mean(dim=(2, 3))

        def from_frame_features(self, features):
            return self.fc(features.amax(dim=1))

    about = Preprocessing((32, 32), (0.5,) * 3, (0.5,) * 3)
    model = VideoModel("mean", Mean().eval(), about, None, (), 8, 1, 8)
    assert model.frame_features is not None
    _, passes = spent(lambda: frame_ablation(model, clip, 1))
    assert passes == Fraction(9, 8)
