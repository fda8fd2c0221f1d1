"""Draw the figures of one metric: means with intervals, and scores over time."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    import pandas as pd

    from vidsal import curves, directions, plotting

    metric, out = run.wildcards.metric, run.output
    look = {
        "lower_is_better": directions.lower_is_better(run.config),
        "ceilings": directions.ceilings(run.config),
    }
    summary = pd.read_csv(run.input.summary, sep="\t")
    plotting.metric_figure(summary, metric, Path(out.svg).with_suffix(""), **look)
    frames = pd.read_parquet(run.input.frames, filters=[("metric", "==", metric)])
    seed = run.config["seed"]
    curves.curve_figure(frames, metric, Path(out.curves).with_suffix(""), seed=seed, **look)
