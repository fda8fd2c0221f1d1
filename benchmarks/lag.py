"""NSS of maps with the gaze of earlier and later frames, of what a run of basketball.yaml made.

python benchmarks/lag.py results/basketball     shows it; `prove.py gaze` writes it

Half of the observers predict the other half, both ways, over several splits: this shows whether all
of them are on one clock. Maps made of the pictures alone predict gaze: this shows whether that is
the clock of the video, but for the time that eyes take to follow. tests/lags.py says why there are
two curves: `plain`, and `centred`, which a change of gaze over the video does not bend.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow")]

import cv2  # noqa: E402 - after the search path
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from tests import lags  # noqa: E402
from vidsal import heatmaps  # noqa: E402

SPLITS = 10
OF_PICTURES = ("spectral_residual/gaze", "none/optical_flow")


def measured(folder: Path) -> dict:
    """Return the curves of each kind of map, and where they peak.

    Args:
        folder: the results of a dataset of one video.
    """
    shard = next((folder / "fixations").glob("*.parquet"))
    gaze = pd.read_parquet(shard)
    maps = {name: _maps(folder / "heatmaps" / name / f"{shard.stem}.h5") for name in OF_PICTURES}
    shape = maps[OF_PICTURES[0]].shape
    found = {"half of the observers": lags.of_halves(gaze, shape, range(SPLITS))}
    found |= {name: [lags.scores(each, gaze)] for name, each in maps.items()}
    return {
        "lags": lags.LAGS.tolist(),
        "frames": len(maps[OF_PICTURES[0]]),
        "observers": int(gaze["subject"].nunique()),
        "splits": SPLITS,
        "maps": {name: _curves(scores) for name, scores in found.items()},
    }


def _maps(path: Path) -> np.ndarray:
    """Return the maps of the only video of a file, stretched to the source's size."""
    _, found = next(heatmaps.read_all(path))
    height, width = (int(side) for side in found.attrs["source_size"])
    return np.stack([cv2.resize(each, (width, height)) for each in found.saliency])


def _curves(scores: list[np.ndarray]) -> dict:
    """Return the mean curves of scores (s, t), and their peaks."""
    made = {}
    for name, change in (("plain", np.asarray), ("centred", lags.centred)):
        curve = lags.curve(np.mean([change(each) for each in scores], axis=0))
        made[name] = {
            "nss": curve.round(3).tolist(),
            "peak": lags.peak(curve),
            "peaks at 0": lags.peak(curve) == 0,
        }
    return made


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(Path(sys.argv[1])), indent=1) + "\n")
