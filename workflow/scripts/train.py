"""Train a classifier."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import fitting

    fitting.train(
        run.config,
        run.wildcards.model,
        run.input.rows,
        run.input.frames,
        Path(run.output.best).parent,
    )
