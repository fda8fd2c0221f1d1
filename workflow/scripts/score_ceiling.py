"""Score people's gaze as a map of other people's gaze."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import ceiling_tables, sheets

    where = {key: run.wildcards[key] for key in ("dataset", "aggregation")}
    where["split"] = sheets.parse(run.wildcards.shard)[0]
    files = {key: run.input[key] for key in ("rows", "frames", "gaze", "everyone")}
    ceiling_tables.ceiling_shard(
        run.config, run.params.names, files, where, Path(run.output.scores)
    )
