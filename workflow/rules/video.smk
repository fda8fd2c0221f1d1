# From videos to frames and truth.
# INPUT:   the videos that a dataset names
# OUTPUTS: results/{dataset}/sources.tsv              what was downloaded, or was there already
#          results/{dataset}/videos/{shard}.tsv        the rows of a shard, their videos in place
#          results/{dataset}/trimmed/{shard}/          lossless clips, and their health records
#          results/{dataset}/frames/{shard}.h5         frames on the canonical canvas
#          results/{dataset}/fixations/{shard}.parquet gaze, on the clip's clock, in source pixels
#          results/{dataset}/masks/{shard}.h5          ground-truth masks


rule fetch:
    """Download, check and unpack what a dataset's SOURCES name and the user has not put there."""
    output:
        sources="results/{dataset}/sources.tsv",
    log:
        "logs/{dataset}/fetch.log",
    benchmark:
        "benchmarks/runs/{dataset}/fetch.tsv"
    # Nodes of a cluster often reach no network: this runs where Snakemake runs.
    localrule: True
    conda:
        "../../envs/video.yaml"
    resources:
        mem_mb=2000,
        runtime=2880,
    params:
        code=code("sources"),
        sources=wanted_sources,
    script:
        "../scripts/fetch.py"


checkpoint list_videos:
    """List the videos of a dataset that must be looked at to know them."""
    input:
        sources=ancient(sources_of),
        folder=listed_folder,
    output:
        sheet="results/{dataset}/videos.tsv",
    log:
        "logs/{dataset}/list_videos.log",
    benchmark:
        "benchmarks/runs/{dataset}/list_videos.tsv"
    conda:
        "../../envs/video.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code("preparing", datasets="dataset"),
        options=options(datasets="dataset"),
        files=listing,
    script:
        "../scripts/list_videos.py"


rule download:
    """Put a shard's videos in place: render them, or see that they are there."""
    input:
        sources=ancient(sources_of),
    output:
        rows="results/{dataset}/videos/{shard}.tsv",
    log:
        "logs/{dataset}/download/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/download/{shard}.tsv"
    conda:
        "../../envs/video.yaml"
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        code=code("preparing", datasets="dataset"),
        rows=shard_rows_hash,
        files=file_stamps("path"),
    script:
        "../scripts/download.py"


rule trim:
    """Cut the clips out by frame number, lossless, with a health record for each video."""
    input:
        rows="results/{dataset}/videos/{shard}.tsv",
    output:
        clips=directory("results/{dataset}/trimmed/{shard}"),
        health="results/{dataset}/trimmed/{shard}.health.tsv",
        failures="results/{dataset}/trimmed/{shard}.failures.tsv",
    log:
        "logs/{dataset}/trim/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/trim/{shard}.tsv"
    conda:
        "../../envs/video.yaml"
    resources:
        mem_mb=3000,
        runtime=240,
    params:
        code=code("preparing", datasets="dataset"),
        options=options("video", "max_failures"),
        files=file_stamps("path"),
    script:
        "../scripts/trim.py"


rule extract_frames:
    """Decode the clips once, onto the canonical canvas."""
    input:
        rows="results/{dataset}/videos/{shard}.tsv",
        clips="results/{dataset}/trimmed/{shard}",
    output:
        frames="results/{dataset}/frames/{shard}.h5",
        failures="results/{dataset}/frames/{shard}.failures.tsv",
    log:
        "logs/{dataset}/extract_frames/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/extract_frames/{shard}.tsv"
    conda:
        "../../envs/video.yaml"
    resources:
        mem_mb=3000,
        runtime=240,
    params:
        code=code("preparing"),
        options=options("video", "max_failures"),
    script:
        "../scripts/extract_frames.py"


rule read_gaze:
    """Read gaze recordings into tidy tables; what had to be dropped is counted by reason."""
    input:
        rows="results/{dataset}/videos/{shard}.tsv",
        frames="results/{dataset}/frames/{shard}.h5",
    output:
        fixations="results/{dataset}/fixations/{shard}.parquet",
        histogram="results/{dataset}/fixations/{shard}.histogram.npz",
        dropped="results/{dataset}/fixations/{shard}.dropped.tsv",
        failures="results/{dataset}/fixations/{shard}.failures.tsv",
    log:
        "logs/{dataset}/read_gaze/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/read_gaze/{shard}.tsv"
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        code=gaze_code,
        options=options("max_failures"),
        reader=gaze_options,
        files=gaze_stamps,
    script:
        "../scripts/read_gaze.py"


rule read_masks:
    """Read ground-truth masks onto the clip's clock."""
    input:
        rows="results/{dataset}/videos/{shard}.tsv",
        frames="results/{dataset}/frames/{shard}.h5",
    output:
        masks="results/{dataset}/masks/{shard}.h5",
        failures="results/{dataset}/masks/{shard}.failures.tsv",
    log:
        "logs/{dataset}/read_masks/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/read_masks/{shard}.tsv"
    conda:
        "../../envs/video.yaml"
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        code=code("truth", datasets="dataset"),
        options=options("max_failures"),
        reader=reader_options,
        files=file_stamps("masks"),
    script:
        "../scripts/read_masks.py"
