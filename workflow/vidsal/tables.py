"""Tables of a dataset: scores with intervals, the index of maps, lists of what failed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vidsal import evaluating, heatmaps, parts, stage, statistics
from vidsal.score_shards import SCORE_COLUMNS
from vidsal.scoring import WHOLE_CLIP

INDEX_COLUMNS = [
    "model",
    "method",
    "video",
    "file",
    "sha256",
    "frames",
    "height",
    "width",
    "target",
]
NUMBERS = {"frame": pa.int64(), "value": pa.float64(), "n": pa.int64(), "outside": pa.int64()}
FRAMES = pa.schema([(name, NUMBERS.get(name, pa.string())) for name in SCORE_COLUMNS])
DROPPED_COLUMNS = ["video", "reason", "rows", "model", "method"]
NOT_SEEN = "outside of what the model saw"


def write_tsv(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table as TSV, numbers with 6 significant digits."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, sep="\t", index=False, lineterminator="\n", float_format="%.6g")


def gather_scores(paths: list[str]) -> pd.DataFrame:
    """Return the rows of one value per video from many score files; per-frame rows stay there."""
    tables = [pd.read_parquet(p, filters=[("frame", "==", WHOLE_CLIP)]) for p in paths]
    kept = [table for table in tables if len(table)]
    if not kept:
        return pd.DataFrame(columns=SCORE_COLUMNS)
    return pd.concat(kept, ignore_index=True)[SCORE_COLUMNS]


def write_scores(
    paths: list[str], scores: str | Path, text: str | Path, summary: str | Path, seed: int
) -> None:
    """Write the long table (one row per video), the same as TSV, and its summary over videos."""
    table = gather_scores(paths)
    with parts.replacing(Path(scores)) as temporary:
        table.to_parquet(temporary, index=False)
    write_tsv(table, text)
    write_tsv(statistics.summarise(table, seed=seed), summary)


def write_frames(paths: list[str], out: str | Path) -> None:
    """Write the scores of all frames as one table, file by file, whatever their number."""
    with parts.replacing(Path(out)) as temporary, pq.ParquetWriter(temporary, FRAMES) as writer:
        for path in paths:
            table = pd.read_parquet(path, filters=[("frame", "!=", WHOLE_CLIP)])
            if len(table):
                writer.write_table(pa.Table.from_pandas(table[SCORE_COLUMNS], FRAMES))


def write_accuracy(paths: list[str], out: str | Path, classes: str | Path, seed: int) -> None:
    """Write how well each model classifies its test videos, overall and class by class."""
    rows, reports = [], []
    for model, table in _predictions(paths).items():
        rows.append({"model": model} | evaluating.accuracy(table, seed))
        reports.append(evaluating.class_report(table, seed).assign(model=model))
    write_tsv(pd.DataFrame(rows, columns=evaluating.ACCURACY_COLUMNS), out)
    filled = [report for report in reports if len(report)] or [pd.DataFrame()]
    write_tsv(pd.concat(filled).reindex(columns=evaluating.CLASS_COLUMNS), classes)


def _predictions(paths: list[str]) -> dict[str, pd.DataFrame]:
    """Return model -> its predictions, without what was said of single clips."""
    columns = ["label", "predicted_index", "categories", "logits", "padded"]
    found: dict[str, list[pd.DataFrame]] = {}
    for path in paths:
        found.setdefault(Path(path).parent.name, []).append(pd.read_parquet(path, columns=columns))
    return {model: pd.concat(found[model], ignore_index=True) for model in sorted(found)}


def concatenate(paths: list[str], out: str | Path, columns: list[str]) -> None:
    """Write many small TSV tables as one; a column that one of them lacks stays empty."""
    tables = [pd.read_csv(p, sep="\t", dtype=str, keep_default_na=False) for p in paths]
    kept = [table for table in tables if len(table)]
    made = pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=columns)
    write_tsv(made.reindex(columns=columns).drop_duplicates(), out)


def write_dropped(paths: list[str], scores: list[str], out: str | Path) -> None:
    """Write the gaze that was left out: when it was read, and where a model did not see the place.

    A row of the second kind names the model and method whose maps do not cover those fixations.
    """
    tables = [pd.read_csv(p, sep="\t", dtype=str, keep_default_na=False) for p in paths]
    made = pd.concat([*tables, _not_seen(scores)], ignore_index=True)
    write_tsv(made.reindex(columns=DROPPED_COLUMNS).drop_duplicates(), out)


def _not_seen(scores: list[str]) -> pd.DataFrame:
    """Count the fixations outside of what each model saw, for each video and method."""
    table = gather_scores(scores)
    # Metrics and aggregations look at the same fixations, so each count stands there many times.
    keys = ["video", "model", "method"]
    most = table.groupby(keys, sort=False)["outside"].max().rename("rows").reset_index()
    made = most[most["rows"].astype(int) > 0].assign(reason=NOT_SEEN)
    return made.astype({"rows": str})[DROPPED_COLUMNS]


def write_failures(paths: list[str], out: str | Path) -> None:
    """Write every video that failed anywhere, with stage and reason."""
    concatenate(paths, out, stage.FAILURE_COLUMNS)


def write_damaged(paths: list[str], out: str | Path) -> None:
    """Write the health records of damaged videos that were used all the same."""
    tables = [pd.read_csv(p, sep="\t", dtype=str, keep_default_na=False) for p in paths]
    kept = [table[table["damaged"] == "True"] for table in tables]
    columns = ["video", "reasons", "codec", "frames_decoded", "frames_header", "corrupt_packets"]
    made = pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=columns)
    write_tsv(made[columns], out)


def write_index(paths: list[str], out: str | Path) -> None:
    """Write the index of all heatmaps: file, video, size, sha256 of the map's values."""
    rows = []
    for path in paths:
        with heatmaps.open_file(path) as file:
            for video in file:
                rows.append(_index_row(file, video, path))
    write_tsv(pd.DataFrame(rows, columns=INDEX_COLUMNS), out)


def _index_row(file: object, video: str, path: str) -> dict[str, object]:
    group = file[video]
    frames, height, width = group["saliency"].shape
    return {
        "model": file.attrs["model"],
        "method": file.attrs["method"],
        "video": video,
        "file": path,
        "sha256": group.attrs["sha256"],
        "frames": frames,
        "height": height,
        "width": width,
        "target": group.attrs["target_label"],
    }
