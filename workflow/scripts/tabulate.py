"""Gather scores, predictions, failures and the index of heatmaps into tables."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import tables

    found, out, seed = run.input, run.output, run.config["seed"]
    scores = [*found.scores, *found.against]
    tables.write_scores(scores, out.scores, out.text, out.summary, seed)
    tables.write_frames(scores, out.frames)
    tables.write_accuracy(found.predictions, out.accuracy, out.classes, seed)
    tables.write_failures(found.failures, out.failures)
    tables.write_damaged(found.health, out.damaged)
    tables.write_dropped(found.dropped, scores, out.dropped)
    tables.write_index(found.heatmaps, out.index)
