"""Measure the big figures, each into benchmarks/results/NAME.json with commit, machine and seed.

python benchmarks/prove.py            everything (hours on two cores)
python benchmarks/prove.py kills      one of those at the end of this file
"""

from __future__ import annotations

import json
import logging
import os
import platform
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow"), str(ROOT / "benchmarks")]

import cost  # noqa: E402 - beside this file
import lag  # noqa: E402

from tests.workflow.project import SMALL, Project, environment, make_project  # noqa: E402
from tests.workflow.states import differences, digests, jobs_of  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
log = logging.getLogger("prove")


def project(config: dict | None = None) -> Project:
    """Return a fresh copy of the workflow; the demo when no config is given."""
    folder = Path(tempfile.mkdtemp(prefix="vidsal-prove-"))
    return make_project(ROOT, folder, config or {})


def timed(made: Project, *arguments: str) -> dict[str, float]:
    """Run and return wall seconds, CPU seconds and the largest resident set in MB."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    made.run(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "wall_s": round(time.monotonic() - start, 1),
        "cpu_s": round(cpu, 1),
        "max_rss_mb": round(after.ru_maxrss / 1024),
    }


def demo() -> dict:
    """The demo from scratch: cost by rule, a second run, a dry run, what the tables say."""
    made = project()
    first = timed(made)
    table = cost.costs(made.folder / "benchmarks/runs").round(1)
    second, dry = timed(made), timed(made, "-n")
    tables = made.folder / "results/synthetic/tables"
    return {
        "build": first,
        "cpu_s_by_rule": table["cpu"].to_dict(),
        "cpu_s_of_benchmark_files": round(float(table["cpu"].sum()), 1),
        "second_run": second,
        "dry_run_when_done": dry,
        "dry_run_before": timed(project(), "-n"),
        "accuracy": pd.read_csv(tables / "accuracy.tsv", sep="\t").to_dict("records"),
        "relevance_mass": relevance(tables / "summary.tsv"),
    }


def relevance(path: Path) -> list[dict]:
    """Return the rows of relevance mass inside the body mask, frame by frame."""
    table = pd.read_csv(path, sep="\t")
    rows = table[(table["metric"] == "relevance_mass") & (table["aggregation"] == "frames")]
    kept = ["model", "method", "mean", "low", "high", "n"]
    return rows[kept].sort_values("mean", ascending=False).round(4).to_dict("records")


def seeds() -> dict:
    """Accuracy on the demo's unseen subjects for three seeds of training."""
    found = {}
    for seed in (0, 1, 2):
        made = project({"seed": seed})
        models = yaml.safe_load((ROOT / "config.yaml").read_text())["run"]["models"]
        pattern = "results/synthetic/predictions/{}/test-000of001.parquet"
        made.run(*(pattern.format(model) for model in models))
        for model in models:
            table = pd.read_parquet(made.folder / pattern.format(model))
            found[f"{model} seed {seed}"] = {
                "accuracy": round(float(table["correct"].mean()), 4),
                "clips": len(table),
            }
        shutil.rmtree(made.folder)
    return found


SMALL_CLIPS = {"size": [48, 64], "length": 8, "stride": 4}
NETWORKS = {
    "cnn_lstm": {},
    "cnn_lstm_101": {"method": "cnn_lstm", "backbone": "resnet101"},
    "r3d_18": {},
    "mc3_18": {},
    "r2plus1d_18": {},
    "tsn": {},
    "mfnet_3d": {},
    "tsm": {"backbone": "resnet18"},
}


def networks(*names: str) -> dict:
    """Accuracy of every network on the demo's unseen subjects, trained from random weights."""
    found = {}
    for name in names or NETWORKS:
        config = {"run": {"models": [name]}, "models": {name: NETWORKS[name] | SMALL_CLIPS}}
        made = project(config)
        target = f"results/synthetic/predictions/{name}/test-000of001.parquet"
        cost = timed(made, target)
        table = pd.read_parquet(made.folder / target)
        found[name] = {
            "accuracy": round(float(table["correct"].mean()), 4),
            "clips": len(table),
            "cpu_s": cost["cpu_s"],
        }
        log.info("%s: %s", name, found[name])
        shutil.rmtree(made.folder)
    return found


def memorise() -> dict:
    """Every network that is not in NETWORKS learns eight clips by heart; see memorise.py."""
    import memorise as measurement  # the file beside this one; it limits this process to one thread

    return measurement.measured()


def rebuild() -> dict:
    """Two builds of the demo from scratch, byte by byte."""
    first, second = project(), project()
    first.run()
    second.run()
    a, b = digests(first), digests(second)
    return {"files": len(a), "different": differences(a, b)}


def kills(count: int = 40) -> dict:
    """Random kills of a job or of Snakemake itself, then the same command again."""
    reference = project(SMALL)
    reference.run()
    expected, seed = digests(reference), random.SystemRandom().randrange(10**6)
    draw, wrong, done = random.Random(seed), [], 0
    while done < count:
        made = project(SMALL)
        for _ in range(4):
            done += kill(made, draw)
        made.run()
        wrong += differences(expected, digests(made))
        shutil.rmtree(made.folder)
        log.info("%d kills, %d files differ", done, len(wrong))
    return {"seed": seed, "kills": done, "files": len(expected), "different": wrong}


def kill(made: Project, draw: random.Random) -> int:
    """Start a run, kill Snakemake or one of its jobs at random; return 1 if one was killed."""
    with (made.folder / "killed.log").open("w") as output:
        run = subprocess.Popen(
            made.command(), cwd=made.folder, env=environment(), stdout=output, stderr=output
        )
    time.sleep(draw.uniform(2, 25))
    if run.poll() is not None:
        return 0
    below = jobs_of(run.pid)
    victim = draw.choice([run.pid, below[-1]]) if below else run.pid
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        victim = 0
    run.wait()
    return int(bool(victim))


def large() -> dict:
    """A dry run on a sheet of 100,000 videos, 3 models, 8 methods, 256 videos per job."""
    methods = ["gradient", "input_x_gradient", "grad_cam", "grad_cam_per_frame"]
    methods += ["integrated_gradients", "occlusion", "smooth_grad", "ig_mean"]
    config = {
        "run": {
            "models": ["cnn_lstm", "r3d_18", "tsn"],
            "methods": methods,
            "gaze": [],
            "controls": ["centre"],
            "aggregations": ["mean"],
            "metrics": ["auc", "nss"],
        },
        "attribution": {"ig_mean": {"method": "integrated_gradients", "baseline": "mean"}},
        "sharding": {"videos_per_job": 256},
        "explain": {"every": 1},
    }
    config["run"]["datasets"] = ["large"]
    config["datasets"] = {"large": {"method": "folder", "table": "large.tsv"}}
    made = project(config)
    write_large_sheet(made.folder / "large.tsv", 100_000)
    return {"videos": 100_000} | timed(made, "-n", "--quiet", "rules")


def write_large_sheet(path: Path, count: int) -> None:
    """Write a sheet of many videos with gaze; a dry run never opens them."""
    names = [f"video{number:06d}" for number in range(count)]
    table = pd.DataFrame({"video": names, "split": "test", "label": "a"})
    table["path"] = "videos/" + table["video"] + ".mp4"
    table["fixations"] = "gaze/" + table["video"] + ".csv"
    table.loc[: count // 100, "split"] = "train"
    table.loc[: count // 200, "label"] = "b"
    table.to_csv(path, sep="\t", index=False)


def gaze() -> dict:
    """BasketballPass: every map against the gaze of 98 people; needs ../shared."""
    made = project(yaml.safe_load((ROOT / "configs/basketball.yaml").read_text()))
    (made.folder.parent / "shared").symlink_to(ROOT.parent / "shared")
    try:
        made.run()
    finally:
        (made.folder.parent / "shared").unlink()
    table = pd.read_csv(made.folder / "results/basketball/tables/summary.tsv", sep="\t")
    pivot = table.pivot_table("mean", ["aggregation", "model", "method"], "metric").round(3)
    folder = made.folder / "results/basketball/predictions/squeezenet"
    row = pd.read_parquet(next(folder.glob("*.parquet"))).iloc[0]
    return {
        "scores": {" ".join(index): values.to_dict() for index, values in pivot.iterrows()},
        "prediction": {"label": row["predicted"], "probability": round(row["probability"], 4)},
        "nss against lag": lag.measured(made.folder / "results/basketball"),
    }


def video() -> dict:
    """Decoding against a bare loop, clips from the cache against decoding: see video.py."""
    import video as measurement  # the file beside this one; it limits this process to one thread

    return measurement.measured()


def inputs(count: int = 10_000, at_once: int = 2) -> dict:
    """Spoilt inputs of every kind: how many were used, refused with a sentence, or went wrong."""
    seed, size = random.SystemRandom().randrange(10**6), count // at_once
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'workflow'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-W", "error", "-m", "tests.mutations", str(seed)]
    runs = [
        subprocess.Popen(
            [*command, str(first), str(first + size)],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        for first in range(0, count, size)
    ]
    texts = [run.communicate()[0].strip().splitlines() for run in runs]
    ended: Counter[str] = Counter()
    for lines in texts:
        for part in lines[-1].split(": ")[-1].split(", "):
            ended[part.split(" ")[1]] += int(part.split(" ")[0])
    wrong = [line for lines in texts for line in lines[:-1] if line.startswith("seed ")]
    return {"seed": seed, "cases": count, **ended, "what_went_wrong": wrong}


def attribution() -> dict:
    """What explaining costs in passes, against bare passes and other libraries: attribution.py."""
    import attribution as measurement  # the file beside this one; it sets one thread too

    return measurement.measured()


def gaze_models() -> dict:
    """What predicting gaze costs, against the bare network and a loop: gaze_models.py."""
    import gaze_models as measurement  # the file beside this one; it sets one thread too

    return measurement.measured()


# The last four limit what comes after them to one thread too.
PROOFS: dict[str, Callable[[], dict]] = {
    proof.__name__: proof
    for proof in (
        demo,
        seeds,
        networks,
        rebuild,
        large,
        gaze,
        kills,
        inputs,
        memorise,
        video,
        attribution,
        gaze_models,
    )
}


def main() -> None:
    """Run the proofs named on the command line, or all."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    names = sys.argv[1:] or list(PROOFS)
    unknown = sorted(set(names) - set(PROOFS))
    if unknown:
        sys.exit(f"prove: {', '.join(unknown)} unknown; take of {', '.join(PROOFS)}")
    for name in names:
        write(name, PROOFS[name]())


def write(name: str, found: dict) -> None:
    """Write one result with where and on what it was measured."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    about = {
        "commit": subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"about": about, name: found}, indent=1) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    log.info("%s: %s", name, text)


if __name__ == "__main__":
    main()
