"""One self-contained HTML page: clips with all their maps on one clock, scores, provenance."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import jinja2
import pandas as pd

from vidsal.errors import InputError
from vidsal.plotting import LOWER_IS_BETTER, role
from vidsal.video.overlay import COLORMAPS, palette

HERE = Path(__file__).parent
# The parts of the page's script in their order: they share one scope, and the last starts it.
SCRIPTS = ("state", "clips", "panels", "pixels", "clock", "curve", "controls")
LIMIT = 40  # MB; browsers and `snakemake --report` get slow above
KNOWN_TABLES = ("summary", "accuracy", "failures")


def page(
    clips: list[dict],
    tables: Mapping[str, pd.DataFrame],
    out: Path,
    *,
    title: str,
    provenance: dict,
    notes: Sequence[str] = (),
    figures: Mapping[str, Path] | None = None,
    lower_is_better: Collection[str] = LOWER_IS_BETTER,
    limit: float = LIMIT,
) -> None:
    """Write a page that needs nothing else: videos, figures, style and script are inside it.

    It asks no server for anything (a content policy forbids it), works from a file and inside
    `snakemake --report report.zip`, and has the same bytes for the same input. (A report.html puts
    pages into data addresses, and Chromium shows none above 2 MiB, that is a page of 1.5 MB.)

    Args:
        clips: one dict per clip: `video`, `label` (or None), `predicted` {model: {label,
            probability}}, `frames` (number), `fps`, `atlas` (path of the mp4), `layout` (what
            `atlas` returned), `fixations` [[frame, row, col], ...] in canvas px, `scores` {metric:
            {method key: one value or None per frame}}, which lacks metrics that score no frames,
            and `video_scores` {metric: {method key: value}}, and perhaps the `aggregation` that
            both are of. A method key is "model/method", as the tiles of the layout are named.
        tables: `summary` (columns model, method, aggregation, metric, mean, low, high, n and
            perhaps reason), `accuracy` and `failures` (any columns); others are shown under their
            name. A table that is missing is left out; empty `failures` are reported as good news.
        out: the HTML file to write.
        title: heading of the page.
        provenance: what the page was made of, in any nesting: vidsal version, config digest,
            models with the sha256 of their weights; `vidsal`, `config`, `dataset` and `models`
            also enter the methods text.
        notes: sentences under the heading.
        figures: caption -> SVG or PNG file.
        lower_is_better: metrics whose small values are the good ones.
        limit: largest page in MB (10^6 bytes).
    """
    films = [_base64(clip["atlas"]) for clip in clips]
    _refuse_size(sum(map(len, films)), len(clips), out, limit)
    summary = tables.get("summary", pd.DataFrame())
    text = (
        _template()
        .render(
            title=title,
            notes=list(notes),
            parts=_parts(clips, tables, figures or {}),
            clips=clips,
            films=films,
            data=_json(_viewer_data(clips, lower_is_better)),
            metrics=_metrics(clips),
            aggregation=next(filter(None, (clip.get("aggregation") for clip in clips)), ""),
            colormaps=list(COLORMAPS),
            lower=set(lower_is_better),
            summaries=_summaries(summary, lower_is_better),
            accuracy=_rows(tables.get("accuracy")) or [],
            failures=_rows(tables.get("failures")),
            more=_more(tables),
            figures={caption: _picture(Path(path)) for caption, path in (figures or {}).items()},
            provenance=provenance,
            methods_text=methods_text(provenance, summary, len(clips)),
            css=(HERE / "page.css").read_text(encoding="utf-8"),
            js=_script(),
        )
        .encode()
    )
    _refuse_size(len(text), len(clips), out, limit)
    Path(out).write_bytes(text)


def methods_text(provenance: dict, summary: pd.DataFrame, clips: int) -> str:
    """Return the sentences for a methods section: what was explained, how, with which weights."""
    dataset = f" for videos of {provenance['dataset']}" if "dataset" in provenance else ""
    config = f", configuration {provenance['config']}" if "config" in provenance else ""
    parts = [
        f"Heatmaps were computed{dataset} with vidsal {provenance.get('vidsal', '')}".rstrip()
        + f"{config}."
    ]
    for model in provenance.get("models", []):
        weights = model.get("weights_sha256")
        parts.append(
            f"Model {model['name']}" + (f": weights sha256 {weights}." if weights else ".")
        )
    if len(summary):
        roles = [role(*key) for key in zip(summary["model"], summary["method"], strict=True)]
        for kind, name in (("method", "Methods"), ("control", "Controls"), ("ceiling", "Ceiling")):
            methods = summary["method"][[r == kind for r in roles]].unique()
            parts += [f"{name}: {', '.join(methods)}."] if len(methods) else []
        aggregations = ", ".join(summary["aggregation"].unique())
        parts.append(
            f"Scores ({', '.join(summary['metric'].unique())}; aggregation {aggregations}) are "
            f"means over at most {int(summary['n'].max())} videos with 95 % confidence intervals."
        )
    parts.append(
        f"The page shows {clips} clips; colours are the positive part of each map, scaled to its "
        "99.9 % quantile over the video."
    )
    return " ".join(parts)


def _script() -> str:
    """Return the script of the page: its parts in one function, which leaves no global but one."""
    parts = [(HERE / f"page_{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "})();"


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = _number
    return environment.get_template("page.html.j2")


def _number(value: object) -> str:
    """Return a number with three significant digits, and anything else as its text."""
    if not isinstance(value, float):
        return "" if value is None else str(value)
    return f"{value:#.3g}".rstrip(".") if math.isfinite(value) else "undefined"


def _parts(
    clips: list[dict], tables: Mapping[str, pd.DataFrame], figures: Mapping[str, Path]
) -> list[tuple[str, str]]:
    """Return id and name of the sections that this page will have, in order."""
    there = {
        "viewer": ("Clips", bool(clips)),
        "scores": ("Scores", len(tables.get("summary", ())) > 0),
        "accuracy": ("Accuracy", len(tables.get("accuracy", ())) > 0),
        "figures": ("Figures", bool(figures)),
    }
    parts = [(identity, name) for identity, (name, shown) in there.items() if shown]
    parts += [(f"more-{i}", name) for i, name in enumerate(_more(tables), start=1)]
    parts += [("failures", "Damaged and failed videos")] if "failures" in tables else []
    return [*parts, ("provenance", "Provenance")]


def _rows(table: pd.DataFrame | None) -> list[dict] | None:
    """Return the rows of a table; a text that is not there is empty, a number stays undefined."""
    if table is None:
        return None
    made = table.astype(object)
    for name in table:
        if table[name].isna().all() or not pd.api.types.is_numeric_dtype(table[name]):
            made[name] = made[name].where(table[name].notna(), "")
    return made.to_dict("records")


def _more(tables: Mapping[str, pd.DataFrame]) -> dict[str, list[dict]]:
    return {k: _rows(v) for k, v in tables.items() if k not in KNOWN_TABLES and len(v)}


# The summary table


def _summaries(summary: pd.DataFrame, lower: Collection[str]) -> list[dict]:
    """Return one table per aggregation: metrics as columns, (model, method) as rows."""
    if not len(summary):
        return []
    return [
        _summary(name, rows, lower) for name, rows in summary.groupby("aggregation", sort=False)
    ]


def _summary(aggregation: str, rows: pd.DataFrame, lower: Collection[str]) -> dict:
    metrics = list(rows["metric"].unique())
    standing = {
        metric: _standing(rows[rows["metric"] == metric], metric in lower) for metric in metrics
    }
    cells = {(r["model"], r["method"], r["metric"]): r for r in rows.to_dict("records")}
    order = {"method": 0, "control": 1, "ceiling": 2}
    keys = dict.fromkeys(zip(rows["model"], rows["method"], strict=True))
    n, table = int(rows["n"].max()), []
    for model, method in sorted(keys, key=lambda key: order[role(*key)]):
        line = [_cell(cells.get((model, method, m)), standing[m], n) for m in metrics]
        table.append({"model": model, "method": method, "role": role(model, method), "cells": line})
    return {
        "aggregation": aggregation,
        "metrics": metrics,
        "n": n,
        "uneven": bool((rows["n"] != n).any()),
        "rows": table,
        "reasons": _reasons(rows),
    }


def _standing(rows: pd.DataFrame, lower: bool) -> dict:
    """Return the best mean of the methods, the best of the controls, and the sign of better."""
    sign = -1 if lower else 1
    roles = [role(*key) for key in zip(rows["model"], rows["method"], strict=True)]
    signed = rows["mean"].astype(float) * sign
    return {
        "sign": sign,
        "best": signed[[r == "method" for r in roles]].max(),
        "control": signed[[r == "control" for r in roles]].max(),
    }


def _cell(row: dict | None, standing: dict, n: int) -> dict:
    if row is None:
        return {"mean": "", "text": "", "void": "not computed"}
    if not math.isfinite(row["mean"]):
        return {"mean": "", "text": "", "void": "undefined"}
    signed = row["mean"] * standing["sign"]
    method = role(row["model"], row["method"]) == "method"
    interval = (
        [f"{_number(row['low'])} to {_number(row['high'])}"] if math.isfinite(row["low"]) else []
    )
    interval += [f"n {int(row['n'])}"] if int(row["n"]) != n else []
    return {
        "mean": row["mean"],
        "text": _number(row["mean"]),
        "interval": ", ".join(interval),
        "best": method and signed == standing["best"],
        "below": method and signed <= standing["control"],
        "lower": standing["sign"] < 0,
    }


def _reasons(rows: pd.DataFrame) -> list[str]:
    if "reason" not in rows:
        return []
    void = rows[rows["mean"].isna() & rows["reason"].fillna("").ne("")]
    return [
        f"{r['model']}/{r['method']}, {r['metric']}: {r['reason']}" for r in void.to_dict("records")
    ]


# What the script gets


def _metrics(clips: list[dict]) -> list[str]:
    found = [
        metric
        for clip in clips
        for key in ("scores", "video_scores")
        for metric in clip.get(key, {})
    ]
    return list(dict.fromkeys(found))


def _viewer_data(clips: list[dict], lower: Collection[str]) -> dict:
    return {
        "clips": [_clip_data(clip) for clip in clips],
        "metrics": _metrics(clips),
        "lower": sorted(lower),
        "palettes": {k: base64.b64encode(palette(k).tobytes()).decode() for k in COLORMAPS},
    }


def _clip_data(clip: dict) -> dict:
    frames = int(clip["frames"])
    if clip["layout"]["frames"] != frames:
        raise InputError(
            f"clip {clip['video']} in page: it has {frames} frames, but its atlas has "
            f"{clip['layout']['frames']}; write the atlas from the same frames"
        )
    scores = {
        metric: {key: [_short(v) for v in values] for key, values in by_key.items()}
        for metric, by_key in clip.get("scores", {}).items()
    }
    video_scores = {
        metric: {key: _short(v) for key, v in by_key.items()}
        for metric, by_key in clip.get("video_scores", {}).items()
    }
    return {
        "video": clip["video"],
        "label": clip.get("label"),
        "predicted": {
            model: {"label": p["label"], "probability": _short(p["probability"])}
            for model, p in clip.get("predicted", {}).items()
        },
        "frames": frames,
        "fps": float(clip["fps"]),
        "layout": clip["layout"],
        "fixations": [[int(v) for v in row] for row in clip.get("fixations") or []],
        "scores": scores,
        "video_scores": video_scores,
    }


def _short(value: float | None) -> float | None:
    """Return a value with five significant digits, None where it is undefined."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.5g}")


def _json(data: dict) -> str:
    # "<" never appears in the script element, so no text of the user's can end it.
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


# Files inside the page


def _base64(path: Path) -> str:
    return base64.b64encode(Path(path).read_bytes()).decode()


def _picture(path: Path) -> str:
    kinds = {".svg": "image/svg+xml", ".png": "image/png"}
    if path.suffix not in kinds:
        raise InputError(
            f"figure {path.name} in page: {path.suffix} is no picture for a page; use SVG or PNG"
        )
    return f"data:{kinds[path.suffix]};base64,{_base64(path)}"


def _refuse_size(size: int, clips: int, out: Path, limit: float) -> None:
    if size > limit * 1e6:
        raise InputError(
            f"page {out}: {size / 1e6:.0f} MB with {clips} clips is over {limit:.0f} MB; show "
            "fewer clips (config `show: videos`) or fewer methods"
        )
