"""Score the maps of a shard with the metrics that look at other videos."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import score_shards

    score_shards.score_against_dataset(
        run.config,
        run.params.names,
        run.input.saliency,
        run.input.fixations,
        run.input.everyone,
        run.output.scores,
    )
