"""The picture of a network's features over time: which of them move the score, and when."""

from __future__ import annotations

import types
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vidsal import picturing, targets
from vidsal.asking import read_clip
from vidsal.attribution._contrast import contrasted
from vidsal.attribution.feature_saliency import features_by_time
from vidsal.errors import InputError
from vidsal.explaining import Shard
from vidsal.models import VideoModel
from vidsal.sheets import shard_of
from vidsal.video import clips


def draw(
    config: dict, dataset: str, name: str, shown: Path, weights: Path, count: int, out: Path
) -> None:
    """Draw |ds/df| of one slot's video by one network; of other networks why there is none.

    Args:
        config: the whole config; the network runs on the CPU, since only its head goes backward.
        dataset: name of the dataset.
        name: of the network.
        shown: the slot's table, written by `choose`.
        weights: of the network.
        count: number of shards that the frames of this split are in.
        out: PNG to write; an empty file for an empty slot.
    """
    index = pd.read_csv(shown, sep="\t", dtype=str, keep_default_na=False)
    if index.empty:
        out.write_bytes(b"")
        return
    video, base = index["video"].iloc[0], Path("results") / dataset
    place = shard_of(video, config["explain"]["split"], count)
    files = types.SimpleNamespace(
        frames=base / "frames" / f"{place}.h5",
        predictions=base / "predictions" / name / f"{place}.parquet",
        weights=weights,
    )
    config = config | {"numerics": config["numerics"] | {"device": "cpu"}}
    shard = Shard(config, dataset, name, place, files)
    picturing.save(_figure(shard, video), out)


def _figure(shard: Shard, video: str) -> Figure:
    row = shard.targets[video]
    try:
        target = shard.target(row)
        found = over_time(shard.load(), shard.frames[video], target, len(row["logits"]))
    except InputError as error:
        return picturing.text_figure(str(error))
    return picturing.features_figure(found, f"{video}   {shard.name}   {target.label}")


def over_time(
    model: VideoModel, group: h5py.Group, target: targets.Target, count: int
) -> np.ndarray:
    """Return |ds/df| (T,D) of a whole video: clips laid over it, put back on its frames.

    Args:
        model: a network that sees frames one by one.
        group: the video's group of the frames file.
        target: what is explained.
        count: number of the network's classes.

    Raises:
        InputError: the network is another.
    """
    frames = len(group["frame_index"])
    layout = model.layout(frames)
    with contrasted(model, target.index, target.against, count) as logit:
        asked = partial(features_by_time, model, target=logit)
        made = [asked(read_clip(model, group, n).to(model.device)) for n in layout]
    maps = (found.cpu().numpy()[:, None, :] for found in made)
    return clips.assemble(maps, layout, frames, model.stride, model.sampling)[0][:, 0]
