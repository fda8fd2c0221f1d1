"""Draw the training curves of one model."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    import pandas as pd

    from vidsal import plotting

    history = pd.read_csv(run.input.history)
    plotting.history_figure(history, Path(run.output.svg).with_suffix(""))
