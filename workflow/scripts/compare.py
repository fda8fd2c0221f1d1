"""Test which maps differ, rank them, and write the tables that go into a paper."""

from vidsal.jobs import job

with job(snakemake) as run:
    import pandas as pd

    from vidsal import comparing, directions, pasting

    found, out = run.input, run.output
    comparing.write_comparisons(run.config, found.scores, found.predictions, found.rows, out)
    pasting.write_tables(
        pd.read_csv(found.summary, sep="\t"),
        pd.read_csv(out.tests, sep="\t"),
        out.pasted,
        lower=directions.lower_is_better(run.config),
        ceilings=directions.ceilings(run.config),
    )
