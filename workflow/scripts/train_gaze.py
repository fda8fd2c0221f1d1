"""Train a predictor of gaze."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import fitting_gaze

    fitting_gaze.train(
        run.config,
        run.wildcards.model,
        run.input.rows,
        run.input.frames,
        run.input.fixations,
        Path(run.output.best).parent,
    )
