"""Made-up clips and their page, for the tests of the file and of what a browser makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vidsal.plotting import confusion_figure
from vidsal.video.overlay import resize_matrix
from vidsal.viewer.atlas import atlas
from vidsal.viewer.page import page

T, H, W, BITS = 24, 48, 64, 5
KEYS = ["net/cam", "net/grad", "old/cam", "none/centre", "none/observers"]
SCRIPT = "</script><script>window.broken = 1</script>"
PROVENANCE = {
    "vidsal": "0.1.0",
    "config": "abc",
    "models": [{"name": "net", "weights_sha256": "f" * 64}],
}

# The picture carries its frame number as a bar code, each method another score.


def bar_code_frames() -> np.ndarray:
    frames = np.full((T, H, W, 3), 90, np.uint8)
    for frame in range(T):
        for bit in range(BITS):
            frames[frame, 16:32, 4 + 12 * bit : 12 + 12 * bit] = 255 * (frame >> bit & 1)
    return frames


def made_clip(folder: Path, number: int, fps: float) -> dict:
    rng = np.random.default_rng(number)
    column = np.mgrid[:12, :16][1]
    spot = np.exp(-((column - np.linspace(3, 12, T)[:, None, None]) ** 2) / 6).astype(np.float32)
    maps = {key: (spot * (i + 1)).astype(np.float32) for i, key in enumerate(KEYS)}
    transforms = dict.fromkeys(KEYS, resize_matrix((H, W), (12, 16)))
    mask = np.zeros((T, H, W), bool)
    mask[:, 10:40, 20:44] = True
    path = folder / f"{number}.mp4"
    layout = atlas(bar_code_frames(), maps, transforms, path, fps=fps, mask=mask)
    scores = {key: [round(i + frame / 100, 3) for frame in range(T)] for i, key in enumerate(KEYS)}
    scores["net/grad"][5] = None
    spread = {key: float(number * i) for i, key in enumerate(KEYS)}
    return {
        "video": f"clip{3 - number}",
        "label": "walking",
        "predicted": {
            "net": {"label": "running" if number == 1 else "walking", "probability": 0.9}
        },
        "frames": T,
        "fps": fps,
        "atlas": path,
        "layout": layout,
        "fixations": [[f, 20, int(rng.integers(0, W))] for f in range(T)] if number else [],
        "scores": {"nss": scores, "kl": scores},
        "video_scores": {"nss": spread, "kl": {**spread, "net/grad": float("nan")}},
    }


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """Three clips; the names fall while the scores rise."""
    folder = tmp_path_factory.mktemp("clips")
    return [made_clip(folder, number, fps) for number, fps in enumerate((10.0, 25.0, 30000 / 1001))]


@pytest.fixture(scope="session")
def tables() -> dict[str, pd.DataFrame]:
    """A summary with a best method, one below the control, one undefined."""
    means = {"net/cam": 2.0, "net/grad": 0.5, "old/cam": np.nan, "none/centre": 1.0}
    rows = [
        dict(
            zip(("model", "method"), key.split("/"), strict=True),
            **{"aggregation": "frame", "metric": metric, "mean": mean, "low": mean - 0.1},
            **{"high": mean + 0.1, "n": 0 if np.isnan(mean) else 12},
            reason="the map is constant" if np.isnan(mean) else "",
        )
        for metric in ("nss", "kl")
        for key, mean in {**means, "none/observers": 3.0}.items()
    ]
    failures = pd.DataFrame([{"video": "bad", "stage": "trim", "reason": f"HTML {SCRIPT}"}])
    accuracy = pd.DataFrame([{"model": "net", "n": 3, "accuracy": 2 / 3}])
    return {"summary": pd.DataFrame(rows), "accuracy": accuracy, "failures": failures}


@pytest.fixture(scope="session")
def written(clips: list[dict], tables: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as a file."""
    folder = tmp_path_factory.mktemp("page")
    counts = pd.DataFrame(np.eye(2, dtype=int), ["a", "b"], ["a", "b"])
    confusion_figure(counts, folder / "confusion")
    figures = {"Confusion": folder / "confusion.svg"}
    options = {"title": f"Where? {SCRIPT}", "provenance": PROVENANCE, "notes": ["Made up."]}
    page(clips, tables, folder / "page.html", figures=figures, **options)
    return folder / "page.html"


@pytest.fixture(scope="session")
def of_clips(clips: list[dict], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page whose scores are all of whole clips, as aggregation `mean` gives them."""
    path = tmp_path_factory.mktemp("of_clips") / "page.html"
    own = [{**clip, "scores": {}, "aggregation": "mean"} for clip in clips]
    page(own, {}, path, title="t", provenance=PROVENANCE)
    return path
