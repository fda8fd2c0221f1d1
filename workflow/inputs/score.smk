# What the rules of rules/score.smk take: functions of wildcards for input and params. No rules here.


@signed
def gaze_of(wildcards):
    if not has(wildcards.dataset, "fixations"):
        return []
    return coarse_file("results/{dataset}/fixations/{shard}.parquet", wildcards)


@signed
def masks_of(wildcards):
    if not has(wildcards.dataset, "masks"):
        return []
    return coarse_file("results/{dataset}/masks/{shard}.h5", wildcards)


def gaze_of_all(wildcards):
    return collect(
        "results/{dataset}/fixations/{shard}.parquet",
        dataset=wildcards.dataset,
        shard=explained_shards(wildcards.dataset),
    )


def exported_gaze(wildcards):
    """The table of all gaze, for datasets that have any."""
    return [
        f"results/{dataset}/fixations.parquet"
        for dataset in RUN["datasets"]
        if has(dataset, "fixations")
    ]


def histograms_of_all(wildcards):
    return collect(
        "results/{dataset}/fixations/{shard}.histogram.npz",
        dataset=wildcards.dataset,
        shard=explained_shards(wildcards.dataset),
    )


def metrics_of(dataset):
    """Return the metrics that this dataset has the truth for."""
    kinds = (
        {"fixations", "density"} | registry.OF_OTHER_VIDEOS
        if has(dataset, "fixations")
        else set()
    )
    kinds |= {"mask"} if has(dataset, "masks") else set()
    return [metric for metric in RUN["metrics"] if needs(metric) & kinds]


def is_scored(dataset):
    """Say whether there is anything to compare the maps with."""
    return not set(METRICS_WITHIN).isdisjoint(metrics_of(dataset))


def prepared_shards(dataset):
    """Return the shards whose videos are decoded: those explained, and those trained on."""
    trains = any(is_trained(model) for model in [*RUN["models"], *RUN["gaze"]])
    splits = {config["explain"]["split"]} | ({"train", "val"} if trains else set())
    return [shard for split in sorted(splits) for shard in shards(dataset, split)]


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
    return heatmaps_in(wildcards.dataset)


def predictions_of_all(wildcards):
    return collect(
        "results/{dataset}/predictions/{model}/{shard}.parquet",
        dataset=wildcards.dataset,
        model=RUN["models"],
        shard=explained_shards(wildcards.dataset),
    )


def rows_of_explained(wildcards):
    """The sample sheet of the explained videos, for groups by its columns."""
    return collect(
        "results/{dataset}/videos/{shard}.tsv",
        dataset=wildcards.dataset,
        shard=explained_shards(wildcards.dataset),
    )


def stated_directions(wildcards):
    """Which scores are good when small, and which controls are ceilings."""
    found = [directions.lower_is_better(config), directions.ceilings(config)]
    return settings.digest([sorted(names) for names in found])


def mixed_models(wildcards):
    """Tables of mixed models, where the config asks for them and there are scores."""
    return [
        f"results/{dataset}/tables/mixed.tsv"
        for dataset in RUN["datasets"]
        if config["tables"]["mixed"] and is_scored(dataset)
    ]


def failures_of_all(wildcards):
    dataset = wildcards.dataset
    truth = [kind for kind in ("fixations", "masks") if has(dataset, kind)]
    explained = truth + [f"predictions/{model}" for model in RUN["models"]]
    return (
        failures_in(dataset, ["trimmed", "frames"], prepared_shards(dataset))
        + failures_in(dataset, explained, explained_shards(dataset))
        + [path.replace(".h5", ".failures.tsv") for path in heatmaps_in(dataset)]
    )


def failures_in(dataset, parts, shards):
    pattern = "results/{dataset}/{part}/{shard}.failures.tsv"
    return collect(pattern, dataset=dataset, part=parts, shard=shards)


def health_of_all(wildcards):
    return collect(
        "results/{dataset}/trimmed/{shard}.health.tsv",
        dataset=wildcards.dataset,
        shard=prepared_shards(wildcards.dataset),
    )


def dropped_gaze_of_all(wildcards):
    if not has(wildcards.dataset, "fixations"):
        return []
    return collect(
        "results/{dataset}/fixations/{shard}.dropped.tsv",
        dataset=wildcards.dataset,
        shard=explained_shards(wildcards.dataset),
    )


def ceilings_of_all(wildcards):
    """How well observers predict each other, for each way of aggregating over time."""
    return collect(
        "results/{dataset}/ceilings/{aggregation}/{shard}.parquet",
        dataset=wildcards.dataset,
        aggregation=RUN["aggregations"],
        shard=explained_shards(wildcards.dataset),
    )
