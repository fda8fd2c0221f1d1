"""Kills, bad videos and two builds: the same command again works, and gives the same bytes."""

from __future__ import annotations

import fcntl
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import av
import numpy as np
import pytest

from tests.workflow.project import SMALL, environment, make_project
from tests.workflow.states import differences, digests, jobs_of

CONTROLS_ONLY = SMALL | {
    "run": {
        "datasets": ["mine"],
        "models": [],
        "methods": [],
        "gaze": [],
        "controls": ["centre", "random"],
        "aggregations": ["mean"],
        "metrics": ["nss", "s_auc"],
    },
    "datasets": {"mine": {"method": "folder", "table": "sheet.tsv", "gaze": {"columns": {}}}},
}


def test_two_builds_give_the_same_bytes(built, fresh):
    fresh.run()
    assert len(digests(built)) > 50
    assert differences(digests(built), digests(fresh)) == []


def start(project, *targets: str) -> subprocess.Popen:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(
        project.command(*targets), cwd=project.folder, env=environment(), **quiet
    )


@pytest.mark.parametrize("whom", ["snakemake", "job"])
def test_kill_9_and_the_same_command_again(built, fresh, whom):
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    run = start(fresh)
    time.sleep(random.Random(seed).uniform(4, 25))
    jobs = jobs_of(run.pid)
    victim = run.pid if whom == "snakemake" else (jobs or [run.pid])[-1]
    if run.poll() is None:
        os.kill(victim, signal.SIGKILL)
    run.wait(timeout=300)
    if whom == "snakemake":
        assert all(gone(job) for job in jobs), "orphans work on"
    fresh.run()
    assert differences(digests(built), digests(fresh)) == []


def gone(process: int) -> bool:
    """Wait for a process to end; say whether it did."""
    for _ in range(50):
        if not Path(f"/proc/{process}").exists() or " Z " in stat_of(process):
            return True
        time.sleep(0.1)
    return False


def stat_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return " Z "


def test_training_killed_between_epochs_ends_in_the_same_weights(built, fresh):
    target = "results/synthetic/models/cnn_lstm/best.pt"
    run = start(fresh, target)
    resume = fresh.folder / ".vidsal-cache" / "train"
    while run.poll() is None and not list(resume.glob("*/last.pt")):
        time.sleep(0.05)
    killed = run.poll() is None
    for job in [run.pid, *jobs_of(run.pid)]:
        os.kill(job, signal.SIGKILL)
    run.wait()
    fresh.run(target)
    assert killed, "the run was over before it could be killed"
    log = (fresh.folder / "logs/synthetic/train/cnn_lstm.log").read_text()
    assert "going on from" in log
    assert (fresh.folder / target).read_bytes() == (built.folder / target).read_bytes()


def test_a_second_run_in_the_same_folder_is_refused(project):
    project.change_config({"attribution": {"grad_cam": {"relu": False}}})
    with (project.folder / ".snakemake" / "vidsal.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        text = project.run(check=False)
    assert "another run works in this folder" in text
    assert "Traceback" not in text


# Bad input


def write_video(path: Path, frames: int = 12) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            picture = np.full((48, 64, 3), 10 * number % 256, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture)):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.sample_rate = 16000
        for packet in [*stream.encode(sound), *stream.encode()]:
            container.mux(packet)


@pytest.fixture
def bad_videos(root, tmp_path):
    """A folder with three good videos among five bad ones, and gaze with odd rows."""
    project = make_project(root, tmp_path, CONTROLS_ONLY)
    folder = project.folder
    for name in ("good", "better", "best", "truncated"):
        write_video(folder / f"{name}.avi", 40 if name == "truncated" else 12)
    whole = (folder / "truncated.avi").read_bytes()
    (folder / "truncated.avi").write_bytes(whole[: int(len(whole) * 0.6)])
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "page.mp4").write_text("<!DOCTYPE html><html><body>404</body></html>")
    write_sound(folder / "sound.mp4")
    names = ["good", "better", "best", "truncated", "empty", "page", "sound", "missing"]
    endings = {"good": "avi", "better": "avi", "best": "avi", "truncated": "avi"}
    gaze = ["subject,frame,x,y"] + [f"{s},{f},{30 + s},{20 + f}" for s in (0, 1) for f in range(12)]
    (folder / "good.csv").write_text("\n".join([*gaze, "0,3,5000,20", "0,4,nan,20"]) + "\n")
    (folder / "better.csv").write_text("\n".join(gaze) + "\n")
    (folder / "best.csv").write_text("subject,frame,x,y\n")
    rows = [
        f"{n}\t{n}.{endings.get(n, 'mp4')}\ttest\t{n + '.csv' if n[-4:] in GAZED else ''}"
        for n in names
    ]
    text = "\n".join(["video\tpath\tsplit\tfixations", *rows]) + "\n"
    (folder / "sheet.tsv").write_text(text)
    project.change_config({"max_failures": 0.9, "sharding": {"videos_per_job": 64}})
    return project


GAZED = ("good", "tter", "best")


def test_bad_videos_are_listed_and_cost_nothing_else(bad_videos):
    bad_videos.run()
    results = bad_videos.folder / "results/mine"
    failures = (results / "tables/failures.tsv").read_text()
    failed = {line.split("\t")[0]: line for line in failures.splitlines()[1:]}
    assert set(failed) == {"empty", "page", "sound", "missing"}
    for name, words in {
        "empty": ("empty.mp4", "byte"),
        "page": ("page.mp4", "web page"),
        "sound": ("sound.mp4", "no video"),
        "missing": ("missing.mp4", "no such file"),
    }.items():
        assert all(word.lower() in failed[name].lower() for word in words), failed[name]
        assert "Error:" not in failed[name]
    assert "truncated" in (results / "tables/damaged.tsv").read_text()
    index = (results / "heatmaps.tsv").read_text()
    assert all(f"\t{name}\t" in index for name in ("good", "better", "best", "truncated"))
    dropped = (results / "tables/dropped_gaze.tsv").read_text()
    assert "good\toutside_video\t1" in dropped
    assert "best\tvideo without fixations" in dropped
    page = (results / "page.html").read_text()
    assert "page.mp4" in page
    assert "truncated" in page


def test_a_damaged_video_is_dropped_when_asked(bad_videos):
    bad_videos.change_config({"video": {"on_damage": "drop"}})
    bad_videos.run("results/mine/trimmed/test-000of001.failures.tsv")
    text = (bad_videos.folder / "results/mine/trimmed/test-000of001.failures.tsv").read_text()
    assert "truncated" in text


def test_too_many_failures_stop_the_run_with_a_sentence(bad_videos):
    bad_videos.change_config({"max_failures": 0.2})
    text = bad_videos.run(check=False)
    assert "of 8 videos failed, more than max_failures (0.2) allows" in text


def test_missing_columns_of_a_users_table(bad_videos):
    sheet = bad_videos.folder / "sheet.tsv"
    sheet.write_text(sheet.read_text().replace("split", "spilt", 1))
    text = bad_videos.run("-n", check=False)
    assert "column 'spilt' is unknown; did you mean 'split'?" in text
    assert "Traceback" not in text


def test_a_full_disk_is_one_sentence_and_loses_nothing(bad_videos):
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    cache = bad_videos.folder / ".vidsal-cache"
    cache.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(cache)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount here: {mounted.stderr.decode().strip()}")
    try:
        text = bad_videos.run(check=False)
    finally:
        subprocess.run(["umount", "-l", str(cache)], check=True)
    sentence = r"^\w+: (\w+): the disk is full; free some space and run again$"
    assert re.findall(sentence, text, re.MULTILINE) == ["frames"]
    assert "Traceback" not in text
    assert "SIG" not in text
    bad_videos.run()
