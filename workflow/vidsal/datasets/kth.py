"""KTH: 25 people walk, jog, run, box, wave and clap in 599 recordings (Schuldt et al. 2004).

160x120 pixels, 25 frames per second, grey, a static camera. The official intervals
(00sequences.txt, 4 per recording, 3 in five of them: 2391) are shipped in `_kth.tsv`, 0-based and
end exclusive, so the table needs no file; some overlap, as published. One recording does not exist
(person13 handclapping d3). One is damaged (person01 boxing d4: 370 frames by its header, of which
every decoder reads 304): its last interval ends there.

Files: `FOLDER/boxing/person01_boxing_d1_uncomp.avi`, as the six archives are unpacked. Where some
are missing, one sentence says so before any job; with `max_failures: 1` the rest is used.

    datasets:
      kth: {}                                                 # intervals, subjects split officially
      kth: {clips: cnn_lstm, split: "80_20", classes: [running, walking]}   # the CNN-LSTM system

The annotation file of that system, `kth1.json`, is written by

    python -c "from vidsal.datasets import kth; kth.write_json('kth1.json', clips='cnn_lstm', \
        split='80_20', classes=['running', 'walking'])"

Sources: www.csc.kth.se/cvap/actions (archives, 00sequences.txt with intervals and subjects);
utils/trim_videos.py and utils/kth/{gen_anns_list,kth_json}.py of
github.com/sakshikakde/interpretability_of_lstm.

Reference: Schuldt, Laptev and Caputo, "Recognizing Human Actions: A Local SVM Approach", ICPR 2004.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from vidsal.datasets import _activitynet, _trees
from vidsal.errors import InputError

KNOWN = True
CLASSES = ["boxing", "handclapping", "handwaving", "jogging", "running", "walking"]
SOURCES: list[dict] = [
    {
        "name": "boxing.zip",
        "url": "https://www.csc.kth.se/cvap/actions/boxing.zip",
        "mirrors": ["http://www.nada.kth.se/cvap/actions/boxing.zip"],
        "licence": "no licence published that we know; cite Schuldt et al. (2004)",
        "unpack": True,
        "to": "boxing",
        "needs": {"classes": ["boxing"]},
    },
    {
        "name": "handclapping.zip",
        "url": "https://www.csc.kth.se/cvap/actions/handclapping.zip",
        "mirrors": ["http://www.nada.kth.se/cvap/actions/handclapping.zip"],
        "licence": "no licence published that we know; cite Schuldt et al. (2004)",
        "unpack": True,
        "to": "handclapping",
        "needs": {"classes": ["handclapping"]},
    },
    {
        "name": "handwaving.zip",
        "url": "https://www.csc.kth.se/cvap/actions/handwaving.zip",
        "mirrors": ["http://www.nada.kth.se/cvap/actions/handwaving.zip"],
        "licence": "no licence published that we know; cite Schuldt et al. (2004)",
        "unpack": True,
        "to": "handwaving",
        "needs": {"classes": ["handwaving"]},
    },
    {
        "name": "jogging.zip",
        "url": "https://www.csc.kth.se/cvap/actions/jogging.zip",
        "mirrors": ["http://www.nada.kth.se/cvap/actions/jogging.zip"],
        "licence": "no licence published that we know; cite Schuldt et al. (2004)",
        "unpack": True,
        "to": "jogging",
        "needs": {"classes": ["jogging"]},
    },
    {
        "name": "running.zip",
        "url": "https://www.csc.kth.se/cvap/actions/running.zip",
        "mirrors": ["http://www.nada.kth.se/cvap/actions/running.zip"],
        "licence": "no licence published that we know; cite Schuldt et al. (2004)",
        "unpack": True,
        "to": "running",
        "needs": {"classes": ["running"]},
    },
    {
        "name": "walking.zip",
        "url": "https://www.csc.kth.se/cvap/actions/walking.zip",
        "mirrors": ["http://www.nada.kth.se/cvap/actions/walking.zip"],
        "licence": "no licence published that we know; cite Schuldt et al. (2004)",
        "unpack": True,
        "to": "walking",
        "needs": {"classes": ["walking"]},
    },
]
TABLE = Path(__file__).with_name("_kth.tsv")
PERSONS = {  # "Training", "Validation" and "Test" of 00sequences.txt
    "train": (11, 12, 13, 14, 15, 16, 17, 18),
    "val": (19, 20, 21, 23, 24, 25, 1, 4),
    "test": (22, 2, 3, 5, 6, 7, 8, 9, 10),
}
CLIPS = ("intervals", "cnn_lstm", "whole")
SPLITS = ("persons", "80_20")
CNN_LSTM = {"running": (0, 30), "walking": (10, 40)}
DAMAGED, READABLE = "person01_boxing_d4", 304


def kth(
    folder: str,
    *,
    classes: list[str] = CLASSES,
    clips: Literal["intervals", "cnn_lstm", "whole"] = "intervals",
    split: Literal["persons", "80_20"] = "persons",
) -> pd.DataFrame:
    """Return the sample sheet; needs no file to exist.

    Args:
        folder: where the archives are unpacked.
        classes: which of the six actions; only their archives are downloaded.
        clips: `intervals`, the official ones, one row each (`person01_boxing_d1-1`); `cnn_lstm`,
            the thirty frames of each recording that the CNN-LSTM system takes (running 0 to 29,
            walking 10 to 39); `whole`, the recordings from end to end.
        split: `persons`, officially 8 people each to learn and to validate and 9 to test; `80_20`,
            the CNN-LSTM system's: recordings, not people, are drawn (as scikit-learn's
            train_test_split draws with random_state 42 from recordings sorted by class and name)
            into `train` and `val`, so that the same people are in both.

    Raises:
        InputError: an unknown class, kind of clips or split, or a class without such clips.
    """
    _check(classes, clips, split)
    recordings = _recordings(classes)
    parts_of = _by_person if split == "persons" else _by_draw
    recordings["split"] = parts_of(recordings)
    rows = _intervals(recordings) if clips == "intervals" else _one_each(recordings, clips)
    paths = folder + "/" + rows["label"] + "/" + rows["recording"] + "_uncomp.avi"
    columns = ["video", "path", "split", "label", "subject", "start", "end"]
    return rows.assign(path=paths)[columns].astype({"start": "Int64", "end": "Int64"})


def write_json(path: str | Path, **options: object) -> None:
    """Write the table as ActivityNet-style JSON, the `kth1.json` of the CNN-LSTM system.

    Args:
        path: file to write.
        **options: as given to `kth`.
    """
    _activitynet.write(kth("", **options), path)


def _check(classes: list[str], clips: str, split: str) -> None:
    _trees.choose("kth", "clips", clips, CLIPS)
    _trees.choose("kth", "split", split, SPLITS)
    if not classes:
        raise InputError("option classes of dataset kth: no class is left; name at least one")
    for name in classes:
        _trees.choose("kth", "classes", name, CLASSES)
        if clips == "cnn_lstm" and name not in CNN_LSTM:
            raise InputError(
                f"option clips of dataset kth: cnn_lstm has no frames of {name}; set classes: "
                "[running, walking], or take other clips"
            )


def _recordings(classes: list[str]) -> pd.DataFrame:
    """Return a row per recording of these classes, sorted by class and name."""
    table = pd.read_csv(TABLE, sep="\t", dtype=str)
    named = table["recording"].str.extract(r"(?P<subject>person\d\d)_(?P<label>[a-z]+)_d\d")
    table = pd.concat([table, named], axis="columns")
    table = table[table["label"].isin(classes)].sort_values(["label", "recording"])
    return table.reset_index(drop=True)


def _by_person(recordings: pd.DataFrame) -> pd.Series:
    splits = {f"person{n:02d}": split for split, people in PERSONS.items() for n in people}
    return recordings["subject"].map(splits)


def _by_draw(recordings: pd.DataFrame) -> list[str]:
    """Draw a fifth of the recordings, rounded up: the first of a permutation with seed 42."""
    count = len(recordings)
    order = np.random.RandomState(42).permutation(count)
    held_out = set(order[: -(-count // 5)].tolist())
    return ["val" if index in held_out else "train" for index in range(count)]


def _intervals(recordings: pd.DataFrame) -> pd.DataFrame:
    """Return a row per official interval."""
    rows = recordings.assign(clip=recordings["clips"].str.split(" ")).explode("clip")
    number = (rows.groupby("recording", sort=False).cumcount() + 1).astype(str)
    bounds = rows["clip"].str.split("-", expand=True).astype(int)
    rows = rows.assign(video=rows["recording"] + "-" + number, start=bounds[0], end=bounds[1])
    damaged = rows["recording"] == DAMAGED
    rows["end"] = rows["end"].mask(damaged, rows["end"].clip(upper=READABLE))
    return rows.reset_index(drop=True)


def _one_each(recordings: pd.DataFrame, clips: str) -> pd.DataFrame:
    """Return a row per recording, whole or the frames of the CNN-LSTM system."""
    bounds = CNN_LSTM if clips == "cnn_lstm" else {}
    made = [bounds.get(label, (None, None)) for label in recordings["label"]]
    start, end = (pd.array(side, dtype="Int64") for side in zip(*made, strict=True))
    return recordings.assign(video=recordings["recording"], start=start, end=end)
