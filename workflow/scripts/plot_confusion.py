"""Draw the confusion matrix of one model."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    import pandas as pd

    from vidsal import plotting

    predictions = pd.concat([pd.read_parquet(path) for path in run.input.predictions])
    stem = Path(run.output.svg).with_suffix("")
    plotting.confusion_figure(plotting.confusion(predictions), stem)
