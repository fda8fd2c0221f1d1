"""The part cache and the stage runner: nothing made twice, nothing half made, failures apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pandas as pd
import pytest

from vidsal import parts, stage
from vidsal.errors import DamagedVideo, InputError

BROKEN = DamagedVideo("it is broken")
ROWS = [{"video": f"v{i}"} for i in range(5)]


def a_stage(folder, made, broken=(), error=BROKEN, version=1):
    def make(row, path):
        made.append(row["video"])
        if row["video"] in broken:
            raise error
        stage.write_json(path, [{"video": row["video"], "value": 0.1 + version}])

    cache = parts.Cache(folder / "cache", "test")
    return stage.Stage(
        "test", cache, lambda row: {**row, "version": version}, lambda: make, suffix=".json"
    )


def test_only_what_is_missing_is_made(tmp_path):
    made = []
    stage.run(a_stage(tmp_path, made), ROWS[:3])
    stage.run(a_stage(tmp_path, made), ROWS)
    assert made == ["v0", "v1", "v2", "v3", "v4"]


def test_prepare_is_not_called_when_nothing_is_missing(tmp_path):
    stage.run(a_stage(tmp_path, []), ROWS)
    again = a_stage(tmp_path, [])
    again.prepare = lambda: pytest.fail("torch would be imported")
    stage.run(again, ROWS)


def test_a_killed_job_loses_one_video(tmp_path):
    made = []
    with pytest.raises(KeyboardInterrupt):
        stage.run(a_stage(tmp_path, made, ["v3"], KeyboardInterrupt()), ROWS)
    assert not list((tmp_path / "cache").rglob(".*"))
    stage.run(a_stage(tmp_path, made), ROWS)
    assert made == ["v0", "v1", "v2", "v3", "v3", "v4"]


def test_packs_answer_after_the_single_parts_are_gone(tmp_path):
    made = []
    work = a_stage(tmp_path, made)
    keys, _ = stage.run(work, ROWS)
    stage.write_table(work, tmp_path / "a.parquet", keys, ["video", "value"])
    assert not list((tmp_path / "cache" / "parts").rglob("*.json"))
    again = a_stage(tmp_path, made)
    keys, _ = stage.run(again, ROWS[1:3])
    stage.write_table(again, tmp_path / "b.parquet", keys, ["video", "value"])
    assert len(made) == 5
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "b.parquet"),
        pd.read_parquet(tmp_path / "a.parquet").iloc[1:3].reset_index(drop=True),
    )


def test_a_deleted_result_is_no_longer_needed_by_the_cache(tmp_path):
    work = a_stage(tmp_path, [])
    keys, _ = stage.run(work, ROWS)
    stage.write_table(work, tmp_path / "a.parquet", keys, ["video", "value"])
    (tmp_path / "a.parquet").unlink()
    again = a_stage(tmp_path, [])
    again.prepare = lambda: pytest.fail("the pack is a hard link of its own")
    stage.run(again, ROWS)


def test_failures_are_listed_and_the_others_carry_on(tmp_path):
    keys, failures = stage.run(a_stage(tmp_path, [], ["v1"]), ROWS)
    assert list(keys) == ["v0", "v2", "v3", "v4"]
    assert failures == [{"video": "v1", "stage": "test", "reason": "it is broken"}]
    stage.write_failures(tmp_path / "f.tsv", failures, len(ROWS), limit=0.5)
    assert (tmp_path / "f.tsv").read_text() == "video\tstage\treason\nv1\ttest\tit is broken\n"


def test_too_many_failures_stop_the_job(tmp_path):
    _, failures = stage.run(a_stage(tmp_path, [], ["v0", "v1", "v2"]), ROWS)
    with pytest.raises(InputError, match="3 of 5 videos failed, more than max_failures"):
        stage.write_failures(tmp_path / "f.tsv", failures, len(ROWS), limit=0.5)


def test_an_unknown_error_is_a_failure_of_its_video_with_its_type(tmp_path):
    _, failures = stage.run(a_stage(tmp_path, [], ["v1"], ZeroDivisionError("oh")), ROWS)
    assert failures[0]["reason"] == "ZeroDivisionError: oh"


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), OSError("write failed: No space left on device")],
)
def test_a_full_disk_stops_the_job_in_one_sentence(tmp_path, error):
    with pytest.raises(InputError, match="the disk is full; free some space"):
        stage.run(a_stage(tmp_path, [], ["v1"], error), ROWS)


def test_keys_change_with_every_field_and_not_with_order():
    base = {"a": 1, "b": {"x": 0.1, "y": [1, 2]}}
    assert parts.key(**base) == parts.key(b={"y": [1, 2], "x": 0.1}, a=1)
    others = [{"a": 2}, {"a": "1"}, {"b": {"x": 0.1, "y": [2, 1]}}, {"c": None}]
    keys = {parts.key(**(base | other)) for other in others}
    assert len(keys | {parts.key(**base)}) == len(others) + 1


def test_clean_drops_the_oldest_that_no_result_links(tmp_path):
    cache = parts.Cache(tmp_path / "cache", "n")
    result = tmp_path / "result.h5"
    result.write_bytes(b"x" * 1000)
    cache.adopt(result, {"k" * 40: "v"})
    for name in ("aa", "bb"):
        with parts.replacing(cache.path(name * 20)) as path:
            path.write_bytes(b"y" * 500)
    assert parts.clean(tmp_path / "cache", limit_bytes=600) == 500
    assert cache.packed == {}
    assert parts.Cache(tmp_path / "cache", "n").find("k" * 40)


def test_clean_takes_a_clip_and_its_record_together(tmp_path):
    cache = parts.Cache(tmp_path, "trim")
    for suffix in (".mkv", ".json"):
        with parts.replacing(cache.path("k" * 40, suffix)) as path:
            path.write_bytes(b"x" * 100)
    linked = tmp_path / "result.mkv"
    linked.hardlink_to(cache.path("k" * 40, ".mkv"))
    assert parts.clean(tmp_path, limit_bytes=0) == 0
    linked.unlink()
    assert parts.clean(tmp_path, limit_bytes=0) == 200
    assert cache.find("k" * 40, ".json") is None


def test_pack_index_is_json(tmp_path):
    cache = parts.Cache(tmp_path, "n")
    result = tmp_path / "r.h5"
    result.write_bytes(b"x")
    cache.adopt(result, {"k": "v"})
    index = json.loads(next((tmp_path / "packs" / "n").glob("*.json")).read_text())
    assert index["keys"] == {"k": "v"}


KILLED = """
import os, pathlib, signal, sys
from vidsal import parts
with parts.replacing(pathlib.Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def hidden(folder: Path) -> set[str]:
    return {path.name for path in folder.glob(".*")}


def test_what_a_killed_process_left_goes_when_its_target_is_made_again(tmp_path, root):
    env = os.environ | {"PYTHONPATH": str(root / "workflow")}
    targets = [tmp_path / name for name in ("a.scores.parquet", "a.parquet", "b[1].h5")]
    for target in targets:
        subprocess.run([sys.executable, "-c", KILLED, str(target)], env=env, check=False)
    assert len(hidden(tmp_path)) == len(targets)
    for done, target in enumerate(targets, start=1):
        with parts.replacing(target) as temporary:
            temporary.write_text("whole")
        # That of another target stays, even where one name is the beginning of the other.
        assert len(hidden(tmp_path)) == len(targets) - done
        assert target.read_text() == "whole"


def test_temporary_files_of_the_living_and_of_other_machines_stay(tmp_path):
    target = tmp_path / "a.h5"
    other = tmp_path / f".a.{'0' * 8}{os.getpid():08x}{uuid.uuid4().hex[:16]}.h5"
    other.touch()
    with parts.replacing(target) as first:
        first.write_text("one")
        with parts.replacing(target) as second:
            second.write_text("two")
            assert hidden(tmp_path) == {first.name, second.name, other.name}
    assert target.read_text() == "one"
    assert hidden(tmp_path) == {other.name}
    os.utime(other, (0, 0))
    with parts.replacing(target) as third:
        third.write_text("three")
    assert hidden(tmp_path) == set()
