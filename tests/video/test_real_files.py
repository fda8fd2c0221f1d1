"""Every real film beside the repository: its frames counted, upright, damage found, none invented.

The counts are those of the manifest that came with the films. Where a film differs from it on
purpose, the table below says why.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from vidsal.video.decode import Health, decode, pictures
from vidsal.video.probe import probe
from vidsal.video.trim import trim

SHARED = Path(__file__).resolve().parents[3] / "shared"
VIDEOS = SHARED / "data/videos"


@dataclass(frozen=True)
class Film:
    """What the manifest says of a film."""

    path: Path
    codec: str
    size: tuple[int, int]
    frames: int
    rotation: int


# The manifest describes the first of two streams (320x180); the one with more pixels is read.
OTHER_STREAM = {"misc/nasa_13013.mp4": {"size": (270, 480), "frames": 390}}
DAMAGED = {"edge/corrupted.mp4"}


def _films() -> dict[str, Film]:
    """Return the films of the manifest by their path below `videos`."""
    manifest = SHARED / "data/MANIFEST.csv"
    if not manifest.is_file():
        return {}
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["file"].startswith("videos/")]
    found = {}
    for row in rows:
        name = row["file"].removeprefix("videos/")
        turned = int(row["note"].removeprefix("rotation=")) if row["note"] else 0
        own = OTHER_STREAM.get(name, {})
        size = own.get("size", (int(row["height"]), int(row["width"])))
        count = own.get("frames", int(row["frames"]))
        found[name] = Film(VIDEOS / name, row["codec"], size, count, turned % 360)
    return found


FILMS = _films()
pytestmark = pytest.mark.skipif(not FILMS, reason="needs ../shared (real data), which is not here")


def test_all_films_are_in_the_table():
    there = {path.relative_to(VIDEOS).as_posix() for path in VIDEOS.rglob("*") if path.is_file()}
    assert there == set(FILMS)
    assert len(there) == 19
    assert there > DAMAGED


@pytest.mark.parametrize("name", FILMS)
def test_frames_are_as_many_as_the_manifest_says_and_upright(name):
    film, health = FILMS[name], Health()
    times, sizes = [], set()
    for picture in pictures(film.path, health):
        times.append(picture.time)
        sizes.add((picture.pixels.height, picture.pixels.width))
    assert len(times) == health.frames_decoded == film.frames
    info = probe(film.path)
    assert (info.codec, info.rotation) == (film.codec, film.rotation)
    upright = film.size[::-1] if film.rotation % 180 else film.size
    assert sizes == {info.size} == {upright}
    assert times[0] == 0
    assert (np.diff(times) > 0).all()


@pytest.mark.parametrize("name", FILMS)
def test_the_damaged_are_flagged_and_the_intact_are_not(name, tmp_path):
    film = FILMS[name]
    # Long ones are judged by all of their frames and cut short, since writing is what takes long.
    kept = None if film.frames < 200 else film.frames - 40
    record = trim(film.path, tmp_path / "clip.mkv", start=kept)
    assert record["damaged"] == bool(record["reasons"]) == (name in DAMAGED)
    assert record["checked_until"] is None
    assert record["frames_decoded"] == film.frames
    clip = np.stack([frame.rgb for frame in decode(tmp_path / "clip.mkv")])
    assert len(clip) == film.frames - (kept or 0)
    if kept is None:
        for kept_rgb, frame in zip(clip, decode(film.path), strict=True):
            np.testing.assert_array_equal(kept_rgb, frame.rgb)


def test_what_is_wrong_with_the_damaged_one_is_said(tmp_path):
    record = trim(VIDEOS / "edge/corrupted.mp4", tmp_path / "clip.mkv")
    assert (record["frames_decoded"], record["frames_header"], record["errors"]) == (49, 50, 1)
    assert "before frame 28" in record["reasons"][0]


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("ucf101/ApplyEyeMakeup_test.avi", 83, 123),
        ("kinetics/arm_wrestling_mmaction2_demo.mp4", 100, 116),
        ("misc/flipping_pancake.mkv", 30, 46),
        ("intel/bottle-detection.mp4", 20, 30),
    ],
)
def test_intervals_are_bit_equal(name, start, end, tmp_path):
    record = trim(VIDEOS / name, tmp_path / "clip.mkv", start=start, end=end, on_damage="fail")
    clip = [frame.rgb for frame in decode(tmp_path / "clip.mkv")]
    source = decode(VIDEOS / name)
    expected = [frame for frame in source if start <= frame.index < end]
    np.testing.assert_array_equal(clip, [frame.rgb for frame in expected])
    times = np.add(record["times"], record["start_time"])
    np.testing.assert_allclose(times, [frame.time for frame in expected], atol=1e-9)
