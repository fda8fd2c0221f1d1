"""Add up where people looked on all videos."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import truth

    truth.pool(run.input.histograms, Path(run.output.histogram))
