"""Aggregating the heatmaps of a shard over time: saliency maps."""

from __future__ import annotations

from pathlib import Path

from vidsal import config as settings
from vidsal import heatmaps, registry, stage


def aggregate_shard(config: dict, name: str, heatmaps_file: Path, out: Path) -> None:
    """Write the saliency file of one aggregation over one heatmap file."""
    own = settings.choice(config, "aggregation", name)
    function = registry.load("aggregation", own.method, config["rooms"])
    code = registry.fingerprint(__file__, *own.code)
    with heatmaps.open_file(heatmaps_file) as file:

        def make(row: dict, path: Path) -> None:
            found = heatmaps.read(file, row["video"])
            saliency = function(found.saliency, **own.options)
            made = heatmaps.Heatmap(
                saliency, found.transform, found.frame_index, found.time, found.attrs
            )
            heatmaps.write_part(path, made)

        def fields(row: dict) -> dict[str, object]:
            attrs = {k: str(v) for k, v in file[row["video"]].attrs.items()}
            return {"heatmap": attrs, "options": own.resolved, "code": code, "method": own.method}

        names = ("aggregate", file.attrs["model"], file.attrs["method"], name)
        cache = stage.open_cache(config, file.attrs["dataset"], *names)
        work = stage.Stage("aggregate", cache, fields, lambda: make)
        keys, failed = stage.run(work, [{"video": video} for video in file])
        if failed:
            # An aggregation is arithmetic on a map that exists: a failure is ours, not the video's.
            raise RuntimeError(f"{name}: {failed[0]['video']}: {failed[0]['reason']}")
        kept = {k: v for k, v in file.attrs.items() if k != "complete"}
        stage.write_h5(work, out, keys, kept | {"aggregation": name})
