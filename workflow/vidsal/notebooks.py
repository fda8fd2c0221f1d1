"""One video explained from Python: the map that the workflow would store, with its pictures.

import vidsal
found = vidsal.explain("results/kth/models/r3d_18", "my_video.mp4", "grad_cam")
found.saliency            # (T,h,w), as coarse as the method made it
found.on_frames()         # (T,H,W), enlarged to the frames
found.plot()              # a matplotlib figure
found.save("map.h5")      # opens with vidsal.heatmaps.read_all
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import torch

from vidsal import _version, exchange, explained, heatmaps, networks, parts, registry, targets
from vidsal import config as settings
from vidsal.classifying import Views, classify
from vidsal.errors import InputError
from vidsal.model_folders import load_model
from vidsal.models import VideoModel
from vidsal.video import in_memory
from vidsal.video.frames import read_frames

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Explanation:
    """The map of one video by one method.

    Attributes:
        heatmap: the map with its transform, clock and record, as it is stored.
        frames: the frames as the network's preprocessing got them, uint8 (T,H,W,3) RGB.
        name: of the video.
        root: what a heatmap file says of all its maps.
    """

    heatmap: heatmaps.Heatmap
    frames: np.ndarray
    name: str
    root: dict[str, object]

    @property
    def saliency(self) -> np.ndarray:
        """The map float32 (T,h,w) at the method's own resolution, larger = more important."""
        return self.heatmap.saliency

    @property
    def transform(self) -> np.ndarray:
        """The 3x3 matrix from pixels of the video to pixels of the map."""
        return self.heatmap.transform

    @property
    def frame_index(self) -> np.ndarray:
        """Frame numbers in the video, int64 (T,)."""
        return self.heatmap.frame_index

    @property
    def time(self) -> np.ndarray:
        """Seconds since the first frame, float64 (T,)."""
        return self.heatmap.time

    @property
    def attrs(self) -> dict[str, object]:
        """Everything that the record of the map says."""
        return self.heatmap.attrs

    @property
    def coverage(self) -> np.ndarray:
        """How many clips each frame was in, int32 (T,)."""
        return self.attrs["coverage"]

    @property
    def target(self) -> str:
        """The name of the class that is explained, or `a - b` for one against another."""
        return str(self.attrs["target_label"])

    @property
    def probability(self) -> float:
        """The softmax of the class for the whole video."""
        return float(self.attrs["probability"])

    def on_frames(self) -> np.ndarray:
        """Return the map enlarged to the frames, float32 (T,H,W); 0 where it does not reach."""
        return exchange.on_frames(self.heatmap)

    def plot(self, *, frames: int = 16, colormap: str = "inferno") -> Figure:
        """Return a figure: rows of 8 frames above their maps, and what each frame contributes.

        Args:
            frames: at most how many, evenly from the whole video.
            colormap: inferno, viridis, jet, PuRd or grey.
        """
        from vidsal.picturing import explanation_figure

        title = f"{self.name}: {self.target} {self.probability:.2f}, {self.root['method']}"
        return explanation_figure(
            self.frames, self.heatmap, most=frames, colormap=colormap, title=title
        )

    def save(self, path: str | Path) -> Path:
        """Write a heatmap file with this one map; return its path."""
        path = Path(path)
        with tempfile.TemporaryDirectory() as folder:
            own = Path(folder) / "part.h5"
            heatmaps.write_part(own, self.heatmap)
            heatmaps.assemble(path, [(self.name, parts.Found(own))], self.root)
        return path


def explain(
    model: VideoModel | str | Path,
    video: in_memory.Video,
    method: str | Callable = "grad_cam",
    target: targets.Rule | None = None,
    *,
    polarity: str = "both",
    start: int | None = None,
    end: int | None = None,
    max_side: int = 342,
    fps: float = 25,
    batch_size: int = 8,
    threads: int = 1,
    rooms: str | None = None,
    data: str = "data",
    **options: object,
) -> Explanation:
    """Return the map of one video: for equal options bit for bit what the workflow stores.

    Args:
        model: a network, the folder of a trained one (`results/kth/models/r3d_18`), or the name of
            one with weights that it knows: `r3d_18`, or `r3d_18:kinetics400` where it knows several
            (downloaded once, into `data`).
        video: a file, a folder of frames, frames uint8 (T,H,W,3) RGB, or a video's group in a
            frames file of the workflow.
        method: a method of the room of attribution, or a function (model, clip, target).
        target: what is explained: a class by name or number, `predicted` (None is the same),
            `{"contrast": [a, b]}`.
        polarity: which part of a signed map is kept: both, positive, negative or absolute.
        start: first frame of a file or folder; None for the first.
        end: frame behind the last; None for all.
        max_side: longest side of the frames, as `video.max_side` of the config.
        fps: frames per second of an array or of a folder.
        batch_size: variants that go through the network at once, as in the config.
        threads: of torch, as `numerics.torch_threads`; more are quicker and may change last bits.
        rooms: folder with methods and models of your own.
        data: folder for downloads.
        **options: of the method.

    Raises:
        InputError: anything of that cannot be used.
    """
    if polarity not in targets.POLARITIES:
        near = registry.nearest(polarity, targets.POLARITIES)
        raise InputError(f"polarity {polarity!r}: unknown{near}")
    config = {"rooms": rooms, "data": data, "seed": 0, "attribution": {}}
    config["numerics"] = {"device": "auto", "torch_threads": threads, "batch_size": batch_size}
    name, function, told = _method(config, method, options)
    with _as_in_the_workflow(threads):
        network = _network(config, model)
        with in_memory.frames(video, start, end, fps, max_side) as (named, group):
            answer = classify(network, group, batch_size, Views())
            made = explained.of_video(
                network,
                group,
                {name: function},
                _target(network, target, answer),
                answer["video_logits"].tolist(),
                batch_size=batch_size,
                polarity=polarity,
            )[name]
            frames = read_frames(group)
    if isinstance(made, Exception):
        raise made
    root = _root(network, name, told, target, polarity)
    return Explanation(_as_stored(made), frames, named, root)


def _target(model: VideoModel, rule: targets.Rule | None, answer: dict) -> targets.Target:
    rule = "predicted" if rule is None else rule
    shaped = rule if isinstance(rule, dict) else {"class": rule}
    if problems := targets.shape_problems(shaped):
        raise InputError(f"target: {'; '.join(problems)}")
    if any(part_ == ("word", "label") for part_ in targets.parts_of(rule)):
        raise InputError("target 'label': nobody said what this video shows; name the class")
    return targets.resolve(
        rule,
        predicted=answer["predicted"],
        label="",
        categories=model.categories or [],
        count=len(answer["video_logits"]),
    )


def _method(
    config: dict, method: str | Callable, options: dict[str, object]
) -> tuple[str, Callable, str]:
    """Return the name of a method, itself with its options bound, and its options as one text."""
    if callable(method):
        return method.__name__, partial(method, **options), settings.digest(options)
    known = registry.names("attribution", config["rooms"])
    if method not in known:
        raise InputError(f"method {method!r}: unknown{registry.nearest(method, known)}")
    config["attribution"] = {method: options}
    if problems := settings.choice_problems(config, "attribution", method, f"method.{method}"):
        raise InputError("; ".join(problems))
    own = settings.choice(config, "attribution", method)
    function = registry.load("attribution", method, config["rooms"])
    return method, partial(function, **settings.bind(config, own)), settings.digest(own.resolved)


def _network(config: dict, model: VideoModel | str | Path) -> VideoModel:
    if isinstance(model, VideoModel):
        return model
    where = networks.device(config)
    name, _, weights_name = str(model).partition(":")
    if name in registry.names("models", config["rooms"]) and not Path(model).is_dir():
        return _known(config, name, weights_name)
    if not Path(model).is_dir():
        known = registry.names("models", config["rooms"])
        raise InputError(
            f"model {str(model)!r}: neither the folder of a trained network nor the name of one"
            f"{registry.nearest(name, known)}"
        )
    found = load_model(model, rooms=config["rooms"])
    found.net.to(where)
    return found


def _known(config: dict, name: str, weights_name: str) -> VideoModel:
    """Return a network by its name and that of weights which its file knows."""
    from vidsal import obtaining, weights

    tables = registry.entry("models", name, config["rooms"]).constants
    known = list(tables.get("WEIGHTS", {}))
    chosen = weights_name or (known[0] if len(known) == 1 else "")
    if chosen not in known:
        raise InputError(
            f"model {name!r}: name its weights, as in {name}:{(known or ['...'])[0]}"
            f"{registry.nearest(chosen, known)}"
        )
    config["models"] = {name: {"weights": chosen}}
    own = settings.choice(config, "models", name)
    with tempfile.TemporaryDirectory() as folder:
        obtaining.fetch(config, own, Path(folder) / "weights.pt", Path(folder) / "sources.tsv")
    return networks.load(config, name, weights.path(config, own))


@contextlib.contextmanager
def _as_in_the_workflow(threads: int) -> Iterator[None]:
    """Let torch calculate as in a job: so many threads, no choice of quicker kernels, no TF32."""
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = torch.get_num_threads(), products.allow_tf32
    flags = cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    torch.set_num_threads(threads)
    products.allow_tf32 = False
    try:
        with flags:
            yield
    finally:
        torch.set_num_threads(before[0])
        products.allow_tf32 = before[1]


def _as_stored(made: heatmaps.Heatmap) -> heatmaps.Heatmap:
    """Return a map and its record as they come back from the file."""
    with tempfile.TemporaryDirectory() as folder:
        heatmaps.write_part(Path(folder) / "part.h5", made)
        with h5py.File(Path(folder) / "part.h5", "r") as file:
            return heatmaps.read(file, "video")


def _root(
    model: VideoModel, method: str, options: str, rule: targets.Rule | None, polarity: str
) -> dict[str, object]:
    """Return what a heatmap file says of all its maps, as far as it is known here."""
    return {
        "schema": heatmaps.SCHEMA,
        "Conventions": "CF-1.11",
        "model": model.name,
        "method": method,
        "options": options,
        "target_rule": "predicted" if rule is None else targets.text(rule),
        "polarity": polarity,
        "vidsal_version": _version.version(),
    }
