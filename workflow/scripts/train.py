"""Train a classifier."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import fitting, model_folders

    folder = Path(run.output.best).parent
    fitting.train(
        run.config,
        run.wildcards.model,
        run.input.rows,
        run.input.frames,
        folder,
    )
    model_folders.describe(run.config, run.wildcards.dataset, run.wildcards.model, folder)
