"""Decode the clips of a shard."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import preparing

    preparing.extract_shard(
        run.config,
        run.wildcards.dataset,
        run.input.rows,
        Path(run.input.clips),
        Path(run.output.frames),
        run.output.failures,
    )
