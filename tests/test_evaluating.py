"""Accuracy and the report by class: hand-made tables, and what must hold for any."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from vidsal.evaluating import CLASS_COLUMNS, accuracy, class_report, label_ranks
from vidsal.statistics import bootstrap_mean, bootstrap_mean_of_groups


def table(labels: list[str], logits: list[list[float]], categories: list[str]) -> pd.DataFrame:
    made = pd.DataFrame({"label": labels, "padded": 0})
    made["logits"], made["categories"] = logits, [categories] * len(labels)
    return made.assign(predicted_index=[int(np.argmax(one)) for one in logits])


@pytest.fixture
def random() -> pd.DataFrame:
    """90 videos, 7 classes of which one has no video, labels often among the best guesses."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 6, 90)
    logits = rng.normal(size=(90, 7))
    logits[np.arange(90), truth] += rng.choice([0.5, 3], 90)
    return table([f"c{n}" for n in truth], logits.tolist(), [f"c{n}" for n in range(7)])


def test_figures_worked_out_by_hand():
    #                 a     a     a     b     c: never right
    guesses = np.eye(6)[[0, 0, 1, 1, 1]] * 9 + np.arange(6)[::-1] / 100
    found = accuracy(table(list("aaabc"), guesses.tolist(), list("abcdef")), seed=0)
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["mean_class"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert found["top5"] == 1
    assert (found["n"], found["classes"]) == (5, 3)
    report = class_report(table(list("aaabc"), guesses.tolist(), list("abcdef")), 0)
    report = report.set_index("class")
    assert report["support"].to_dict() == {"a": 3, "b": 1, "c": 1}
    assert report["predicted"].to_dict() == {"a": 2, "b": 3, "c": 0}
    np.testing.assert_allclose(report["precision"], [1, 1 / 3, np.nan])
    np.testing.assert_allclose(report["recall"], [2 / 3, 1, 0])
    np.testing.assert_allclose(report["f1"], [4 / 5, 2 / 4, 0])


def test_ranks_agree_with_the_prediction(random):
    ranks = label_ranks(random, np.array([int(name[1:]) for name in random["label"]]))
    right = random["label"] == [f"c{n}" for n in random["predicted_index"]]
    np.testing.assert_array_equal(ranks == 0, right)
    labels = random["label"].tolist()
    order = np.argsort(-np.stack(random["logits"]), axis=1)
    places = [np.flatnonzero(o == int(n[1:]))[0] for o, n in zip(order, labels, strict=True)]
    np.testing.assert_array_equal(ranks, places)
    found = accuracy(random, seed=0)
    assert found["accuracy"] == right.mean()
    assert found["top5"] == np.mean(np.array(places) < 5) > found["accuracy"]


def test_equal_logits_rank_by_their_number():
    flat = table(["a", "b"], [[1.0, 1.0]] * 2, ["a", "b"])
    assert label_ranks(flat, np.array([0, 1])).tolist() == [0, 1]
    assert accuracy(flat, seed=0)["accuracy"] == 0.5


def test_the_report_agrees_with_the_matrix(random):
    from vidsal.plotting import confusion

    named = random.assign(predicted=[f"c{n}" for n in random["predicted_index"]])
    matrix, report = confusion(named), class_report(random, 0).set_index("class")
    assert list(report.index) == list(matrix.index)
    hits, rows, columns = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    np.testing.assert_array_equal(report["support"], rows)
    np.testing.assert_array_equal(report["predicted"], columns)
    precision = np.divide(hits, columns, out=np.full(len(hits), np.nan), where=columns > 0)
    np.testing.assert_allclose(report["precision"], precision)
    np.testing.assert_allclose(report["f1"], 2 * hits / (rows + columns))
    for name in ("precision", "recall", "f1"):
        own = report[report[f"{name}_low"].notna()]
        assert (own[f"{name}_low"] <= own[name]).all()
        assert (own[name] <= own[f"{name}_high"]).all()
    recall = report["recall"][report["support"] > 0]
    assert accuracy(random, 0)["mean_class"] == pytest.approx(recall.mean())


def test_labels_that_the_model_does_not_know_are_reported_and_do_not_count(caplog):
    guesses = [[2.0, 1.0], [2.0, 1.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]
    given = table(["a", "b", "swim", "", "swim"], guesses, ["a", "b"])
    given["padded"] = [0, 3, 0, 0, 1]
    found = accuracy(given, seed=0)
    assert (found["accuracy"], found["n"]) == (0.5, 2)
    assert (found["unknown"], found["unlabelled"], found["padded"]) == (2, 1, 2)
    with caplog.at_level(logging.WARNING):
        report = class_report(given, 0)
    assert "label 'swim' of 2 videos is none of the model's classes" in caplog.text
    assert report[["class", "known", "support"]].values.tolist() == [
        ["a", True, 1],
        ["b", True, 1],
        ["swim", False, 2],
    ]
    assert report.loc[0, "predicted"] == 2
    assert report.loc[2, "precision":].isna().all()


def test_classes_without_names_are_their_numbers():
    given = table(["1", "0", "walking"], [[0.0, 1.0]] * 3, [])
    found = accuracy(given, seed=0)
    assert (found["accuracy"], found["n"], found["unknown"]) == (0.5, 2, 1)


@pytest.mark.parametrize("labels", [[], ["", ""], ["x"]])
def test_nothing_to_count(labels):
    given = table(labels, [[0.0, 1.0]] * len(labels), ["a", "b"])
    found = accuracy(given, seed=0)
    assert found["n"] == found["classes"] == 0
    assert np.isnan(found["accuracy"])
    assert np.isnan(found["mean_class"])
    report = class_report(given, 0)
    assert list(report.columns) == CLASS_COLUMNS[1:]
    assert len(report) == len(set(labels) - {""})


def test_a_mean_of_one_group_is_a_mean():
    values = np.random.default_rng(1).random(300) < 0.7
    found = bootstrap_mean_of_groups(values, ["a"] * 300)
    plain = bootstrap_mean(values)
    assert found.mean == pytest.approx(plain.mean)
    assert found.n == plain.n
    np.testing.assert_allclose(found[1:3], plain[1:3], atol=0.006)


def test_the_mean_of_groups_varies_as_it_does():
    """Its interval is as wide as the spread over many samples of the same people says."""
    rng = np.random.default_rng(2)
    sizes, shares = (200, 50, 30), (0.9, 0.5, 0.2)
    groups = np.repeat([0, 1, 2], sizes)
    means = [
        np.mean([(rng.random(n) < share).mean() for n, share in zip(sizes, shares, strict=True)])
        for _ in range(2000)
    ]
    found = bootstrap_mean_of_groups(rng.random(280) < np.repeat(shares, sizes), groups, seed=1)
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.std(means), rel=0.15)
    again = bootstrap_mean_of_groups((values := rng.random(280) < 0.5), groups, seed=1)
    assert again == bootstrap_mean_of_groups(values, groups, seed=1)
    assert np.isnan(bootstrap_mean_of_groups([True], [4])[1:3]).all()
    assert bootstrap_mean_of_groups([1, 1, 1], [0, 0, 1])[:3] == (1, 1, 1)
