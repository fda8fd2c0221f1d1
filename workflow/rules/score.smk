# From saliency maps, gaze and masks to tables.
# INPUTS:  results/{dataset}/saliency/.../{shard}.h5, fixations and masks of the same videos
# OUTPUTS: results/{dataset}/saliency/.../{shard}.scores.parquet, .against_dataset.parquet
#          results/{dataset}/tables/*.tsv, results/{dataset}/heatmaps.tsv


def gaze_of(wildcards):
    if not has(wildcards.dataset, "fixations"):
        return []
    return from_coarse("results/{dataset}/fixations/{shard}.parquet")(wildcards)


def masks_of(wildcards):
    if not has(wildcards.dataset, "masks"):
        return []
    return from_coarse("results/{dataset}/masks/{shard}.h5")(wildcards)


def gaze_of_all(wildcards):
    return collect(
        "results/{dataset}/fixations/{shard}.parquet",
        dataset=wildcards.dataset,
        shard=explained_shards(wildcards.dataset),
    )


def is_scored(dataset):
    """Say whether there is anything to compare the maps with."""
    kinds = {"fixations", "density"} if has(dataset, "fixations") else set()
    kinds |= {"mask"} if has(dataset, "masks") else set()
    return any(needs(metric) & kinds for metric in METRICS_WITHIN)


def per_map(dataset, pattern):
    """Return a file for each map of a dataset, aggregation and shard."""
    return [
        pattern.format(
            dataset=dataset, model=model, method=method, aggregation=agg, shard=shard
        )
        for model, method in maps(dataset)
        for agg in RUN["aggregations"]
        for shard in explained_shards(dataset, method)
    ]


def scores_of_all(wildcards):
    if not is_scored(wildcards.dataset):
        return []
    return per_map(
        wildcards.dataset,
        "results/{dataset}/saliency/{model}/{method}/{aggregation}/{shard}.scores.parquet",
    )


def scores_against_of_all(wildcards):
    if not METRICS_ACROSS or not has(wildcards.dataset, "fixations"):
        return []
    return per_map(
        wildcards.dataset,
        "results/{dataset}/saliency/{model}/{method}/{aggregation}/{shard}.against_dataset.parquet",
    )


def heatmaps_of_dataset(wildcards):
    return [
        f"results/{wildcards.dataset}/heatmaps/{model}/{method}/{shard}.h5"
        for model, method in maps(wildcards.dataset)
        for shard in explained_shards(wildcards.dataset, method)
    ]


def predictions_of_all(wildcards):
    return collect(
        "results/{dataset}/predictions/{model}/{shard}.parquet",
        dataset=wildcards.dataset,
        model=RUN["models"],
        shard=explained_shards(wildcards.dataset),
    )


def failures_of_all(wildcards):
    dataset = wildcards.dataset
    per_shard = ["trimmed", "frames"]
    per_shard += ["fixations"] if has(dataset, "fixations") else []
    per_shard += ["masks"] if has(dataset, "masks") else []
    per_shard += [f"predictions/{model}" for model in RUN["models"]]
    found = collect(
        "results/{dataset}/{part}/{shard}.failures.tsv",
        dataset=dataset,
        part=per_shard,
        shard=explained_shards(dataset),
    )
    return found + [
        p.replace(".h5", ".failures.tsv") for p in heatmaps_of_dataset(wildcards)
    ]


def health_of_all(wildcards):
    return collect(
        "results/{dataset}/trimmed/{shard}.health.tsv",
        dataset=wildcards.dataset,
        shard=explained_shards(wildcards.dataset),
    )


def dropped_gaze_of_all(wildcards):
    if not has(wildcards.dataset, "fixations"):
        return []
    return collect(
        "results/{dataset}/fixations/{shard}.dropped.tsv",
        dataset=wildcards.dataset,
        shard=explained_shards(wildcards.dataset),
    )


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


rule score_against_dataset:
    """Score the maps of a shard with the metrics that look at the gaze on other videos."""
    input:
        saliency="results/{dataset}/saliency/{model}/{method}/{aggregation}/{shard}.h5",
        fixations=gaze_of_all,
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
        accuracy="results/{dataset}/tables/accuracy.tsv",
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
