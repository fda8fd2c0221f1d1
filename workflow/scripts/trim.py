"""Trim the clips of a shard."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import preparing

    preparing.trim_shard(
        run.config,
        run.wildcards.dataset,
        run.input.rows,
        Path(run.output.clips),
        Path(run.output.health),
        run.output.failures,
    )
