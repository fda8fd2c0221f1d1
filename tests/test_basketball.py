"""Real gaze of about 98 people on BasketballPass: reading, floor, controls and ceiling.

Frames 13 to 60 are scored: before, the gaze is still on the text screen that was shown first.
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vidsal import densities, fixations, scoring
from vidsal.controls.centre import centre
from vidsal.controls.optical_flow import optical_flow
from vidsal.controls.random import random
from vidsal.heatmaps import Heatmap
from vidsal.metrics.auc import auc
from vidsal.metrics.cc import cc
from vidsal.metrics.nss import nss

SIZE = (240, 416)
SCREEN = {"screen": [3840, 2160], "rect": "screen", "frame_base": 1}
METRICS = {function.__name__: (function, {}) for function in (auc, nss, cc)}


@pytest.fixture(scope="module")
def recording(shared):
    """All observers, on the clip's clock and in its pixels."""
    return fixations.read(
        shared / "data/gaze/BasketballPass/gaze_raw_frames001-060.csv",
        columns={"subject": "observer", "x": "x_screen", "y": "y_screen"},
        video_size=[416, 240],
        **SCREEN,
    )


@pytest.fixture(scope="module")
def gaze(recording):
    """Frames 13 to 60, as numbers 0 to 47."""
    return fixations.cut(recording, 12, 60)


@pytest.fixture(scope="module")
def frames(shared):
    """The same 48 frames, RGB."""
    paths = sorted((shared / "data/gaze/BasketballPass/frames").glob("f*.png"))[12:60]
    return np.stack([cv2.imread(str(path))[..., ::-1] for path in paths])


def means(saliency, gaze):
    """Mean over the frames of each metric."""
    sy, sx = (map_side / side for map_side, side in zip(saliency.shape[1:], SIZE, strict=True))
    transform = np.array([[sx, 0, sx / 2 - 0.5], [0, sy, sy / 2 - 0.5], [0, 0, 1]])
    attrs = {"source_size": SIZE, "seen": [0, 0, SIZE[1], SIZE[0]]}
    count = len(saliency)
    heatmap = Heatmap(saliency, transform, np.arange(count), np.arange(count) / 50, attrs)
    scores = scoring.score_video("BasketballPass", heatmap, METRICS, fixations=gaze)
    return scores[scores["frame"] == scoring.WHOLE_CLIP].set_index("metric")["value"]


def test_recording_is_read_as_it_is_described(recording):
    assert recording["subject"].nunique() == 98
    assert (recording["frame"].min(), recording["frame"].max()) == (0, 59)
    assert recording["x"].between(-0.5, 415.5).all()
    assert recording["y"].between(-0.5, 239.5).all()
    # The tracker is slower than its file: nearly every sample stands there three times.
    assert recording.attrs["dropped"] == {"duplicate": 8814}
    assert len(recording) == 4588


def test_centre_is_the_floor(frames, gaze):
    scores = means(centre(frames), gaze)
    assert 1.1 <= scores["nss"] <= 1.3
    assert scores["auc"] == pytest.approx(0.8, abs=0.02)


def test_noise_is_at_chance(frames, gaze):
    scores = [means(random(frames, np.random.default_rng(seed)), gaze) for seed in range(10)]
    assert np.mean([each["nss"] for each in scores]) == pytest.approx(0, abs=0.05)
    assert np.mean([each["auc"] for each in scores]) == pytest.approx(0.5, abs=0.02)
    assert np.mean([each["cc"] for each in scores]) == pytest.approx(0, abs=0.02)


def test_motion_says_something_about_gaze(frames, gaze):
    assert means(optical_flow(frames), gaze)["nss"] > 0.3


def test_observers_predict_each_other_far_better_than_the_centre(frames, gaze):
    found = []
    for seed in range(3):
        some, others = fixations.split_halves(gaze, np.random.default_rng(seed))
        points, _ = densities.on_grid(some, np.eye(3), SIZE, len(frames))
        ceiling = densities.density(points, SIZE, len(frames), scoring.SIGMA * SIZE[0])
        found.append(means(ceiling, others))
    assert np.mean([each["nss"] for each in found]) == pytest.approx(3.9, abs=0.2)
    assert np.mean([each["cc"] for each in found]) == pytest.approx(0.81, abs=0.05)


def test_raw_format_without_header_or_observers(shared):
    table = fixations.read(
        shared / "data/gaze/VED100_raw/Kimono1.txt",
        video_size=[1920, 1080],
        new_subject="frame_decreases",
        **SCREEN,
    )
    assert 95 <= table["subject"].nunique() <= 100
    assert table.attrs["dropped"]["outside_screen"] == 32
    for _, rows in table.groupby("subject"):
        assert rows["frame"].is_monotonic_increasing
