"""UCF101-24: boxes of three published files, prepared tables, pairs of concatenated videos."""

from __future__ import annotations

import os
import pickle

import cv2
import numpy as np
import pytest
import scipy.io

from tests.datasets.trees import rows, touch, write
from vidsal import registry, sheets, sources
from vidsal.datasets import _pickles, _tubes
from vidsal.datasets.ucf101_24 import read_masks, render, ucf101_24
from vidsal.errors import InputError

DUNK, RIDE = "BasketballDunk/v_BasketballDunk_g01_c01", "HorseRiding/v_HorseRiding_g02_c05"
# One person from the 3rd frame on for two frames, at x 10, y 20, 30 wide, 40 high, then at 11, 21.
BOXES = np.array([[10, 20, 30, 40], [11, 21, 30, 40]], np.int16)
EXPECTED = [[2, 10, 20, 40, 60, 1], [3, 11, 21, 41, 61, 1]]


def _pyannot(path):
    # pyannot.pkl: name -> {annotations: [{sf, ef, label, boxes}], numf, label}; frames from 0, ef
    # behind the last (make_lists of gurkirt's loaders: np.arange(sf, ef), image frame_num + 1)
    tube = {"label": 1, "ef": 4, "boxes": BOXES, "sf": 2}
    content = {
        DUNK: {"annotations": [tube], "numf": 6, "label": 1},
        RIDE: {"annotations": [], "numf": 5, "label": 9},
    }
    path.write_bytes(pickle.dumps(content, protocol=2))


def _mat(path):
    # finalAnnots.mat, by place as convertMatToPy.py reads it: video (num_imgs, name, tubes), tube
    # (ef, sf, class, boxes); MATLAB's frames from 1, ef is the last
    tubes = np.zeros((1, 1), dtype=[(n, object) for n in ("ef", "sf", "class", "boxes")])
    tubes[0, 0] = (np.array([[4]]), np.array([[3]]), np.array([[2]]), BOXES.astype(float))
    videos = np.zeros((1, 1), dtype=[(n, object) for n in ("num_imgs", "name", "tubes")])
    videos[0, 0] = (np.array([[6]]), DUNK, tubes)
    scipy.io.savemat(path, {"annot": videos})


def _ground_truth(path):
    # UCF101v2-GT.pkl: tools/data/ucf101_24/README.md of mmaction2; a tube's rows are
    # <frame index> <x1> <y1> <x2> <y2>, MOC-Detector counts frames from 1
    content = {
        "labels": ["Basketball", "BasketballDunk"],
        "gttubes": {DUNK: {1: [np.array([[3, 10, 20, 40, 60], [4, 11, 21, 41, 61]], np.float32)]}},
        "nframes": {DUNK: 6},
        "train_videos": [[]],
        "test_videos": [[DUNK]],
        "resolution": {DUNK: (240, 320)},
    }
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.fixture
def base(tmp_path):
    touch(tmp_path, *(f"rgb-images/{DUNK}/{n:05d}.jpg" for n in range(1, 7)))
    touch(tmp_path, *(f"rgb-images/{RIDE}/{n:05d}.jpg" for n in range(1, 6)))
    write(tmp_path, "splitfiles/testlist01.txt", f"{DUNK}\n")
    _pyannot(tmp_path / "pyannot.pkl")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "make"),
    [("pyannot.pkl", _pyannot), ("finalAnnots.mat", _mat), ("UCF101v2-GT.pkl", _ground_truth)],
)
def test_three_files_say_the_same(tmp_path, name, make):
    make(tmp_path / name)
    tubes = _tubes.read(tmp_path / name).tubes[DUNK]
    _tubes.write(tubes, tmp_path / "boxes.tsv")
    lines = (tmp_path / "boxes.tsv").read_text().splitlines()
    assert lines[0].split("\t") == ["frame", "left", "top", "right", "bottom", "person"]
    assert [[float(cell) for cell in line.split("\t")] for line in lines[1:]] == EXPECTED


def test_rows_and_the_split_without_a_list_to_learn_from(base):
    assert rows(ucf101_24(str(base)), "video", "path", "split", "label", "fps", "masks") == [
        [
            "v_HorseRiding_g02_c05",
            str(base / "rgb-images" / RIDE),
            "train",
            "HorseRiding",
            25.0,
            str(base / "boxes/v_HorseRiding_g02_c05.tsv"),
        ],
        [
            "v_BasketballDunk_g01_c01",
            str(base / "rgb-images" / DUNK),
            "test",
            "BasketballDunk",
            25.0,
            str(base / "boxes/v_BasketballDunk_g01_c01.tsv"),
        ],
    ]
    write(base, "splitfiles/trainlist01.txt", f"{RIDE}.avi 10\n")
    (base / "pyannot.pkl").unlink()  # with both lists the boxes are not read
    assert rows(ucf101_24(str(base)), "split") == [["train"], ["test"]]


def test_the_split_of_the_ground_truth_file(tmp_path):
    _ground_truth(tmp_path / "UCF101v2-GT.pkl")
    touch(tmp_path, f"UCF-101/{DUNK}.avi")
    assert rows(ucf101_24(str(tmp_path)), "path", "split", "fps") == [
        [str(tmp_path / "UCF-101" / f"{DUNK}.avi"), "test", None]
    ]


def test_boxes_become_masks(base):
    sheet = sheets.check(ucf101_24(str(base)), "test")
    render(str(base), sheet, pairs=False, missing="refuse")
    path = sheet.loc[sheet["split"] == "test", "masks"].item()
    masks = read_masks(path, 1, 5, pairs=False)
    assert masks.shape == (4, 240, 320)
    assert masks.dtype == np.uint8
    assert masks.sum(axis=(1, 2)).tolist() == [0, 30 * 40, 30 * 40, 0]
    assert masks[1, 20:60, 10:40].all()
    assert read_masks(sheet.loc[sheet["split"] == "train", "masks"].item(), 0, 5).sum() == 0
    before = os.stat(path).st_mtime_ns
    (base / "pyannot.pkl").unlink()
    render(str(base), sheet)  # what is there is left alone, the boxes are not read
    assert os.stat(path).st_mtime_ns == before


def test_people_are_numbered_and_boxes_cut_at_the_edge(tmp_path):
    tubes = [
        _tubes.Tube(0, np.array([[-5.0, -5, 10, 10]])),
        _tubes.Tube(0, np.array([[300.5, 230, 400, 300]])),
    ]
    _tubes.write(tubes, tmp_path / "b.tsv")
    mask = read_masks(str(tmp_path / "b.tsv"), 0, 1)[0]
    assert (mask == 1).sum() == 100
    assert (mask == 2).sum() == 10 * 20
    assert mask[239, 319] == 2


def _pair_tree(base, pairs):
    # datasets/create_cat_ucf101_testset.py: jpg frames from 00001, 24 of one video, 8 of the other
    for name, count, value in ((DUNK, 24, 50), (RIDE, 8, 200)):
        (base / "rgb-images" / name).mkdir(parents=True)
        for n in range(1, count + 1):
            path = base / "rgb-images" / name / f"{n:05d}.jpg"
            cv2.imwrite(str(path), np.full((240, 320, 3), value + n, np.uint8))
    write(base, "UCF101_Cat_Pair.txt", pairs)
    return sheets.check(ucf101_24(str(base), pairs=True), "test")


@pytest.mark.parametrize("side", ["left", "right"])
def test_pairs(tmp_path, side):
    sheet = _pair_tree(tmp_path, f"{DUNK} {RIDE} {side} 12\n")
    name = "v_BasketballDunk_g01_c01--v_HorseRiding_g02_c05"
    assert rows(sheet, "video", "path", "split", "label") == [
        [name, str(tmp_path / "pairs" / name), "test", "BasketballDunk"]
    ]
    render(str(tmp_path), sheet, pairs=True)
    frames = sorted((tmp_path / "pairs" / name).iterdir())
    assert [path.name for path in frames] == [f"{n:05d}.jpg" for n in range(1, 17)]
    levels = [int(cv2.imread(str(path))[0, 0, 0]) for path in frames]
    # 12 of 24 frames, every second, the last included; 4 of 8 likewise (long_range_last)
    own = [50 + n for n in range(2, 25, 2)]
    other = [200 + n for n in range(2, 9, 2)]
    assert levels == pytest.approx(own + other if side == "left" else other + own, abs=1)
    masks = read_masks(sheet["masks"].item(), 0, 16, pairs=True)
    shown = masks.reshape(16, -1)
    assert (shown.min(axis=1) == shown.max(axis=1)).all()
    assert shown[:, 0].tolist() == [1] * 12 + [0] * 4 if side == "left" else [0] * 4 + [1] * 12


def test_the_published_list_of_pairs_names_no_side(tmp_path):
    # UCF101_Cat_Pair.txt as published has two columns; as many frames as the lengths say: 24 and 8
    sheet = _pair_tree(tmp_path, f"{DUNK} {RIDE}\n")
    render(str(tmp_path), sheet, pairs=True)
    masks = read_masks(sheet["masks"].item(), 0, 16)
    assert masks[:, 0, 0].sum() == 12
    first = sorted(os.listdir(sheet["path"].item()))
    render(str(tmp_path), sheet, pairs=True)
    assert sorted(os.listdir(sheet["path"].item())) == first
    assert [p.name for p in (tmp_path / "pairs").iterdir() if p.name.startswith(".")] == []


def test_pickles_of_python_2_are_read(tmp_path):
    # {"a": numpy.array([1, -254], "<i2")} as Python 2 writes it: the module's old name, and text
    # for bytes
    none = b"J\xff\xff\xff\xff"
    kind = b"cnumpy\ndtype\nU\x02i2K\x00K\x01\x87R(K\x03U\x01<NNN" + none + none + b"K\x00tb"
    text = (
        b"\x80\x02}U\x01acnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85" + kind + b"\x89U\x04\x01\x00\x02\xfftbs."
    )
    path = tmp_path / "old.pkl"
    path.write_bytes(text)
    assert _pickles.array(_pickles.load(path)["a"]).tolist() == [1, -254]


def test_a_pickle_that_runs_a_program_is_refused(base):
    class Bad:
        def __reduce__(self):
            return os.system, (f"touch {base}/ran",)

    (base / "pyannot.pkl").write_bytes(pickle.dumps({DUNK: Bad()}))
    with pytest.raises(
        InputError, match=r"pyannot.pkl: a pickle that wants (posix|nt).system, which numb"
    ):
        ucf101_24(str(base))
    assert not (base / "ran").exists()


def test_what_is_wrong_is_one_sentence(base):
    name = str(base)
    with pytest.raises(InputError, match=r"no such folder; see SOURCES in datasets/ucf101_24.py"):
        ucf101_24(name + "/none")
    with pytest.raises(InputError, match=r"UCF101_Cat_Pair.txt: no such file"):
        ucf101_24(name, pairs=True)
    write(base, "UCF101_Cat_Pair.txt", f"{DUNK} {RIDE} up 3\n")
    with pytest.raises(InputError, match="is not two videos, a side"):
        ucf101_24(name, pairs=True)
    write(base, "UCF101_Cat_Pair.txt", f"{DUNK} {RIDE} left 9\n")
    with pytest.raises(InputError, match=r"pair .*: 9 frames of a video of 6 are wanted"):
        render(name, ucf101_24(name, pairs=True), pairs=True)
    for content in (b"", b"\x80\x02garbage", pickle.dumps([1]), pickle.dumps({DUNK: {}})):
        (base / "pyannot.pkl").write_bytes(content)
        with pytest.raises(InputError, match="no annotation of UCF101-24"):
            ucf101_24(name)
    (base / "pyannot.pkl").unlink()
    with pytest.raises(InputError, match=r"pyannot.pkl: no such file; see SOURCES"):
        ucf101_24(name)
    write(base, "splitfiles/testlist01.txt", "v_Surfing_g01_c01\n")
    with pytest.raises(InputError, match=r"'v_Surfing_g01_c01' is not <Class>/<video>"):
        ucf101_24(name)
    write(base, "splitfiles/testlist01.txt", f"{DUNK}\nSurfing/v_Surfing_g01_c01\n")
    write(base, "splitfiles/trainlist01.txt", f"{RIDE}\n")
    with pytest.raises(InputError, match=r"1 of the 3 videos .* \(v_Surfing_g01_c01\)"):
        ucf101_24(name)
    write(base, "UCF101_Cat_Pair.txt", "\n")
    with pytest.raises(InputError, match="its lists name no video"):
        ucf101_24(name, pairs=True)
    write(base, "boxes/x.tsv", "nothing\n")
    with pytest.raises(InputError, match="no table of boxes"):
        read_masks(str(base / "boxes/x.tsv"), 0, 1)


def test_sources():
    entry = registry.entry("datasets", "ucf101_24")
    assert sources.problems(entry.constants["SOURCES"], entry.options) == []
    config = {"rooms": None, "datasets": {"u": {"method": "ucf101_24"}}}
    assert len(sources.of(config, "u")) == 3
