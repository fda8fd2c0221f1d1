"""Explain the videos of a shard with one method."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import explaining

    names = run.wildcards
    shard = explaining.Shard(run.config, names.dataset, names.model, names.shard, run.input)
    explaining.explain_shard(shard, names.method, run.output.heatmaps, run.output.failures)
