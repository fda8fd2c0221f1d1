"""Put the weights that a model names in place."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import config, obtaining

    own = config.choice(run.config, "models", run.wildcards.model)
    obtaining.fetch(run.config, own, Path(run.output.weights), Path(run.output.sources))
