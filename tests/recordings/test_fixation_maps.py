"""Folders of fixation maps: pixels, frames and their numbers worked out by hand; damaged files."""

from __future__ import annotations

import zlib

import cv2
import numpy as np
import pytest
import scipy.io

from tests.recordings import matlab
from vidsal import fixations
from vidsal.errors import InputError
from vidsal.recordings.fixation_maps import fixation_maps

# Layouts: DHF1K (README.md of github.com/wenguanwang/DHF1K): annotation/0001/fixation/0001.png of 0
# and 255, annotation/0001/fixation/maps/0001.mat with variable I of 0 and 1. Hollywood-2 in the
# same publication: fixation/actionclipautoautotrain00001_00135.png, with numbers that run on from
# shot to shot.
# STAViS (github.com/atsiami/STAViS, datasets/saliency_db.py and issue 4): fixMap_00001.mat with
# variable eyeMap, and eye_tracks.mat in the same folder.
SHAPE = (6, 8)


def fixated(*points, value=1):
    made = np.zeros(SHAPE, np.uint8)
    for y, x in points:
        made[y, x] = value
    return made


def png(path, *points, value=255):
    cv2.imwrite(str(path), fixated(*points, value=value))
    return path


def five(path, **variables):
    scipy.io.savemat(path, variables, do_compression=True)
    return path


def rows(table):
    return [tuple(row) for row in table[["frame", "x", "y"]].to_numpy(dtype=object)]


def test_pictures(tmp_path):
    png(tmp_path / "0001.png", (0, 0), (5, 7))
    png(tmp_path / "0002.png")
    png(tmp_path / "0010.png", (2, 3))
    (tmp_path / "maps").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    table = fixation_maps(tmp_path)
    assert rows(table) == [(0, 0.0, 0.0), (0, 7.0, 5.0), (2, 3.0, 2.0)]
    assert set(table["subject"]) == {"0"}
    assert set(table["event"]) == {"fixation"}
    assert table.attrs == {"geometry": {"space": "video", "video_size": [8, 6]}, "dropped": {}}
    assert rows(fixation_maps(tmp_path, first=1)) == [(0, 0.0, 0.0), (0, 7.0, 5.0), (9, 3.0, 2.0)]


def test_order_is_that_of_the_numbers(tmp_path):
    for number in (9, 10, 100):
        png(tmp_path / f"Diving-Side_001_{number}.png", (0, number % 8))
    assert rows(fixation_maps(tmp_path)) == [(0, 1.0, 0.0), (1, 2.0, 0.0), (2, 4.0, 0.0)]
    assert [row[0] for row in rows(fixation_maps(tmp_path, first=9))] == [0, 1, 91]


def test_numbers_that_run_on_from_shot_to_shot(tmp_path):
    png(tmp_path / "actionclipautoautotrain00001_00135.png", (1, 1))
    png(tmp_path / "actionclipautoautotrain00001_00137.png", (2, 2))
    assert [row[0] for row in rows(fixation_maps(tmp_path, first=135))] == [0, 2]
    later = fixation_maps(tmp_path, first=136)
    assert rows(later) == [(1, 2.0, 2.0)]
    assert later.attrs["dropped"] == {"before_start": 1}
    table = fixations.read(tmp_path, format="fixation_maps", first=135)
    assert list(table["frame"]) == [0, 2]
    assert list(table["subject"]) == ["0", "0"]


@pytest.mark.parametrize("write", [five, matlab.write])
def test_matrices_lie_as_matlab_shows_them(tmp_path, write):
    write(tmp_path / "fixMap_00001.mat", eyeMap=fixated((1, 6), (4, 0)))
    write(tmp_path / "fixMap_00002.mat", eyeMap=fixated((0, 3)).astype(float))
    expected = [(0, 6.0, 1.0), (0, 0.0, 4.0), (1, 3.0, 0.0)]
    assert rows(fixation_maps(tmp_path)) == expected
    write(tmp_path / "eye_tracks.mat", tracks=np.ones((2, 5)))
    table = fixation_maps(tmp_path, first=1)
    assert rows(table) == expected
    assert table.attrs["dropped"] == {"no_frame_number": 1}
    assert rows(fixation_maps(tmp_path, pattern="fixMap_*")) == expected


@pytest.mark.parametrize("write", [five, matlab.write])
def test_which_matrix(tmp_path, write):
    write(tmp_path / "1.mat", I=fixated((1, 1)), name="text", other=fixated((2, 2)))
    with pytest.raises(InputError, match=r"2 matrices among the variables .*variable: \.\.\."):
        fixation_maps(tmp_path)
    assert rows(fixation_maps(tmp_path, variable="other")) == [(0, 2.0, 2.0)]
    with pytest.raises(InputError, match="no matrix 'name' among the variables"):
        fixation_maps(tmp_path, variable="name")
    # A lone file is a video of one frame.
    assert rows(fixation_maps(tmp_path / "1.mat", variable="I")) == [(0, 1.0, 1.0)]


def test_kinds_of_pictures(tmp_path):
    grey = fixated((1, 2), value=255)
    colours = np.dstack([grey * 0, grey, grey * 0])
    pictures = {
        "grey": grey,
        "one": fixated((1, 2), value=1),
        "deep": grey.astype(np.uint16) * 257,
        "colour": colours,
        "opaque": np.dstack([colours, np.full(SHAPE, 255, np.uint8)]),
    }
    for name, picture in pictures.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
        assert rows(fixation_maps(tmp_path / f"{name}.png")) == [(0, 2.0, 1.0)], name


def test_maps_of_density_are_refused(tmp_path):
    density = fixated((1, 1), value=200) + fixated((1, 2), value=90)
    cv2.imwrite(str(tmp_path / "1.png"), density)
    with pytest.raises(InputError, match=r"several values besides 0.*above: "):
        fixation_maps(tmp_path)
    assert rows(fixation_maps(tmp_path, above=127.5)) == [(0, 1.0, 1.0)]
    assert rows(fixation_maps(tmp_path, above=89)) == [(0, 1.0, 1.0), (0, 2.0, 1.0)]


def test_contradictions_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        fixation_maps(tmp_path / "none")
    with pytest.raises(InputError, match="0 fixation maps"):
        fixation_maps(tmp_path)
    png(tmp_path / "1.png", (1, 1))
    five(tmp_path / "2.mat", I=fixated((2, 2)))
    with pytest.raises(InputError, match=r"both \.mat and \.png files.*pattern: '\*\.mat'"):
        fixation_maps(tmp_path)
    assert rows(fixation_maps(tmp_path, pattern="*.mat")) == [(0, 2.0, 2.0)]
    png(tmp_path / "b1.png", (1, 1))
    with pytest.raises(InputError, match=r"has the same number as 1\.png"):
        fixation_maps(tmp_path, pattern="*.png", first=1)
    cv2.imwrite(str(tmp_path / "b2.png"), np.zeros((8, 6), np.uint8))
    with pytest.raises(InputError, match="6x8 pixels, the maps before it 8x6"):
        fixation_maps(tmp_path, pattern="*.png")


def test_damaged_maps_are_refused(tmp_path):
    whole = png(tmp_path / "1.png", (1, 1)).read_bytes()
    head = b"IHDR" + (2**15).to_bytes(4, "big") * 2 + whole[24:29]
    huge = whole[:12] + head + zlib.crc32(head).to_bytes(4, "big") + whole[33:]
    at = whole.index(b"IDAT")
    long = whole[: at - 4] + b"\xf0\0\0\0" + whole[at:]
    turned = whole[: at + 9] + bytes([whole[at + 9] ^ 1]) + whole[at + 10 :]
    for content in (b"", b"x" * 100, whole[:-8], whole[:40], huge, long, turned):
        (tmp_path / "1.png").write_bytes(content)
        with pytest.raises(InputError, match="cut off, or no PNG"):
            fixation_maps(tmp_path)
    (tmp_path / "1.png").unlink()
    (tmp_path / "1.mat").write_bytes(whole)
    with pytest.raises(InputError, match="not readable as MATLAB"):
        fixation_maps(tmp_path)


def test_random_damage_ends_in_rows_or_in_an_input_error(tmp_path):
    rng = np.random.default_rng(15)
    sources = [
        png(tmp_path / "1.png", (1, 1), (2, 5)),
        five(tmp_path / "1.mat", I=fixated((1, 1))),
        matlab.write(tmp_path / "2.mat", I=fixated((1, 1))),
    ]
    for path in sources:
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(50):
            broken = whole.copy()
            broken[rng.integers(0, len(broken), 3)] = rng.integers(0, 256, 3)
            path.write_bytes(broken[: rng.integers(1, len(broken) * 2)].tobytes())
            try:
                table = fixation_maps(path)
            except InputError:
                continue
            width, height = table.attrs["geometry"]["video_size"]
            assert table["x"].between(0, width - 1).all()
            assert table["y"].between(0, height - 1).all()
