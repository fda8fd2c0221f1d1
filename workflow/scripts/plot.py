"""Draw the figure of one metric."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    import pandas as pd

    from vidsal import plotting

    summary = pd.read_csv(run.input.summary, sep="\t")
    stem = Path(run.output.svg).with_suffix("")
    plotting.metric_figure(summary, run.wildcards.metric, stem)
