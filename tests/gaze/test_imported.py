"""Maps made elsewhere come in as they are, in every form, or are refused with a sentence."""

from __future__ import annotations

import cv2
import h5py
import numpy as np
import pytest

from vidsal import sheets
from vidsal.errors import InputError
from vidsal.gaze.imported import imported
from vidsal.video import encode

CLIP = np.arange(10, 14)


@pytest.fixture
def maps():
    return np.random.default_rng(0).integers(0, 256, (4, 12, 16)).astype(np.float32)


def save_pictures(folder, maps, bits=8):
    (folder / "v").mkdir()
    for number, one in enumerate(maps, start=8):  # frame 10 comes after frame 9
        cv2.imwrite(str(folder / "v" / f"frame{number}.png"), one.astype(f"uint{bits}"))


def save_group(folder, maps):
    with h5py.File(folder / "v.h5", "w") as file:
        file["video/saliency"] = maps
        file["video/density"] = maps[:, :2]


def save_lone_dataset(folder, maps):
    with h5py.File(folder / "v.hdf5", "w") as file:
        file["anything"], file["time"] = maps, np.arange(len(maps))


FORMS = {
    "npy": lambda folder, maps: np.save(folder / "v.npy", maps),
    "png": save_pictures,
    "png of 16 bits": lambda folder, maps: save_pictures(folder, maps, 16),
    "hdf5": save_group,
    "hdf5 of one dataset": save_lone_dataset,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_comes_back_the_same(form, maps, tmp_path):
    FORMS[form](tmp_path, maps * (257 if "16" in form else 1))
    made = imported(folder=str(tmp_path)).maps("v", CLIP)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, maps * (257 if "16" in form else 1))


def test_a_grey_video_is_close(maps, tmp_path):
    grey = np.repeat(np.repeat(maps[..., None], 3, axis=-1), 4, axis=1).repeat(4, axis=2)
    encode.write_h264(tmp_path / "v.mp4", iter(grey.astype(np.uint8)), 25)
    made = imported(folder=str(tmp_path)).maps("v", CLIP)
    assert made.shape == grey.shape[:3]
    assert np.corrcoef(made.ravel(), grey[..., 0].ravel())[0, 1] > 0.99


def test_maps_of_the_whole_source_are_cut_to_the_clip(maps, tmp_path):
    whole = np.concatenate([np.zeros((10, 12, 16)), maps, np.ones((3, 12, 16))])
    np.save(tmp_path / "v.npy", whole)
    np.testing.assert_array_equal(imported(folder=str(tmp_path)).maps("v", CLIP), maps)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((5, 4, 4)), "5 maps of v, whose clip has 4 frames and ends with frame 13"),
        (np.zeros((4, 4)), "frames, rows, columns"),
        (np.array([None]), "plain array"),
    ],
)
def test_what_does_not_fit_is_refused(array, reason, tmp_path):
    np.save(tmp_path / "v.npy", array, allow_pickle=True)
    with pytest.raises(InputError, match=reason):
        imported(folder=str(tmp_path)).maps("v", CLIP)


def test_missing_and_doubled_maps_are_refused(maps, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        imported(folder=str(tmp_path / "nowhere"))
    model = imported(folder=str(tmp_path))
    with pytest.raises(InputError, match="no maps of v in"):
        model.maps("v", CLIP)
    save_pictures(tmp_path, maps)
    np.save(tmp_path / "v.npy", maps)
    with pytest.raises(InputError, match="maps in 2 forms of v"):
        model.maps("v", CLIP)
    (tmp_path / "w.h5").write_bytes(b"")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["a"] = file["b"] = maps
    with pytest.raises(InputError, match="2 datasets of three dimensions"):
        model.maps("w", CLIP)


def test_exchanged_files_are_noticed(maps, tmp_path):
    np.save(tmp_path / "v.npy", maps)
    np.save(tmp_path / "v2.npy", maps)
    before = sheets.stamp_of(str(tmp_path), "v")
    np.save(tmp_path / "v2.npy", maps[:2])
    assert sheets.stamp_of(str(tmp_path), "v") == before
    np.save(tmp_path / "v.npy", maps[:2])
    assert sheets.stamp_of(str(tmp_path), "v") != before
