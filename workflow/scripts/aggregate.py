"""Aggregate the heatmaps of a shard over time."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import aggregating

    aggregating.aggregate_shard(
        run.config, run.wildcards.aggregation, run.input.heatmaps, run.output.saliency
    )
