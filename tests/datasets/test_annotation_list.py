"""mmaction2 lists: videos and raw frames, the thesis's splits, lines without a class."""

from __future__ import annotations

import pytest

from tests.datasets.trees import rows, seconds, touch, write
from vidsal.datasets.annotation_list import annotation_list
from vidsal.errors import InputError

# train_test_split/random_split/train.txt of github.com/guidovalla/Master_Thesis: with the ending
RANDOM = "1_ca_WS_Help__r3__100.mp4 0\n3_bc_WS_Physical__r5__100.mp4 2\n"
# .../balance_split/fold1.txt: 9 classes (3 actions x 3 pairs), blank lines, copies that are turned,
# and left-overs without name and class
FOLD = (
    "1_ab_WS_Help__r2__100 0\n3_ca_SW_Physical__r4__100 8\n\n\n"
    "-90rot_1_ab_WS_Help__r2__100 0\n90rot_1_ab_WS_Help__r2__100 0\n-90rot_\n180rot_\n"
)
# .../human_comparison_trainings/33_videos/train.txt: a third of each video, without classes
THIRD = "1_ca_SW_Hinder__r2__33\n1_ab_SW_Physical__r1__33\n3_bc_SW_Help__r4__33\n"
NINE = [
    f"{action}_{pair}" for action in ("Help", "Hinder", "Physical") for pair in ("ab", "bc", "ca")
]


def _lists(base, **texts):
    return {split: str(write(base, f"lists/{split}.txt", text)) for split, text in texts.items()}


def _videos(base, *texts, ending=".mp4"):
    names = [line.split()[0] for text in texts for line in text.splitlines() if line]
    return str(touch(base / "videos", *(f"{n.removesuffix('.mp4')}{ending}" for n in names)))


def test_the_random_split(tmp_path):
    videos = _videos(tmp_path, RANDOM)
    lists = _lists(tmp_path, train=RANDOM.splitlines()[0], test=RANDOM.splitlines()[1])
    sheet = annotation_list("unused", lists=lists, videos=videos)
    assert rows(sheet, "video", "path", "split", "label", "start", "end") == [
        [
            "3_bc_WS_Physical__r5__100",
            f"{videos}/3_bc_WS_Physical__r5__100.mp4",
            "test",
            "2",
            None,
            None,
        ],
        ["1_ca_WS_Help__r3__100", f"{videos}/1_ca_WS_Help__r3__100.mp4", "train", "0", None, None],
    ]


def test_the_balanced_folds_have_nine_classes(tmp_path, caplog):
    videos = _videos(tmp_path, FOLD, ending=".avi")
    lists = _lists(
        tmp_path, a=FOLD, b="1_bc_SW_Hinder__r3__100 4\n", test="9_ca_SW_Help__r1__100 2\n"
    )
    touch(tmp_path / "videos", "1_bc_SW_Hinder__r3__100.mkv", "9_ca_SW_Help__r1__100.mp4")
    given = {"train": [lists["a"], lists["b"]], "test": lists["test"]}
    with pytest.raises(InputError) as caught:
        annotation_list("unused", lists=given, videos=videos, classes=NINE)
    assert "a.txt: 2 of 6 lines name no class (the first is '-90rot_'); add" in str(caught.value)
    options = {"lists": given, "videos": videos, "classes": NINE, "unlabelled": "drop"}
    assert rows(annotation_list("unused", **options), "video", "split", "label") == [
        ["9_ca_SW_Help__r1__100", "test", "Help_ca"],
        ["1_ab_WS_Help__r2__100", "train", "Help_ab"],
        ["3_ca_SW_Physical__r4__100", "train", "Physical_ca"],
        ["-90rot_1_ab_WS_Help__r2__100", "train", "Help_ab"],
        ["90rot_1_ab_WS_Help__r2__100", "train", "Help_ab"],
        ["1_bc_SW_Hinder__r3__100", "train", "Hinder_bc"],
    ]
    assert "lines without a class, left out: -90rot_, 180rot_" in caplog.text


def test_a_third_of_the_videos_lost_its_classes(tmp_path):
    videos = _videos(tmp_path, THIRD)
    lists = _lists(tmp_path, train=THIRD)
    with pytest.raises(
        InputError, match=r"train.txt: 3 of 3 lines name no class \(the first is '1_"
    ):
        annotation_list("unused", lists=lists, videos=videos)
    found = annotation_list("unused", lists=lists, videos=videos, label="_(Help|Hinder|Physical)__")
    assert rows(found, "label") == [["Hinder"], ["Physical"], ["Help"]]
    kept = annotation_list("unused", lists=lists, videos=videos, unlabelled="keep")
    assert rows(kept, "label") == [[""]] * 3
    with pytest.raises(InputError, match="3 of 3 lines name no class"):
        annotation_list("unused", lists=lists, videos=videos, unlabelled="drop")


def test_raw_frames(tmp_path):
    # mmaction/datasets/rawframe_dataset.py: `some/directory-1 163 1`
    touch(tmp_path, "some/directory-1/img_00001.jpg", "some/directory-2/img_00001.jpg")
    lists = _lists(tmp_path, train="some/directory-1 163 1\nsome/directory-2 122 0\n")
    options = {"lists": lists, "videos": str(tmp_path), "kind": "rawframes"}
    classes = str(write(tmp_path, "label_map.txt", "walk\nrun fast\n"))
    sheet = annotation_list("unused", **options, classes=classes, fps=30.0)
    assert rows(sheet, "video", "path", "label", "start", "end", "fps") == [
        ["some_directory-1", str(tmp_path / "some/directory-1"), "run fast", 0, 163, 30.0],
        ["some_directory-2", str(tmp_path / "some/directory-2"), "walk", 0, 122, 30.0],
    ]
    touch(tmp_path, "some/directory-1/flow_x_00001.jpg")
    with pytest.raises(InputError, match="holds optical flow"):
        annotation_list("unused", **options)
    lists = _lists(tmp_path, train="directory 1\n")
    with pytest.raises(
        InputError, match=r"1 of 1 lines name no class \(the first is 'directory'\)"
    ):
        annotation_list("unused", lists=lists, videos=str(tmp_path), kind="rawframes")
    lists = _lists(tmp_path, train="directory\n")
    with pytest.raises(
        InputError, match="'directory' is not a folder of frames, their number and a"
    ):
        annotation_list("unused", lists=lists, videos=str(tmp_path), kind="rawframes")


def test_names_may_hold_spaces_and_stand_in_two_splits(tmp_path):
    touch(tmp_path, "my clips/a b.mp4")
    lists = _lists(tmp_path, train="my clips/a b.mp4 3\n", test="my clips/a b.mp4 3\n")
    sheet = annotation_list(str(tmp_path), lists=lists)
    assert rows(sheet, "video", "label") == [
        ["test-my_clips_a_b", "3"],
        ["train-my_clips_a_b", "3"],
    ]


def test_what_is_wrong_is_one_sentence(tmp_path):
    lists, videos = _lists(tmp_path, train="a.mp4 2\n"), str(touch(tmp_path / "v", "a.mp4"))
    for options, sentence in (
        ({}, "name a list for each split, such as"),
        ({"lists": lists, "kind": "films"}, "'films' is none of videos, rawframes"),
        ({"lists": lists, "unlabelled": "no"}, "'no' is none of refuse, drop, keep"),
        ({"lists": {"train": "none.txt"}}, "none.txt: no such file; correct `lists`"),
        (
            {"lists": lists, "classes": ["x", "y"]},
            r"class 2 of a.mp4 is none of the 2 classes \(0 t",
        ),
        (
            {"lists": lists, "classes": "none.txt"},
            "none.txt: no such file; correct the option `cla",
        ),
        ({"lists": lists, "label": "("}, r"'\(' is no regular expression"),
        ({"lists": {"train": [lists["train"]] * 2}}, "'a.mp4' is listed twice in split train"),
    ):
        with pytest.raises(InputError, match=sentence):
            annotation_list("unused", videos=videos, **options)
    with pytest.raises(InputError, match="1 of the 1 videos in its lists are not in"):
        annotation_list("unused", lists=lists, videos=str(tmp_path))
    with pytest.raises(InputError, match="no such folder; name it with the option `videos`"):
        annotation_list("unused", lists=lists)


def test_a_hundred_thousand_rows_take_seconds(tmp_path):
    text = "".join(f"class{n % 100}/clip_{n:06d} {n % 100}\n" for n in range(100_000))
    touch(tmp_path / "v", *(f"class{n % 100}/clip_{n:06d}.mp4" for n in range(2000)))
    lists = _lists(tmp_path, train=text)
    sheet, spent = seconds(
        lambda: annotation_list("u", lists=lists, videos=str(tmp_path / "v"), missing="drop")
    )
    assert len(sheet) == 2000
    assert spent < 10
