"""Fit mixed models of the scores of a dataset."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import mixed

    mixed.write_models(run.input.scores, run.output.models)
