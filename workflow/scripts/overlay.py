"""Draw one video with all its maps."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import showing

    showing.film(
        run.config,
        run.wildcards.dataset,
        run.input.shown,
        run.params.shards,
        *(Path(path) for path in (run.output.film, run.output.atlas, run.output.clip)),
    )
