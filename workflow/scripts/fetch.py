"""Put the files of a dataset in place."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import sources

    sources.fetch(run.config, run.wildcards.dataset, Path(run.output.sources))
