"""The six sets in STAViS's layout: lists, folds, frame counts, fixation maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from vidsal import sheets
from vidsal.datasets.stavis import DATABASES, SOURCES, read_fixations, stavis
from vidsal.errors import InputError
from vidsal.fixations import Clip

# github.com/atsiami/STAViS: opts.py names ./data/fold_lists/DIEM_list_train_fps.txt and
# ./data/fold_lists/Coutrot_db1_list_train_1_fps.txt, the shell scripts folds 1 to 3;
# datasets/saliency_db.py reads "name nframes fps" per line, frames img_%05d.jpg, maps
# <name>/maps/eyeMap_%05d.jpg and <name>/fixMap_%05d.mat, numbers from 1 to nframes.


def _tree(base: Path, database: str, lists: dict[str, str]) -> Path:
    (base / "fold_lists").mkdir(parents=True)
    for name, text in lists.items():
        (base / "fold_lists" / f"{database}_list_{name}_fps.txt").write_text(text)
        for line in filter(str.strip, text.splitlines()):
            video, frames, _ = line.split()
            _files(base / "video_frames" / database / video, "img_{:05d}.jpg", int(frames))
            _files(base / "annotations" / database / video, "fixMap_{:05d}.mat", int(frames))
            _files(base / "annotations" / database / video / "maps", "eyeMap_{:05d}.jpg", 1)
    return base


def _files(place: Path, name: str, count: int) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        (place / name.format(number)).touch()


DIEM = {"train": "BBC_life_in_cold_blood_1278x710 3 30\n", "test": "50_people_brooklyn 2 29.97\n\n"}


def test_diem_has_one_pair_of_lists(tmp_path):
    base = _tree(tmp_path, "DIEM", DIEM)
    sheet = sheets.check(stavis(str(base)), "diem")
    columns = ["video", "split", "start", "end", "fps"]
    assert sheet[columns].to_numpy().tolist() == [
        ["BBC_life_in_cold_blood_1278x710", "train", 0, 3, 30.0],
        ["50_people_brooklyn", "test", 0, 2, 29.97],
    ]
    assert sheet.loc[1, ["path", "fixations"]].tolist() == [
        str(base / "video_frames/DIEM/50_people_brooklyn"),
        str(base / "annotations/DIEM/50_people_brooklyn"),
    ]


@pytest.mark.parametrize(("fold", "test"), [(1, "b"), (2, "a")])
def test_folds_and_the_folder_data(tmp_path, fold, test):
    lists = {"train_1": "a 2 25\n", "test_1": "b 2 25\n", "train_2": "b 2 25\n"}
    _tree(tmp_path / "data", "Coutrot_db1", lists | {"test_2": "a 2 25\n"})
    sheet = stavis(str(tmp_path), database="coutrot1", fold=fold)
    assert sheet.loc[sheet["split"] == "test", "video"].tolist() == [test]


def test_what_is_missing_is_noted(tmp_path, caplog):
    base = _tree(tmp_path, "DIEM", DIEM)
    (base / "fold_lists/DIEM_list_test_fps.txt").write_text("50_people_brooklyn 2 29.97\ngone 9 25")
    for path in (base / "annotations/DIEM/50_people_brooklyn").glob("*.mat"):
        path.unlink()
    sheet = stavis(str(base)).set_index("video")
    assert sheet.loc["50_people_brooklyn", "fixations"] == ""
    assert "stavis (diem): in the lists, but without frames: gone" in caplog.text
    assert "videos without fixation maps: 50_people_brooklyn, gone" in caplog.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"database": "diems"}, "'diems' is none of diem, coutrot1"),
        ({"fold": 2}, "option fold of dataset stavis: 2 is none of 1"),
        ({"database": "avad", "fold": 4}, "4 is none of 1, 2, 3"),
        ({"database": "avad"}, "AVAD_list_train_1_fps.txt: no such list; see SOURCES"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, options, words):
    with pytest.raises(InputError, match=words):
        stavis(str(_tree(tmp_path, "DIEM", DIEM)), **options)


def test_a_broken_line_is_named(tmp_path):
    base = _tree(tmp_path, "DIEM", DIEM)
    (base / "fold_lists/DIEM_list_test_fps.txt").write_text("fine 3 25\n<html>404</html>\n")
    with pytest.raises(InputError, match=r"line 2 of .*: '<html>404</html>' is not `NAME frames"):
        stavis(str(base))


def test_each_set_has_its_two_archives():
    """fetch_data.sh fetches <site>/{video_frames,annotations}/<DB>.tar.gz and fold_lists.tar.gz."""
    for database, name in DATABASES.items():
        own = [s for s in SOURCES if s.get("needs") == {"database": [database]}]
        assert sorted(s["url"].rpartition("/stavis/data/")[2] for s in own) == [
            f"annotations/{name}.tar.gz",
            f"video_frames/{name}.tar.gz",
        ]


def test_fixation_maps_lie_beside_the_folder_of_densities(tmp_path):
    base = _tree(tmp_path, "DIEM", DIEM)
    place = base / "annotations/DIEM/50_people_brooklyn"
    for number, (x, y) in {1: (3, 2), 2: (0, 1)}.items():
        fixated = np.zeros((4, 6), np.uint8)
        fixated[y, x] = 1
        # saliency_db.py: tmp_mat['eyeMap'].
        savemat(place / f"fixMap_{number:05d}.mat", {"eyeMap": fixated, "other": np.eye(2)})
    (place / "info.mat").write_bytes(b"")
    table = read_fixations(str(place), clip=Clip(size=(6, 4), fps=29.97))
    assert table[["frame", "x", "y"]].to_numpy().tolist() == [[0, 3.0, 2.0], [1, 0.0, 1.0]]
