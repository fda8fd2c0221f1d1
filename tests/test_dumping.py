"""The pickle of the predictions: what mmaction2's dumps hold, the same bytes from anywhere."""

from __future__ import annotations

import pickle
import pickletools

import numpy as np
import pandas as pd
import pytest
import torch

from vidsal.dumping import write_dump

LOGITS = [[0.5, -1.25, 2.0], [3.0, 0.1, 0.2], [1.0, 1.0, 7.0], [0.0, 0.0, -1.0]]


def write_predictions(folder, average="logits", shards=(slice(0, 2), slice(2, 4))):
    """Four videos, the last two labelled with nothing and with what the model does not know."""
    table = pd.DataFrame({"video": ["d", "b", "c", "a"], "label": ["run", "jump", "", "swim"]})
    table["predicted_index"] = [2, 0, 2, 0]
    table["categories"], table["logits"] = [["run", "walk", "jump"]] * 4, LOGITS
    paths = []
    for number, rows in enumerate(shards):
        paths.append(str(folder / f"{average}-{number}of{len(shards)}.parquet"))
        table[rows].assign(average=average).to_parquet(paths[-1])
    return paths


def test_every_video_has_the_entries_of_mmaction2(tmp_path):
    write_dump(write_predictions(tmp_path), tmp_path / "m.pkl")
    samples = pickle.loads((tmp_path / "m.pkl").read_bytes())
    assert [sample["video_id"] for sample in samples] == ["a", "b", "c", "d"]
    assert [sample["gt_label"].tolist() for sample in samples] == [[-1], [2], [-1], [0]]
    assert [sample["pred_label"].tolist() for sample in samples] == [[0], [0], [2], [2]]
    for sample, logits in zip(samples, [LOGITS[n] for n in (3, 1, 2, 0)], strict=True):
        assert sample["num_classes"] == 3
        assert sample["pred_score"].dtype == np.float32
        assert sample["gt_label"].dtype == sample["pred_label"].dtype == np.int64
        np.testing.assert_array_equal(sample["pred_score"], np.float32(logits))
        sample["pred_score"] += 1  # not read-only


def test_scores_are_probabilities_where_those_were_averaged(tmp_path):
    write_dump(write_predictions(tmp_path, "probabilities"), tmp_path / "m.pkl")
    for sample in pickle.loads((tmp_path / "m.pkl").read_bytes()):
        assert sample["pred_score"].sum() == pytest.approx(1)
        assert sample["pred_score"].argmax() == sample["pred_label"][0]


def test_numpy_is_all_that_is_needed(tmp_path):
    write_dump(write_predictions(tmp_path), tmp_path / "m.pkl")
    assert imported((tmp_path / "m.pkl").read_bytes()) == {("numpy", "array")}


def test_with_torch_it_holds_what_the_tools_of_mmaction2_ask_for(tmp_path):
    write_dump(write_predictions(tmp_path), tmp_path / "m.pkl", "torch")
    data = (tmp_path / "m.pkl").read_bytes()
    assert imported(data) == {("torch", "FloatTensor"), ("torch", "LongTensor")}
    for sample in pickle.loads(data):
        assert sample["pred_score"].cpu().numpy().dtype == np.float32
        assert sample["gt_label"].size(0) == 1
        assert isinstance(sample["gt_label"].item(), int)
        assert sample["pred_label"].dtype == torch.int64


def test_the_same_bytes_whatever_the_shards(tmp_path):
    write_dump(write_predictions(tmp_path), tmp_path / "two.pkl")
    write_dump(write_predictions(tmp_path, shards=(slice(0, 4),)), tmp_path / "one.pkl")
    single = [slice(n, n + 1) for n in range(4)]
    write_dump(write_predictions(tmp_path, shards=single)[::-1], tmp_path / "four.pkl")
    found = {(tmp_path / f"{name}.pkl").read_bytes() for name in ("one", "two", "four")}
    assert len(found) == 1


def imported(data: bytes) -> set[tuple[str, str]]:
    """Return (module, name) of everything that reading a pickle imports."""
    found, words, memo = set(), [], {}
    for code, argument, _ in pickletools.genops(data):
        if "UNICODE" in code.name:
            words.append(argument)
        elif code.name == "MEMOIZE":
            memo[len(memo)] = words[-1] if words else None
        elif code.name == "BINGET":
            words.append(memo[argument])
        elif code.name == "STACK_GLOBAL":
            found.add(tuple(words[-2:]))
        elif code.name in ("GLOBAL", "INST"):
            found.add(tuple(argument.split()))
    return found
