"""Good files of every kind that a user may bring, to be spoilt by `tests.mutations`."""

from __future__ import annotations

import gzip
import importlib
import json
import tarfile
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from tests.mutations import Sample
from vidsal import registry

ROOT = Path(__file__).resolve().parents[1]
FILMS = (
    *("h264_b_open_gop", "h264_uneven_mkv", "h264_transport_stream", "mpeg4_b_avi", "mjpeg"),
    *("mpeg2_b_program_stream", "vp8", "vp9", "gif", "png_rgb"),
)


def warm_up() -> None:
    """Import what the samples use, once, before processes are forked for them."""
    for name in ("fixations", "sheets", "unpacking", "video.trim", "video.frames", "config"):
        importlib.import_module(f"vidsal.{name}")
    for name in registry.names("recordings"):
        registry.load("recordings", name)
    for name in ("cv2", "h5py", "jsonschema", "pyarrow.parquet", "scipy.io"):
        importlib.import_module(name)


def make_samples(folder: Path) -> list[Sample]:
    """Write all samples below a folder."""
    makers = (_films, _frame_folder, _gaze, _gaze_maps, _sheets, _configs, _archives)
    return [sample for make in makers for sample in make(folder)]


def _films(folder: Path) -> list[Sample]:
    from tests.video.conftest import KINDS, encode

    made = []
    for name in FILMS:
        want, place = KINDS[name], folder / name
        place.mkdir()
        path = place / f"film.{want.ending}"
        encode(path, want.codec, want.pixels, want.options, count=24, stamps=want.stamps)
        made.append(Sample(name, place, partial(_use_film, path.name)))
    return made


def _use_film(name: str, place: Path, out: Path) -> None:
    """Trim a video, and store its frames: what the workflow does with it first."""
    import h5py

    from vidsal.video import frames, trim

    record = trim.trim(place / name if name else place, out / "clip.mkv")
    with h5py.File(out / "frames.h5", "w") as file:
        frames.write_frames(out / "clip.mkv", record, file.create_group("video"))


def _frame_folder(folder: Path) -> list[Sample]:
    import cv2

    from tests.video.conftest import picture

    place = folder / "frame_folder"
    place.mkdir()
    for number in range(6):
        ending = "jpg" if number % 2 else "png"
        cv2.imwrite(str(place / f"{number}.{ending}"), picture(number)[..., ::-1])
    return [Sample("frame_folder", place, partial(_use_film, ""))]


def _gaze(folder: Path) -> list[Sample]:
    made = []
    for name, (files, read) in recordings().items():
        place = folder / f"gaze_{name}"
        place.mkdir()
        for file, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (place / file).write_bytes(data)
        made.append(Sample(f"gaze {name}", place, partial(_use_gaze, next(iter(files)), read)))
    return made


def recordings() -> dict[str, tuple[dict[str, str | bytes], dict]]:
    """Return name -> (files, the first of which is read; keywords of `fixations.read`)."""
    from tests.recordings import test_bids as bids
    from tests.recordings import test_eyelink as eyelink
    from tests.recordings import test_gazecom as gazecom
    from tests.recordings import test_pupil_labs as pupil
    from tests.recordings import test_smi as smi
    from tests.recordings import test_tobii as tobii

    screen = {"rect": "screen"}
    table = "subject,frame,x,y\n" + "".join(f"a{n % 3},{n},{n}.5,{n + 3}\n" for n in range(40))
    timed = "t\tx\ty\tdur\n" + "".join(f"{n * 0.04:.3f}\t{n}\t{n}\t0.1\n" for n in range(40))
    columns = {"time": "t", "duration": "dur"}
    raw = {
        f"{bids.STEM}_physio.tsv.gz": gzip.compress(bids.SAMPLES.encode(), mtime=0),
        f"{bids.STEM}_physio.json": json.dumps(bids.PHYSIO),
        f"{bids.STEM}_physioevents.tsv.gz": gzip.compress(bids.EVENTS.encode(), mtime=0),
        f"{bids.STEM}_physioevents.json": json.dumps(bids.PHYSIOEVENTS),
        "task-visualSearch_events.json": json.dumps(bids.TASK),
    }
    return {
        "csv": ({"gaze.csv": table}, {}),
        "tsv": ({"gaze.tsv": timed}, {"columns": columns}),
        "plain": ({"gaze.txt": "1 5 6\n2 6 7\n3 7 8\n" * 9}, {"frame_base": 1}),
        "eyelink": ({"gaze.asc": eyelink.MONOCULAR}, {"format": "eyelink", **screen}),
        "eyelink_both": ({"gaze.asc": eyelink.BINOCULAR}, {"format": "eyelink", **screen}),
        "tobii": (
            {"gaze.tsv": tobii.STUDIO},
            {"format": "tobii", "screen": [1920, 1080], **screen},
        ),
        "smi": ({"gaze.txt": smi.RAW}, {"format": "smi", **screen}),
        "smi_events": ({"gaze.txt": smi.EVENTS}, {"format": "smi", **screen}),
        "pupil": ({"gaze.csv": pupil.GAZE}, {"format": "pupil_labs", "size": [320, 240]}),
        "pupil_cloud": ({"gaze.csv": pupil.CLOUD}, {"format": "pupil_labs", "space": "video"}),
        "bids": (raw, {"format": "bids", **screen}),
        "coord": ({"gaze.coord": gazecom.COORD}, {"format": "gazecom"}),
        "arff": ({"gaze.arff": gazecom.WORDS}, {"format": "gazecom"}),
    }


def _use_gaze(name: str, keywords: dict, place: Path, out: Path) -> None:
    """Read a recording, and write it as a tidy table."""
    from vidsal import fixations

    given = {"video_size": [320, 240], "fps": 25.0, "num_frames": 100} | keywords
    table = fixations.read(place / name, **given)
    if not np.isfinite(table[["x", "y"]].to_numpy(float)).all() or len(table) > 10**7:
        raise RuntimeError("the table holds what it may not hold")
    fixations.write(table, out / "gaze.parquet")


def _gaze_maps(folder: Path) -> list[Sample]:
    import cv2
    from scipy.io import savemat

    pictures, matlab = folder / "maps_png", folder / "maps_mat"
    for place in (pictures, matlab):
        place.mkdir()
    for number in range(1, 5):
        points = np.zeros((24, 32), np.uint8)
        points[number, 2 * number] = 255
        cv2.imwrite(str(pictures / f"{number:04d}.png"), points)
        savemat(matlab / f"{number:04d}.mat", {"I": points})
    keywords = {"format": "fixation_maps"}
    return [
        Sample(place.name, place, partial(_use_gaze, "", keywords)) for place in (pictures, matlab)
    ]


def _sheets(folder: Path) -> list[Sample]:
    place = folder / "sheet"
    place.mkdir()
    lines = "".join(f"v{n}\tvideos/v{n}.mp4\ttest\ta\t{n}\t{n + 9}\t\n" for n in range(20))
    header = "video\tpath\tsplit\tlabel\tstart\tend\tfixations\n"
    (place / "sheet.tsv").write_text(header + lines)
    return [Sample("sheet", place, _use_sheet)]


def _use_sheet(place: Path, out: Path) -> None:
    """Read a sample sheet as a dataset, cut it into shards, and write it."""
    from vidsal import sheets
    from vidsal.datasets.folder import folder

    table = folder(str(place), table=str(place / "sheet.tsv"))
    for shard in sheets.shards(table, 4):
        sheets.write(sheets.rows(table, shard), out / f"{shard}.tsv")


def _configs(folder: Path) -> list[Sample]:
    place = folder / "config"
    place.mkdir()
    (place / "config.yaml").write_bytes((ROOT / "config.yaml").read_bytes())
    return [Sample("config", place, _use_config)]


def _use_config(place: Path, out: Path) -> None:
    """Check a config; Snakemake itself refuses what is no YAML."""
    from vidsal import config as settings
    from vidsal.errors import InputError

    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    try:
        config = yaml.safe_load((place / "config.yaml").read_bytes())
    except (yaml.YAMLError, ValueError):
        return
    if not isinstance(config, dict):
        return
    try:
        settings.check(config, schema)
    except InputError as error:
        # All problems at once: only the first sentences are looked at.
        raise InputError(str(error)[:1000]) from error


def _archives(folder: Path) -> list[Sample]:
    made: list[Sample] = []
    for name, write in (("archive.zip", _zip), ("archive.tar", _tar), ("archive.tar.gz", _tar)):
        place = folder / name.replace(".", "_")
        place.mkdir()
        write(place / name)
        made.append(Sample(name, place, partial(_use_archive, name)))
    return made


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(5):
            file.writestr(f"folder/{number}.txt", f"text {number}\n" * 50)


def _tar(path: Path) -> None:
    import io

    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as file:
        for number in range(5):
            data = f"text {number}\n".encode() * 50
            entry = tarfile.TarInfo(f"folder/{number}.txt")
            entry.size = len(data)
            file.addfile(entry, io.BytesIO(data))


def _use_archive(name: str, place: Path, out: Path) -> None:
    """Unpack an archive."""
    from vidsal import unpacking

    unpacking.unpack(place / name, out / "unpacked")
