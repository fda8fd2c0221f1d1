"""A folder of videos and gaze with everything that goes wrong: what the doctor says of it."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.video.conftest import encode
from vidsal import doctor, fixations, guessing, matching, sheets
from vidsal.datasets.folder import read_fixations
from vidsal.errors import InputError

FRAMES = 30


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three good videos, one cut off, one web page; gaze of three people with two faults."""
    place = tmp_path_factory.mktemp("study")
    (place / "videos").mkdir()
    (place / "gaze").mkdir()
    for name in ("walk_1", "walk_2", "run_1", "jump_1"):
        encode(place / "videos" / f"{name}.avi", "mpeg4", "yuv420p", count=FRAMES)
    cut = place / "videos" / "jump_1.avi"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 8 // 10])
    (place / "videos" / "page.mp4").write_bytes(b"<html>not found</html>")
    for name in ("walk_1", "walk_2", "run_1"):
        for subject in ("ann", "bob", "cy"):
            if (name, subject) != ("run_1", "bob"):
                length = FRAMES + 10 if (name, subject) == ("walk_2", "cy") else FRAMES
                write_gaze(place / "gaze" / f"{name}_{subject}.csv", length)
    write_gaze(place / "gaze" / "swim_7_ann.csv", 5)
    (place / "gaze" / "notes.txt").write_text("a fine day\nnothing else 1 2\n")
    return place


def write_gaze(path, length):
    rows = "".join(f"{n},{10 + n % 5},{20 + n % 7}\n" for n in range(length))
    path.write_text(f"frame,x,y\n{rows}")


@pytest.fixture(scope="module")
def report(study):
    return doctor.examine(study)


def test_what_can_be_used_is_in_the_sheet_with_its_gaze(report, study):
    sheet = report.sheet().set_index("video")
    assert list(sheet.index) == ["jump_1", "run_1", "walk_1", "walk_2"]
    assert sheet["fixations"]["walk_1"] == str(study / "gaze" / "walk_1_*.csv")
    assert sheet["fixations"]["jump_1"] == ""
    table = read_fixations(sheet["fixations"]["walk_1"])
    assert sorted(table["subject"].unique()) == ["ann", "bob", "cy"]
    assert len(table) == 3 * FRAMES


def test_faults_are_named_with_video_and_number(report):
    said = "\n".join(report.problems)
    assert "gaze/swim_7_ann.csv: names none of the videos" in said
    assert "without gaze: jump_1" in said
    assert f"walk_2: 10 of {3 * FRAMES + 10} rows of gaze lie past the end (frame 39" in said
    assert "subject bob is missing in run_1" in said
    assert "subject ann" not in said
    assert "notes.txt" not in said
    assert len(report.problems) == 4


def test_damage_and_refusals_are_in_the_text(report):
    said = doctor.text(report)
    assert "5 videos, 4 can be used" in said
    assert f"walk_1  {FRAMES} frames  25 fps" in said
    assert "jump_1: " in said.split("Damaged")[1].split("Cannot")[0]
    assert "it is a web page" in said


def test_nothing_is_written_into_the_folder(study):
    before = sorted((p, p.stat().st_mtime_ns) for p in study.rglob("*"))
    doctor.examine(study)
    assert sorted((p, p.stat().st_mtime_ns) for p in study.rglob("*")) == before


def test_the_command_writes_a_sheet_and_a_config_that_are_accepted(study, tmp_path, root):
    command = [sys.executable, "-m", "vidsal.doctor", str(study)]
    env = {"PYTHONPATH": str(root / "workflow"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(sheets.read(tmp_path / "videos.tsv")) == 4
    config = yaml.safe_load(done.stdout.split("A config that uses it:")[1])
    own = config["datasets"]["mine"]
    assert own["method"] == "folder"
    assert not fixations.problems(own["gaze"])
    assert config["run"]["models"] == []  # nothing of the demo is trained
    again = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert "table: videos-2.tsv" in again.stdout
    assert len(sheets.read(tmp_path / "videos-2.tsv")) == 4


@pytest.mark.parametrize(
    ("gaze", "said"),
    [({"skreen": [1, 2]}, "did you mean 'screen'|nearest: 'screen'"), ({"format": "x"}, "format")],
)
def test_unknown_keywords_are_refused_before_anything_is_read(study, gaze, said):
    with pytest.raises(InputError, match=said):
        doctor.examine(study, gaze)


def test_a_folder_that_is_not_there():
    with pytest.raises(InputError, match="no such folder"):
        doctor.examine("nowhere")


# Several videos in one file; several formats in one folder.


def films(place, *names):
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        encode(place / name, "mpeg4", "yuv420p", count=FRAMES)
    return place


def asc(messages, rate=1000):
    """Trials of 100 samples each: what is said of them -> an ASC file."""
    lines = ["** CONVERTED FROM a.edf", "MSG\t1 DISPLAY_COORDS 0 0 95 63"]
    for number, told in enumerate(messages):
        start = 10_000 * (number + 1)
        lines += [f"MSG\t{start - 1} {each}" for each in told]
        lines += [f"START\t{start}\tLEFT\tSAMPLES", f"SAMPLES\tGAZE\tLEFT\tRATE\t{rate}.00"]
        lines += [f"{start + n}\t  {10 + n % 7}.0\t  20.0\t  100.0\t..." for n in range(100)]
        lines += [f"END\t{start + 100}\tSAMPLES"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("subjects", [["s1"], ["s1", "s2"]])
def test_a_file_of_several_trials_is_opened_for_the_videos_that_it_names(tmp_path, subjects):
    films(tmp_path, "walk_1.avi", "run_1.avi", "jump_1.avi")
    for subject in subjects:
        trials = [["TRIALID run_1.avi"], ["TRIALID walk_1.avi"]]
        (tmp_path / f"{subject}.asc").write_text(asc(trials))
    report = doctor.examine(tmp_path, {"rect": "screen"})
    sheet = report.sheet().set_index("video")["fixations"]
    expected = str(tmp_path / ("s1.asc" if len(subjects) == 1 else "*.asc"))
    assert sheet.to_dict() == {"jump_1": "", "run_1": expected, "walk_1": expected}
    assert {each.video: set(each.table["x"]) for each in report.gaze}["walk_1"]
    assert [line for line in report.problems if "s1" in line] == []
    assert "without gaze: jump_1" in report.problems


def test_trials_that_name_no_video_are_told_with_the_message_that_does(tmp_path):
    films(tmp_path, "walk_1.avi", "run_1.avi")
    trials = [["TRIALID 1", "trial 1 film run_1.avi"], ["TRIALID 2", "trial 2 film walk_1.avi"]]
    (tmp_path / "s1.asc").write_text(asc(trials))
    (said,) = doctor.examine(tmp_path, {"rect": "screen"}).problems
    assert said.startswith("s1.asc: holds the gaze on '1', '2', none of the videos; perhaps")
    given = yaml.safe_load(said.split("GAZE='")[1].removesuffix("'"))
    assert given["rect"] == "screen"
    report = doctor.examine(tmp_path, given)
    assert {each.video for each in report.used()} == {"walk_1", "run_1"}
    assert report.problems == []


def test_a_format_that_is_named_leaves_the_files_of_others_alone(tmp_path):
    films(tmp_path, "walk_1.avi", "run_1.avi")
    for name in ("walk_1", "run_1"):
        (tmp_path / f"{name}.asc").write_text(asc([[]]))
        write_gaze(tmp_path / f"{name}.csv", FRAMES)
    (tmp_path / "walk_1_notes.txt").write_text("a fine day\n1 2 3\n")
    report = doctor.examine(tmp_path, {"format": "eyelink", "rect": "screen"})
    assert report.sheet()["fixations"].tolist() == [str(tmp_path / f"{n}.asc") for n in NAMED]
    assert report.problems == []


NAMED = ("run_1", "walk_1")


def test_of_several_formats_one_is_used_and_the_config_names_it(tmp_path):
    films(tmp_path, "walk_1.avi", "run_1.avi")
    (tmp_path / "walk_1.asc").write_text(asc([[]]))
    for name in NAMED:
        write_gaze(tmp_path / f"{name}.csv", FRAMES)
    report = doctor.examine(tmp_path, {"rect": "screen", "screen": [96, 64]})
    assert report.sheet()["fixations"].tolist() == [str(tmp_path / f"{n}.csv") for n in NAMED]
    assert any("formats eyelink, table, of which table is used" in p for p in report.problems)
    config = yaml.safe_load(doctor.snippet(report, Path("videos.tsv"), {}))
    assert config["datasets"]["mine"]["gaze"] == {"format": "table"}


def test_columns_with_other_names_are_proposed_and_the_proposal_works(tmp_path):
    films(tmp_path, "walk_1.avi")
    rows = "".join(f"{40 * n},{10 + n},20\n" for n in range(FRAMES))
    (tmp_path / "walk_1.csv").write_text(f"timestamp_ms,gaze_x,gaze_y\n{rows}")
    (each,) = doctor.examine(tmp_path).gaze
    assert each.table is None
    proposal = yaml.safe_load(each.refusal.split("GAZE='")[1].removesuffix("'"))
    columns = {"time": "timestamp_ms", "x": "gaze_x", "y": "gaze_y"}
    assert proposal == {"columns": columns, "time_unit": "ms"}
    (each,) = doctor.examine(tmp_path, proposal).gaze
    assert each.table["frame"].tolist() == list(range(FRAMES))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("TimeStamp;GazePointX [px];GazePointY [px];PupilX", "TimeStamp GazePointX_[px] -"),
        ("t(us),x,y", "t(us) x us"),
        ("timestamp [\u00b5s]\tx\ty", "timestamp_[\u00b5s] x us"),
        ("a,b,c", None),
        ("timestamp_ms,b,c", None),
        ("frame,x,y", None),
    ],
)
def test_columns_are_guessed_from_the_words_in_their_names(tmp_path, header, expected):
    (tmp_path / "a.csv").write_text(f"{header}\n1\t2\t3\n", encoding="utf-8")
    found = guessing.columns_of(tmp_path / "a.csv")
    if expected is None:
        assert found == {}
        return
    time, x, unit = (part.replace("_", " ") for part in expected.split(" "))
    assert found["columns"]["time"] == time
    assert found["columns"].get("x", "x") == x
    assert found.get("time_unit", "-") == unit


def test_names_keep_their_letters_and_get_folders_only_where_they_need_them(tmp_path):
    place = films(tmp_path, "a/M\u00e4dchen.avi", "a/clip.avi", "b/clip.avi", "b/stra\u00dfe 1.avi")
    write_gaze(place / "a" / "clip_ann.csv", FRAMES)
    write_gaze(place / "b" / "clip_ann.csv", FRAMES)
    # As macOS would spell it.
    write_gaze(place / unicodedata.normalize("NFD", "M\u00e4dchen_ann.csv"), FRAMES)
    report = doctor.examine(place)
    sheet = report.sheet().set_index("video")["fixations"]
    assert set(sheet.index) == {"Madchen", "a-clip", "b-clip", "strasse_1"}
    assert sheet["a-clip"] == str(place / "a" / "clip_ann.csv")
    assert sheet["b-clip"] == str(place / "b" / "clip_ann.csv")
    assert sheet["Madchen"].endswith("dchen_ann.csv")
    assert report.problems == ["without gaze: strasse_1"]


NAMES = {"walk_1": "walk_1", "walk_10": "walk_10", "v": "v"}


@pytest.mark.parametrize(
    ("path", "video"),
    [
        ("walk_10_p1.csv", "walk_10"),
        ("p1/walk_1.csv", "walk_1"),
        ("WALK_1.asc", "walk_1"),
        ("walk_1/p1.csv", "walk_1"),
        ("v-walk_1.csv", "walk_1"),
        ("walk_11.csv", None),
        ("overview.csv", None),
    ],
)
def test_the_longest_name_that_stands_alone_is_meant(path, video):
    assert matching.video_of(Path(path), NAMES) == video


def test_a_pattern_means_exactly_its_files(tmp_path):
    paths = [tmp_path / f"clip_{name}.csv" for name in ("p1", "p2")]
    for path in [*paths, tmp_path / "clip2_p1.csv"]:
        path.write_text("")
    assert matching.pattern_of(paths) == str(tmp_path / "clip_*.csv")
    assert matching.pattern_of(paths[:1]) == str(paths[0])
    (tmp_path / "clip_p3.csv").write_text("")
    assert matching.pattern_of(paths) is None


def test_every_format_is_recognised_by_its_own_bytes(tmp_path):
    from tests.samples import recordings

    expected = {}
    for name, (files, keywords) in recordings().items():
        place = tmp_path / name
        place.mkdir()
        for file, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (place / file).write_bytes(data)
        first = place / next(iter(files))
        expected[name] = (matching.format_of(first), keywords.get("format", "table"))
    assert {n: f for n, (f, _) in expected.items()} == {n: f for n, (_, f) in expected.items()}


def test_a_table_without_numbers_is_no_gaze(tmp_path):
    path = tmp_path / "notes.csv"
    pd.DataFrame({"a": ["x", "y"], "b": ["u", "v"]}).to_csv(path)
    assert matching.format_of(path) is None
