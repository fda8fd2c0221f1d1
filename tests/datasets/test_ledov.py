"""LEDOV: the lists of names and splits, and the fixations of a Data.mat."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from vidsal import sheets
from vidsal.datasets.ledov import ledov, read_fixations
from vidsal.errors import InputError
from vidsal.fixations import Clip

# github.com/remega/LEDOV-eye-tracking-database, metrics/TestLEDOV.m:
# load('./LEDOV/VideoNameList.mat','VideoNameList'), a cell array of names;
# load('./LEDOV/namelist.mat','testlist','trainlist','vaildlist'), columns of numbers from 1;
# [videoDir '/' name '/Data.mat'] holds Data.VideoFrames, VideoFrameRate, VideoSize (width, height)
# and fixdata, rows (README.md) subject, start in ms, duration in ms, x, y.
NAMES = ["animal_elephant01", "man_ball02", "animal_alpaca01", "object_car01"]
SPLITS = {"trainlist": [4, 1], "vaildlist": [3], "testlist": [2]}
FIXATIONS = [
    [1, 0, 100, 640, 360],
    [1, 100, 80, 321, 181],
    [7, 40, 1, 1280, 10],
    [7, 250, 10, 11, 21],
]


def _tree(base: Path, inner: str = "LEDOV") -> Path:
    place = base / inner
    place.mkdir(parents=True, exist_ok=True)
    savemat(place / "VideoNameList.mat", {"VideoNameList": _cells(NAMES)})
    columns = {name: np.array(numbers, float)[:, None] for name, numbers in SPLITS.items()}
    savemat(place / "namelist.mat", columns)
    for name in NAMES:
        (place / name).mkdir()
        (place / name / f"{name}.mp4").touch()
        _gaze(place / name / "Data.mat")
    return base


def _cells(names: list[str]) -> np.ndarray:
    cells = np.empty((len(names), 1), dtype=object)
    cells[:, 0] = names
    return cells


def _gaze(path: Path) -> None:
    fields = {"VideoFrames": 10.0, "VideoFrameRate": 25.0, "VideoSize": [1280.0, 720.0]}
    savemat(path, {"Data": fields | {"fixdata": np.array(FIXATIONS, float)}})


@pytest.mark.parametrize("inner", ["LEDOV", "."])
def test_numbers_from_one_become_splits(tmp_path, inner):
    base = _tree(tmp_path, inner)
    sheet = sheets.check(ledov(str(base)), "ledov")
    assert sheet[["video", "split", "label"]].to_numpy().tolist() == [
        ["object_car01", "train", "object"],
        ["animal_elephant01", "train", "animal"],
        ["animal_alpaca01", "val", "animal"],
        ["man_ball02", "test", "man"],
    ]
    place = base / inner / "man_ball02"
    assert sheet.loc[3, ["path", "fixations"]].tolist() == [
        str(place / "man_ball02.mp4"),
        str(place / "Data.mat"),
    ]


def test_the_names_may_be_stored_as_matlab_7_3(tmp_path):
    base = _tree(tmp_path)
    with h5py.File(base / "LEDOV/VideoNameList.mat", "w") as file:
        references = []
        for number, name in enumerate(NAMES):
            text = np.array([[ord(sign)] for sign in name], np.uint16)
            file[f"#refs#/{number}"] = text
            file[f"#refs#/{number}"].attrs["MATLAB_class"] = np.bytes_(b"char")
            references.append(file[f"#refs#/{number}"].ref)
        cells = file.create_dataset("VideoNameList", (1, len(NAMES)), h5py.ref_dtype)
        cells[0] = references
        cells.attrs["MATLAB_class"] = np.bytes_(b"cell")
    assert ledov(str(base))["video"].tolist()[0] == "object_car01"


def test_no_gaze_file_is_opened_for_the_table(tmp_path):
    base = _tree(tmp_path)
    for name in NAMES:
        (base / "LEDOV" / name / "Data.mat").write_bytes(b"nothing")
    assert (ledov(str(base))["fixations"] != "").all()


def test_what_is_missing_is_noted(tmp_path, caplog):
    base = _tree(tmp_path)
    (base / "LEDOV/man_ball02/Data.mat").unlink()
    (base / "LEDOV/object_car01").rename(base / "elsewhere")
    sheet = ledov(str(base)).set_index("video")
    assert list(sheet.index) == ["animal_elephant01", "animal_alpaca01", "man_ball02"]
    assert sheet.loc["man_ball02", "fixations"] == ""
    assert "in the lists, but not there: object_car01" in caplog.text
    assert "videos without Data.mat: man_ball02" in caplog.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"namelist.mat": None}, "namelist.mat: no such list; see SOURCES in datasets/ledov.py"),
        ({"namelist.mat": {"trainlist": [[1.0]]}}, "namelist.mat: holds no vaildlist"),
        ({"namelist.mat": {n: [[5.0]] for n in SPLITS}}, "5 is no number of the 4 names"),
        ({"namelist.mat": {n: [[0.0]] for n in SPLITS}}, "0 is no number of the 4 names"),
        ({"VideoNameList.mat": {"x": [[1.0]]}}, "VideoNameList.mat: holds no cell array of names"),
        ({"VideoNameList.mat": b"MATLAB 5.0 MAT-file, broken"}, "not readable as MATLAB"),
    ],
)
def test_what_is_no_list_is_one_sentence(tmp_path, change, words):
    base = _tree(tmp_path)
    for name, content in change.items():
        path = base / "LEDOV" / name
        if content is None:
            path.unlink()
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            savemat(path, content)
    with pytest.raises(InputError, match=words):
        ledov(str(base))


def test_fixations_last_over_their_frames(tmp_path):
    path = _tree(tmp_path) / "LEDOV/man_ball02/Data.mat"
    for clip in (None, Clip(size=(1280, 720), fps=25.0)):
        table = read_fixations(str(path), clip=clip)
        # 40 ms per frame; 640, 360 counted from 1 are 639, 359. 0 to 100 ms: frames 0, 1, 2;
        # 100 to 180: 2, 3, 4; x = 1280 is out by the authors' rule; 250 to 260 ms: frame 6.
        assert table[["subject", "frame", "x", "y"]].to_numpy().tolist() == [
            *(["1", frame, 639.0, 359.0] for frame in (0, 1, 2)),
            *(["1", frame, 320.0, 180.0] for frame in (2, 3, 4)),
            ["7", 6, 10.0, 20.0],
        ]
        assert table.attrs["dropped"] == {"outside_video": 1}


def test_gaze_before_leaving_the_middle_can_be_left_out(tmp_path):
    path = _tree(tmp_path) / "LEDOV/man_ball02/Data.mat"
    table = read_fixations(str(path), leave_centre=True)
    # (640, 360) is the middle itself, (321, 181) more than 36 pixels off in both directions.
    assert table["frame"].tolist() == [2, 3, 4, 6]
    assert table.attrs["dropped"] == {"centre": 2}
