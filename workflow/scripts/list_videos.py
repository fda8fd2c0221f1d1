"""List the videos of a dataset."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import preparing

    preparing.list_videos(run.config, run.wildcards.dataset, run.output.sheet)
