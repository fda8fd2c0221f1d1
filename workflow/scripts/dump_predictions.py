"""Write a model's predictions as a pickle that users of mmaction2 know."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import dumping

    arrays = run.config["classify"]["dump"]
    dumping.write_dump(run.input.predictions, run.output.dump, arrays)
