"""Jobs: logs, errors in one sentence, an end with the parent, leased GPUs."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time

import pytest

from vidsal import jobs

SCRIPT = """
import os, sys, types
from vidsal.jobs import job
from vidsal.errors import InputError
numerics = {{"torch_threads": 3, "device": "cpu"}}
snakemake = types.SimpleNamespace(
    config={{"numerics": numerics}}, log=["{log}"], rule="explain", resources={{}}
)
with job(snakemake) as run:
    {body}
"""


def run_job(tmp_path, body, root):
    script = SCRIPT.format(log=tmp_path / "deep" / "job.log", body=body)
    env = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=env | {"PYTHONPATH": str(root / "workflow")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done, (tmp_path / "deep" / "job.log").read_text()


def test_output_and_tracebacks_go_to_the_log(tmp_path, root):
    done, log = run_job(tmp_path, "print('hello'); os.system('echo deep'); 1 / 0", root)
    assert done.returncode != 0
    assert "hello" in log
    assert "deep" in log
    assert "ZeroDivisionError" in log


def test_a_users_mistake_is_one_sentence_on_the_terminal(tmp_path, root):
    done, log = run_job(tmp_path, "raise InputError('a.mp4: it is empty; copy it again')", root)
    assert done.returncode == 1
    assert done.stderr == "explain: a.mp4: it is empty; copy it again\n"
    assert "Traceback" not in log


def test_threads_are_set_before_numpy(tmp_path, root):
    _, log = run_job(tmp_path, "print('threads', os.environ['OMP_NUM_THREADS'])", root)
    assert "threads 3" in log


def below(parent, root):
    """The environment of a job of this process."""
    return os.environ | {
        "PYTHONPATH": str(root / "workflow"),
        "VIDSAL_MAIN_PID": str(parent.pid),
        "VIDSAL_MAIN_PIDS": jobs.pid_namespace(),
    }


@pytest.mark.parametrize(("visible", "code"), [(True, 143), (False, 0)])
def test_a_job_whose_snakemake_is_gone_already_does_nothing(tmp_path, root, visible, code):
    parent = subprocess.Popen(["true"])
    parent.wait()
    script = SCRIPT.format(log=tmp_path / "job.log", body=f"open('{tmp_path}/made', 'w').close()")
    env = below(parent, root) | ({} if visible else {"VIDSAL_MAIN_PIDS": "pid:[another]"})
    child = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=env)
    assert child.returncode == code
    assert (tmp_path / "made").exists() != visible


def test_a_job_ends_with_its_snakemake(tmp_path, root):
    parent = subprocess.Popen(["sleep", "100"])
    body = "import time; time.sleep(60)"
    script = SCRIPT.format(log=tmp_path / "job.log", body=body)
    env = below(parent, root)
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], env=env)
    time.sleep(2)
    assert child.poll() is None
    parent.kill()
    parent.wait()
    assert child.wait(timeout=10) == 143


def test_a_job_that_answers_sigterm_may_keep_its_state_first(tmp_path, root):
    parent = subprocess.Popen(["sleep", "100"])
    lines = (
        "import signal, time",
        "signal.signal(signal.SIGTERM, lambda *_: open('kept', 'w').close() or sys.exit(130))",
        "open('ready', 'w').close()",
        "time.sleep(60)",
    )
    script = SCRIPT.format(log=tmp_path / "job.log", body="; ".join(lines))
    env = below(parent, root)
    command = [sys.executable, "-c", textwrap.dedent(script)]
    child = subprocess.Popen(command, env=env, cwd=tmp_path)
    while not (tmp_path / "ready").exists():
        time.sleep(0.05)
        assert child.poll() is None
    parent.kill()
    parent.wait()
    assert child.wait(timeout=10) == 130
    assert (tmp_path / "kept").exists()


def test_several_gpus_are_leased_together_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "gpus", lambda: [0, 1, 2])
    monkeypatch.setattr(jobs, "LEASES", [])
    monkeypatch.setattr(jobs.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    jobs.lease_gpu("auto", 2)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert jobs._lease_together(tmp_path / "vidsal-gpus", 2) == []
    # Nothing of the vain try stays leased.
    assert jobs._lease_together(tmp_path / "vidsal-gpus", 1) == [2]
    for lease in jobs.LEASES:
        lease.close()


def test_gpus_are_leased_one_each_and_only_when_nobody_chose(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "gpus", lambda: [0, 1])
    monkeypatch.setattr(jobs.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(jobs, "LEASES", [])
    seen = []
    for _ in range(2):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        jobs.lease_gpu("auto")
        seen.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert seen == ["0", "1"]
    assert not jobs._lease(tmp_path / "vidsal-gpus" / "0.lock")
    jobs.LEASES.pop(0).close()
    assert jobs._lease(tmp_path / "vidsal-gpus" / "0.lock")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    jobs.lease_gpu("auto")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7"
    for lease in jobs.LEASES:
        lease.close()


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_without_a_gpu_nothing_is_leased(device, monkeypatch):
    monkeypatch.setattr(jobs, "gpus", list)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    jobs.lease_gpu(device)
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    assert jobs.device_kind(device) == "cpu"
