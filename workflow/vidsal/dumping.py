"""A model's predictions as one pickle, as `tools/test.py --dump` of mmaction2 1.x writes them.

mmaction2 dumps a list with one dictionary per video: `pred_score` (K,), `pred_label` (1,),
`gt_label` (1,) and `num_classes`. Its arrays are torch tensors, which its own tools need; NumPy's
are readable without torch. A video of which the model does not know the label has `gt_label` -1.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal import parts
from vidsal.evaluating import label_numbers

PROTOCOL = 4
NEEDED = ["video", "label", "predicted_index", "categories", "logits", "average"]


def write_dump(paths: list[str], out: str | Path, arrays: str = "numpy") -> None:
    """Write the predictions of one model, videos in the order of their names.

    Args:
        paths: Parquet tables of the predictions.
        out: the pickle.
        arrays: "numpy" or "torch".
    """
    table = pd.concat([pd.read_parquet(p, columns=NEEDED) for p in paths], ignore_index=True)
    with parts.replacing(Path(out)) as temporary, temporary.open("wb") as file:
        pickler = pickle.Pickler(file, PROTOCOL)
        pickler.dispatch_table = {np.ndarray: _reducer(arrays)}
        pickler.dump(samples(table.sort_values("video", kind="stable")))


def samples(predictions: pd.DataFrame) -> list[dict[str, object]]:
    """Return one dictionary per video; `pred_score` as mmaction2's heads average clips.

    These are mean logits (`average_clips='score'`) where logits were averaged, and mean
    probabilities (`average_clips='prob'`) where those were.
    """
    truth = label_numbers(predictions)
    return [
        {
            # The same word must be the same object, or the pickle would differ with its origin.
            "video_id": sys.intern(row["video"]),
            "num_classes": len(row["logits"]),
            "gt_label": np.array([label]),
            "pred_label": np.array([row["predicted_index"]], np.int64),
            "pred_score": _scores(np.asarray(row["logits"]), row["average"]),
        }
        for row, label in zip(predictions.to_dict("records"), truth, strict=True)
    ]


def _scores(logits: np.ndarray, average: str) -> np.ndarray:
    if average == "logits":
        return logits.astype(np.float32)
    raised = np.exp(logits - logits.max())
    return (raised / raised.sum()).astype(np.float32)


def _reducer(arrays: str) -> Callable[[np.ndarray], tuple]:
    """Return what says to the pickler how an array is made again, in any version of the library."""
    if arrays == "numpy":
        return lambda array: (np.array, (array.tolist(), array.dtype.name))
    import torch

    kinds = {"f": torch.FloatTensor, "i": torch.LongTensor}
    return lambda array: (kinds[array.dtype.kind], (array.tolist(),))
