"""Write the gaze on all explained videos as one table."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import truth

    truth.export_gaze(run.input.fixations, Path(run.output.fixations), Path(run.output.geometry))
