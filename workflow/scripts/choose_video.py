"""Choose the video of one slot."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import choosing

    found, slot = run.input, int(run.wildcards.slot)
    choosing.choose(run.config, slot, found.index, found.scores, Path(run.output.shown))
