"""EPIC-KITCHENS: two editions, classes by number, two clocks of frame numbers."""

from __future__ import annotations

import pytest

from tests.datasets.trees import rows, seconds, touch, write
from vidsal import registry, sources
from vidsal.datasets.epic_kitchens import epic_kitchens
from vidsal.errors import InputError

# EPIC_train_action_labels.csv of epic-kitchens/epic-kitchens-55-annotations, its first, 25th and
# 135th row (frames at 60 per second: 10:02.19 is frame 36131)
TRAIN_55 = (
    "uid,participant_id,video_id,narration,start_timestamp,stop_timestamp,start_frame,stop_frame,"
    "verb,verb_class,noun,noun_class,all_nouns,all_noun_classes\n"
    "0,P01,P01_01,open door,00:00:00.14,00:00:03.37,8,202,open,2,door,8,['door'],[8]\n"
    "45,P01,P01_01,pour courgette onto pan,00:04:10.05,00:04:17.87,15003,15472,pour,7,courgette,69,"
    "\"['courgette', 'pan']\",\"[69, 1]\"\n"
    "134,P01,P01_01,still grating carrot,00:10:02.19,00:10:38.99,36131,38339,grate,37,carrot,40,"
    "['carrot'],[40]\n"
)
INFO_55 = "video,resolution,duration,fps\nP01_01,1920x1080,1652.152817,59.9400599400599\n"
NOUNS_55 = (
    "noun_id,class_key,nouns\n8,cupboard,\"['cupboard']\"\n40,carrot,['carrot']\n69,courgette,x\n"
)
VERBS_55 = (
    "verb_id,class_key,verbs\n2,open,\"['open', 'unzip']\"\n7,pour,['pour']\n37,grate,['grate']\n"
)
# README.md and EPIC_100_test_timestamps.csv of epic-kitchens/epic-kitchens-100-annotations
HEAD_100 = (
    "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,"
    "start_frame,stop_frame"
)
TRAIN_100 = (
    f"{HEAD_100},narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes\n"
    "P01_01_101,P01,P01_01,00:08:00.020,00:08:01.47,00:08:02.21,28888,28932,open cupboard,open,3,"
    "cupboard,3,['cupboard'],[3]\n"
    "P01_102_0,P01,P01_102,00:00:01.100,00:00:00.54,00:00:02.23,27,111,take knife,take,0,knife,4,"
    "['knife'],[4]\n"
)
TEST_100 = (
    f"uid,{HEAD_100}\n1924,P01_101_0,P01,P01_101,00:00:02.851,00:00:02.86,00:00:03.87,143,193\n"
)
INFO_100 = (
    "video_id,duration,fps,resolution\nP01_01,1652.152817,59.9400599400599,1920x1080\n"
    "P01_101,1831.46,50.0,1920x1080\nP01_102,274.92,50.0,1920x1080\n"
)
NOUNS_100 = (
    "id,key,instances,category\n3,cupboard,['cupboard'],storage\n4,knife,['knife'],cutlery\n"
)
VERBS_100 = "id,key,instances,category\n0,take,['take'],retrieve\n3,open,['open'],access\n"
COLUMNS = ("video", "path", "split", "label", "subject", "start", "end", "fps")


@pytest.fixture
def old(tmp_path):
    write(tmp_path, "annotations/EPIC_train_action_labels.csv", TRAIN_55)
    write(tmp_path, "annotations/EPIC_noun_classes.csv", NOUNS_55)
    write(tmp_path, "annotations/EPIC_verb_classes.csv", VERBS_55)
    return tmp_path


@pytest.fixture
def new(tmp_path):
    write(tmp_path, "annotations/EPIC_100_train.csv", TRAIN_100)
    write(tmp_path, "annotations/EPIC_100_test_timestamps.csv", TEST_100)
    write(tmp_path, "annotations/EPIC_100_noun_classes_v2.csv", NOUNS_100)
    write(tmp_path, "annotations/EPIC_100_verb_classes.csv", VERBS_100)
    return tmp_path


def test_edition_55_with_frames(old):
    touch(old, "P01/rgb_frames/P01_01/frame_0000000001.jpg", "P01/flow_frames/P01_01/u/frame_1.jpg")
    path = str(old / "P01/rgb_frames/P01_01")
    assert rows(epic_kitchens(str(old), edition=55), *COLUMNS) == [
        ["P01_01_0", path, "train", "cupboard", "P01", 7, 202, 60.0],
        ["P01_01_45", path, "train", "courgette", "P01", 15002, 15472, 60.0],
        ["P01_01_134", path, "train", "carrot", "P01", 36130, 38339, 60.0],
    ]


def test_edition_55_with_videos_goes_by_the_clock(old):
    touch(old, "P01/videos/P01_01.MP4")
    write(old, "annotations/EPIC_video_info.csv", INFO_55)
    sheet = epic_kitchens(str(old), edition=55, label="verb")
    # 60000/1001 per second: 0.14 s is frame 8.39, 3.37 s 202.00 (201.998); 250.05 s 14988.01,
    # 257.87 s 15456.74; 602.19 s 36095.30, 638.99 s 38301.10.
    assert rows(sheet, "label", "start", "end", "fps") == [
        ["open", 8, 202, None],
        ["pour", 14988, 15457, None],
        ["grate", 36095, 38302, None],
    ]


def test_edition_100_has_two_rates(new):
    for name in ("P01_01", "P01_101", "P01_102"):
        touch(new, f"EPIC-KITCHENS/P01/rgb_frames/{name}/frame_0000000001.jpg")
    sheet = epic_kitchens(str(new), label="action")
    assert rows(sheet, "video", "split", "label", "start", "end", "fps") == [
        ["P01_01_101", "train", "open cupboard", 28887, 28932, 60.0],
        ["P01_102_0", "train", "take knife", 26, 111, 50.0],
        ["P01_101_0", "test", "", 142, 193, 50.0],
    ]


def test_frames_are_preferred_and_videos_can_be_chosen(new, caplog):
    touch(new, "P01/rgb_frames/P01_102/frame_0000000001.jpg", "P01/videos/P01_102.MP4")
    assert rows(epic_kitchens(str(new)), "fps") == [[50.0]]
    assert "splits without a list: val" in caplog.text
    assert "left out: P01_01_101, P01_101_0" in caplog.text
    write(new, "annotations/EPIC_100_video_info.csv", INFO_100)
    sheet = epic_kitchens(str(new), media="videos")
    # 0.54 s is frame 27.0, 2.23 s frame 111.5
    assert rows(sheet, "path", "start", "end") == [[str(new / "P01/videos/P01_102.MP4"), 27, 112]]


def test_classes_can_be_chosen(new):
    touch(new, "P01/P01_01/frame_0000000001.jpg", "P01/P01_102/frame_0000000001.jpg")
    assert rows(epic_kitchens(str(new), classes=["knife"]), "label") == [["knife"]]
    with pytest.raises(InputError, match="'knive' is unknown; did you mean 'knife'"):
        epic_kitchens(str(new), classes=["knive"])


def test_what_is_wrong_is_one_sentence(old, new):
    name = str(new)
    with pytest.raises(
        InputError, match=r"option label of .* 'object' is none of noun, verb, action"
    ):
        epic_kitchens(name, label="object")
    with pytest.raises(InputError, match=r"option edition of .* 200 is none of 55, 100"):
        epic_kitchens(name, edition=200)
    with pytest.raises(InputError, match="3 of the 3 videos in its lists are not in"):
        epic_kitchens(name)
    touch(new, "P01/videos/P01_102.MP4")
    with pytest.raises(InputError, match=r"EPIC_100_video_info.csv: no such file"):
        epic_kitchens(name)
    write(new, "annotations/EPIC_100_video_info.csv", "video_id,fps\nP01_102,fast\n")
    with pytest.raises(InputError, match="no frame rate of P01_102"):
        epic_kitchens(name)
    write(new, "annotations/EPIC_100_train.csv", TRAIN_100.replace("knife,4", "knife,999"))
    with pytest.raises(InputError, match=r"EPIC_100_train.csv: there is no class 999"):
        epic_kitchens(name)
    write(new, "annotations/EPIC_100_train.csv", TRAIN_100.replace("00:00:00.54", "noon"))
    with pytest.raises(InputError, match=r"'noon' is no time such as 00:01:02.30"):
        epic_kitchens(name)
    write(new, "annotations/EPIC_100_train.csv", TRAIN_100.replace(",27,", ",2.5,"))
    with pytest.raises(InputError, match=r"start_frame must be whole numbers, not '2.5'"):
        epic_kitchens(name)
    (new / "annotations/EPIC_100_train.csv").unlink()
    with pytest.raises(
        InputError, match=r"annotations/EPIC_100_train.csv: no such file; see SOURC"
    ):
        epic_kitchens(name)


def test_class_lists_are_those_published(shared):
    published = (shared / "data/labels/EPIC55_noun_classes.csv").read_text().splitlines()
    assert published[0] == NOUNS_55.splitlines()[0]
    assert published[9].startswith("8,cupboard,")
    published = (shared / "data/labels/EPIC_100_verb_classes.csv").read_text().splitlines()
    assert published[0] == VERBS_100.splitlines()[0]
    assert published[4].startswith("3,open,")


def test_sources_of_each_edition():
    entry = registry.entry("datasets", "epic_kitchens")
    assert sources.problems(entry.constants["SOURCES"], entry.options) == []
    for edition in (55, 100):
        config = {"rooms": None, "datasets": {"e": {"method": "epic_kitchens", "edition": edition}}}
        names = [own["name"] for own in sources.of(config, "e")]
        assert len(names) == 7
        assert ("EPIC_100" in names[0]) == (edition == 100)


def test_a_hundred_thousand_rows_take_seconds(new):
    line = TRAIN_100.splitlines()[2]
    lines = [line.replace("P01_102_0", f"P01_102_{n}") for n in range(100_000)]
    write(new, "annotations/EPIC_100_train.csv", "\n".join([TRAIN_100.splitlines()[0], *lines]))
    write(new, "annotations/EPIC_100_video_info.csv", INFO_100)
    touch(new, "P01/videos/P01_102.MP4")
    sheet, spent = seconds(lambda: epic_kitchens(str(new), label="action"))
    assert len(sheet) == 100_000
    assert spent < 10
