"""KTH: the official intervals and splits, the CNN-LSTM system's, two recordings that are odd."""

from __future__ import annotations

import json
import re

import pytest

from vidsal import registry, sheets, sources
from vidsal.datasets import kth as module
from vidsal.datasets.kth import CLASSES, kth, write_json
from vidsal.errors import InputError
from vidsal.video.decode import decode
from vidsal.video.trim import trim

CNN_LSTM = {"clips": "cnn_lstm", "split": "80_20", "classes": ["walking", "running"]}


def _sheet(**options):
    return sheets.check(kth("data/kth", **options), "kth").set_index("video")


def test_intervals_count_from_0_and_end_behind_the_last_frame():
    # www.csc.kth.se/cvap/actions/00sequences.txt (frames from 1, both ends included):
    # person01_boxing_d1  frames  1-95, 96-185, 186-245, 246-360
    # person21_boxing_d2  frames  1-112, 113-162, 153-254, 255-408    (overlapping, as published)
    sheet = _sheet()
    rows = sheet.loc[[f"person01_boxing_d1-{n}" for n in (1, 2, 3, 4)]]
    assert rows[["start", "end"]].to_numpy().tolist() == [
        [0, 95],
        [95, 185],
        [185, 245],
        [245, 360],
    ]
    assert set(rows["path"]) == {"data/kth/boxing/person01_boxing_d1_uncomp.avi"}
    assert set(rows["label"]) == {"boxing"}
    assert set(rows["subject"]) == {"person01"}
    overlapping = sheet.loc[["person21_boxing_d2-2", "person21_boxing_d2-3"]]
    assert overlapping[["start", "end"]].to_numpy().tolist() == [[112, 162], [152, 254]]


def test_the_table_is_the_published_list(shared):
    lines = (shared / "data/annotations/kth/00sequences.txt").read_text().splitlines()
    sheet, count = _sheet(), 0
    for line in filter(None, map(str.strip, lines)):
        name, _, rest = re.split(r"(\s+frames\s+|\s+)", line, maxsplit=1)
        for number, (first, last) in enumerate(re.findall(r"(\d+)-(\d+)", rest), 1):
            row, count = sheet.loc[f"{name}-{number}"], count + 1
            damaged = name == "person01_boxing_d4" and number == 4
            assert (row["start"], row["end"]) == (int(first) - 1, 304 if damaged else int(last))
    assert len(sheet) == count == 2391
    assert sheet["path"].nunique() == 599


def test_the_official_split_parts_people():
    # 00sequences.txt: Training person11 to 18, Validation 19, 20, 21, 23, 24, 25, 01, 04, Test 22,
    # 02, 03, 05 to 10.
    sheet = _sheet()
    people = sheet.groupby("split")["subject"].agg(lambda own: sorted({p[-2:] for p in own}))
    assert people["train"] == ["11", "12", "13", "14", "15", "16", "17", "18"]
    assert people["val"] == ["01", "04", "19", "20", "21", "23", "24", "25"]
    assert people["test"] == ["02", "03", "05", "06", "07", "08", "09", "10", "22"]
    # The test set that papers report: 863 sequences (Laptev et al., CVPR 2008).
    assert sheet["split"].value_counts().to_dict() == {"test": 863, "val": 768, "train": 760}


def test_the_missing_and_the_damaged_recording():
    sheet = _sheet()
    assert not sheet.index.str.startswith("person13_handclapping_d3").any()
    assert sheet.index.str.startswith("person13_handclapping_d").sum() == 12
    # 246-370 in the list; 304 frames can be read by every decoder.
    assert sheet.loc["person01_boxing_d4-4", ["start", "end"]].tolist() == [245, 304]
    assert sheet.loc["person01_boxing_d4-3", ["start", "end"]].tolist() == [170, 245]


def test_the_cnn_lstm_system():
    # utils/trim_videos.py: running from frame 0, walking from 10, 30 frames; gen_anns_list.py:
    # train_test_split(X, y, test_size=0.2, random_state=42) over one trimmed video per recording.
    sheet = _sheet(**CNN_LSTM)
    assert len(sheet) == 200
    bounds = sheet.groupby("label")[["start", "end"]].agg(["min", "max"])
    assert bounds.loc["running"].tolist() == [0, 0, 30, 30]
    assert bounds.loc["walking"].tolist() == [10, 10, 40, 40]
    assert sheet["split"].value_counts().to_dict() == {"train": 160, "val": 40}
    # The rows that train_test_split holds out of 200 first, as printed in tutorials that split the
    # 200 rows of the Advertising data with test_size=0.2, random_state=42: 95, 15, 30, 158, 128.
    assert set(sheet["split"].iloc[[95, 15, 30, 158, 128]]) == {"val"}
    assert sheet.index[95] == "person24_running_d4"
    assert sheet.index[158] == "person15_walking_d3"


def test_whole_recordings():
    sheet = _sheet(clips="whole")
    assert len(sheet) == 599
    assert sheet[["start", "end"]].isna().to_numpy().all()


def test_the_annotation_file_of_the_cnn_lstm_system(tmp_path):
    # utils/kth/kth_json.py: {"labels": [...], "database": {name: {"subset": "training" or
    # "validation", "annotations": {"label": ...}}}}
    write_json(tmp_path / "kth1.json", **CNN_LSTM)
    made = json.loads((tmp_path / "kth1.json").read_text())
    assert made["labels"] == ["running", "walking"]
    assert len(made["database"]) == 200
    assert made["database"]["person02_running_d1"]["annotations"] == {"label": "running"}
    subsets = [entry["subset"] for entry in made["database"].values()]
    assert (subsets.count("training"), subsets.count("validation")) == (160, 40)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"clips": "first"}, "option clips of dataset kth: 'first' is none of intervals, cnn_lstm"),
        ({"split": "70_30"}, "option split of dataset kth: '70_30' is none of persons, 80_20"),
        ({"classes": ["runing"]}, "'runing' is none of boxing, handclapping"),
        ({"classes": []}, "no class is left"),
        ({"clips": "cnn_lstm"}, r"cnn_lstm has no frames of boxing; set classes: \[running, walk"),
    ],
)
def test_what_is_wrong_is_one_sentence(options, sentence):
    with pytest.raises(InputError, match=sentence):
        kth("data/kth", **options)


def test_only_archives_of_wanted_classes_are_downloaded():
    entry = registry.entry("datasets", "kth")
    assert entry.constants["KNOWN"] is True
    assert sources.problems(entry.constants["SOURCES"], entry.options) == []
    config = {"rooms": None, "datasets": {"k": {"method": "kth", "classes": ["boxing", "running"]}}}
    assert [own["name"] for own in sources.of(config, "k")] == ["boxing.zip", "running.zip"]
    config["datasets"]["k"].pop("classes")
    assert [own["to"] for own in sources.of(config, "k")] == CLASSES


def test_real_recordings_are_cut_at_the_intervals(shared, tmp_path):
    real = shared / "data/videos/kth"
    names = {"person01_jogging_d1_uncomp": ".avi", "person04_boxing_d1_uncomp": ".mp4"}
    for name, ending in names.items():
        place = tmp_path / name.split("_")[1]
        place.mkdir()
        (place / f"{name}.avi").symlink_to(real / (name + ending))
    sheet = kth(str(tmp_path)).set_index("video")
    lengths = {
        "person01_jogging_d1-2": (119, 170),
        "person01_jogging_d1-4": (361, 415),
        "person04_boxing_d1-3": (184, 282),
    }
    for video, (start, end) in lengths.items():
        row = sheet.loc[video]
        record = trim(row["path"], tmp_path / "clip.mkv", start=row["start"], end=row["end"])
        assert record["frame_index"] == list(range(start, end))
        wanted = [f.rgb for f in decode(row["path"]) if start <= f.index < end]
        cut = [f.rgb for f in decode(tmp_path / "clip.mkv")]
        assert len(cut) == end - start
        assert all((a == b).all() for a, b in zip(cut, wanted, strict=True))


def test_the_table_is_small_and_tidy():
    lines = module.TABLE.read_text().splitlines()
    assert lines[0] == "recording\tclips"
    assert lines[1:] == sorted(lines[1:])
    assert len(lines) == 600
