from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from vidsal.errors import InputError
from vidsal.plotting import (
    confusion,
    confusion_figure,
    history_figure,
    kept_epoch,
    metric_figure,
    role,
)
from vidsal.training import _best

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


def matrix(names: list[str], counts: list[list[int]]) -> pd.DataFrame:
    return pd.DataFrame(counts, index=names, columns=names)


def draw_all(folder: Path, summary: pd.DataFrame, history: pd.DataFrame) -> dict[str, bytes]:
    folder.mkdir()
    metric_figure(summary, "nss", folder / "nss")
    history_figure(history, folder / "history")
    confusion_figure(matrix(["walking", "running"], [[8, 2], [0, 10]]), folder / "confusion")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_equal_data_gives_equal_bytes_without_dates_or_versions(
    tmp_path: Path, summary: pd.DataFrame, history: pd.DataFrame
) -> None:
    first = draw_all(tmp_path / "a", summary, history)
    assert first == draw_all(tmp_path / "b", summary, history)
    assert sorted(first) == [
        *("confusion.csv", "confusion.png", "confusion.svg", "history.png", "history.svg"),
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
    with pytest.raises(InputError, match="rows and columns differ"):
        confusion_figure(pd.DataFrame(np.eye(2), ["a", "b"], ["b", "a"]), tmp_path / "c")


def predictions(*pairs: tuple[str, str]) -> pd.DataFrame:
    """Return what `classify` writes for (label, predicted), of a model of the classes b, a, c."""
    table = pd.DataFrame(pairs, columns=["label", "predicted"])
    return table.assign(categories=[["b", "a", "c"]] * len(table))


def test_confusion_counts_true_classes_in_rows_and_leaves_out_unlabelled_videos() -> None:
    found = confusion(
        predictions(("a", "b"), ("a", "b"), ("a", "a"), ("b", "b"), ("", "b"), ("other", "a"))
    )
    assert list(found.index) == list(found.columns) == ["b", "a", "other"]
    assert found.to_numpy().tolist() == [[1, 0, 0], [2, 1, 0], [0, 1, 0]]


def test_no_labelled_video_is_said_in_the_figure(tmp_path: Path) -> None:
    found = confusion(predictions(("", "b")))
    assert found.shape == (0, 0)
    confusion_figure(found, tmp_path / "empty")
    confusion_figure(matrix(["a"], [[1]]), tmp_path / "one")
    # Text is drawn as glyphs; the empty figure has no picture of cells in it.
    assert "<image" not in (tmp_path / "empty.svg").read_text()
    assert "<image" in (tmp_path / "one.svg").read_text()


def test_the_csv_of_a_confusion_figure_holds_its_counts(tmp_path: Path) -> None:
    given = matrix(["walking", "running"], [[8, 2], [0, 10]])
    confusion_figure(given, tmp_path / "c")
    drawn = pd.read_csv(tmp_path / "c.csv", index_col="true")
    assert (drawn.to_numpy() == given.to_numpy()).all()
    assert list(drawn.index) == list(drawn.columns) == ["walking", "running"]


def test_a_confusion_figure_of_many_classes_stays_a_picture(tmp_path: Path) -> None:
    names = [f"class {number:03d}" for number in range(60)]
    confusion_figure(matrix(names, np.eye(60, dtype=int)), tmp_path / "c")
    header = (tmp_path / "c.png").read_bytes()[16:24]
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")
    assert max(width, height) < 150 * 50 / 2.54


def test_the_marked_epoch_is_the_one_whose_weights_are_kept(history: pd.DataFrame) -> None:
    assert kept_epoch(history) == 2
    assert kept_epoch(history.drop(columns="val_accuracy")) is None
    draw = np.random.default_rng(0)
    for _ in range(50):
        values = draw.integers(0, 3, (6, 2))
        rows = [
            {"epoch": epoch, "val_accuracy": accuracy, "val_loss": loss}
            for epoch, (accuracy, loss) in enumerate(values.tolist())
        ]
        assert kept_epoch(pd.DataFrame(rows)) == _best(rows)


def test_no_state_of_matplotlib_is_touched(tmp_path: Path, summary: pd.DataFrame) -> None:
    before = dict(mpl.rcParams)
    metric_figure(summary, "nss", tmp_path / "nss")
    assert dict(mpl.rcParams) == before
    code = "import sys, vidsal.plotting; sys.exit('matplotlib.pyplot' in sys.modules)"
    package = Path(sys.modules["vidsal"].__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(package)})
