"""Draw the pictures of the shown videos."""

from pathlib import Path

from vidsal.jobs import job

with job(snakemake) as run:
    from vidsal import picturing

    out, count = Path(run.output.folder), run.params.shards
    out.mkdir(parents=True)
    for shown, clip in zip(run.input.shown, run.input.clips, strict=True):
        slot = out / Path(shown).stem
        picturing.draw(run.config, run.wildcards.dataset, count, Path(shown), Path(clip), slot)
