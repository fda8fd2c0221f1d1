"""Make a control's maps."""

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
    predicting.control_shard(
        shard, run.wildcards.method, run.input.gaze or None, run.input.everyone or None
    )
