"""What a dry run promises: quick, without torch, clear about mistakes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from snakemake import cli

from tests.workflow.project import SMALL, environment, make_project

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "configs").glob("*.yaml"))


def dry_run(root, *arguments, **more):
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", *arguments]
    env = environment() | more.pop("env", {})
    return subprocess.run(
        command, cwd=more.pop("cwd", root), env=env, capture_output=True, text=True, check=False
    )


def test_no_heavy_library_is_imported(root, tmp_path):
    for name in ("torch", "torchvision", "cv2", "av"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')\n")
    done = dry_run(root, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_ready_made_configs_run_nothing_of_the_demo(root, path):
    if "../shared" in path.read_text() and not (root.parent / "shared").is_dir():
        pytest.skip("needs ../shared (the real weights), which is not here")
    done = dry_run(root, "--configfile", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "synthetic" not in done.stdout + done.stderr


def test_all_mistakes_come_in_one_message_before_any_job(root, tmp_path):
    change = {"run": {**SMALL["run"], "methods": ["gradcam"]}, "vidoe": {"max_side": 3}}
    project = make_project(root, tmp_path, SMALL | change)
    text = project.run("-n", check=False)
    assert "key 'vidoe' is unknown; did you mean 'video'?" in text
    project = make_project(root, tmp_path / "b", SMALL | {"run": {**SMALL["run"], **change["run"]}})
    text = project.run("-n", check=False)
    assert "run.methods: 'gradcam' is not known; did you mean 'grad_cam'?" in text
    assert "Traceback" not in text


def test_a_users_own_room_joins(root, tmp_path):
    project = make_project(root, tmp_path, SMALL)
    folder = tmp_path / "my_rooms" / "attribution"
    folder.mkdir(parents=True)
    source = root / "workflow/vidsal/attribution/gradient.py"
    (folder / "mine.py").write_text(source.read_text().replace("def gradient(", "def mine("))
    project.change_config({"rooms": "my_rooms", "run": {"methods": ["mine"]}})
    assert project.planned()["explain"] >= 1


def test_a_large_sheet_is_warned_of(fresh):
    fresh.change_config(
        {
            "datasets": {"synthetic": {"subjects_test": 1500, "passes": 4}},
            "run": {"aggregations": ["mean", "maximum", "frames"]},
            "sharding": {"videos_per_job": 8},
        }
    )
    text = fresh.run("-n", "results/synthetic/config.resolved.yaml")
    assert "more than 50000" in text


def test_the_workflow_serves_as_a_module(root, tmp_path):
    (tmp_path / "Snakefile").write_text(
        'configfile: "small.yaml"\n\n\n'
        f'module vidsal:\n    snakefile: "{root}/workflow/Snakefile"\n'
        "    config: config\n\n\nuse rule * from vidsal as vidsal_*\n\n\n"
        "rule mine:\n    default_target: True\n    input:\n"
        '        "results/synthetic/tables/summary.tsv",\n'
    )
    base = yaml.safe_load((root / "config.yaml").read_text())
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(base))
    shutil.copytree(root / "profiles", tmp_path / "profiles")
    done = dry_run(root, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "vidsal_explain" in done.stdout + done.stderr


def effective(*arguments: str) -> dict[str, object]:
    """Return the arguments that Snakemake itself makes of a command line and its profiles."""
    _, parsed = cli.parse_args(["--cores", "2", *arguments])
    # This class of Snakemake's does not know when two of it are equal.
    return vars(parsed) | {"max_jobs_per_timespan": vars(parsed.max_jobs_per_timespan)}


def test_each_profile_is_complete_in_itself(root, monkeypatch):
    monkeypatch.chdir(root)
    here, cluster = effective(), effective("--workflow-profile", "profiles/slurm")
    for found in (here, cluster):
        assert found["scheduler"] == "greedy"
        assert found["rerun_incomplete"]
        assert found["keep_going"]
        assert found["nolock"]
        assert found["show_failed_logs"]
        triggers = {"CODE", "INPUT", "MTIME", "PARAMS", "SOFTWARE_ENV"}
        assert {trigger.name for trigger in found["rerun_triggers"]} == triggers
    differing = {name for name in here | cluster if here.get(name) != cluster.get(name)}
    assert differing == {
        *("executor", "jobs", "latency_wait", "retries", "default_resources"),
        *("slurm_partition_config", "workflow_profile"),
    }
    assert (here["executor"], cluster["executor"]) == (None, "slurm")
    assert (root / cluster["slurm_partition_config"]).is_file()
    resources = cluster["default_resources"]
    assert {name: resources[name].value for name in ("mem_mb", "runtime")} == {
        "mem_mb": 2000,
        "runtime": 60,
    }


def test_a_run_that_would_explain_nothing_is_refused(fresh):
    fresh.change_config({"explain": {"split": "tset"}})
    assert "explain.split: synthetic has no split 'tset'; did you mean 'test'?" in fresh.run(
        "-n", check=False
    )
    fresh.change_config({"explain": {"split": "test", "every": 10_000_000}})
    assert "leaves none of 4 videos of synthetic; lower it" in fresh.run("-n", check=False)
