"""How well a network classifies: top-1 and top-5, mean class accuracy, precision and recall.

What counts are the videos with a label that the network knows; the others are reported. Equal
logits rank in the order of their classes, so that top-1 is what `predicted` says.
"""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from vidsal.statistics import Mean, bootstrap_mean, bootstrap_mean_of_groups

ACCURACY_COLUMNS = [
    *("model", "accuracy", "low", "high", "top5", "top5_low", "top5_high"),
    *("mean_class", "mean_class_low", "mean_class_high"),
    *("classes", "padded", "unlabelled", "unknown", "n"),
]
CLASS_COLUMNS = [
    *("model", "class", "known", "support", "predicted"),
    *("precision", "precision_low", "precision_high"),
    *("recall", "recall_low", "recall_high"),
    *("f1", "f1_low", "f1_high"),
]
TOP = 5
log = logging.getLogger(__name__)


def accuracy(predictions: pd.DataFrame, seed: int) -> dict[str, object]:
    """Return how often a model is right, with intervals over videos.

    Args:
        predictions: rows of the predictions of one model: label ('' = none), categories ([] = the
            classes are known by their numbers only), logits, padded.
        seed: of the bootstrap.

    Returns:
        accuracy (top-1), top5, mean_class (mean over the classes that occur of their recall), each
        with low and high; classes that occur; videos that are padded (shorter than a clip),
        unlabelled, of an unknown label; and n, the videos that count.
    """
    truth = label_numbers(predictions)
    there = truth >= 0
    ranks = label_ranks(predictions[there], truth[there])
    right = (ranks == 0).astype(float)
    unlabelled = int((predictions["label"] == "").sum())
    return (
        _figures("accuracy", bootstrap_mean(right, seed=seed))
        | _figures("top5", bootstrap_mean(ranks < TOP, seed=seed))
        | _figures("mean_class", bootstrap_mean_of_groups(right, truth[there], seed=seed))
        | {"classes": len(set(truth[there])), "padded": int((predictions["padded"] > 0).sum())}
        | {"unlabelled": unlabelled, "unknown": int((~there).sum()) - unlabelled}
        | {"n": int(there.sum())}
    )


def class_report(predictions: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return precision, recall and F1 of every class that occurs, with intervals over videos.

    Precision is drawn from the videos predicted as the class, recall from those labelled so, F1
    from both: of m such videos with a share p that is right it is 2p/(1+p), which rises with p, so
    that the bounds of p give those of F1.

    Args:
        predictions: as for `accuracy`.
        seed: of the bootstrap.

    Returns:
        columns `CLASS_COLUMNS` but the model, classes in the model's order; after them the labels
        that are none of its classes, with their support alone. A figure of no video is NaN.
    """
    truth = label_numbers(predictions)
    there = truth >= 0
    truth, guess = truth[there], predictions["predicted_index"].to_numpy(dtype=np.int64)[there]
    names = class_names(predictions)
    rows = [
        {"class": names[number], "known": True} | _class_figures(truth, guess, number, seed)
        for number in sorted({*truth.tolist(), *guess.tolist()})
    ]
    strange = predictions["label"][~there & (predictions["label"] != "").to_numpy()]
    for label, count in strange.value_counts().sort_index().items():
        log.warning("label %r of %d videos is none of the model's classes", label, count)
        rows.append({"class": label, "known": False, "support": int(count), "predicted": 0})
    return pd.DataFrame(rows, columns=CLASS_COLUMNS[1:])


def class_names(predictions: pd.DataFrame) -> list[str]:
    """Return the names of a model's classes; their numbers where it knows no names."""
    if predictions.empty:
        return []
    names = list(predictions["categories"].iloc[0])
    return names or [str(number) for number in range(len(predictions["logits"].iloc[0]))]


def label_numbers(predictions: pd.DataFrame) -> np.ndarray:
    """Return int64 (n,): each video's label as the number of a class, -1 for none and unknown."""
    order = {name: number for number, name in enumerate(class_names(predictions))}
    return np.array([order.get(label, -1) for label in predictions["label"]], np.int64)


def label_ranks(predictions: pd.DataFrame, truth: np.ndarray) -> np.ndarray:
    """Return int64 (n,): how many classes come before the true one; 0 = it is predicted."""
    if predictions.empty:
        return np.zeros(0, np.int64)
    logits = np.stack(predictions["logits"])
    own = np.take_along_axis(logits, truth[:, None], axis=1)
    earlier = np.arange(logits.shape[1]) < truth[:, None]
    return ((logits > own) | ((logits == own) & earlier)).sum(axis=1)


def _class_figures(truth: np.ndarray, guess: np.ndarray, number: int, seed: int) -> dict:
    labelled, guessed = truth == number, guess == number
    right = (labelled & guessed).astype(float)
    both = bootstrap_mean(right[labelled | guessed], seed=seed)
    f1 = Mean(*(2 * p / (1 + p) for p in both[:3]), both.n)
    return (
        {"support": int(labelled.sum()), "predicted": int(guessed.sum())}
        | _figures("precision", bootstrap_mean(right[guessed], seed=seed))
        | _figures("recall", bootstrap_mean(right[labelled], seed=seed))
        | _figures("f1", f1)
    )


def _figures(name: str, found: Mean) -> dict[str, float]:
    prefix = "" if name == "accuracy" else f"{name}_"
    return {name: found.mean, f"{prefix}low": found.low, f"{prefix}high": found.high}
