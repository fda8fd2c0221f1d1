"""HMDB51: tags 0, 1 and 2, names full of odd signs, three splits."""

from __future__ import annotations

import pytest

from tests.datasets.trees import rows, touch, write
from vidsal import registry, sources
from vidsal.datasets.hmdb51 import hmdb51
from vidsal.errors import InputError

# testTrainMulti_7030_splits/brush_hair_test_split1.txt: lines `NAME.avi TAG `, 1 train, 2 test, 0
# neither (torchvision.datasets.HMDB51, TRAIN_TAG = 1, TEST_TAG = 2).
BRUSH = "April_09_brush_hair_u_nm_np1_ba_goo_0.avi"
HASH = "#20_Rhythm_clap_u_nm_np1_fr_goo_0.avi"
BRACKET = "#20_Rhythm_[clap]_u_nm_np1_fr_goo_0.avi"


@pytest.fixture
def base(tmp_path):
    place = "testTrainMulti_7030_splits"
    write(tmp_path, f"{place}/brush_hair_test_split1.txt", f"{BRUSH} 1 \nnot_used.avi 0 \n")
    write(tmp_path, f"{place}/clap_test_split1.txt", f"{HASH} 2 \n{BRACKET} 1 \n")
    write(tmp_path, f"{place}/clap_test_split2.txt", f"{HASH} 1 \n{BRACKET} 0 \n")
    return touch(
        tmp_path, f"videos/brush_hair/{BRUSH}", *(f"videos/clap/{n}" for n in (HASH, BRACKET))
    )


def test_tags_make_the_splits(base):
    assert rows(hmdb51(str(base)), "video", "path", "split", "label") == [
        [
            "brush_hair-April_09_brush_hair_u_nm_np1_ba_goo_0",
            str(base / "videos/brush_hair" / BRUSH),
            "train",
            "brush_hair",
        ],
        [
            "clap-_20_Rhythm_clap_u_nm_np1_fr_goo_0",
            str(base / "videos/clap" / HASH),
            "test",
            "clap",
        ],
        [
            "clap-_20_Rhythm__clap__u_nm_np1_fr_goo_0",
            str(base / "videos/clap" / BRACKET),
            "train",
            "clap",
        ],
    ]


def test_another_split(base):
    assert rows(hmdb51(str(base), fold=2), "video", "split") == [
        ["clap-_20_Rhythm_clap_u_nm_np1_fr_goo_0", "train"]
    ]


def test_folders_of_frames(base):
    (base / "videos").rename(base / "unused")
    for name in (f"brush_hair/{BRUSH}", f"clap/{HASH}", f"clap/{BRACKET}"):
        touch(base, f"rawframes/{name.removesuffix('.avi')}/img_00001.jpg")
    assert rows(hmdb51(str(base)), "fps") == [[30.0]] * 3


def test_what_is_wrong_is_one_sentence(base):
    with pytest.raises(InputError, match=r"no such folder; see SOURCES in datasets/hmdb51.py"):
        hmdb51(str(base / "none"))
    with pytest.raises(InputError, match=r"no lists such as brush_hair_test_split3.txt"):
        hmdb51(str(base), fold=3)
    with pytest.raises(InputError, match="option fold of dataset hmdb51: 0 is none of 1, 2, 3"):
        hmdb51(str(base), fold=0)
    (base / "videos/clap" / HASH).unlink()
    with pytest.raises(InputError, match="1 of the 3 videos in its lists are not in"):
        hmdb51(str(base))
    write(base, "testTrainMulti_7030_splits/clap_test_split1.txt", f"{HASH} 3\n")
    with pytest.raises(InputError, match=r"'#20_.*avi 3' is not the name of a clip and 0, 1 or 2"):
        hmdb51(str(base))


def test_rar_archives_are_left_to_the_user():
    entry = registry.entry("datasets", "hmdb51")
    assert sources.problems(entry.constants["SOURCES"], entry.options) == []
    assert all("unar or 7z" in own["form"] for own in entry.constants["SOURCES"])
