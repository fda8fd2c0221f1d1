# From tables and maps to things to look at.
# INPUTS:  results/{dataset}/tables/*.tsv, heatmaps, frames, gaze
# OUTPUTS: results/{dataset}/figures/{metric}.svg, figures/over_time/{metric}.svg,
#          figures/training/{model}.svg, figures/confusion/{model}.svg, methods.md, references.bib,
#          overlays/{slot}.mp4, pictures/,
#          features/{model}/{slot}.png, page.html


rule choose_video:
    """Choose the video of one slot; the table names it and the digests of its maps."""
    input:
        index="results/{dataset}/heatmaps.tsv",
        scores="results/{dataset}/tables/scores.parquet",
    output:
        shown="results/{dataset}/shown/{slot}.tsv",
    log:
        "logs/{dataset}/choose_video/{slot}.log",
    benchmark:
        "benchmarks/runs/{dataset}/choose_video/{slot}.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("choosing"),
        options=show("videos", "pick"),
    script:
        "../scripts/choose_video.py"


rule overlay:
    """Draw one video with all its maps: an overlay film, and the atlas that the page plays."""
    input:
        shown="results/{dataset}/shown/{slot}.tsv",
        scores="results/{dataset}/tables/scores.parquet",
        accuracy="results/{dataset}/tables/accuracy.tsv",
    output:
        film=report(
            "results/{dataset}/overlays/{slot}.mp4",
            caption="../report/overlay.rst",
            category="{dataset}",
            subcategory="overlays",
            labels={"slot": "{slot}"},
        ),
        atlas="results/{dataset}/atlas/{slot}.mp4",
        clip="results/{dataset}/atlas/{slot}.json",
    log:
        "logs/{dataset}/overlay/{slot}.log",
    benchmark:
        "benchmarks/runs/{dataset}/overlay/{slot}.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        code=code("showing"),
        options=options("explain", "run"),
        look=show("colormap"),
        shards=split_shards,
    script:
        "../scripts/overlay.py"


rule draw_pictures:
    """Draw the shown videos with each of their maps: panels, dimmed frames, films, ..."""
    input:
        shown=slot_files("results/{dataset}/shown/{slot}.tsv"),
        clips=slot_files("results/{dataset}/atlas/{slot}.json"),
    output:
        folder=directory("results/{dataset}/pictures"),
    log:
        "logs/{dataset}/draw_pictures.log",
    benchmark:
        "benchmarks/runs/{dataset}/draw_pictures.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        code=code("picturing"),
        options=show("colormap", "pictures"),
        shards=split_shards,
    script:
        "../scripts/draw_pictures.py"


rule draw_features:
    """Draw which features of a frame-wise network move its score, and when."""
    input:
        shown="results/{dataset}/shown/{slot}.tsv",
        accuracy="results/{dataset}/tables/accuracy.tsv",
        weights=weights_of,
    output:
        picture="results/{dataset}/features/{model}/{slot}.png",
    log:
        "logs/{dataset}/draw_features/{model}/{slot}.log",
    benchmark:
        "benchmarks/runs/{dataset}/draw_features/{model}/{slot}.tsv"
    wildcard_constraints:
        model=alternatives(*RUN["models"]),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        code=code("feature_pictures", models="model"),
        options=options("numerics", "explain", models="model"),
        shards=split_shards,
    script:
        "../scripts/draw_features.py"


rule plot:
    """Draw one metric: every map with its interval, controls apart; and over time."""
    input:
        summary="results/{dataset}/tables/summary.tsv",
        frames="results/{dataset}/tables/frames.parquet",
    output:
        svg=report(
            "results/{dataset}/figures/{metric}.svg",
            caption="../report/figure.rst",
            category="{dataset}",
            subcategory="figures",
            labels={"metric": "{metric}"},
        ),
        png="results/{dataset}/figures/{metric}.png",
        table="results/{dataset}/figures/{metric}.csv",
        curves=report(
            "results/{dataset}/figures/over_time/{metric}.svg",
            caption="../report/over_time.rst",
            category="{dataset}",
            subcategory="figures",
            labels={"metric": "{metric} over time"},
        ),
        curves_png="results/{dataset}/figures/over_time/{metric}.png",
        curves_table="results/{dataset}/figures/over_time/{metric}.csv",
    log:
        "logs/{dataset}/plot/{metric}.log",
    benchmark:
        "benchmarks/runs/{dataset}/plot/{metric}.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("plotting", "curves"),
        options=options("seed"),
        stated=stated_directions,
    script:
        "../scripts/plot.py"


rule plot_history:
    """Draw the training curves of one model, with the epoch that is kept."""
    input:
        history="results/{dataset}/models/{model}/history.csv",
    output:
        svg=report(
            "results/{dataset}/figures/training/{model}.svg",
            caption="../report/training.rst",
            category="{dataset}",
            subcategory="training",
            labels={"model": "{model}", "what": "curves"},
        ),
        png="results/{dataset}/figures/training/{model}.png",
    log:
        "logs/{dataset}/plot_history/{model}.log",
    benchmark:
        "benchmarks/runs/{dataset}/plot_history/{model}.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("plotting"),
    script:
        "../scripts/plot_history.py"


rule plot_confusion:
    """Draw what a model took the labelled videos of the explained split for."""
    input:
        predictions=predictions_of_model,
    output:
        svg=report(
            "results/{dataset}/figures/confusion/{model}.svg",
            caption="../report/confusion.rst",
            category="{dataset}",
            subcategory="confusion",
            labels={"model": "{model}"},
        ),
        png="results/{dataset}/figures/confusion/{model}.png",
        table="results/{dataset}/figures/confusion/{model}.csv",
    log:
        "logs/{dataset}/plot_confusion/{model}.log",
    benchmark:
        "benchmarks/runs/{dataset}/plot_confusion/{model}.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("plotting"),
    script:
        "../scripts/plot_confusion.py"


rule viewer:
    """Write the page: films, maps, gaze and tables on one clock, in one file."""
    input:
        clips=slot_files("results/{dataset}/atlas/{slot}.json"),
        atlases=slot_files("results/{dataset}/atlas/{slot}.mp4"),
        films=slot_files("results/{dataset}/overlays/{slot}.mp4"),
        figures=figures_of,
        of_models=figures_of_models,
        summary="results/{dataset}/tables/summary.tsv",
        accuracy="results/{dataset}/tables/accuracy.tsv",
        failures="results/{dataset}/tables/failures.tsv",
        damaged="results/{dataset}/tables/damaged.tsv",
        dropped="results/{dataset}/tables/dropped_gaze.tsv",
    output:
        page=report(
            "results/{dataset}/page.html",
            caption="../report/page.rst",
            category="{dataset}",
            subcategory="page",
            labels={"what": "page"},
        ),
    log:
        "logs/{dataset}/viewer.log",
    benchmark:
        "benchmarks/runs/{dataset}/viewer.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        code=code("showing"),
        page=registry.content("viewer", "*.j2", "*.js", "*.css"),
        options=settings.digest(settings.resolved(config)),
    script:
        "../scripts/viewer.py"


rule write_config:
    """Write down every option as it was used, defaults included."""
    output:
        resolved="results/{dataset}/config.resolved.yaml",
    log:
        "logs/{dataset}/write_config.log",
    benchmark:
        "benchmarks/runs/{dataset}/write_config.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        options=settings.digest(settings.resolved(config)),
    script:
        "../scripts/write_config.py"


rule write_methods:
    """Write the methods section of a paper and its references, from the configuration."""
    input:
        index="results/{dataset}/heatmaps.tsv",
        summary="results/{dataset}/tables/summary.tsv",
        accuracy="results/{dataset}/tables/accuracy.tsv",
    output:
        methods="results/{dataset}/methods.md",
        references="results/{dataset}/references.bib",
    log:
        "logs/{dataset}/write_methods.log",
    benchmark:
        "benchmarks/runs/{dataset}/write_methods.tsv"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("describing"),
        options=settings.digest(settings.resolved(config)),
        docs=docstrings,
    script:
        "../scripts/write_methods.py"
