"""UCF101: three splits, the class that lists and files spell differently, layouts."""

from __future__ import annotations

import pytest

from tests.datasets.trees import rows, touch, write
from vidsal import registry, sources
from vidsal.datasets.ucf101 import ucf101
from vidsal.errors import InputError

# ucfTrainTestlist of UCF101TrainTestSplits-RecognitionTask.zip: lines as torchvision and
# tensorflow_datasets read them: classInd.txt `1 ApplyEyeMakeup`, trainlist01.txt
# `ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1`, testlist01.txt without a number.
CLASSES = "1 ApplyEyeMakeup\r\n37 HandstandPushups\r\n"
TRAIN = (
    "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\r\n"
    "HandstandPushups/v_HandStandPushups_g08_c02.avi 37\r\n"
)
TEST = "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi\r\n"
FILES = ("ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01", "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01")
HANDSTAND = "HandstandPushups/v_HandstandPushups_g08_c02"


def _lists(base, place="ucfTrainTestlist", fold=1):
    write(base, f"{place}/classInd.txt", CLASSES)
    write(base, f"{place}/trainlist{fold:02d}.txt", TRAIN)
    write(base, f"{place}/testlist{fold:02d}.txt", TEST)


@pytest.mark.parametrize(
    ("lists", "place", "flat"),
    [
        ("ucfTrainTestlist", "UCF-101", False),  # the authors' archives
        ("annotations/ucfTrainTestlist", "videos/UCF101", True),  # as SOURCES are unpacked
        ("annotations", "videos", False),  # mmaction2
    ],
)
def test_rows_in_every_layout(tmp_path, lists, place, flat):
    names = [f"{name.split('/')[1] if flat else name}.avi" for name in (*FILES, HANDSTAND)]
    touch(tmp_path / place, *names)
    _lists(tmp_path, lists)
    base = tmp_path / place
    assert rows(ucf101(str(tmp_path)), "video", "path", "split", "label", "subject") == [
        [
            "v_ApplyEyeMakeup_g08_c01",
            str(base / names[0]),
            "train",
            "ApplyEyeMakeup",
            "ApplyEyeMakeup_g08",
        ],
        [
            "v_HandStandPushups_g08_c02",
            str(base / names[2]),
            "train",
            "HandstandPushups",
            "HandstandPushups_g08",
        ],
        [
            "v_ApplyEyeMakeup_g01_c01",
            str(base / names[1]),
            "test",
            "ApplyEyeMakeup",
            "ApplyEyeMakeup_g01",
        ],
    ]


def test_folders_of_frames_and_another_split(tmp_path):
    touch(tmp_path / "rawframes", *(f"{name}/img_00001.jpg" for name in (*FILES, HANDSTAND)))
    _lists(tmp_path, "annotations", fold=3)
    sheet = ucf101(str(tmp_path), fold=3, fps=20.0)
    assert rows(sheet, "path", "fps")[0] == [str(tmp_path / "rawframes" / FILES[0]), 20.0]
    touch(tmp_path / "rawframes", f"{FILES[0]}/flow_x_00001.jpg")
    with pytest.raises(InputError, match=r"holds optical flow \(flow_x_00001.jpg, ...\)"):
        ucf101(str(tmp_path), fold=3)


def test_classes_can_be_chosen(tmp_path):
    touch(tmp_path / "UCF-101", *(f"{name}.avi" for name in (*FILES, HANDSTAND)))
    _lists(tmp_path)
    assert len(ucf101(str(tmp_path), classes=["HandstandPushups"])) == 1
    with pytest.raises(InputError, match="'HandstandPushup' is unknown; did you mean 'HandstandP"):
        ucf101(str(tmp_path), classes=["HandstandPushup"])


def test_numbers_other_than_the_published_are_remarked_on(tmp_path, caplog):
    touch(tmp_path / "UCF-101", *(f"{name}.avi" for name in (*FILES, HANDSTAND)))
    _lists(tmp_path)
    ucf101(str(tmp_path))
    assert "2 of split train (published: 9537), 1 of split test (published: 3783)" in caplog.text


def test_what_is_wrong_is_one_sentence(tmp_path, caplog):
    with pytest.raises(InputError, match=r"no such folder; see SOURCES in datasets/ucf101.py"):
        ucf101(str(tmp_path / "none"))
    with pytest.raises(InputError, match=r"ucfTrainTestlist/classInd.txt: no such file; see SOURC"):
        ucf101(str(tmp_path))
    with pytest.raises(InputError, match="option fold of dataset ucf101: 4 is none of 1, 2, 3"):
        ucf101(str(tmp_path), fold=4)
    _lists(tmp_path)
    with pytest.raises(InputError, match=r"trainlist02.txt: no such file"):
        ucf101(str(tmp_path), fold=2)
    touch(tmp_path / "UCF-101", f"{FILES[0]}.avi", f"{HANDSTAND}.avi")
    with pytest.raises(InputError) as caught:
        ucf101(str(tmp_path))
    assert "1 of the 3 videos in its lists are not in" in str(caught.value)
    assert "(v_ApplyEyeMakeup_g01_c01)" in str(caught.value)
    assert str(caught.value).endswith("or set missing: drop to go on without them")
    assert len(ucf101(str(tmp_path), missing="drop")) == 2
    assert "left out: v_ApplyEyeMakeup_g01_c01" in caplog.text
    write(tmp_path, "ucfTrainTestlist/testlist01.txt", "Surfing/v_Surfing_g01_c01.avi\n")
    with pytest.raises(InputError, match=r"'Surfing/v_Surfing_g01_c01.avi' names no class of cla"):
        ucf101(str(tmp_path))
    (tmp_path / "ucfTrainTestlist/testlist01.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"testlist01.txt: cannot be read \(.*\); see SOURCES"):
        ucf101(str(tmp_path))


def test_the_archives_are_those_published():
    entry = registry.entry("datasets", "ucf101")
    found = {own["name"]: own for own in entry.constants["SOURCES"]}
    assert sources.problems(entry.constants["SOURCES"], entry.options) == []
    # tensorflow_datasets/url_checksums/ucf101.txt and the git-lfs pointer of
    # huggingface.co/datasets/MichiganNLP/ucf-101 agree on the archive of the lists.
    lists = found["UCF101TrainTestSplits-RecognitionTask.zip"]
    assert (lists["size"], lists["sha256"][:8]) == (113943, "5c0d1a53")
