"""Something-Something: lists of v1 and v2, templates, hidden test labels."""

from __future__ import annotations

import json

import pytest

from tests.datasets.trees import rows, seconds, touch, write
from vidsal import registry, sources
from vidsal.datasets.something_something import something_something
from vidsal.errors import InputError

# labels.json, train.json: {"Holding something": "16"} and {"id": "1", "label": "holding cup",
# "template": "Holding [something]", "placeholders": ["cup"]}; test.json holds ids alone,
# test-answers.csv lines `3;Holding something` (tools/data/parse_file_list.py of mmaction2, and
# huggingface.co/datasets/morpheushoc/something-something-v2).
LABELS = {"Holding something": "16", "Putting something on a surface": "109"}
TRAIN = [{"id": "78687", "label": "holding cup", "template": "Holding [something]"}]
VAL = [{"id": "74225", "label": "putting cup", "template": "Putting [something] on a surface"}]
TEST = [{"id": "1420"}]
PATTERN = "annotations/something-something-v2-{}.json"


def _v2(base, pattern="labels/{}.json"):
    contents = {"labels": LABELS, "train": TRAIN, "validation": VAL, "test": TEST}
    for name, content in contents.items():
        write(base, pattern.format(name), json.dumps(content))
    return touch(
        base, *(f"20bn-something-something-v2/{n}.webm" for n in ("78687", "74225", "1420"))
    )


@pytest.mark.parametrize("pattern", ["labels/{}.json", PATTERN, "something-something-v2-{}.json"])
def test_v2(tmp_path, pattern):
    base = _v2(tmp_path, pattern)
    place = base / "20bn-something-something-v2"
    expected = [
        ["78687", str(place / "78687.webm"), "train", "Holding something", None],
        ["74225", str(place / "74225.webm"), "val", "Putting something on a surface", None],
        ["1420", str(place / "1420.webm"), "test", "", None],
    ]
    columns = ("video", "path", "split", "label", "fps")
    assert rows(something_something(str(base)), *columns) == expected
    write(base, "labels/test-answers.csv", "1420;Holding something\n")
    expected[2][3] = "Holding something"
    assert rows(something_something(str(base)), *columns) == expected


def test_v1(tmp_path):
    # something-something-v1-train.csv: `100218;Something falling like a feather or paper`
    text = {
        "labels": "Holding something\nSomething falling like a feather or paper\n",
        "train": "100218;Something falling like a feather or paper\n",
        "validation": "24413;Holding something\n",
        "test": "1420\n",
    }
    for name, content in text.items():
        write(tmp_path, f"something-something-v1-{name}.csv", content)
    place = tmp_path / "20bn-something-something-v1"
    touch(place, *(f"{n}/00001.jpg" for n in ("100218", "24413", "1420")))
    sheet = something_something(str(tmp_path), edition="v1")
    assert rows(sheet, "video", "path", "split", "label", "fps") == [
        ["100218", str(place / "100218"), "train", "Something falling like a feather or paper", 12],
        ["24413", str(place / "24413"), "val", "Holding something", 12],
        ["1420", str(place / "1420"), "test", "", 12],
    ]


def test_what_is_wrong_is_one_sentence(tmp_path):
    name = str(_v2(tmp_path))
    with pytest.raises(InputError, match=r"option edition .* 'v3' is none of v1, v2"):
        something_something(name, edition="v3")
    with pytest.raises(InputError, match=r"labels/something-something-v1-labels.csv: no such file"):
        something_something(name, edition="v1")
    with pytest.raises(InputError, match="'Holding some' is unknown; did you mean 'Holding s"):
        something_something(name, classes=["Holding some"])
    (tmp_path / "20bn-something-something-v2/78687.webm").unlink()
    with pytest.raises(InputError, match=r"1 of the 3 videos in its lists are not in .* \(78687\)"):
        something_something(name)
    write(
        tmp_path, "labels/train.json", json.dumps([{"id": "1", "template": "Eating [something]"}])
    )
    with pytest.raises(InputError, match="'Eating something' of video 1 is none of the 2 labels"):
        something_something(name)
    for text, sentence in (
        ("[{]", "no JSON"),
        ("{}", "holds no list"),
        ('["a"]', "without id or template"),
        ("[" * 100_000, "no JSON"),
    ):
        write(tmp_path, "labels/train.json", text)
        with pytest.raises(InputError, match=f"train.json: .*{sentence}"):
            something_something(name)


def test_the_licence_is_asked_for():
    entry = registry.entry("datasets", "something_something")
    assert sources.problems(entry.constants["SOURCES"], entry.options) == []
    config = {"rooms": None, "datasets": {"s": {"method": "something_something"}}}
    (source,) = sources.of(config, "s")
    assert "register at https://developer.qualcomm.com" in source["form"]


def test_a_hundred_thousand_rows_take_seconds(tmp_path):
    base = _v2(tmp_path)
    train = [
        {"id": str(n), "template": "Holding [something]"} for n in range(10**6, 10**6 + 100_000)
    ]
    write(base, "labels/train.json", json.dumps(train))
    touch(base / "20bn-something-something-v2", *(f"{n}.webm" for n in range(10**6, 10**6 + 1000)))
    sheet, spent = seconds(lambda: something_something(str(base), missing="drop"))
    assert len(sheet) == 1002
    assert spent < 10
