# Functions that say which files a rule takes, one section per file in rules/. No rules here.


# rules/video.smk


def listed_folder(wildcards):
    """The folder that is looked at: a file added to it makes Snakemake look again."""
    given = choice("datasets", wildcards.dataset).options.get("videos")
    folder = given or dataset_folder(wildcards.dataset)
    return [folder] if os.path.isdir(folder) else []


def listing(wildcards):
    """What is in that folder, at any depth."""
    return "".join(sheets.stamp_tree(folder) for folder in listed_folder(wildcards))


@signed
def shard_rows_hash(wildcards):
    return sheets.row_hash(rows_by_shard(wildcards.dataset)[wildcards.shard])


def file_stamps(column):
    """Return a function of wildcards: size and time of the files that a user may exchange."""

    def of_wildcards(wildcards):
        # Rendered files are ours: they change only with the options and the code.
        if is_rendered(wildcards.dataset):
            return ""
        return sheets.stamps(rows_by_shard(wildcards.dataset)[wildcards.shard], column)

    return of_wildcards


@signed
def reader_options(wildcards):
    """Options of the dataset, where it reads gaze and masks in its own way."""
    own = entry("datasets", wildcards.dataset)
    if not {"read_fixations", "read_masks"} & own.functions:
        return ""
    return options(datasets="dataset")(wildcards)


# rules/train.smk


def training_shards(wildcards):
    return [s for split in ("train", "val") for s in shards(wildcards.dataset, split)]


def training_frames(wildcards):
    return collect(
        "results/{dataset}/frames/{shard}.h5",
        dataset=wildcards.dataset,
        shard=training_shards(wildcards),
    )


def training_rows(wildcards):
    return collect(
        "results/{dataset}/videos/{shard}.tsv",
        dataset=wildcards.dataset,
        shard=training_shards(wildcards),
    )


@signed
def weights_of(wildcards):
    """The trained checkpoint, or the file that the config gives."""
    given = choice("models", wildcards.model).options.get("weights")
    return given or f"results/{wildcards.dataset}/models/{wildcards.model}/best.pt"


def training_options(wildcards):
    own = config["train"]["per_model"].get(wildcards.model, {})
    return settings.digest({"train": config["train"] | own, "seed": config["seed"]})


# rules/explain.smk


@signed
def receipt_of(wildcards):
    """The shared pass makes the maps of its family beforehand; other methods need none."""
    if not is_family(wildcards.method):
        return []
    return f"results/{wildcards.dataset}/shared_pass/{wildcards.model}/{coarse(wildcards)}.tsv"


@signed
def gaze_of_control(wildcards):
    """The ceiling is made of gaze; other controls know nothing of it."""
    if "fixations" not in entry("controls", wildcards.method).needs:
        return []
    return coarse_file("results/{dataset}/fixations/{shard}.parquet", wildcards)


def all_heatmaps(wildcards):
    return [
        f"results/{dataset}/heatmaps/{model}/{method}/{shard}.h5"
        for dataset in RUN["datasets"]
        for model, method in maps(dataset)
        for shard in explained_shards(dataset, method)
    ]


# rules/score.smk


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


def histograms_of_all(wildcards):
    return collect(
        "results/{dataset}/fixations/{shard}.histogram.npz",
        dataset=wildcards.dataset,
        shard=explained_shards(wildcards.dataset),
    )


def is_scored(dataset):
    """Say whether there is anything to compare the maps with."""
    kinds = {"fixations", "density"} if has(dataset, "fixations") else set()
    kinds |= {"mask"} if has(dataset, "masks") else set()
    return any(needs(metric) & kinds for metric in METRICS_WITHIN)


def prepared_shards(dataset):
    """Return the shards whose videos are decoded: those explained, and those trained on."""
    trains = any(is_trained(model) for model in RUN["models"])
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
    truth = [kind for kind in ("fixations", "masks") if has(dataset, kind)]
    explained = truth + [f"predictions/{model}" for model in RUN["models"]]
    return (
        failures_in(dataset, ["trimmed", "frames"], prepared_shards(dataset))
        + failures_in(dataset, explained, explained_shards(dataset))
        + [
            path.replace(".h5", ".failures.tsv")
            for path in heatmaps_of_dataset(wildcards)
        ]
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


# rules/report.smk


def slots(dataset):
    """Return the numbers of the videos shown, no more than there are explained ones."""
    rows = sheet(dataset)
    explained = rows[rows["split"] == config["explain"]["split"]]
    explained = explained[sheets.every(explained, config["explain"]["every"])]
    pick, count = config["show"]["pick"], len(explained)
    if isinstance(pick, list):
        count = int(explained["video"].isin(pick).sum())
    return [f"{n:02d}" for n in range(1, min(config["show"]["videos"], count) + 1)]


def slot_files(pattern):
    """Return an input function: a file for each slot of the overlays."""

    def of_wildcards(wildcards):
        return collect(
            pattern, dataset=wildcards.dataset, slot=slots(wildcards.dataset)
        )

    return of_wildcards


def split_shards(wildcards):
    return shard_counts(wildcards.dataset)[config["explain"]["split"]]


def figures_of(wildcards):
    return collect(
        "results/{dataset}/figures/{metric}.svg",
        dataset=wildcards.dataset,
        metric=metrics_of(wildcards.dataset),
    )


def metrics_of(dataset):
    """Return the metrics that this dataset has the truth for."""
    kinds = (
        {"fixations", "density", "other_fixations"}
        if has(dataset, "fixations")
        else set()
    )
    kinds |= {"mask"} if has(dataset, "masks") else set()
    return [metric for metric in RUN["metrics"] if needs(metric) & kinds]


def histories_of(wildcards):
    return collect(
        "results/{dataset}/models/{model}/history.csv",
        dataset=wildcards.dataset,
        model=[model for model in RUN["models"] if is_trained(model)],
    )
