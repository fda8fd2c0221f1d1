"""Gather the ceilings, and put scores between baseline and ceiling."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import ceiling_tables

    ceiling_tables.write_ceilings(
        run.input.scores,
        list(run.input.ceilings),
        Path(run.output.ceilings),
        Path(run.output.normalised),
        run.config["seed"],
    )
