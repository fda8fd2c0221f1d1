"""Kinetics: lists of the three editions, the names and folders of clips, clips that are gone."""

from __future__ import annotations

import pytest

from tests.datasets.trees import rows, seconds, touch, write
from vidsal import registry, sources
from vidsal.datasets.kinetics import kinetics
from vidsal.errors import InputError

# Crawler/Kinetics/data/kinetics-600_val.csv of activitynet/ActivityNet
VAL = (
    "label,youtube_id,time_start,time_end,split\n"
    "abseiling,0wR5jVB-WPk,417,427,val\n"
    "abseiling,3caPS4FHFF8,36,46,val\n"
    "bee keeping,-7O581Lzrb4,154,164,val\n"
)
# train.csv of edition 400 has a column more
TRAIN = 'label,youtube_id,time_start,time_end,split,is_cc\n"testifying",---QUuC4vJs,84,94,train,0\n'
TEST = "youtube_id,time_start,time_end,split\n--6bJUbfpnQ,17,27,test\n"
CLIPS = {
    "val/0wR5jVB-WPk_000417_000427.mp4": "0wR5jVB-WPk_000417_000427",  # cvdfoundation: flat
    "videos_val/bee_keeping/-7O581Lzrb4_000154_000164.mp4": "-7O581Lzrb4_000154_000164",  # mmaction
    "train/testifying/---QUuC4vJs.mp4": "---QUuC4vJs_000084_000094",  # torchvision; by id alone
    "test/--6bJUbfpnQ_000017_000027.mkv": "--6bJUbfpnQ_000017_000027",
}


@pytest.fixture
def base(tmp_path):
    for name, text in (("train", TRAIN), ("val", VAL), ("test", TEST)):
        write(tmp_path, f"annotations/{name}.csv", text)
    return touch(tmp_path, *CLIPS)


def test_clips_are_found_wherever_they_are(base, caplog):
    assert rows(kinetics(str(base)), "video", "path", "split", "label") == [
        [
            "---QUuC4vJs_000084_000094",
            str(base / "train/testifying/---QUuC4vJs.mp4"),
            "train",
            "testifying",
        ],
        [
            "0wR5jVB-WPk_000417_000427",
            str(base / "val/0wR5jVB-WPk_000417_000427.mp4"),
            "val",
            "abseiling",
        ],
        [
            "-7O581Lzrb4_000154_000164",
            str(base / "videos_val/bee_keeping/-7O581Lzrb4_000154_000164.mp4"),
            "val",
            "bee keeping",
        ],
        ["--6bJUbfpnQ_000017_000027", str(base / "test/--6bJUbfpnQ_000017_000027.mkv"), "test", ""],
    ]
    assert "left out: 3caPS4FHFF8_000036_000046" in caplog.text


def test_folders_of_frames(base):
    touch(base, "rawframes_val/abseiling/3caPS4FHFF8_000036_000046/img_00001.jpg")
    assert ["3caPS4FHFF8_000036_000046", 30.0] in rows(kinetics(str(base)), "video", "fps")


@pytest.mark.parametrize(
    ("edition", "name"),
    [
        (600, "annotations/val.txt"),
        (600, "kinetics-600_val.csv"),
        (700, "annotations/kinetics_val.csv"),
        (400, "kinetics400/validate.csv"),
    ],
)
def test_lists_of_other_projects_and_editions(tmp_path, edition, name, caplog):
    write(tmp_path, name, VAL)
    touch(tmp_path, *CLIPS)
    assert len(kinetics(str(tmp_path), edition=edition)) == 2
    assert "splits without a list: train, test" in caplog.text


def test_classes_can_be_chosen(base):
    assert rows(kinetics(str(base), classes=["bee keeping"]), "label") == [["bee keeping"]]
    with pytest.raises(InputError, match="'bee_keeping' is unknown; did you mean 'bee keeping'"):
        kinetics(str(base), classes=["bee_keeping"])


def test_what_is_wrong_is_one_sentence(base, tmp_path):
    with pytest.raises(InputError, match="option edition of dataset kinetics: 500 is none of 400"):
        kinetics(str(base), edition=500)
    with pytest.raises(InputError, match="1 of the 5 videos in its lists are not in"):
        kinetics(str(base), missing="refuse")
    write(base, "annotations/val.csv", VAL.replace("417", "soon"))
    with pytest.raises(InputError, match=r"val.csv: time_start must be whole numbers, not 'soon'"):
        kinetics(str(base))
    write(base, "annotations/val.csv", "id,from,to\n")
    with pytest.raises(InputError, match=r"column 'youtube_id' is missing \(it has id, from, to\)"):
        kinetics(str(base))
    write(base, "annotations/val.csv", "")
    with pytest.raises(InputError, match=r"val.csv: cannot be read \(No columns to parse"):
        kinetics(str(base))
    empty = tmp_path / "empty"
    write(empty, "annotations/val.csv", VAL)
    with pytest.raises(InputError, match="3 of the 3 videos in its lists are not in"):
        kinetics(str(empty))
    (empty / "annotations/val.csv").unlink()
    with pytest.raises(InputError, match=r"annotations/train.csv: no such file; see SOURCES"):
        kinetics(str(empty))


def test_sources_of_each_edition():
    entry = registry.entry("datasets", "kinetics")
    assert sources.problems(entry.constants["SOURCES"], entry.options) == []
    for edition, count in ((400, 4), (600, 3), (700, 4)):
        config = {"rooms": None, "datasets": {"k": {"method": "kinetics", "edition": edition}}}
        names = [own["name"] for own in sources.of(config, "k")]
        assert (len(names), len(set(names)), names[-1]) == (count, count, "val")


def test_a_hundred_thousand_rows_take_seconds(tmp_path):
    lines = [f"class {n % 400},{n:011d},{n % 90},{n % 90 + 10},val" for n in range(100_000)]
    write(tmp_path, "annotations/val.csv", VAL.splitlines()[0] + "\n" + "\n".join(lines) + "\n")
    touch(tmp_path / "val", *(f"{n:011d}_{n % 90:06d}_{n % 90 + 10:06d}.mp4" for n in range(2000)))
    sheet, spent = seconds(lambda: kinetics(str(tmp_path)))
    assert len(sheet) == 2000
    assert spent < 10
