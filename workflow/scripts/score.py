"""Score the maps of a shard against its own gaze and masks."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import score_shards

    score_shards.score_shard(
        run.config,
        run.params.names,
        run.input.saliency,
        run.input.fixations,
        run.input.masks,
        run.output.scores,
    )
