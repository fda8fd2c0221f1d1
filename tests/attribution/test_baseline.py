"""Baselines: what is left of a clip, and clips of files."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
import torch

from vidsal.attribution._baseline import KINDS, baseline
from vidsal.attribution._blur import blur
from vidsal.attribution._clips import baselines
from vidsal.attribution.occlusion import occlusion
from vidsal.errors import InputError
from vidsal.video.encode import write_ffv1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_broadcasts_to_the_clip(c3d, kind):
    clip = c3d.clips[0].double()
    found = baseline(c3d.model, clip, kind)
    assert found.dtype == clip.dtype
    assert found.expand_as(clip).shape == clip.shape
    assert torch.isfinite(found).all()


def test_what_each_kind_keeps(c3d):
    clip = c3d.clips[0]
    assert not baseline(c3d.model, clip, "mean").any()
    black = c3d.model.preprocess(np.zeros((1, 16, 16, 3), np.uint8))
    torch.testing.assert_close(baseline(c3d.model, clip, "black"), black[:, :, :1, :1])
    mean = clip.sum(dim=1) / clip.shape[1]
    torch.testing.assert_close(baseline(c3d.model, clip, "temporal_mean")[:, 0], mean)
    assert torch.equal(baseline(c3d.model, clip, "frozen_frame")[:, 0], clip[:, 4])


def test_reference_of_the_blur(case, agrees):
    blurred = [baseline(case.model, clip, "blurred") for clip in case.clips]
    expected = case.expected["baseline_blur"]
    assert torch.equal(blurred[0], blur(case.clips[0], case.cfg["blur_sigma"]))
    agrees(case, blurred, expected)


def test_the_blur_keeps_constants_and_sums_and_mixes_no_frames(c3d):
    clip = c3d.clips[0].double()
    torch.testing.assert_close(blur(torch.full_like(clip, 3.0), 5.0), torch.full_like(clip, 3.0))
    torch.testing.assert_close(blur(clip, 2.5).sum(dim=(2, 3)), clip.sum(dim=(2, 3)))
    assert torch.equal(blur(clip, 2.0)[:, 3], blur(clip[:, 3:4], 2.0)[:, 0])
    assert torch.equal(blur(clip, 0.0), clip)
    flat = clip.mean(dim=(2, 3), keepdim=True).expand_as(clip)
    torch.testing.assert_close(blur(clip, 200.0), flat, atol=1e-3, rtol=0)


def test_the_blur_is_a_gaussian():
    point = torch.zeros(1, 1, 31, 41, dtype=torch.float64)
    point[0, 0, 15, 20] = 1
    found = blur(point, 1.5)[0, 0]
    assert (found[15, 22] / found[15, 20]).item() == pytest.approx(np.exp(-0.5 * (2 / 1.5) ** 2))
    assert (found[13, 23] / found[13, 20]).item() == pytest.approx(np.exp(-0.5 * (3 / 1.5) ** 2))


def test_a_clip_of_frames_is_preprocessed_as_any_other(c3d, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (8, 20, 24, 3), dtype=np.uint8)
    np.save(tmp_path / "frames.npy", frames)
    (found,) = baselines(c3d.model, c3d.clips[0], str(tmp_path / "frames.npy"))
    assert torch.equal(found, c3d.model.preprocess(frames))


def test_a_video_gives_its_first_frames(c3d, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    write_ffv1(tmp_path / "short.mkv", frames, 25)
    (found,) = baselines(c3d.model, c3d.clips[0], str(tmp_path))
    long_enough = frames[[0, 1, 2, 3, 4, 4, 4, 4]]
    torch.testing.assert_close(found, c3d.model.preprocess(long_enough))


def test_segments_span_the_whole_video(c3d, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (80, 16, 16, 3), dtype=np.uint8)
    write_ffv1(tmp_path / "long.mkv", frames, 25)
    model = dataclasses.replace(c3d.model, sampling="segments")
    (found,) = baselines(model, c3d.clips[0], str(tmp_path / "long.mkv"))
    torch.testing.assert_close(found, model.preprocess(frames[5::10]))


def test_a_folder_gives_its_clips_in_order(c3d, tmp_path):
    for number in (2, 0, 1):
        np.save(tmp_path / f"{number}.npy", np.full((3, 8, 16, 16), number, np.float32))
    found = baselines(c3d.model, c3d.clips[0], str(tmp_path))
    assert [one[0, 0, 0, 0].item() for one in found] == [0, 1, 2]


def test_a_folder_of_pictures_is_one_clip(c3d, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    for number, frame in enumerate(frames):
        cv2.imwrite(str(tmp_path / f"{number}.png"), frame[..., ::-1])
    (found,) = baselines(c3d.model, c3d.clips[0], str(tmp_path))
    torch.testing.assert_close(found, c3d.model.preprocess(frames))


def test_a_changed_file_is_read_again(c3d, tmp_path):
    path = tmp_path / "clip.npy"
    for value in (1.0, 2.0):
        np.save(path, np.full((3, 8, 16, 16), value, np.float32))
        (found,) = baselines(c3d.model, c3d.clips[0], str(path))
        assert (found == value).all()


def test_impossible_baselines_are_refused(c3d, tmp_path):
    clip = c3d.clips[0]
    with pytest.raises(InputError, match=r"baseline 'white'.*black, blurred"):
        baseline(c3d.model, clip, "white")
    with pytest.raises(InputError, match=r"baseline 'white'.*no such file"):
        baselines(c3d.model, clip, "white")
    with pytest.raises(InputError, match="folder is empty"):
        baselines(c3d.model, clip, str(tmp_path))
    np.save(tmp_path / "short.npy", np.zeros((3, 7, 16, 16), np.float32))
    with pytest.raises(InputError, match=r"\(3, 7, 16, 16\), where c3d_a sees \(3, 8, 16, 16\)"):
        baselines(c3d.model, clip, str(tmp_path))


@pytest.mark.parametrize("kind", ["blurred", "temporal_mean", "frozen_frame"])
def test_occlusion_covers_with_what_is_left_of_the_clip(c3d, kind):
    clip = c3d.clips[0]
    left = baseline(c3d.model, clip, kind).expand_as(clip)
    found = occlusion(c3d.model, clip, 1, window=[4, 8, 8], baseline=kind)
    covered = clip.clone()
    covered[:, 4:, :8, 8:] = left[:, 4:, :8, 8:]
    with torch.no_grad():
        whole, partly = c3d.model.net(torch.stack([clip, covered]))[:, 1]
    torch.testing.assert_close(found[5, 3, 12], whole - partly, atol=1e-6, rtol=1e-4)
