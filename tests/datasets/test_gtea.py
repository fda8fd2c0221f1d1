"""EGTEA Gaze+: sessions, their dish and cook, and the gaze in both versions of the export."""

from __future__ import annotations

import numpy as np
import pytest

from tests.datasets.trees import touch
from vidsal import sheets
from vidsal.datasets.gtea import gtea, read_fixations
from vidsal.errors import InputError
from vidsal.fixations import Clip

# github.com/imatge-upc/saliency-2018-videosalgan: frame_extraction/GTEA_extraction.py reads
# raw_videos/OP02-R07-Pizza.mp4 and writes frames/OP02-R07-Pizza/1.png;
# static_salgan/GTEA_scripts/produce_GTEA_gts.py reads gaze_data/<name>.txt.


@pytest.mark.parametrize("inner", ["gaze_data", "gaze_data/gaze_data"])
def test_a_row_is_a_session(tmp_path, inner, caplog):
    touch(tmp_path, "raw_videos/OP02-R07-Pizza.mp4", "raw_videos/P16-R03-BaconAndEggs.mp4")
    touch(tmp_path, f"{inner}/OP02-R07-Pizza.txt", "frames/P21-R06-GreekSalad/1.png")
    sheet = sheets.check(gtea(str(tmp_path)), "gtea").set_index("video")
    assert sheet.loc["OP02-R07-Pizza", ["path", "label", "subject", "fixations"]].tolist() == [
        str(tmp_path / "raw_videos/OP02-R07-Pizza.mp4"),
        "Pizza",
        "OP02",
        str(tmp_path / inner / "OP02-R07-Pizza.txt"),
    ]
    assert sheet["fps"].isna().to_dict() == {
        "P21-R06-GreekSalad": False,
        "OP02-R07-Pizza": True,
        "P16-R03-BaconAndEggs": True,
    }
    assert "sessions without gaze: P21-R06-GreekSalad, P16-R03-BaconAndEggs" in caplog.text


def test_what_is_wrong_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"no such folder; see SOURCES in datasets/gtea.py"):
        gtea(str(tmp_path / "none"))
    with pytest.raises(InputError, match="none of its videos is here"):
        gtea(str(tmp_path))


# gaze_io_sample.py (parse_gtea_gaze): 34 lines of header, then either 7 words (x, y, frame and
# event are words 4 to 7) or 26 (x, y are words 6 and 7, the last two a time code h:m:s:frame at 24
# frames per second and the event); "gaze resolution (default 1280*960)"; frames index from 0.
HEADER = "## [BeGaze]\n## Number of Samples:\t3\nTime\tType\tTrial\tX [px]\tY [px]\tFrame\tInfo\n"
OLD = [
    "1000\tSMP\t1\t640.5\t480.25\t0\tFixation",
    "1033\tSMP\t1\t641.5\t481.25\t0\tFixation",
    "1066\tSMP\t1\t100.0\t50.0\t1\tSaccade",
    "1099\tMSG\t1\t# Message: start",
    "1100\tSMP\t1\t0.00\t0.00\t2\tBlink",
    "1133\tSMP\t1\t0.00\t0.00\t2\t-",
    "1166\tSMP\t1\t1300.0\t20.0\t3\tFixation",
    "1199\tSMP\t1\tnan\t20.0\t3\tFixation",
    "1200\tSMP\t1",
]
NEW = "1 SMP 1 a b {x} {y} " + " ".join("z" * 17) + " {code} {event}"


def test_gaze_of_the_older_export(tmp_path):
    path = tmp_path / "OP01-R01-PastaSalad.txt"
    path.write_text(HEADER + "\n".join(OLD) + "\n")
    table = read_fixations(str(path))
    assert table[["subject", "frame", "x", "y", "event"]].to_numpy().tolist() == [
        ["0", 0, 640.5, 480.25, "fixation"],
        ["0", 0, 641.5, 481.25, "fixation"],
    ]
    assert table.attrs["dropped"] == {
        "malformed": 1,
        "not_a_number": 1,
        "blink": 1,
        "lost": 1,
        "outside_video": 1,
    }


def test_gaze_of_the_newer_export_on_smaller_frames(tmp_path):
    lines = [
        NEW.format(x=639.5, y=479.5, code="00:00:01:02", event="Fixation"),
        NEW.format(x=0.5, y=959.0, code="01:00:00:23", event="Fixation"),
        NEW.format(x=5, y=5, code="1:2:3", event="Fixation"),
    ]
    path = tmp_path / "P16-R03-BaconAndEggs.txt"
    path.write_text(HEADER + "\n".join(lines) + "\n")
    table = read_fixations(str(path), clip=Clip(size=(640, 480), fps=24.0))
    # (639.5 + 0.5) / 2 - 0.5 = 319.5; 1 s and 2 frames; an hour and 23 frames.
    assert table[["frame", "x", "y"]].to_numpy().tolist() == [
        [26, 319.5, 239.5],
        [3600 * 24 + 23, 0.0, 479.25],
    ]
    assert table.attrs["dropped"] == {"not_a_number": 1}


def test_what_is_no_gaze_is_one_sentence(tmp_path):
    path = tmp_path / "OP01-R01-PastaSalad.txt"
    path.write_text("frame x y\n1 2 3\n")
    with pytest.raises(InputError, match="no line of 7 or 26 words"):
        read_fixations(str(path))


def test_spoilt_bytes_end_in_rows_or_one_sentence(tmp_path):
    path = tmp_path / "OP01-R01-PastaSalad.txt"
    newer = NEW.format(x=1, y="1e400", code="9999999999:1:1:1", event="Fixation")
    good = (HEADER + "\n".join([*OLD, newer, OLD[0].replace("\t0\t", "\tinf\t")])).encode()
    rng = np.random.default_rng(0)
    ends = {"rows": 0, "refused": 0}
    for _ in range(300):
        data = bytearray(good[: rng.integers(1, len(good) + 1)])
        for place in rng.integers(0, len(data), 5):
            data[place] = rng.integers(0, 256)
        path.write_bytes(data)
        try:
            table = read_fixations(str(path))
        except InputError:
            ends["refused"] += 1
        else:
            assert table["x"].between(-0.5, 1279.5).all()
            assert (table["frame"] >= 0).all()
            ends["rows"] += 1
    assert min(ends.values()) > 10
