# From saliency maps, gaze and masks to tables.
# INPUTS:  results/{dataset}/saliency/.../{shard}.h5, fixations and masks of the same videos
# OUTPUTS: results/{dataset}/saliency/.../{shard}.scores.parquet, .against_dataset.parquet
#          results/{dataset}/tables/*, results/{dataset}/heatmaps.tsv
#          results/{dataset}/fixations.parquet, fixations.json
#          by name alone: results/{dataset}/tables/ceilings.tsv, normalised.tsv, averages.tsv


rule score:
    """Score the maps of a shard against its own gaze and masks."""
    input:
        saliency="results/{dataset}/saliency/{model}/{method}/{aggregation}/{shard}.h5",
        fixations=gaze_of,
        masks=masks_of,
    output:
        scores="results/{dataset}/saliency/{model}/{method}/{aggregation}/{shard}.scores.parquet",
    log:
        "logs/{dataset}/score/{model}/{method}/{aggregation}/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/score/{model}/{method}/{aggregation}/{shard}.tsv"
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=3000,
        runtime=120,
    params:
        code=all_code("metrics", METRICS_WITHIN, "score_shards"),
        options=options("score"),
        metrics=all_options("metrics", METRICS_WITHIN),
        names=METRICS_WITHIN,
    script:
        "../scripts/score.py"


rule pool_gaze:
    """Add up where people looked on all videos, for the metrics that look at other videos."""
    input:
        histograms=histograms_of_all,
    output:
        histogram="results/{dataset}/fixations/histogram.npz",
    log:
        "logs/{dataset}/pool_gaze.log",
    benchmark:
        "benchmarks/runs/{dataset}/pool_gaze.tsv"
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        code=code("truth"),
    script:
        "../scripts/pool_gaze.py"


rule export_gaze:
    """Write the gaze on all explained videos as one table, and how it was read beside it."""
    input:
        fixations=gaze_of_all,
    output:
        fixations="results/{dataset}/fixations.parquet",
        geometry="results/{dataset}/fixations.json",
    log:
        "logs/{dataset}/export_gaze.log",
    benchmark:
        "benchmarks/runs/{dataset}/export_gaze.tsv"
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code("truth"),
    script:
        "../scripts/export_gaze.py"


rule score_against_dataset:
    """Score the maps of a shard with the metrics that look at the gaze on other videos."""
    input:
        saliency="results/{dataset}/saliency/{model}/{method}/{aggregation}/{shard}.h5",
        fixations=gaze_of,
        everyone="results/{dataset}/fixations/histogram.npz",
    output:
        scores="results/{dataset}/saliency/{model}/{method}/{aggregation}/{shard}.against_dataset.parquet",
    log:
        "logs/{dataset}/score_against_dataset/{model}/{method}/{aggregation}/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/score_against_dataset/{model}/{method}/{aggregation}/{shard}.tsv"
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=all_code("metrics", METRICS_ACROSS, "score_shards"),
        options=options("score"),
        metrics=all_options("metrics", METRICS_ACROSS),
        names=METRICS_ACROSS,
    script:
        "../scripts/score_against_dataset.py"


rule tabulate:
    """Gather all scores into tables, with bootstrap intervals over videos."""
    input:
        scores=scores_of_all,
        against=scores_against_of_all,
        heatmaps=heatmaps_of_dataset,
        predictions=predictions_of_all,
        failures=failures_of_all,
        health=health_of_all,
        dropped=dropped_gaze_of_all,
    output:
        summary="results/{dataset}/tables/summary.tsv",
        scores="results/{dataset}/tables/scores.parquet",
        text="results/{dataset}/tables/scores.tsv",
        frames="results/{dataset}/tables/frames.parquet",
        accuracy="results/{dataset}/tables/accuracy.tsv",
        classes="results/{dataset}/tables/classes.tsv",
        failures="results/{dataset}/tables/failures.tsv",
        damaged="results/{dataset}/tables/damaged.tsv",
        dropped="results/{dataset}/tables/dropped_gaze.tsv",
        index="results/{dataset}/heatmaps.tsv",
    log:
        "logs/{dataset}/tabulate.log",
    benchmark:
        "benchmarks/runs/{dataset}/tabulate.tsv"
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        code=code("tables"),
        options=options("seed"),
    script:
        "../scripts/tabulate.py"


rule compare:
    """Test which maps differ, rank them, and write the tables that go into a paper."""
    input:
        scores="results/{dataset}/tables/scores.parquet",
        summary="results/{dataset}/tables/summary.tsv",
        predictions=predictions_of_all,
        rows=rows_of_explained,
    output:
        tests="results/{dataset}/tables/tests.tsv",
        ranks="results/{dataset}/tables/ranks.tsv",
        overall="results/{dataset}/tables/overall.tsv",
        agreement="results/{dataset}/tables/agreement.tsv",
        groups="results/{dataset}/tables/groups.tsv",
        between="results/{dataset}/tables/between_groups.tsv",
        within="results/{dataset}/tables/within_groups.tsv",
        pasted=collect(
            "results/{{dataset}}/tables/scores_{aggregation}.{ending}",
            aggregation=RUN["aggregations"],
            ending=["tsv", "md", "tex", "html"],
        ),
    log:
        "logs/{dataset}/compare.log",
    benchmark:
        "benchmarks/runs/{dataset}/compare.tsv"
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code("comparing", "pasting"),
        options=options("seed", "tables"),
        stated=stated_directions,
    script:
        "../scripts/compare.py"


rule fit_mixed:
    """Fit mixed models of the scores, a random intercept for each video (needs statsmodels)."""
    input:
        scores="results/{dataset}/tables/scores.parquet",
    output:
        models="results/{dataset}/tables/mixed.tsv",
    log:
        "logs/{dataset}/fit_mixed.log",
    benchmark:
        "benchmarks/runs/{dataset}/fit_mixed.tsv"
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code("mixed"),
    script:
        "../scripts/fit_mixed.py"


rule score_ceiling:
    """Score people's gaze as a map of other people's gaze: the ceiling of every metric."""
    input:
        rows=from_coarse("results/{dataset}/videos/{shard}.tsv"),
        frames=from_coarse("results/{dataset}/frames/{shard}.h5"),
        gaze=from_coarse("results/{dataset}/fixations/{shard}.parquet"),
        everyone="results/{dataset}/fixations/histogram.npz",
    output:
        scores="results/{dataset}/ceilings/{aggregation}/{shard}.parquet",
    log:
        "logs/{dataset}/score_ceiling/{aggregation}/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/score_ceiling/{aggregation}/{shard}.tsv"
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=4000,
        runtime=480,
    params:
        code=all_code("metrics", METRICS_OF_GAZE, "ceiling_tables"),
        aggregation=code(aggregation="aggregation"),
        options=options("score", "seed", "explain", aggregation="aggregation"),
        metrics=all_options("metrics", METRICS_OF_GAZE),
        names=METRICS_OF_GAZE,
    script:
        "../scripts/score_ceiling.py"


rule tabulate_ceilings:
    """Gather the ceilings, and put all scores between baseline and ceiling."""
    input:
        scores="results/{dataset}/tables/scores.parquet",
        ceilings=ceilings_of_all,
    output:
        ceilings="results/{dataset}/tables/ceilings.tsv",
        normalised="results/{dataset}/tables/normalised.tsv",
    log:
        "logs/{dataset}/tabulate_ceilings.log",
    benchmark:
        "benchmarks/runs/{dataset}/tabulate_ceilings.tsv"
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code("ceiling_tables"),
        options=options("seed"),
    script:
        "../scripts/tabulate_ceilings.py"


rule average:
    """Average the scores of frames by every convention: per video, per frame, per fixation."""
    input:
        scores=scores_of_all,
        against=scores_against_of_all,
    output:
        averages="results/{dataset}/tables/averages.tsv",
    log:
        "logs/{dataset}/average.log",
    benchmark:
        "benchmarks/runs/{dataset}/average.tsv"
    conda:
        "../../envs/score.yaml"
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        code=code("averages"),
        options=options("seed"),
    script:
        "../scripts/average.py"
