"""Write the maps of a shard in other formats."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import exchange

    wanted = run.config["export"]
    exchange.export_shard(run.input.heatmaps, run.output.folder, **wanted)
