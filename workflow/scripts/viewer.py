"""Write the page."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import showing

    showing.write_page(run.config, run.wildcards.dataset, run.input, Path(run.output.page))
