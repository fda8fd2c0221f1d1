"""Mixed models: a sentence without statsmodels; with it, the balanced case by hand."""

from __future__ import annotations

import importlib.util

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from vidsal import mixed
from vidsal.errors import InputError

needs_statsmodels = pytest.mark.skipif(
    importlib.util.find_spec("statsmodels") is None, reason="statsmodels is not installed"
)


def table(videos=30, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (videos, 1)) + rng.normal(0, 1, (videos, 3)) + [0, 0.1, 1.5]
    index = [(f"v{i}", f"net/m{j}") for i in range(videos) for j in range(3)]
    made = pd.DataFrame(index, columns=["video", "map"])
    return made.assign(value=scores.ravel()), scores


def test_without_statsmodels_one_sentence_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for call in (lambda: mixed.fit(table()[0]), lambda: mixed.write_models("none", tmp_path / "x")):
        with pytest.raises(InputError, match=r"not installed; install it with pip install 'vidsal"):
            call()


@needs_statsmodels
def test_the_balanced_case_is_the_analysis_of_variance():
    rows, scores = table()
    made = mixed.fit(rows).set_index("map")
    assert list(made.index) == ["net/m1", "net/m2"]
    expected = scores.mean(axis=0)[1:] - scores.mean(axis=0)[0]
    assert made["difference"].to_numpy() == pytest.approx(expected, abs=1e-6)
    # Residuals of the two-way layout without interaction, and the variance between videos.
    n, k = scores.shape
    means = scores.mean(axis=1, keepdims=True) + scores.mean(axis=0) - scores.mean()
    residual = ((scores - means) ** 2).sum() / ((n - 1) * (k - 1))
    between = scores.mean(axis=1).var(ddof=1) - residual / k
    assert made["sd_residual"].iloc[0] == pytest.approx(np.sqrt(residual), rel=1e-3)
    assert made["sd_video"].iloc[0] == pytest.approx(np.sqrt(between), rel=1e-3)
    z = expected / np.sqrt(2 * residual / n)
    assert made["p"].to_numpy() == pytest.approx(2 * scipy.stats.norm.sf(np.abs(z)), rel=0.02)
    assert (made["p_holm"] >= made["p"]).all()


@needs_statsmodels
def test_too_little_gives_no_rows():
    assert mixed.fit(table(videos=2)[0]).empty
