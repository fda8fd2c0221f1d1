"""Rendered people walking and running, with true body masks, true motion, simulated gaze.

In the manner of KTH (Schuldt, Laptev and Caputo, "Recognizing Human Actions: A Local SVM Approach",
ICPR 2004): 160x120 pixels, 25 frames per second, grey, one person who passes several times with
nobody in between. The classes differ in gait (joint angles, cadence, flight, and the speed that
follows), and in nothing else: bodies, clothes, places, light, noise, ways and gaps are drawn by
numbers that do not know the class, and are the same in both recordings of a subject. So empty
backgrounds tell nothing. The mean picture of a row does, a little, as whoever is faster leaves a
longer smear; `speed: equal` takes that away, which makes a harder task with limbs and trunk as the
only evidence.

THE GAZE IS SIMULATED. No person looked at these videos; `_observers` states the rules.

Files of a recording: `NAME.avi` (MPEG-4 part 2, one thread, bitexact), `NAME.masks.mkv` (FFV1, one
grey value per part: 1 head, 2 trunk, 3 left arm, 4 right arm, 5 left leg, 6 right leg, 255 a
planted cue, 0 everything else) and `NAME.gaze.tsv` (subject, frame, x, y in pixels). They lie in a
folder named after the options that change their bytes, so other options make other files, while
more subjects or recordings leave those alone that are there.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal.datasets import _gaits, _plans
from vidsal.errors import InputError

log = logging.getLogger(__name__)

SOURCES: list[dict] = []
KNOWN = True

# Part of every path: a change of what is rendered needs another number here, so that files of
# the old kind are not taken for the new.
RENDERER = 1


def synthetic(
    folder: str,
    *,
    subjects_train: int = 12,
    subjects_val: int = 3,
    subjects_test: int = 6,
    recordings: int = 1,
    passes: int = 4,
    frames: int = 32,
    gap: int = 12,
    scale_change: float = 0.15,
    noise: float = 2.5,
    observers: int = 8,
    speed: str = "gait",
    cue: str | None = None,
    event: int | None = None,
    mask: str = "body",
    seed: int = 0,
) -> pd.DataFrame:
    """Return the sample sheet: one row per pass, KTH's way; needs no file to exist.

    Args:
        folder: where `render` puts the files.
        subjects_train: people of the training split; nobody is in two splits.
        subjects_val: people of the validation split.
        subjects_test: people of the test split.
        recordings: recordings per person and class, each with its own place and clothes.
        passes: ways through the picture per recording, turn about right and left.
        frames: length of a row, 8 to 40; the body is inside the picture all the while.
        gap: fewest frames with nobody between two passes; half as many more are drawn.
        scale_change: most that someone grows or shrinks in 32 frames by coming closer or going
            off, as a part of their height, 0 to 0.3.
        noise: standard deviation of the camera's noise in grey levels of 0..255.
        observers: simulated observers per recording.
        speed: `gait` lets speed follow from the gait (running is faster by two fifths); `equal`
            gives both classes the speed half-way between, near which people do either.
        cue: `patch` plants a square that gives the class away in every frame (red at the upper
            left for walking, blue at the upper right for running).
        event: how many frames of a row show the gait of the class; in all others, and in cadence
            and speed throughout, both classes move alike, half-way between walking and running.
            0 leaves no difference in the body at all; None shows the gait in every frame.
        mask: what the masks take for the truth: the `body` (a patch in front of it is no part of
            it), or the planted `cue`.
        seed: another number gives other people in other places.

    Raises:
        InputError: an option out of its range.
    """
    options = _options(locals())
    people = {"train": subjects_train, "val": subjects_val, "test": subjects_test}
    base = f"{folder}/{_digest(options)}"
    rows: list[tuple] = []
    for split, count in people.items():
        for index in range(1, count + 1):
            for label in _gaits.LABELS:
                for number in range(1, recordings + 1):
                    rows += _rows(base, _plans.plan(options, split, index, label, number))
    columns = ["video", "path", "split", "label", "subject", "start", "end", "fixations", "masks"]
    return pd.DataFrame(rows, columns=columns)


def render(folder: str, rows: pd.DataFrame, **options: object) -> None:
    """Make the files of the recordings that these rows name, where they are missing.

    Args:
        folder: as given to `synthetic`.
        rows: rows of the sheet; recordings of other rows are left alone.
        **options: as given to `synthetic`.

    Raises:
        InputError: a row of other options or of another dataset; a full disk.
    """
    from vidsal.datasets import _recordings

    chosen = _options(options)
    base = Path(folder) / _digest(chosen)
    for text in sorted(set(rows["path"])):
        video = Path(text)
        if video.parent != base:
            raise InputError(
                f"{text} in the rows to render: files of these options lie in {base}; "
                "give folder and options as in the sheet"
            )
        log.info("rendering %s", video)
        _recordings.make(chosen, _plans.parse(video.stem, chosen), _recordings.Files.of(video))


def read_masks(path: str, start: int, end: int, *, mask: str = "body") -> np.ndarray:
    """Return the masks of frames [start, end) of a recording: uint8 (T,H,W), 0 outside.

    Args:
        path: mask video of the sheet.
        start: first frame.
        end: frame after the last.
        mask: `body` keeps the numbers of its parts and leaves the cue out; `cue` gives 1 on it.
    """
    from vidsal.datasets._recordings import CUE
    from vidsal.video import frames

    labels = frames.read_masks(path, start, end)
    planted = labels == CUE
    return planted.astype(np.uint8) if mask == "cue" else np.where(planted, 0, labels)


def true_motion(row: pd.Series, **options: object) -> np.ndarray:
    """Return the true motion of a row: float32 (T,H,W,2), pixels right and down per frame.

    At [t, y, x], where the body's point seen at (x, y) in frame t of the row will be in frame
    t + 1, less (x, y); 0 where the body is not. From the kinematics, not from pixels.

    Args:
        row: one row of the sheet.
        **options: as given to `synthetic`.
    """
    from vidsal.datasets import _recordings

    chosen = _options(options)
    recording, one = _find(row, chosen)
    _, painter = _recordings.body(chosen, recording, one, one.start, one.end + 1)
    return np.stack([painter.motion(t) for t in range(chosen.frames)])


def event_frames(row: pd.Series, **options: object) -> np.ndarray:
    """Return which frames of a row show the gait of the class: bool (T,), all without `event`.

    Args:
        row: one row of the sheet.
        **options: as given to `synthetic`.
    """
    chosen = _options(options)
    _, one = _find(row, chosen)
    return _plans.event_at(chosen, one, np.arange(one.start, one.end))


def _rows(base: str, recording: _plans.Recording) -> list[tuple]:
    stem = f"{base}/{recording.name}"
    return [
        (
            f"{recording.name}_p{number}",
            f"{stem}.avi",
            recording.split,
            recording.label,
            recording.subject,
            one.start,
            one.end,
            f"{stem}.gaze.tsv",
            f"{stem}.masks.mkv",
        )
        for number, one in enumerate(recording.passes, 1)
    ]


def _options(given: dict[str, object]) -> _plans.Options:
    """Return the checked options that bytes depend on, from any of `synthetic`'s arguments."""
    given = synthetic.__kwdefaults__ | {k: v for k, v in given.items() if k != "folder"}
    counts = {"subjects_train": 0, "subjects_val": 0, "subjects_test": 0, "recordings": 1}
    counts |= {"passes": 1, "gap": 1, "noise": 0, "observers": 0, "seed": 0}
    problems = [f"{k}={given[k]!r} is below {low}" for k, low in counts.items() if given[k] < low]
    if not 8 <= given["frames"] <= 40:
        problems.append(f"frames={given['frames']} is not in 8..40 (a runner is out by then)")
    if not 0 <= given["scale_change"] <= 0.3:
        problems.append(f"scale_change={given['scale_change']} is not in 0..0.3")
    if given["speed"] not in ("gait", "equal"):
        problems.append(f"speed={given['speed']!r} is neither 'gait' nor 'equal'")
    if given["cue"] not in (None, "patch"):
        problems.append(f"cue={given['cue']!r} is neither null nor 'patch'")
    if given["mask"] not in ("body", "cue"):
        problems.append(f"mask={given['mask']!r} is neither 'body' nor 'cue'")
    if given["mask"] == "cue" and given["cue"] is None:
        problems.append("mask='cue', but cue plants none")
    if given["event"] is not None and not 0 <= given["event"] <= given["frames"]:
        problems.append(f"event={given['event']} is neither null nor in 0..frames")
    if unknown := given.keys() - synthetic.__kwdefaults__.keys():
        problems.append(f"unknown: {', '.join(sorted(unknown))}")
    if problems:
        raise InputError(f"options of dataset synthetic: {'; '.join(problems)}; see its docstring")
    return _plans.Options(**{name: given[name] for name in _plans.Options._fields})


def _digest(options: _plans.Options) -> str:
    text = json.dumps([RENDERER, options._asdict()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _find(row: pd.Series, options: _plans.Options) -> tuple[_plans.Recording, _plans.Pass]:
    name, _, number = str(row["video"]).rpartition("_p")
    recording = _plans.parse(name, options)
    if not (number.isdecimal() and 1 <= int(number) <= options.passes):
        raise InputError(f"row {row['video']!r}: the sheet of these options has no such pass")
    return recording, recording.passes[int(number) - 1]
