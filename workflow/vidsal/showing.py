"""What is shown of a dataset: films of its videos, and the page."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal import _version, directions, heatmaps, parts, targets, weights
from vidsal import config as settings
from vidsal.densities import on_grid
from vidsal.scoring import WHOLE_CLIP
from vidsal.sheets import shard_of
from vidsal.video import encode
from vidsal.video import overlay as films
from vidsal.video.stored import StoredFrames
from vidsal.viewer import atlas as atlases
from vidsal.viewer import page as pages


def film(
    config: dict, dataset: str, shown: Path, count: int, film_out: Path, atlas: Path, clip: Path
) -> None:
    """Draw the film, the atlas and the clip record of one slot; empty files for an empty slot.

    Args:
        config: the whole config.
        dataset: name of the dataset.
        shown: the slot's table, written by `choose`.
        count: number of shards that the frames of this split are in.
        film_out: overlay film to write.
        atlas: atlas film to write.
        clip: JSON of everything the page needs of this clip.
    """
    index = pd.read_csv(shown, sep="\t", dtype=str, keep_default_na=False)
    if index.empty:
        for path in (film_out, atlas, clip):
            path.write_bytes(b"")
        return
    video = index["video"].iloc[0]
    base = Path("results") / dataset
    shard = shard_of(video, config["explain"]["split"], count)
    with heatmaps.open_file(base / "frames" / f"{shard}.h5") as file:
        group = file[video]
        picture = StoredFrames(group)
        to_canvas = group.attrs["transform"]
        fps, source = _fps(group.attrs["fps"]), [int(s) for s in group.attrs["source_size"]]
        maps, transforms = _maps(index, to_canvas)
        gaze = _gaze(base / "fixations" / f"{shard}.parquet", video, picture.shape, to_canvas)
        mask = _mask(base / "masks" / f"{shard}.h5", video, picture.shape, to_canvas, source)
        record = {"video": video, "frames": len(picture), "fps": fps, "fixations": gaze.tolist()}
        record |= _predictions(config, base, shard, video) | _scores(config, base, index)
        with parts.replacing(film_out) as path:
            look = {"title": _title(record), "colormap": config["show"]["colormap"]}
            sheet = films.overlay(picture, maps, transforms, fixations=gaze, **look)
            encode.write_h264(path, sheet, fps)
        with parts.replacing(atlas) as path:
            record["layout"] = atlases.atlas(picture, maps, transforms, path, fps=fps, mask=mask)
        with parts.replacing(clip) as path:
            path.write_text(json.dumps(record, sort_keys=True, indent=1) + "\n", encoding="utf-8")


def _fps(text: str) -> float:
    numerator, _, denominator = str(text).partition("/")
    return float(numerator) / float(denominator or 1)


def _title(record: dict) -> str:
    told = [f"{m}: {p['label']} {p['probability']:.2f}" for m, p in record["predicted"].items()]
    return "   ".join([record["video"], *told])


def _maps(index: pd.DataFrame, to_canvas: np.ndarray) -> tuple[dict, dict]:
    """Return maps (T,h,w) and canvas-to-map transforms by `model/method`."""
    maps, transforms = {}, {}
    for row in index.to_dict("records"):
        with heatmaps.open_file(row["file"]) as file:
            found = heatmaps.read(file, row["video"])
        name = f"{row['model']}/{row['method']}"
        maps[name] = found.saliency
        transforms[name] = found.transform @ np.linalg.inv(to_canvas)
    return maps, transforms


def _gaze(path: Path, video: str, shape: tuple, to_canvas: np.ndarray) -> np.ndarray:
    """Return fixations as (n,3) frame, row, column on the canvas; none when there is no gaze."""
    if not path.is_file():
        return np.zeros((0, 3), np.int32)
    table = pd.read_parquet(path, filters=[("video", "==", video)])
    return on_grid(table, to_canvas, shape[1:3], shape[0])[0]


def _mask(
    path: Path, video: str, shape: tuple, to_canvas: np.ndarray, source: list[int]
) -> np.ndarray | None:
    if not path.is_file():
        return None
    with heatmaps.open_file(path) as file:
        if video not in file:
            return None
        mask = file[video]["mask"][()]
    rows, columns = nearest_pixels(shape[1:3], to_canvas, source, mask.shape[1:])
    return mask[: shape[0], rows[:, None], columns[None, :]] > 0


def nearest_pixels(
    canvas: tuple[int, int], to_canvas: np.ndarray, source: list[int], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns of a mask that lie under the pixel centres of the canvas.

    The mask covers the whole source picture, at any resolution.
    """
    back = np.linalg.inv(to_canvas)
    found = []
    for axis, place in ((0, 1), (1, 0)):
        centres = back[place, place] * np.arange(canvas[axis]) + back[place, 2]
        pixels = np.floor((centres + 0.5) * size[axis] / source[axis]).astype(int)
        found.append(pixels.clip(0, size[axis] - 1))
    return found[0], found[1]


def _predictions(config: dict, base: Path, shard: str, video: str) -> dict[str, object]:
    predicted, label = {}, None
    for model in settings.chosen(config, "models"):
        table = pd.read_parquet(base / "predictions" / model / f"{shard}.parquet")
        for row in table[table["video"] == video].to_dict("records"):
            label = row["label"] or None
            predicted[model] = {"label": row["predicted"], "probability": row["probability"]}
    return {"label": label, "predicted": predicted}


def _scores(config: dict, base: Path, index: pd.DataFrame) -> dict[str, dict]:
    """Return scores per frame and per video, metric -> `model/method` -> values.

    They are those of one aggregation: the first that scores frames, `frames` itself before all; the
    first of the config where none does, which has scores of whole clips alone.
    """
    found = {"aggregation": None, "scores": {}, "video_scores": {}}
    for aggregation in sorted(settings.chosen(config, "aggregations"), key="frames".__ne__):
        per_frame, per_video = _scores_of(base, index, aggregation)
        made = {"aggregation": aggregation, "scores": per_frame, "video_scores": per_video}
        if per_frame:
            return made
        found = made if per_video and not found["video_scores"] else found
    return found


def _scores_of(base: Path, index: pd.DataFrame, aggregation: str) -> tuple[dict, dict]:
    """Return scores per frame and per video of one aggregation."""
    per_frame: dict[str, dict] = {}
    per_video: dict[str, dict] = {}
    for row in index.to_dict("records"):
        name = f"{row['model']}/{row['method']}"
        for table in _score_tables(base, row, aggregation):
            for metric, rows in table.groupby("metric"):
                frames = rows[rows["frame"] != WHOLE_CLIP].sort_values("frame")
                values = [None if v != v else round(v, 6) for v in frames["value"].tolist()]
                whole = rows[rows["frame"] == WHOLE_CLIP]["value"].tolist()
                if values:
                    per_frame.setdefault(metric, {})[name] = values
                if whole and whole[0] == whole[0]:
                    per_video.setdefault(metric, {})[name] = round(whole[0], 6)
    return per_frame, per_video


def _score_tables(base: Path, row: dict, aggregation: str) -> list[pd.DataFrame]:
    """Return the score tables of one video, where made."""
    shard = Path(row["file"]).stem
    folder = base / "saliency" / row["model"] / row["method"] / aggregation
    paths = [folder / f"{shard}.{kind}.parquet" for kind in ("scores", "against_dataset")]
    wanted = [("video", "==", row["video"])]
    return [pd.read_parquet(path, filters=wanted) for path in paths if path.is_file()]


def write_page(config: dict, dataset: str, files: object, out: Path) -> None:
    """Write the page of a dataset from what the rule `viewer` names as its input."""
    clips = [
        json.loads(Path(clip).read_text(encoding="utf-8")) | {"atlas": Path(film_)}
        for clip, film_ in zip(files.clips, files.atlases, strict=True)
        if Path(clip).stat().st_size
    ]
    tables = {
        name: pd.read_csv(path, sep="\t")
        for name, path in (
            ("summary", files.summary),
            ("accuracy", files.accuracy),
            ("failures", files.failures),
            ("Damaged videos used all the same", files.damaged),
            ("Gaze samples left out", files.dropped),
        )
    }
    with parts.replacing(out) as path:
        pages.page(
            clips,
            tables,
            path,
            title=f"vidsal: {dataset}",
            provenance=_provenance(config, dataset, files),
            notes=_notes(config, dataset),
            figures=_captioned([*files.figures, *files.of_models]),
            lower_is_better=directions.lower_is_better(config),
        )


def _captioned(paths: list[str]) -> dict[str, Path]:
    """Return caption -> figure: `nss`, or `training of r3d_18` for a figure of one model."""
    found = [Path(path) for path in paths]
    kind = {path: path.parent.name for path in found}
    return {p.stem if kind[p] == "figures" else f"{kind[p]} of {p.stem}": p for p in found}


def _provenance(config: dict, dataset: str, files: object) -> dict[str, object]:
    digest = hashlib.sha256(settings.digest(settings.resolved(config)).encode()).hexdigest()[:16]
    models = [
        {"name": name, "weights_sha256": _weights_digest(config, dataset, name)}
        for name in settings.chosen(config, "models")
    ]
    return {
        "vidsal": _version.version(),
        "dataset": dataset,
        "config": digest,
        "seed": config["seed"],
        "target": targets.text(config["explain"]["target"]),
        "models": models,
    }


def _weights_digest(config: dict, dataset: str, name: str) -> str:
    own = settings.choice(config, "models", name)
    return parts.sha256(weights.rests_on(config, dataset, own))


def _notes(config: dict, dataset: str) -> list[str]:
    own = settings.choice(config, "datasets", dataset)
    if own.method != "synthetic":
        return []
    return ["The videos are rendered and the observers are simulated: a proof, not a finding."]
