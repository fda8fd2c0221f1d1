"""Draw which features of a network move its score over time."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import feature_pictures

    names, found = run.wildcards, run.input
    feature_pictures.draw(
        run.config,
        names.dataset,
        names.model,
        Path(found.shown),
        Path(found.weights),
        run.params.shards,
        Path(run.output.picture),
    )
