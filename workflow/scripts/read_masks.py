"""Read the ground-truth masks of a shard."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import truth

    truth.masks_shard(
        run.config,
        run.wildcards.dataset,
        run.input.rows,
        run.input.frames,
        run.output.masks,
        run.output.failures,
    )
