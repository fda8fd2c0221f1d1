"""Write the methods section and its references."""

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import describing

    describing.write_methods(run.config, run.wildcards.dataset, run.input, run.output)
