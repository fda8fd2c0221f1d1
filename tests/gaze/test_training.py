"""Predictors of gaze learn: losses, the state that goes along, what a kill leaves, bad input."""

from __future__ import annotations

import logging
import signal

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from vidsal import _gaze_loss, _recipe, training
from vidsal._gaze_task import Split, Watched, Watching
from vidsal.densities import density
from vidsal.errors import InputError
from vidsal.gaze.sal_clstm import sal_clstm
from vidsal.gaze.sal_ema import sal_ema
from vidsal.gaze.salgan import salgan
from vidsal.metrics.cc import cc
from vidsal.metrics.kl import kl
from vidsal.metrics.nss import nss
from vidsal.metrics.sim import sim

SMALL = {"width": 1 / 8, "size": [32, 48]}
LENGTHS = (7, 1, 4, 9, 3)
QUICK = {"epochs": 2, "batch_size": 2, "window": 3, "learning_rate": 0.003, "key": "k", "seed": 5}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Five videos of 40 x 60 pixels, from sources twice as large: a square on noise."""
    path = tmp_path_factory.mktemp("videos") / "frames.h5"
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as made:
        for number, length in enumerate(LENGTHS):
            frames = rng.integers(90, 160, (length, 40, 60, 3), dtype=np.uint8)
            for time, frame in enumerate(frames):
                row, col = place(number, time)
                frame[row - 3 : row + 4, col - 3 : col + 4] = 250
            group = made.create_group(f"v{number}")
            group["frames"], group["time"] = frames, np.arange(length) / 25
            group.attrs["transform"] = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1.0]])
    with h5py.File(path) as opened:
        yield opened


def place(number: int, time: int) -> tuple[int, int]:
    """Row and column of the square's centre."""
    return 8 + 6 * number, 10 + 5 * time


def watched(file, numbers, empty=()) -> list[Watched]:
    """Videos whose square everybody looks at, but for the frames in `empty`."""
    made = []
    for number in numbers:
        rows = [
            {"frame": time, "x": 2 * place(number, time)[1] + 0.5, "y": 2 * place(number, time)[0]}
            for time in range(LENGTHS[number])
            if time not in empty
        ]
        table = pd.DataFrame(rows, columns=["frame", "x", "y"])
        made.append(Watched(file[f"v{number}"], table, 8.0))
    return made


def recipe(**settings) -> _recipe.Recipe:
    """The recipe that `train` would make."""
    saved = {}

    class CaughtError(Exception):
        pass

    class Task(Watching):
        def __init__(self, model, learn, validate, made):
            saved["recipe"] = made
            raise CaughtError

    with pytest.raises(CaughtError):
        training.train(
            salgan(**SMALL), [1], [1], folder=None, work=None, task=Task, **QUICK | settings
        )
    return saved["recipe"]


def run(folder, file, model, learn=None, **settings):
    learn, validate = learn or watched(file, (0, 1, 2)), watched(file, (3, 4))
    places = {"folder": folder / "out", "work": folder / "work"}
    training.train(model, learn, validate, task=Watching, **places, **QUICK | settings)
    saved = torch.load(folder / "out/last.pt", weights_only=True)
    return saved["state_dict"], pd.read_csv(folder / "out/history.csv")


def ema(**options):
    torch.manual_seed(0)
    return sal_ema(**SMALL, **options)


# Losses.


@pytest.fixture
def given():
    """Logits, densities and counts of four frames, at the third of which nobody looked."""
    rng = np.random.default_rng(3)
    points = np.array([[0, 5, 5], [0, 20, 40], [0, 5, 5], [1, 9, 9], [3, 1, 2], [3, 30, 7]])
    truth = density(points.astype(np.int32), (32, 48), 4, 3.0)
    counts = np.zeros_like(truth)
    np.add.at(counts, tuple(points.T), 1)
    logits = torch.from_numpy(rng.normal(size=(4, 32, 48)).astype(np.float32))
    return logits, torch.from_numpy(truth), torch.from_numpy(counts), points.astype(np.int32)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("kl", lambda s, g, p: kl(s, g)),
        ("cc", lambda s, g, p: 1 - cc(s, g)),
        ("sim", lambda s, g, p: 1 - sim(s, g)),
        ("nss", lambda s, g, p: -nss(s, p)),
    ],
)
def test_losses_are_the_metrics(given, name, metric):
    logits, truth, counts, points = given
    found = _gaze_loss.per_frame(logits, truth, counts, {name: 1.0}).numpy()
    maps = logits.sigmoid().double().numpy()
    expected = metric(maps, truth.numpy().astype(np.float64), points)
    looked = [0, 1, 3]
    np.testing.assert_allclose(found[looked], expected[looked], rtol=2e-3, atol=1e-4)
    assert found[2] == 0


def test_cross_entropy_by_hand_and_of_means(given):
    logits, truth, counts, _ = given
    target = (truth[:1] / truth[:1].max()).numpy()
    chance = logits[:1].sigmoid().numpy()

    def entropy(q, p):
        return -(q * np.log(p) + (1 - q) * np.log(1 - p)).mean()

    found = _gaze_loss.bce(logits[:1], truth[:1], counts[:1])
    assert found.item() == pytest.approx(entropy(target, chance), rel=1e-3)
    means = [one.reshape(8, 4, 12, 4).mean((1, 3)) for one in (target[0], chance[0])]
    found = _gaze_loss.bce(logits[:1], truth[:1], counts[:1], pooled=4)
    assert found.item() == pytest.approx(entropy(*means), rel=1e-3)


def test_losses_add_up_and_have_gradients(given):
    logits, truth, counts, _ = given
    logits.requires_grad_(True)
    weights = {"bce": 0.5, "kl": 2.0, "cc": 1.0, "nss": 0.1, "sim": 1.0}
    total = _gaze_loss.per_frame(logits, truth, counts, weights)
    apart = [w * _gaze_loss.per_frame(logits, truth, counts, {n: 1.0}) for n, w in weights.items()]
    torch.testing.assert_close(total, sum(apart))
    total.sum().backward()
    assert logits.grad.isfinite().all()
    assert not logits.grad[2].any()
    assert logits.grad[[0, 1, 3]].abs().amin(dim=0).any()


def test_a_flat_map_and_a_step_without_gaze_are_no_numbers_gone_wrong(given):
    logits, truth, counts, _ = given
    every = {"bce": 1.0, "kl": 1.0, "cc": 1.0, "nss": 1.0, "sim": 1.0}
    for extreme in (0.0, 40.0, -40.0):
        flat = torch.full_like(logits, extreme).requires_grad_(True)
        loss = _gaze_loss.per_frame(flat, truth, counts, every)
        loss.sum().backward()
        assert loss.isfinite().all()
        assert flat.grad.isfinite().all()
    nobody = torch.zeros_like(truth)
    loss = _gaze_loss.per_frame(logits.requires_grad_(True), nobody, nobody, every)
    loss.sum().backward()
    assert not loss.any()
    assert not logits.grad.any()


# Windows.


def test_every_frame_is_shown_once_in_order_and_side_by_side(file):
    split = Split(salgan(**SMALL), watched(file, range(5)), recipe())
    steps = split.lanes([3, 0, 4, 1, 2])
    shown = [split.places[index] for step in steps for index in step]
    assert sorted(shown) == split.places
    assert len(split.places) == sum(-(-length // 3) for length in LENGTHS)
    for video in range(5):
        assert [one.clip for one in shown if one.video == video] == list(
            range(split.windows(video))
        )
    assert all(len(step) <= 2 for step in steps)
    assert sum(len(step) == 2 for step in steps) >= len(steps) - 2
    assert [[split.places[i].video for i in step] for step in steps[:2]] == [[3, 0], [3, 0]]


@pytest.mark.parametrize("build", [sal_ema, sal_clstm])
def test_what_is_carried_makes_windows_one_video(file, build):
    torch.manual_seed(0)
    model = build(**SMALL)
    task = Watching(model, watched(file, (0, 2, 1)), watched(file, (3,)), recipe())
    found, carried = {0: [], 1: [], 2: []}, {}
    with torch.inference_mode():
        for step in task.learn.lanes([0, 1, 2]):
            made = [task.learn.window(index, None) for index in step]
            for one, logits in zip(made, task._asked(made, carried), strict=True):
                found[one.place.video].append(logits)
        for number, video in enumerate((0, 2, 1)):
            clip = model.inputs(file[f"v{video}/frames"][()], None)
            whole, _ = model.net(clip[None])
            torch.testing.assert_close(torch.cat(found[number]), whole[0], rtol=1e-4, atol=1e-5)
    assert not carried, "nothing is kept of videos that are over"


def test_gaze_is_cut_and_mirrored_with_the_picture(file):
    own = recipe(crop=0.3, flip=True, jitter=0)
    split = Split(salgan(**SMALL), watched(file, (0,)), own)
    mirrored = set()
    for epoch in range(12):
        window = split.window(1, epoch)
        grey = window.frames.mean(0).numpy()
        for frame, row, col in window.points:
            around = grey[frame, max(0, row - 1) : row + 2, max(0, col - 1) : col + 2]
            assert around.mean() > np.percentile(grey[frame], 90), epoch
        if len(window.points) == 3:
            mirrored.add(window.points[0, 2] > window.points[2, 2])
    assert mirrored == {True, False}


def test_all_windows_of_a_video_are_changed_alike(file):
    split = Split(salgan(**SMALL), watched(file, (0,)), recipe(crop=0.3))
    corners = [np.diff(split.window(index, 4).points[:, 2]) for index in (0, 1)]
    assert set(np.sign(np.concatenate(corners)).tolist()) in ({1}, {-1})


# Runs.


def test_a_network_learns_where_people_look(file, tmp_path):
    torch.manual_seed(0)
    settings = {"epochs": 15, "flip": False, "crop": 0, "jitter": 0, "learning_rate": 0.001}
    _, history = run(tmp_path, file, salgan(**SMALL), **settings)
    # Three videos are learned by heart; two more say nothing of videos that were not seen.
    assert history["train_loss"].iloc[0] < np.log(2), "it starts at a flat map, no worse"
    assert history["train_loss"].iloc[-1] < 0.3 * history["train_loss"].iloc[0]
    assert history["train_nss"].iloc[-1] > 1.5
    assert list(history) == ["epoch", "lr", "train_loss", "train_nss", "val_loss", "val_nss"]
    best = torch.load(tmp_path / "out/best.pt", weights_only=True)
    assert best["epoch"] == history["epoch"][history["val_nss"].idxmax()]
    again = salgan(**SMALL, weights=str(tmp_path / "out/best.pt"))
    frames = file["v3/frames"][()]
    assert np.concatenate(list(again(iter([frames])))).shape == (9, 32, 48)


def test_a_run_that_was_stopped_goes_on_to_the_last_bit(file, tmp_path):
    expected, history = run(tmp_path / "whole", file, ema())
    first = watched(file, (0, 1, 2))

    class Stop(Watching):
        steps = 0

        def loss(self, *given):
            Stop.steps += 1
            if Stop.steps == 2:
                signal.raise_signal(signal.SIGTERM)
            return super().loss(*given)

    places = {"folder": tmp_path / "out", "work": tmp_path / "work"}
    with pytest.raises(SystemExit):
        training.train(ema(), first, watched(file, (3, 4)), task=Stop, **places, **QUICK)
    kept = torch.load(tmp_path / "work/last.pt", weights_only=True)
    assert kept["step"] == 2
    assert kept["carried"], "it was stopped in the middle of a video"
    found, again = run(tmp_path, file, ema())
    assert all(torch.equal(found[key], one) for key, one in expected.items())
    pd.testing.assert_frame_equal(again, history)


def test_threads_that_read_ahead_change_nothing(file, tmp_path):
    one, _ = run(tmp_path / "one", file, ema(), workers=0, epochs=1)
    other, _ = run(tmp_path / "other", file, ema(), workers=3, epochs=1)
    assert all(torch.equal(other[key], value) for key, value in one.items())


def test_the_decoder_thaws_from_its_end(file, tmp_path):
    thaw = {"salgan": None, "salgan.58": 1, "salgan.60": 0, "alpha": None}
    model = ema()
    before = {key: one.clone() for key, one in model.net.state_dict().items()}
    after, _ = run(tmp_path, file, model, thaw=thaw)
    moved = {key for key, one in after.items() if not torch.equal(one, before[key])}
    assert moved == {f"salgan.{n}.{kind}" for n in (58, 60) for kind in ("weight", "bias")}


def test_frames_without_gaze_are_counted_and_no_part_of_the_loss(file, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        _, history = run(tmp_path, file, ema(), watched(file, (0, 1, 2), empty=(0, 3, 4, 5)))
    assert "7 of 12 frames to learn from have no gaze" in caplog.text
    assert np.isfinite(history.to_numpy()).all()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"losses": {"bce": 1, "emd": 1}}, "losses: 'emd' is unknown"),
        ({"losses": {"kl": 0}}, "losses: kl: 0 is no number above 0"),
        ({"window": 0}, "window 0 is below 1"),
    ],
)
def test_impossible_settings_are_refused(file, tmp_path, settings, said):
    with pytest.raises(InputError, match=said):
        run(tmp_path, file, salgan(**SMALL), **settings)


def test_videos_that_nobody_looked_at_teach_nothing(file, tmp_path):
    with pytest.raises(InputError, match="nobody looked at any of the 4 frames to learn from"):
        run(tmp_path, file, salgan(**SMALL), watched(file, (2,), empty=range(4)))
