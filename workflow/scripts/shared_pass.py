"""Make the maps that come from one forward and one backward pass."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import explaining

    names = run.wildcards
    shard = explaining.Shard(run.config, names.dataset, names.model, names.shard, run.input)
    explaining.shared_pass_shard(shard, Path(run.output.receipt))
