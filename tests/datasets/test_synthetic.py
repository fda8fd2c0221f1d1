"""The rendered dataset: its sheet, its files, and the truths that it promises about them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from vidsal import sheets
from vidsal.datasets import _bodies, _gaits, _plans, _recordings
from vidsal.datasets.synthetic import (
    _options,
    event_frames,
    read_masks,
    render,
    synthetic,
    true_motion,
)
from vidsal.errors import InputError
from vidsal.metrics.relevance_mass import relevance_mass

SMALL = {"subjects_train": 1, "subjects_val": 0, "subjects_test": 1, "passes": 2, "observers": 2}
PARTS = set(_bodies.PARTS.values())


def decode(path: str, form: str) -> np.ndarray:
    """All frames of a video, uint8 (T,H,W) or (T,H,W,3)."""
    with av.open(path) as file:
        return np.stack([frame.to_ndarray(format=form) for frame in file.decode(video=0)])


def recording(row: object, **options: object) -> _plans.Recording:
    """The plan behind a row."""
    return _plans.parse(Path(row.path).stem, _options(options))


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    """A small sheet whose files are rendered."""
    folder = str(tmp_path_factory.mktemp("synthetic"))
    rows = synthetic(folder, **SMALL)
    render(folder, rows, **SMALL)
    return rows


@pytest.fixture(scope="module")
def videos(sheet):
    """Path -> grey frames uint8 (T,H,W)."""
    return {path: decode(path, "gray") for path in sheet["path"].unique()}


@pytest.fixture(scope="module")
def masks(sheet):
    """Path of a video -> masks uint8 (T,H,W)."""
    pairs = sheet[["path", "masks"]].drop_duplicates().to_numpy()
    return {path: decode(own, "gray") for path, own in pairs}


def test_default_sheet_is_balanced_and_subject_disjoint():
    sheet = sheets.check(synthetic("folder"), "synthetic")
    assert (sheet["split"] == "test").sum() == 48
    counts = sheet.groupby(["subject", "label"]).size()
    assert set(counts) == {4}
    assert len(counts) == 2 * 21
    assert (sheet.groupby("subject")["split"].nunique() == 1).all()
    assert (sheet["end"] - sheet["start"] == 32).all()


def test_sheet_is_quick_and_imports_nothing_heavy(root):
    code = (
        "import sys, time; from vidsal.datasets.synthetic import synthetic; synthetic('x')\n"
        "t = time.process_time(); synthetic('x'); t = time.process_time() - t\n"
        "assert t < 0.05, t\n"
        "assert not {'torch', 'cv2', 'av', 'h5py', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=root / "workflow", check=True)


def test_more_subjects_and_recordings_leave_other_rows_alone():
    before = synthetic("folder").set_index("video")
    more = {"subjects_train": 13, "subjects_val": 5, "subjects_test": 7, "recordings": 2}
    after = synthetic("folder", **more).set_index("video")
    assert after.loc[before.index].equals(before)
    assert len(after) == 2 * 2 * 4 * 25


@pytest.mark.parametrize(
    "change",
    [
        {"passes": 3},
        {"frames": 24},
        {"gap": 20},
        {"scale_change": 0.0},
        {"noise": 0.0},
        {"observers": 3},
        {"speed": "equal"},
        {"cue": "patch"},
        {"event": 8},
        {"seed": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_options_that_change_bytes_change_paths(change):
    assert set(synthetic("f")["path"]).isdisjoint(synthetic("f", **change)["path"])


@pytest.mark.parametrize("change", [{}, {"frames": 40}, {"frames": 8}, {"scale_change": 0.3}])
def test_rows_lie_in_the_stretches_with_a_body_and_gaps_between_them(change):
    options = _options(change | {"gap": 10})
    for index in range(1, 25):
        for label in _gaits.LABELS:
            one = _plans.plan(options, "train", index, label, 1)
            ends = [0, *(p.leave for p in one.passes)]
            starts = [*(p.enter for p in one.passes), one.length]
            assert all(b - a >= 10 for a, b in zip(ends, starts, strict=True))
            assert all(p.leave - p.enter < 200 for p in one.passes)
            assert all(p.enter <= p.start < p.end <= p.leave for p in one.passes)


def test_nuisances_do_not_know_the_class():
    timing = {"start", "end", "enter", "leave"}
    for index in range(1, 9):
        walk, run = (_plans.plan(_options({}), "test", index, label, 1) for label in _gaits.LABELS)
        for one, other in zip(walk.passes, run.passes, strict=True):
            own = {k: v for k, v in vars(one).items() if k not in timing}
            assert own == {k: v for k, v in vars(other).items() if k not in timing}
        assert {p.direction for p in walk.passes} == {-1, 1}
    assert walk.length > run.length


def test_at_equal_speed_both_classes_are_in_the_same_place_at_all_times():
    options = _options({"speed": "equal"})
    walk, run = (_plans.plan(options, "test", 3, label, 1) for label in _gaits.LABELS)
    assert walk.passes == run.passes
    one = walk.passes[0]
    frames = np.arange(one.enter, one.leave)
    tracks = [_plans.track(options, label, one, frames) for label in _gaits.LABELS]
    np.testing.assert_array_equal(tracks[0].x, tracks[1].x)
    assert np.all(np.diff(tracks[1].phase) > np.diff(tracks[0].phase))


def test_walkers_keep_a_foot_on_the_ground_and_runners_fly():
    phase = np.linspace(0, 1, 200, endpoint=False)
    lowest, knees = {}, {}
    for running, label in enumerate(_gaits.LABELS):
        bones = _gaits.skeleton(phase, np.full(200, float(running)))
        ends = [f"{s}_{e}" for s in ("left", "right") for e in ("heel", "toe")]
        lowest[label] = np.min([bones[end].imag for end in ends], axis=0)
        knees[label] = bones["right_knee"].imag.max()
        for above, below, length in (("hip", "knee", 0.245), ("knee", "ankle", 0.235)):
            upper = bones["hip"] if above == "hip" else bones[f"left_{above}"]
            np.testing.assert_allclose(np.abs(upper - bones[f"left_{below}"]), length)
    np.testing.assert_allclose(lowest["walking"], 0, atol=1e-12)
    assert lowest["running"].min() > -1e-12
    assert 0.1 < (lowest["running"] > 0.005).mean() < 0.5
    assert knees["running"] > knees["walking"] + 0.03
    assert _gaits.speed(1) > 1.3 * _gaits.speed(0)


def test_rendering_again_gives_the_same_bytes(sheet, tmp_path):
    again = synthetic(str(tmp_path), **SMALL)
    render(str(tmp_path), again[again["subject"] == "test01"], **SMALL)
    made = sorted(p for p in tmp_path.rglob("*") if p.is_file())
    assert len(made) == 2 * 3
    for path in made:
        assert path.read_bytes() == (Path(sheet["path"][0]).parent / path.name).read_bytes()


def test_files_that_are_there_are_left_alone_and_missing_ones_made_again(tmp_path):
    rows = synthetic(str(tmp_path), **SMALL).iloc[:1]
    render(str(tmp_path), rows, **SMALL)
    video, masks, gaze = (Path(rows[c][0]) for c in ("path", "masks", "fixations"))
    before = masks.read_bytes(), gaze.read_bytes()
    video.write_bytes(b"mine")
    masks.unlink()
    gaze.unlink()
    render(str(tmp_path), rows, **SMALL)
    assert video.read_bytes() == b"mine"
    assert (masks.read_bytes(), gaze.read_bytes()) == before
    assert len(list(video.parent.iterdir())) == 3


def test_videos_are_grey_avi_files_of_160x120_at_25_fps(sheet, masks):
    for path in sheet["path"].unique():
        with av.open(path) as file:
            stream = file.streams.video[0]
            assert (file.format.name, stream.codec_context.name) == ("avi", "mpeg4")
            assert (stream.width, stream.height, stream.average_rate) == (160, 120, 25)
            assert stream.frames == len(masks[path])
        frames = decode(path, "rgb24")
        assert frames.shape[0] == len(masks[path])
        assert np.ptp(frames.astype(int), axis=-1).max() <= 1


def test_masks_hold_the_body_in_rows_and_nothing_in_gaps(sheet, masks):
    for path, own in masks.items():
        plan = recording(sheet[sheet["path"] == path].iloc[0], **SMALL)
        assert len(own) == plan.length
        passing = np.zeros(plan.length, bool)
        for one in plan.passes:
            passing[one.enter : one.leave] = True
            row = own[one.start : one.end]
            assert set(np.unique(row)) == {0} | PARTS
            area = (row > 0).sum(axis=(1, 2))
            assert area.min() > 0.55 * np.median(area) > 200
            assert 50 <= np.ptp(np.nonzero(row.max(axis=2))[1]) <= 95
        assert not own[~passing].any()
        assert own[passing].any(axis=(1, 2)).mean() > 0.85


def test_what_differs_from_the_still_background_is_body_or_shadow(videos, masks):
    for path, frames in videos.items():
        nobody = ~masks[path].any(axis=(1, 2))
        still = np.median(frames[nobody], axis=0)
        changed = np.stack([cv2.blur(np.abs(f - still), (3, 3)) for f in frames]) > 25
        near = np.stack([cv2.dilate(m, np.ones((7, 7))) > 0 for m in masks[path]])
        # What is left is the shadow, which lies under the feet and is no part of the body.
        far = changed & ~near
        assert far.sum() < 0.05 * changed.sum()
        assert far[:, :90].sum() < 0.002 * changed.sum()
        assert changed[nobody].mean() < 1e-4
        assert (changed & near).sum() > 0.5 * (masks[path] > 0).sum()


def test_nothing_of_the_class_is_in_the_empty_background(videos):
    still = {Path(path).stem: frames[:10].mean(axis=0) for path, frames in videos.items()}
    for subject in ("train01", "test01"):
        walk, run = still[f"{subject}_walking_d1"], still[f"{subject}_running_d1"]
        np.testing.assert_allclose(walk, run, atol=1e-9)
    assert np.abs(still["train01_walking_d1"] - still["test01_walking_d1"]).mean() > 5


def test_nearest_mean_of_mean_pictures_is_at_chance_when_speed_is_equal():
    options = _options({"passes": 2, "speed": "equal"})
    rows, labels = [], []
    for index in range(1, 9):
        for number, label in enumerate(_gaits.LABELS):
            plan = _plans.plan(options, "train", index, label, 1)
            frames = [picture for picture, _ in _recordings.pictures(options, plan)]
            for one in plan.passes:
                rows.append(np.mean(frames[one.start : one.end], axis=0).ravel())
                labels.append(number)
    rows, labels, test = np.array(rows), np.array(labels), np.arange(len(rows)) >= 16
    means = [rows[~test & (labels == number)].mean(axis=0) for number in (0, 1)]
    nearest = np.argmin([((rows[test] - mean) ** 2).sum(axis=1) for mean in means], axis=0)
    assert 0.25 <= (nearest == labels[test]).mean() <= 0.75


def test_true_motion_of_a_body_that_only_moves_on_is_its_speed(sheet):
    row = sheet.iloc[0]
    plan, motion = recording(row, **SMALL), true_motion(row, **SMALL)
    assert motion.shape == (32, 120, 160, 2)
    assert motion.dtype == np.float32
    one, options = plan.passes[0], _options(SMALL)
    track = _plans.track(options, plan.label, one, np.arange(one.start, one.end + 1))
    masks = decode(row["masks"], "gray")[one.start : one.end]
    trunk = [m[mask == 2, 0].mean() for m, mask in zip(motion, masks, strict=True)]
    np.testing.assert_allclose(trunk, np.diff(track.x), atol=0.5)
    assert np.all(motion[masks == 0] == 0)


def test_true_motion_takes_each_limb_where_the_mask_finds_it_next(sheet):
    for _, row in sheet.iterrows():
        motion = true_motion(row, **SMALL)
        masks = decode(row["masks"], "gray")[row["start"] : row["end"]]
        found = []
        for t in range(31):
            y, x = np.nonzero(masks[t] > 0)
            there = np.stack([x, y], axis=1) + motion[t, y, x]
            column, line = np.round(there).astype(int).T
            inside = (column >= 0) & (column < 160) & (line >= 0) & (line < 120)
            found.append((masks[t + 1, line[inside], column[inside]] > 0).mean())
        assert np.mean(found) > 0.95


def test_true_motion_agrees_with_optical_flow_of_the_pixels(sheet, videos):
    row = sheet.iloc[0]
    motion = true_motion(row, **SMALL)
    frames = videos[row["path"]][row["start"] : row["end"]]
    for t in (5, 15, 25):
        flow = cv2.calcOpticalFlowFarneback(
            frames[t], frames[t + 1], None, 0.5, 3, 13, 3, 5, 1.1, 0
        )
        moving = np.linalg.norm(motion[t], axis=-1) > 1
        true, seen = motion[t][moving].mean(axis=0), flow[moving].mean(axis=0)
        assert true @ seen > 0.9 * np.linalg.norm(true) * np.linalg.norm(seen)


def test_classes_are_alike_but_for_the_frames_of_the_event():
    own = SMALL | {"event": 6}
    sheet, options = synthetic("f", **own), _options(own)
    walk, run = sheet[sheet["subject"] == "test01"].groupby("label", sort=False)
    assert walk[1]["start"].tolist() == run[1]["start"].tolist()
    plans = [recording(rows.iloc[0], **own) for _, rows in (walk, run)]
    both = [[p for p, _ in _recordings.pictures(options, plan)] for plan in plans]
    differs = np.array([np.any(a != b) for a, b in zip(*both, strict=True)])
    for _, row in walk[1].iterrows():
        event = event_frames(row, **own)
        assert event.sum() == 6
        np.testing.assert_array_equal(differs[row["start"] : row["end"]], event)
    assert differs.sum() == 2 * 6


def test_without_an_event_all_frames_of_a_row_show_the_class(sheet):
    assert event_frames(sheet.iloc[0], **SMALL).tolist() == [True] * 32


def test_no_event_frames_at_all_leave_no_difference(tmp_path):
    own = SMALL | {"event": 0, "subjects_train": 0}
    rows = synthetic(str(tmp_path), **own)
    render(str(tmp_path), rows, **own)
    one, other = (Path(path).read_bytes() for path in rows["path"].unique())
    assert one == other


def test_the_cue_is_a_coloured_patch_with_its_own_mask_value(tmp_path, masks):
    assert not any((own == _recordings.CUE).any() for own in masks.values())
    own = SMALL | {"cue": "patch", "subjects_train": 0, "event": 0}
    rows = synthetic(str(tmp_path), **own).drop_duplicates("path")
    render(str(tmp_path), rows, **own)
    for _, row in rows.iterrows():
        mask = decode(row["masks"], "gray")
        patch = np.zeros(mask.shape[1:], bool)
        patch[_recordings.CUE_BOXES[row["label"]]] = True
        assert np.all((mask == _recordings.CUE) == patch)
        red, _, blue = decode(row["path"], "rgb24")[:, patch].mean(axis=(0, 1))
        assert (red - blue > 60) if row["label"] == "walking" else (blue - red > 60)


def test_the_truth_is_the_body_without_the_cue_or_the_cue_alone(tmp_path):
    own = SMALL | {"cue": "patch", "subjects_train": 0, "passes": 1}
    rows = synthetic(str(tmp_path), **own)
    assert rows.equals(synthetic(str(tmp_path), **own, mask="cue"))
    render(str(tmp_path), rows, **own)
    for _, row in rows.iterrows():
        where = (row["masks"], int(row["start"]), int(row["end"]))
        labels = decode(row["masks"], "gray")[where[1] : where[2]]
        body, cue = read_masks(*where), read_masks(*where, mask="cue")
        assert body.dtype == cue.dtype == np.uint8
        assert set(np.unique(body)) <= PARTS | {0}
        np.testing.assert_array_equal(body > 0, np.isin(labels, list(PARTS)))
        patch = np.zeros(labels.shape[1:], bool)
        patch[_recordings.CUE_BOXES[row["label"]]] = True
        np.testing.assert_array_equal(cue, np.broadcast_to(patch, cue.shape))
        # A map that looks at nothing but the cue has no mass in the body, and all of it in the cue.
        looks_at_cue = np.broadcast_to(patch, cue.shape).astype(np.float32)
        assert (relevance_mass(looks_at_cue, body > 0) == 0).all()
        assert (relevance_mass(looks_at_cue, cue > 0) == 1).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"frames": 64, "noise": -1}, ["frames=64", "8..40", "noise=-1"]),
        ({"cue": "logo"}, ["cue='logo'", "patch"]),
        ({"mask": "head"}, ["mask='head'", "body"]),
        ({"mask": "cue"}, ["mask='cue'", "plants none"]),
        ({"event": 33}, ["event=33"]),
        ({"speed": "fast"}, ["speed='fast'", "equal"]),
        ({"scale_change": 0.9}, ["scale_change=0.9"]),
    ],
)
def test_options_out_of_range_are_named(options, words):
    with pytest.raises(InputError) as caught:
        synthetic("f", **options)
    assert all(word in str(caught.value) for word in words)


def test_rows_of_other_options_and_unknown_options_are_refused(tmp_path):
    rows = synthetic(str(tmp_path), seed=1)
    with pytest.raises(InputError, match="files of these options lie in"):
        render(str(tmp_path), rows, seed=2)
    with pytest.raises(InputError, match="unknown: sede"):
        render(str(tmp_path), rows, sede=1)
    with pytest.raises(InputError, match="no such pass"):
        event_frames(rows.iloc[0].replace({"train01_walking_d1_p1": "train01_walking_d1_p9"}))
    with pytest.raises(InputError, match="not of this dataset"):
        event_frames(rows.iloc[0].replace({"train01_walking_d1_p1": "person01_boxing_d1_p1"}))


def test_a_full_disk_gets_one_sentence_and_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_recordings.cv2, "LUT", full)
    rows = synthetic(str(tmp_path), **SMALL).iloc[:1]
    with pytest.raises(InputError, match=r"train01_walking_d1 .*No space left on device"):
        render(str(tmp_path), rows, **SMALL)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
