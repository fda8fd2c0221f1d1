"""Gather scores, predictions, failures and the index of heatmaps into tables."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import tables

    found, out, seed = run.input, run.output, run.config["seed"]
    tables.write_scores([*found.scores, *found.against], out.scores, out.summary, seed)
    tables.write_accuracy(found.predictions, out.accuracy, out.classes, seed)
    tables.write_failures(found.failures, out.failures)
    tables.write_damaged(found.health, out.damaged)
    tables.write_dropped(found.dropped, [*found.scores, *found.against], out.dropped)
    tables.write_index(found.heatmaps, out.index)
