"""Sample sheets: one row per clip; checked by columns, cut into shards that stay put.

Columns: `video` (unique slug, the only name used in paths), `path` (video file or folder of
frames), `split`, and optionally `label`, `subject`, `start`, `end` (frame numbers of the source,
0-based, end exclusive; empty = the whole video), `fps` (of frame folders), `fixations`, `masks`.
Other columns, such as `condition`, are kept as texts, for tables by group (`tables: by:`); one
whose name is nearly that of a known column is refused.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from vidsal import registry
from vidsal.errors import InputError

REQUIRED = ("video", "path", "split")
OPTIONAL = ("label", "subject", "start", "end", "fps", "fixations", "masks")
COLUMNS = REQUIRED + OPTIONAL
SLUG = r"[A-Za-z0-9._-]+"
SHOWN = 3
LARGEST = 1e12  # above every frame number and frame rate
SHARD = re.compile(rf"(?P<split>{SLUG})-(?P<index>\d+)of(?P<count>\d+)")


def check(sheet: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the sheet with every column present and typed; refuse it with all problems at once.

    Raises:
        InputError: unknown or missing columns, bad or repeated names, bad intervals.
    """
    problems = _column_problems(sheet)
    if not problems:
        sheet = _typed(sheet)
        problems = _row_problems(sheet)
    if problems:
        raise InputError(f"sample sheet {where}: " + "; ".join(problems))
    return sheet


def read(path: str | Path) -> pd.DataFrame:
    """Read and check a sample sheet written by `write` or by hand (TSV, or CSV by its ending).

    Raises:
        InputError: no such file, an empty one, or one that `check` refuses.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"sample sheet {path}: no such file; write one with columns {REQUIRED}")
    separator = "," if path.suffix == ".csv" else "\t"
    try:
        sheet = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError(f"sample sheet {path}: not a table ({error}); see README") from error
    return check(sheet, str(path))


def write(sheet: pd.DataFrame, path: str | Path) -> None:
    """Write a checked sheet as TSV; empty numbers stay empty."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    sheet.to_csv(path, sep="\t", index=False, lineterminator="\n")


def shard_count(videos: int, per_job: int) -> int:
    """Return the smallest power of two n with n * per_job >= videos (1 for no video)."""
    count = 1
    while count * per_job < videos:
        count *= 2
    return count


def name(split: str, index: int, count: int) -> str:
    """Return the name of a shard, such as `test-003of016`."""
    return f"{split}-{index:03d}of{count:03d}"


def parse(shard: str) -> tuple[str, int, int]:
    """Return (split, index, count) of a shard's name."""
    match = SHARD.fullmatch(shard)
    if not match:
        raise InputError(f"{shard!r} is no shard; they look like test-003of016")
    return match["split"], int(match["index"]), int(match["count"])


def digests(sheet: pd.DataFrame) -> pd.Series:
    """Return int(sha1(video), 16) mod 2**60 of each row, on which all sharding rests."""
    made = [int(hashlib.sha1(v.encode()).hexdigest()[-15:], 16) for v in sheet["video"]]
    return pd.Series(made, index=sheet.index, dtype="int64")


def every(sheet: pd.DataFrame, n: int) -> pd.Series:
    """Return which rows are taken when every n-th video is, by hash: new videos change nothing.

    The upper bits of the hash are used, since the lower ones choose the shard.
    """
    return digests(sheet) // 2**30 % n == 0


def shards(sheet: pd.DataFrame, per_job: int) -> list[str]:
    """Return the names of all shards that hold a video, split by split.

    `shard = int(sha1(video), 16) % n` within each split (design.md section 5): a new video touches
    one shard, and when n doubles shards only split.
    """
    found = []
    codes = digests(sheet)
    for split, rows in codes.groupby(sheet["split"], sort=True):
        count = shard_count(len(rows), per_job)
        found += [name(split, index, count) for index in sorted(set(rows % count))]
    return found


def shard_of(video: str, split: str, count: int) -> str:
    """Return the shard that a video is in, of a split cut into `count`."""
    table = pd.DataFrame({"video": [video]}, dtype=object)
    return name(split, int(digests(table).iloc[0]) % count, count)


def coarse(shard: str, count: int) -> str:
    """Return the shard of a coarser cut (`count` shards) that holds this one's videos."""
    split, index, own = parse(shard)
    if own < count:
        raise InputError(f"{shard}: finer shards need at least {count} shards")
    return name(split, index % count, count)


def rows(sheet: pd.DataFrame, shard: str) -> pd.DataFrame:
    """Return the rows of one shard, in sheet order."""
    return members(sheet[sheet["split"] == parse(shard)[0]], shard)


def members(table: pd.DataFrame, shard: str) -> pd.DataFrame:
    """Return the rows of a shard from any table with a column `video` of that shard's split."""
    _, index, count = parse(shard)
    return table[digests(table) % count == index].reset_index(drop=True)


def row_hash(sheet: pd.DataFrame) -> str:
    """Return 16 hex digits of the rows' content, for `params: rows=`."""
    text = sheet.to_csv(sep="\t", index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stamps(sheet: pd.DataFrame, column: str = "path") -> str:
    """Return a hash of size and time of change of the files that users may exchange."""
    text = "\n".join(_stamp(path) for path in sheet[column] if path)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stamp_tree(folder: str) -> str:
    """Return a hash of names, sizes and times of change of all files below a folder."""
    text = "\n".join(_stamp(path) for path in sorted(files_below(folder)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stamp_of(folder: str, video: str) -> str:
    """Return a hash of sizes and times of change of what a folder holds under a video's name."""
    found = sorted(
        p for p in Path(folder).glob(f"{glob.escape(video)}*") if video in (p.name, p.stem)
    )
    text = "\n".join(_stamp(str(path)) for path in found)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def files_below(folder: str | os.PathLike) -> Iterator[str]:
    """Yield the path of every file below a folder; links to folders are followed, each once."""
    seen = set()
    for top, folders, names in os.walk(folder, followlinks=True):
        if os.path.realpath(top) in seen:  # a link to a folder above would never end
            folders.clear()
            continue
        seen.add(os.path.realpath(top))
        yield from (os.path.join(top, name) for name in names)


def _stamp(path: str) -> str:
    if os.path.isdir(path):
        return f"{path} {stamp_tree(path)}"
    try:
        found = os.stat(path)
    except OSError:
        return f"{path} -"
    return f"{path} {found.st_size} {found.st_mtime_ns}"


def label_problems(sheet: pd.DataFrame, explained: str) -> list[str]:
    """Return a sentence for everything that a network cannot learn or be tested with.

    Args:
        sheet: a checked one.
        explained: the split that a trained network is asked about; its rows may have no label.
    """
    labels = {split: own for split, own in sheet.groupby("split")["label"] if (own != "").any()}
    problems = [
        f"split {s} has no videos with a label" for s in ("train", "val") if s not in labels
    ]
    if "train" not in labels:
        return problems
    known = set(labels["train"]) - {""}
    if len(known) < 2:
        problems.append(f"split train has one label ({known.pop()!r}); two are needed")
        return problems
    for split in sorted({"val", explained} & set(labels)):
        counts = labels[split][~labels[split].isin({*known, ""})].value_counts()
        problems += [
            f"label {label!r} of split {split} ({n} videos) is none of split train"
            f"{registry.nearest(label, known)}"
            for label, n in list(counts.items())[:SHOWN]
        ]
    return problems


def absent(sheet: pd.DataFrame) -> tuple[int, str]:
    """Return how many videos of a sheet are not there, and a sentence on them.

    A video that lies there with another ending is named.
    """
    there = {path: os.path.exists(path) for path in sheet["path"].unique()}
    gone = [path for path, found in there.items() if not found]
    rows = int(sheet["path"].isin(gone).sum())
    if not gone:
        return 0, ""
    other = next((p for path in gone for p in _other_endings(Path(path))), None)
    beside = f"; {other} is there, with another ending than the table says" if other else ""
    shown = ", ".join(gone[:SHOWN]) + (", ..." if len(gone) > SHOWN else "")
    return rows, f"{rows} of {len(sheet)} videos are not there ({shown}){beside}"


def _other_endings(path: Path) -> list[Path]:
    from vidsal.datasets.folder import VIDEOS

    found = path.parent.glob(f"{glob.escape(path.stem)}.*")
    return sorted(each for each in found if each.suffix.lower() in VIDEOS)


def _column_problems(sheet: pd.DataFrame) -> list[str]:
    missing = [f"column {c!r} is missing" for c in REQUIRED if c not in sheet]
    near = {str(c): registry.nearest(str(c), COLUMNS) for c in _extra(sheet)}
    misspelt = {c: text for c, text in near.items() if text.startswith("; did you mean")}
    return missing + [f"column {c!r} is unknown{text}" for c, text in misspelt.items()]


def _extra(sheet: pd.DataFrame) -> list[str]:
    """Return the columns that only tables by group look at."""
    return [column for column in sheet if column not in COLUMNS]


def _typed(sheet: pd.DataFrame) -> pd.DataFrame:
    made = pd.DataFrame(index=range(len(sheet)))
    columns = [*COLUMNS, *_extra(sheet)]
    for column in columns:
        values = sheet[column].reset_index(drop=True) if column in sheet else None
        if column in ("start", "end", "fps"):
            made[column] = _numbers(values, len(sheet), column)
        else:
            made[column] = "" if values is None else values.fillna("").astype(str)
    return made.astype({c: "object" for c in columns if c not in ("start", "end", "fps")})


def _numbers(values: pd.Series | None, length: int, column: str) -> pd.Series:
    dtype = "Float64" if column == "fps" else "Int64"
    if values is None:
        return pd.Series([pd.NA] * length, dtype=dtype)
    blank = values.isna() | (values.astype(str).str.strip() == "")
    numbers = pd.to_numeric(values.where(~blank), errors="coerce")
    broken = ~(numbers.abs() < LARGEST)
    if column != "fps":
        broken |= numbers % 1 != 0
    # A text that is no such number becomes -1 and is reported with its row by _row_problems.
    bad = ~blank & broken
    return numbers.where(~bad, -1).astype(dtype)


def _row_problems(sheet: pd.DataFrame) -> list[str]:
    checks = {
        f"'video' must be made of {SLUG}": ~sheet["video"].str.fullmatch(SLUG),
        "'video' must be unique": sheet["video"].duplicated(),
        f"'split' must be made of {SLUG}": ~sheet["split"].str.fullmatch(SLUG),
        "'path' is empty": sheet["path"] == "",
        "'start' must be a whole number >= 0": (sheet["start"] < 0).fillna(False),
        "'end' must be a whole number above start": (
            sheet["end"] <= sheet["start"].fillna(0)
        ).fillna(False),
        "'fps' must be a number above 0": (sheet["fps"] <= 0).fillna(False),
    }
    return [f"{text} ({_examples(sheet, bad)})" for text, bad in checks.items() if bad.any()]


def _examples(sheet: pd.DataFrame, bad: pd.Series) -> str:
    lines = [f"line {i + 2}: {sheet['video'][i]!r}" for i in sheet.index[bad.astype(bool)][:3]]
    more = int(bad.sum()) - len(lines)
    return ", ".join(lines) + (f" and {more} more" if more else "")
