"""Write down every option as it was used."""

from vidsal.jobs import job

with job(snakemake) as run:
    from pathlib import Path

    import yaml

    from vidsal import config as settings

    text = yaml.safe_dump(settings.resolved(run.config), sort_keys=True)
    Path(run.output.resolved).write_text(text, encoding="utf-8")
