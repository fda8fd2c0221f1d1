"""Put the weights that a model names in place."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import config, obtaining

    name = run.wildcards.model
    room = "models" if name in run.config["run"]["models"] else "gaze"
    own = config.choice(run.config, room, name)
    obtaining.fetch(run.config, own, Path(run.output.weights), Path(run.output.sources))
