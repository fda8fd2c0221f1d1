"""Read the gaze recordings of a shard."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import truth

    truth.gaze_shard(
        run.config,
        run.wildcards.dataset,
        run.input.rows,
        run.input.frames,
        Path(run.output.fixations),
        Path(run.output.histogram),
        run.output.dropped,
        run.output.failures,
    )
