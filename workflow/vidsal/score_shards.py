"""Scoring the saliency maps of a shard, against its own truth and against other videos' gaze."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from vidsal import config as settings
from vidsal import heatmaps, histograms, registry, scoring, sheets, sigma, stage
from vidsal.truth import read_geometry

SCORE_COLUMNS = [
    "dataset",
    "split",
    "video",
    "frame",
    "model",
    "method",
    "aggregation",
    "target",
    "metric",
    "value",
    "n",
    "outside",
    "reason",
]


def score_shard(
    config: dict, names: list[str], saliency: Path, gaze: list[str], masks: list[str], out: Path
) -> None:
    """Score every video of a saliency file with the metrics that need only its own truth.

    `gaze` and `masks` hold one file, or none when the dataset has no such truth.
    """
    fixations = pd.read_parquet(gaze) if gaze else None
    mask_file = heatmaps.open_file(masks) if masks else None

    def truth(video: str) -> dict[str, object]:
        given = {}
        if fixations is not None:
            given["fixations"] = fixations[fixations["video"] == video]
        if mask_file is not None and video in mask_file:
            given["masks"] = mask_file[video]["mask"][()]
        return given

    geometry = read_geometry(gaze) if gaze else {}
    _score(config, "score", names, saliency, truth, geometry, out)


def score_against_dataset(
    config: dict, names: list[str], saliency: Path, gaze: Path, everyone: Path, out: Path
) -> None:
    """Score every video of a saliency file with the metrics that look at all other videos' gaze.

    `everyone` holds the histogram of the gaze on all videos, and the gaze of some frames of each;
    what is of the others is the rest.
    """
    fixations, pool = pd.read_parquet(gaze), histograms.read_pool(everyone)
    single_frames = asks_for_frames(config, names)

    def truth(video: str) -> dict[str, object]:
        own = fixations[fixations["video"] == video]
        return {"fixations": own} | of_others(pool, own, video, single_frames)

    _score(config, "score_against_dataset", names, saliency, truth, read_geometry(gaze), out)


def asks_for_frames(config: dict, names: list[str]) -> bool:
    """Say whether one of these metrics looks at single frames of other videos."""
    methods = [settings.choice(config, "metrics", name).method for name in names]
    entries = [registry.entry("metrics", method, config["rooms"]) for method in methods]
    return any("other_frames" in entry.needs for entry in entries)


def of_others(
    pool: histograms.Pool, own: pd.DataFrame, video: str, single_frames: bool
) -> dict[str, np.ndarray]:
    """Return what scoring is to know of the gaze on all videos but one, whose gaze is `own`."""
    places = own[["u", "v"]].to_numpy(dtype=np.float64)
    given = {"other": pool.histogram - histograms.histogram(places)}
    if single_frames:
        mine = pool.videos[pool.frames[:, 0].astype(np.int64)] == video
        given["frames"] = pool.frames[~mine]
    return given


def _score(
    config: dict,
    name: str,
    metric_names: list[str],
    saliency: Path,
    truth: Callable[[str], dict],
    geometry: dict[str, dict],
    out: Path,
) -> None:
    choices = {m: settings.choice(config, "metrics", m) for m in metric_names}
    with heatmaps.open_file(saliency) as file:
        where = _where(file, saliency)
        common = _common(config, choices) | where
        widths = {
            v: density_width(config, file[v].attrs["source_size"], geometry.get(v)) for v in file
        }

        def fields(row: dict) -> dict[str, object]:
            own = {k: str(v) for k, v in file[row["video"]].attrs.items()}
            facts = {"sigma": widths[row["video"]], "truth": _digests(truth(row["video"]))}
            return common | {"map": own} | facts

        def prepare() -> Callable[[dict, Path], None]:
            metrics = {
                m: (registry.load("metrics", own.method, config["rooms"]), own.options)
                for m, own in choices.items()
            }

            def write(row: dict, path: Path) -> None:
                video = row["video"]
                options = {"max_side": config["score"]["max_side"], "sigma": widths[video]}
                _write(path, file, video, metrics, truth(video), options, where)

            return write

        names = [where[key] for key in ("model", "method", "aggregation")]
        cache = stage.open_cache(config, where["dataset"], name, *names)
        work = stage.Stage(name, cache, fields, prepare, suffix=".json")
        keys, failed = stage.run(work, [{"video": video} for video in file])
        if failed:
            # Maps and truth were read already: what fails now is a defect, not the video's.
            raise RuntimeError(f"{failed[0]['video']}: {failed[0]['reason']}")
        stage.write_table(work, out, keys, SCORE_COLUMNS)


def _where(file: h5py.File, saliency: Path) -> dict[str, str]:
    """Return the columns that all rows of a saliency file share."""
    names = {key: file.attrs[key] for key in ("dataset", "model", "method", "aggregation")}
    return names | {"split": sheets.parse(Path(saliency).stem)[0]}


def _common(config: dict, choices: dict[str, settings.Choice]) -> dict[str, object]:
    """Return what the scores of all videos depend on: metrics, options and code."""
    paths = [path for own in choices.values() for path in own.code]
    return {
        "metrics": [(m, own.method, own.resolved) for m, own in choices.items()],
        "score": config["score"],
        "code": registry.fingerprint(__file__, *paths),
    }


def _write(
    path: Path,
    file: h5py.File,
    video: str,
    metrics: dict,
    truth: dict[str, object],
    options: dict[str, object],
    where: dict[str, object],
) -> None:
    heatmap = heatmaps.read(file, video)
    truth = truth | {"fixations": _of_others(truth.get("fixations"), heatmap)}
    table = scoring.score_video(video, heatmap, metrics, **truth, **options)
    target = heatmap.attrs["target_label"]
    made = table.assign(**where, target=target)[SCORE_COLUMNS]
    stage.write_json(path, made.to_dict("records"))


def density_width(config: dict, source_size: np.ndarray, geometry: dict | None) -> float:
    """Return the width of a video's density as a fraction of its height."""
    asked = config["score"]["sigma"]
    if geometry is None and isinstance(asked, dict) and "degrees" in asked:
        # Nobody's gaze was recorded, so there is no density, and no way to know what a degree is.
        return scoring.SIGMA
    known = (geometry or {}).get("source_pixels_per_degree")
    return sigma.pixels(asked, source_size, pixels_per_degree=known) / float(source_size[0])


def _of_others(table: pd.DataFrame | None, heatmap: heatmaps.Heatmap) -> pd.DataFrame | None:
    """Return the gaze without that of the people whose gaze the map was made of."""
    if table is None or "made_of_subjects" not in heatmap.attrs:
        return table
    return table[~table["subject"].isin(json.loads(heatmap.attrs["made_of_subjects"]))]


def _digests(truth: dict[str, object]) -> dict[str, str]:
    """Return a digest of each table and array that a video is scored against."""
    return {
        name: sheets.row_hash(value)
        if isinstance(value, pd.DataFrame)
        else hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        for name, value in truth.items()
    }
