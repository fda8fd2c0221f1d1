"""Predict gaze on the videos of a shard."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import predicting

    shard = predicting.Shard(
        run.config,
        run.wildcards.dataset,
        run.wildcards.shard,
        run.input.rows,
        run.input.frames,
        run.output.heatmaps,
        run.output.failures,
    )
    predicting.gaze_shard(shard, run.wildcards.model, run.input.weights or None)
