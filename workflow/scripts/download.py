"""Put a shard's videos in place."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import preparing

    preparing.download(run.config, run.wildcards.dataset, run.wildcards.shard, run.output.rows)
