"""Average the scores of frames by every convention."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import averages

    paths = [*run.input.scores, *run.input.against]
    averages.write_averages(paths, run.output.averages, run.config["seed"])
