from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from vidsal.errors import InputError
from vidsal.plotting import confusion_figure, history_figure, metric_figure, role

METHODS = [
    ("none", "observers"),
    ("none", "centre"),
    ("net", "cam"),
    ("net", "grad"),
    ("old", "cam"),
]
PNG = b"\x89PNG"


@pytest.fixture
def summary() -> pd.DataFrame:
    """Two aggregations, two metrics, one undefined value; ceiling and control listed first."""
    rows = []
    for aggregation in ("frame", "mean"):
        for metric in ("nss", "kl"):
            for number, (model, method) in enumerate(METHODS):
                mean = np.nan if (method, metric) == ("grad", "nss") else 0.3 * number
                span = (mean - 0.1, mean + 0.1)
                rows.append((model, method, aggregation, metric, mean, *span, 12))
    names = ["model", "method", "aggregation", "metric", "mean", "low", "high", "n"]
    return pd.DataFrame(rows, columns=names)


@pytest.fixture
def history() -> pd.DataFrame:
    """Five epochs whose validation loss is least in the third."""
    return pd.DataFrame(
        {
            "epoch": range(5),
            "train_loss": [1.0, 0.6, 0.4, 0.3, 0.2],
            "val_loss": [1.1, 0.8, 0.5, 0.6, 0.7],
            "val_accuracy": [0.5, 0.6, 0.9, 0.8, 0.8],
            "learning_rate": [0.1] * 5,
        }
    )


def draw_all(folder: Path, summary: pd.DataFrame, history: pd.DataFrame) -> dict[str, bytes]:
    folder.mkdir()
    metric_figure(summary, "nss", folder / "nss")
    history_figure(history, folder / "history")
    confusion_figure(np.array([[8, 2], [0, 10]]), ["walking", "running"], folder / "confusion")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_equal_data_gives_equal_bytes_without_dates_or_versions(
    tmp_path: Path, summary: pd.DataFrame, history: pd.DataFrame
) -> None:
    first = draw_all(tmp_path / "a", summary, history)
    assert first == draw_all(tmp_path / "b", summary, history)
    assert sorted(first) == [
        *("confusion.png", "confusion.svg", "history.png", "history.svg"),
        *("nss.csv", "nss.png", "nss.svg"),
    ]
    for name, content in first.items():
        assert b"dc:date" not in content
        assert mpl.__version__.encode() not in content
        assert not name.endswith(".png") or content.startswith(PNG)


def test_the_csv_holds_what_is_drawn_controls_last(tmp_path: Path, summary: pd.DataFrame) -> None:
    metric_figure(summary, "kl", tmp_path / "kl")
    drawn = pd.read_csv(tmp_path / "kl.csv", keep_default_na=False)
    assert set(drawn["metric"]) == {"kl"}
    assert len(drawn) == 2 * len(METHODS)
    frame = drawn[drawn["aggregation"] == "frame"]
    roles = [role(*key) for key in zip(frame["model"], frame["method"], strict=True)]
    assert roles == ["method"] * 3 + ["control", "ceiling"]


def test_order_of_rows_does_not_change_the_roles() -> None:
    assert role("r3d_18", "grad_cam") == "method"
    assert role("sal_ema", "gaze") == "method"
    assert role("none", "centre") == "control"
    assert role("none", "observers") == "ceiling"


def test_more_rows_make_a_taller_figure(tmp_path: Path, summary: pd.DataFrame) -> None:
    def height(path: Path) -> int:
        return int.from_bytes(path.read_bytes()[20:24], "big")

    metric_figure(summary, "kl", tmp_path / "all")
    metric_figure(summary[summary["model"] == "net"], "kl", tmp_path / "few")
    assert height(tmp_path / "all.png") > height(tmp_path / "few.png") + 100


def test_one_undefined_metric_can_be_drawn(tmp_path: Path, summary: pd.DataFrame) -> None:
    void = summary.assign(mean=np.nan, low=np.nan, high=np.nan, n=0)
    metric_figure(void, "nss", tmp_path / "void")
    assert pd.read_csv(tmp_path / "void.csv")["mean"].isna().all()


def test_an_unknown_metric_and_a_missing_column_are_named(
    tmp_path: Path, summary: pd.DataFrame
) -> None:
    with pytest.raises(InputError, match=r"metric auc.*known are nss, kl"):
        metric_figure(summary, "auc", tmp_path / "auc")
    with pytest.raises(InputError, match="no column low, high"):
        metric_figure(summary.drop(columns=["low", "high"]), "nss", tmp_path / "nss")


def test_history_and_confusion_refuse_what_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column epoch"):
        history_figure(pd.DataFrame({"loss": [1.0]}), tmp_path / "h")
    with pytest.raises(InputError, match=r"shape \(2, 2\) does not fit 3 categories"):
        confusion_figure(np.eye(2, dtype=int), ["a", "b", "c"], tmp_path / "c")


def test_no_state_of_matplotlib_is_touched(tmp_path: Path, summary: pd.DataFrame) -> None:
    before = dict(mpl.rcParams)
    metric_figure(summary, "nss", tmp_path / "nss")
    assert dict(mpl.rcParams) == before
    code = "import sys, vidsal.plotting; sys.exit('matplotlib.pyplot' in sys.modules)"
    package = Path(sys.modules["vidsal"].__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(package)})
