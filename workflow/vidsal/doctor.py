"""Look at a folder of videos and gaze: what would be used, what is damaged, what does not match.

    make doctor DATA=my_folder
    python -m vidsal.doctor my_folder --gaze '{screen: [1920, 1080]}'

Nothing is computed and the folder is only read. Every video is decoded once, which is the only way
to find damage; every recording is read as the workflow would read it. What comes out is a report
and a sample sheet, ready to be named in a config.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from vidsal import fixations, guessing, matching, sheets
from vidsal.datasets.folder import PICTURES, VIDEOS, folder
from vidsal.errors import InputError
from vidsal.spelling import slug
from vidsal.video import trim

log = logging.getLogger(__name__)
SHOWN = 12


@dataclass
class Video:
    """One video: what its health record says, or why there is none."""

    name: str
    path: str
    label: str
    record: dict = field(default_factory=dict)
    refusal: str = ""

    @property
    def frames(self) -> int:
        """Frames that decode."""
        return len(self.record.get("frame_index", ()))


@dataclass
class Gaze:
    """The recordings of one video: where they are, and what reading them gave."""

    video: str
    paths: list[Path]
    format: str
    pattern: str | None = None
    table: pd.DataFrame | None = None
    refusal: str = ""


@dataclass
class Report:
    """What was found in a folder."""

    folder: Path
    videos: list[Video]
    gaze: list[Gaze]
    strangers: dict[Path, str]
    problems: list[str] = field(default_factory=list)

    def sheet(self) -> pd.DataFrame:
        """Return the sample sheet of what can be used."""
        gaze = {each.video: each.pattern for each in self.used()}
        rows = [
            {
                "video": video.name,
                "path": video.path,
                "split": "test",
                "label": video.label,
                "fixations": gaze.get(video.name) or "",
            }
            for video in self.videos
            if not video.refusal
        ]
        return sheets.check(
            pd.DataFrame(rows, columns=["video", "path", "split", "label", "fixations"]), ""
        )

    def format(self) -> str | None:
        """Return the format that most recordings are in, of those that can be read."""
        count = Counter(each.format for each in self.gaze if each.table is not None)
        return min(count, key=lambda name: (-count[name], name)) if count else None

    def used(self) -> list[Gaze]:
        """Return the recordings that the sheet names: a config reads those of one format."""
        own = self.format()
        return [each for each in self.gaze if each.table is not None and each.format == own]


def examine(place: str | Path, gaze: dict | None = None) -> Report:
    """Return what a folder holds.

    Args:
        place: the folder.
        gaze: keywords of `vidsal.fixations.read` for all recordings, such as
            {format: eyelink, rect: screen}; without a format each file's own is recognised.

    Raises:
        InputError: there is no such folder, or a keyword is unknown.
    """
    place, gaze = Path(place), dict(gaze or {})
    rows = folder(str(place), videos=str(place)).to_dict("records")
    rows = _renamed(row for row in rows if not _is_gaze(row["path"]))
    others = _others(place, {Path(row["path"]) for row in rows})
    formats = matching.of_format(others, gaze.get("format"))
    _check(gaze, set(formats.values()))
    gaze.pop("format", None)
    videos = [_video(row) for row in rows]
    matched, strangers = _match(place, videos, formats, gaze)
    report = Report(place, videos, matched, strangers)
    for each in matched:
        _read(each, {video.name: video for video in videos}[each.video], gaze)
    report.problems = list(_problems(report))
    return report


def _check(gaze: dict, formats: set[str]) -> None:
    """Refuse keywords that nothing found can be read with."""
    asked = [{"format": name} | gaze for name in sorted(formats)] if gaze else []
    wrong = [fixations.problems(keywords) for keywords in asked or [gaze]]
    if all(wrong):
        raise InputError(f"doctor: gaze: {'; '.join(wrong[0])}")


def _renamed(rows: Iterable[dict]) -> list[dict]:
    """Return the rows with the short names of their files; with folders where these are not unique.

    One label for all is the folder's name and no class.
    """
    rows = list(rows)
    stems = [slug(_stem(row["path"])) for row in rows]
    count = Counter(stems)
    names = [s if count[s] == 1 and s else row["video"] for s, row in zip(stems, rows, strict=True)]
    if len(set(names)) < len(names):
        names = [row["video"] for row in rows]
    lone = len({row["label"] for row in rows}) < 2
    return [
        row | {"video": name} | ({"label": ""} if lone else {})
        for row, name in zip(rows, names, strict=True)
    ]


def _is_gaze(path: str) -> bool:
    """Say whether a folder of pictures holds maps of gaze, by what it is called."""
    names = {part.lower() for part in Path(path).parts[-2:]}
    return Path(path).is_dir() and bool(names & {"maps", "fixation", "fixations", "fixation_maps"})


def _video(row: dict) -> Video:
    made = Video(row["video"], row["path"], row["label"])
    try:
        made.record = trim.examine(row["path"])
    except InputError as error:
        made.refusal = str(error)
    log.info("%s: %s", made.name, made.refusal or f"{made.frames} frames")
    return made


def _match(
    place: Path, videos: list[Video], formats: dict[Path, str], keywords: dict
) -> tuple[list[Gaze], dict[Path, str]]:
    """Return the recordings of each video, and why other files of gaze belong to none."""
    called = _called(place, videos)
    found: dict[tuple[str, str], list[Path]] = {}
    strangers = {}
    for path, own in formats.items():
        named = matching.video_of(path.relative_to(place), called)
        inside, why = ([named], "") if named else guessing.inside(path, own, keywords, called)
        for video in inside:
            found.setdefault((video, own), []).append(path)
        if not inside:
            strangers[path] = why
    made = [Gaze(v, paths, form, matching.pattern_of(paths)) for (v, form), paths in found.items()]
    return sorted(made, key=lambda each: each.video), strangers


def _called(place: Path, videos: list[Video]) -> dict[str, str]:
    """Return what each video may be called: its name, its path, and its file's name if unique."""
    stems = Counter(_stem(video.path) for video in videos)
    called = {}
    for video in videos:
        stem, path = _stem(video.path), Path(video.path)
        if stems[stem] == 1:
            called[stem] = video.name
        elif path.is_relative_to(place):
            called[path.relative_to(place).with_name(stem).as_posix()] = video.name
    return called | {video.name: video.name for video in videos}


def _stem(path: str) -> str:
    return Path(path).name if Path(path).is_dir() else Path(path).stem


def _others(place: Path, frames: set[Path]) -> Iterator[Path]:
    """Yield the files of a folder that are neither videos nor pictures, nor among frames."""
    for path in sorted(map(Path, sheets.files_below(place))):
        ending = path.suffix.lower()
        hidden = any(part.startswith(".") for part in path.relative_to(place).parts)
        if hidden or not path.is_file() or ending in VIDEOS | PICTURES:
            continue
        if path.parent not in frames:
            yield path


def _read(gaze: Gaze, video: Video, keywords: dict) -> None:
    """Read the recordings of a video as the workflow would."""
    if gaze.pattern is None:
        names = ", ".join(path.name for path in gaze.paths[:3])
        gaze.refusal = (
            f"{len(gaze.paths)} recordings ({names}, ...) that no single pattern names; put them "
            "into a folder of their own"
        )
        return
    try:
        gaze.table = fixations.read(gaze.pattern, format=gaze.format, clip=_clip(video), **keywords)
    except InputError as error:
        gaze.refusal = f"{error}{guessing.hint(gaze.paths[0], gaze.format, keywords)}"


def _clip(video: Video) -> fixations.Clip:
    if video.refusal:
        return fixations.Clip(names=(video.name,))
    record = video.record
    numerator, denominator = map(int, record["fps"].split("/"))
    return fixations.Clip(
        names=(video.name, Path(video.path).stem, Path(video.path).name),
        size=tuple(record["size"][::-1]),
        fps=numerator / denominator,
        times=np.asarray(record["times"]) + record["start_time"],
        frame_index=np.asarray(record["frame_index"]),
    )


def _problems(report: Report) -> Iterator[str]:
    """Yield a sentence for everything that does not match."""
    with_gaze = {each.video for each in report.gaze}
    lengths = {video.name: video.frames for video in report.videos}
    for path, why in report.strangers.items():
        yield f"{path.relative_to(report.folder)}: {why}"
    formats: dict[str, list[str]] = {}
    for each in report.gaze:
        formats.setdefault(each.video, []).append(each.format)
    for name, several in formats.items():
        if len(several) > 1:
            yield (
                f"{name}: has recordings in the formats {', '.join(several)}, of which "
                f"{report.format()} is used; name another one with GAZE='{{format: ...}}'"
            )
    if report.gaze:
        usable = [video.name for video in report.videos if not video.refusal]
        lone = [name for name in usable if name not in with_gaze]
        yield from ([f"without gaze: {_some(lone)}"] if lone else [])
    for each in report.gaze:
        if each.table is not None:
            yield from each.table.attrs.get("lost", [])
        if each.table is not None and lengths[each.video]:
            yield from _past_the_end(each, lengths[each.video])
    yield from _missing_subjects(report.gaze)


def _past_the_end(gaze: Gaze, frames: int) -> Iterator[str]:
    late = gaze.table["frame"] >= frames
    if late.any():
        last = int(gaze.table["frame"].max())
        yield (
            f"{gaze.video}: {int(late.sum())} of {len(late)} rows of gaze lie past the end (frame "
            f"{last}, the video has {frames}); is this its recording, and are fps, time_unit or "
            "lag right?"
        )
    if not len(gaze.table):
        yield f"{gaze.video}: no row of its gaze can be used: {dict(gaze.table.attrs['dropped'])}"


def _missing_subjects(gaze: list[Gaze]) -> Iterator[str]:
    seen = {e.video: set(e.table["subject"]) for e in gaze if e.table is not None}
    everyone = set().union(*seen.values())
    if len(everyone) < 2:
        return
    for subject in sorted(everyone):
        lacking = [video for video, subjects in seen.items() if subject not in subjects]
        if lacking:
            yield f"subject {subject} is missing in {_some(lacking)}"


def text(report: Report) -> str:
    """Return the report as lines to be read."""
    refused = [video for video in report.videos if video.refusal]
    usable = [video for video in report.videos if not video.refusal]
    lines = [f"{report.folder}: {len(report.videos)} videos, {len(usable)} can be used", ""]
    lines += [_line(video) for video in usable[:SHOWN]] + _more(usable)
    damaged = [v for v in usable if v.record["damaged"]]
    lines += _section(
        "Damaged, used as far as they decode (video.on_damage)",
        [f"{v.name}: {'; '.join(v.record['reasons'])}" for v in damaged],
    )
    lines += _section("Cannot be used", [video.refusal for video in refused])
    lines += _section("Gaze", [_gaze_line(each) for each in report.gaze])
    lines += _section("Does not match", report.problems)
    return "\n".join(lines) + "\n"


def _line(video: Video) -> str:
    record = video.record
    height, width = record["size"]
    numerator, denominator = map(int, record["fps"].split("/"))
    rate = f"{numerator / denominator:.5g} fps"
    label = f"  {video.label}" if video.label else ""
    return (
        f"  {video.name}  {video.frames} frames  {rate}  {width}x{height}  {record['codec']}{label}"
    )


def _gaze_line(gaze: Gaze) -> str:
    if gaze.table is None:
        return f"{gaze.video}: {gaze.refusal}"
    dropped = ", ".join(f"{n} {reason}" for reason, n in gaze.table.attrs["dropped"].items())
    subjects = gaze.table["subject"].nunique()
    return (
        f"{gaze.video}: {gaze.pattern} ({gaze.format}): {len(gaze.table)} rows of {subjects} "
        f"{'person' if subjects == 1 else 'people'}" + (f"; left out: {dropped}" if dropped else "")
    )


def _section(title: str, entries: list[str]) -> list[str]:
    if not entries:
        return []
    return ["", f"{title}:", *(f"  {entry}" for entry in entries[:SHOWN]), *_more(entries)]


def _more(entries: list) -> list[str]:
    return [f"  and {len(entries) - SHOWN} more"] if len(entries) > SHOWN else []


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def snippet(report: Report, sheet: Path, gaze: dict) -> str:
    """Return the part of a config that uses what was found."""
    own_format = report.format()
    given = ({"format": own_format} if own_format else {}) | gaze
    own = {"method": "folder", "table": str(sheet)} | ({"gaze": given} if given else {})
    scored = ["auc", "nss", "cc", "sim", "kl"] if own_format else []
    run = {"datasets": ["mine"], "models": [], "methods": [], "gaze": ["spectral_residual"]}
    run |= {"controls": ["random", "centre", "optical_flow"], "metrics": scored}
    config = {"run": run, "datasets": {"mine": own}, "explain": {"split": "test", "every": 1}}
    return yaml.safe_dump(config, sort_keys=False, default_flow_style=None)


def main(arguments: list[str] | None = None) -> None:
    """Report on a folder, write its sample sheet, and say how to go on."""
    parser = argparse.ArgumentParser(prog="doctor", description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder of videos, and of gaze")
    parser.add_argument("--sheet", default="videos.tsv", help="sample sheet to write")
    parser.add_argument("--gaze", default="{}", help="keywords of gaze reading, as YAML")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        gaze = yaml.safe_load(given.gaze) or {}
        report = examine(given.folder, gaze)
        log.info("\n%s", text(report))
        _write(report, Path(given.sheet), gaze)
    except (InputError, yaml.YAMLError) as error:
        sys.exit(f"vidsal: {error}")


def _write(report: Report, path: Path, gaze: dict) -> None:
    """Write the sheet under a name that is free: what is there may have been edited by hand."""
    first, number = path, 2
    while path.exists():
        path, number = first.with_stem(f"{first.stem}-{number}"), number + 1
    sheets.write(report.sheet(), path)
    log.info("Written: %s. A config that uses it:\n\n%s", path, snippet(report, path, gaze))


if __name__ == "__main__":
    main()
