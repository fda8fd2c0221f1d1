"""Something-Something v1 and v2: people do things with things; 174 actions (Goyal et al. 2017).

v2: `labels/{labels,train,validation,test}.json` (or `something-something-v2-*.json`), with
`test-answers.csv` for the test where it is there, and `20bn-something-something-v2/<id>.webm`.
v1: `something-something-v1-{labels,train,validation,test}.csv` and
`20bn-something-something-v1/<id>/00001.jpg`, frames at 12 per second. The label is the template
without brackets, `Holding something`.

Sources: tools/data/{sthv1,sthv2}/README.md and tools/data/parse_file_list.py of
github.com/open-mmlab/mmaction2; huggingface.co/datasets/HuggingFaceM4/something_something_v2
(names, labels.zip); github.com/MCG-NJU/TDN/issues/61 (12 frames per second).

Reference: Goyal et al., "The 'something something' video database for learning and evaluating
visual common sense", ICCV 2017 (arXiv 1706.04261).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pandas as pd

from vidsal.datasets import _lists, _trees
from vidsal.errors import InputError

SOURCES: list[dict] = [
    {
        "name": "20bn-something-something-v2",
        "licence": "research licence of Qualcomm (Jester, Something-Something)",
        "needs": {"edition": ["v2"]},
        "form": "register at https://developer.qualcomm.com/software/ai-datasets/"
        "something-something, fetch the labels and the parts of the videos, unpack the videos with "
        "`cat 20bn-something-something-v2-?? | tar zx` here, and put labels.json, train.json, "
        "validation.json and test.json into the folder labels",
    },
    {
        "name": "20bn-something-something-v1",
        "licence": "research licence of 20BN",
        "needs": {"edition": ["v1"]},
        "form": "v1 is no longer given out; put the folders of frames of a copy that you have into "
        "the folder 20bn-something-something-v1, and something-something-v1-labels.csv, "
        "-train.csv, -validation.csv and -test.csv here",
    },
]
EDITIONS = ("v1", "v2")
SPLITS = {"train": "train", "val": "validation", "test": "test"}
PLACES = ("labels", "annotations", ".")
VIDEOS = ("20bn-something-something-{edition}", "videos", "rawframes")
WAY_OUT = "see SOURCES in datasets/something_something.py for what to fetch, and put it there"


def something_something(
    folder: str,
    *,
    edition: Literal["v1", "v2"] = "v2",
    classes: list[str] | None = None,
    missing: Literal["refuse", "drop"] = "refuse",
    fps: float = 12.0,
) -> pd.DataFrame:
    """Return the sample sheet: one row per video of the lists.

    Args:
        folder: folder that holds lists and videos.
        edition: v1 or v2.
        classes: only these templates, written without brackets; all when not given.
        missing: `refuse` a set in which videos of the lists are not there, or `drop` these.
        fps: frames per second of folders of frames.

    Raises:
        InputError: no such folder, list, class or edition, or videos are missing.
    """
    name = "something_something"
    _trees.choose(name, "edition", edition, EDITIONS)
    base = _trees.require(name, folder, WAY_OUT)
    sheet = _lists.only(name, _v1(base) if edition == "v1" else _v2(base), classes)
    place = _trees.first(base, *(own.format(edition=edition) for own in VIDEOS)) or base
    found = _lists.locate(place, sheet["video"])
    sheet["path"], sheet["fps"] = found.paths, _lists.frame_rates(found, fps)
    sheet = _lists.settle(name, sheet, missing, place, WAY_OUT)
    return sheet[["video", "path", "split", "label", "fps"]]


def _v1(base: Path) -> pd.DataFrame:
    """Read lists with lines such as `100218;Something falling like a feather or paper`."""
    known = set(_lists.lines("something_something", _file(base, "v1", "labels"), WAY_OUT))
    made = []
    for split, name in SPLITS.items():
        path = _file(base, "v1", name)
        pairs = [line.split(";") for line in _lists.lines("something_something", path, WAY_OUT)]
        texts = ["" if split == "test" else _template(";".join(pair[1:])) for pair in pairs]
        made.append(_rows(path, split, [pair[0] for pair in pairs], texts, known))
    return pd.concat(made, ignore_index=True)


def _v2(base: Path) -> pd.DataFrame:
    """Read lists of objects `{"id": "78687", "template": "Holding [something]"}`."""
    known = set(_json(_file(base, "v2", "labels"), dict))
    made = []
    for split, name in SPLITS.items():
        path = _file(base, "v2", name)
        items = _json(path, list)
        try:
            ids = [str(item["id"]) for item in items]
            texts = [_template(item.get("template", "")) for item in items]
        except (TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"dataset something_something: {path}: an entry without id or template; {WAY_OUT}"
            ) from error
        if split == "test":
            answers = _answers(base)
            texts = [answers.get(own, "") for own in ids]
        made.append(_rows(path, split, ids, texts, known))
    return pd.concat(made, ignore_index=True)


def _rows(
    path: Path, split: str, ids: list[str], templates: list[str], known: set[str]
) -> pd.DataFrame:
    sheet = pd.DataFrame({"video": ids, "split": split, "label": templates}, dtype=object)
    bad = ~sheet["label"].isin(known | ({""} if split == "test" else set()))
    if bad.any():
        first = sheet[bad].iloc[0]
        raise InputError(
            f"dataset something_something: {path}: {first['label']!r} of video {first['video']} is "
            f"none of the {len(known)} labels; lists and labels must be of the same edition"
        )
    return sheet


def _file(base: Path, edition: str, name: str) -> Path:
    ending = ".csv" if edition == "v1" else ".json"
    names = (f"something-something-{edition}-{name}{ending}", f"{name}{ending}")
    places = [f"{place}/{own}" for place in PLACES for own in names]
    return _lists.file("something_something", base, places, WAY_OUT)


def _answers(base: Path) -> dict[str, str]:
    """Return id -> label of the test videos, none where the answers are not there."""
    path = _lists.optional(base, [f"{place}/test-answers.csv" for place in PLACES])
    lines = _lists.lines("something_something", path, WAY_OUT) if path else []
    return {own: _template(text) for own, _, text in (line.partition(";") for line in lines)}


def _template(text: str) -> str:
    return text.replace("[", "").replace("]", "").strip()


def _json(path: Path, kind: type) -> list | dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"dataset something_something: {path}: no JSON ({error}); {WAY_OUT}"
        ) from error
    if not isinstance(found, kind):
        raise InputError(
            f"dataset something_something: {path}: holds no {kind.__name__}; {WAY_OUT}"
        )
    return found
