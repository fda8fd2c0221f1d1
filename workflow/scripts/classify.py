"""Classify the videos of a shard."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import testing

    testing.classify_shard(
        run.config,
        run.wildcards.dataset,
        run.wildcards.model,
        run.input.rows,
        run.input.frames,
        run.input.weights,
        run.output.predictions,
        run.output.failures,
    )
