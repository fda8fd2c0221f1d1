# Functions that say which files a rule takes, one section per file in rules/. No rules here.


# rules/video.smk


@signed
def sources_of(wildcards):
    """What a dataset downloads comes first; most datasets download nothing."""
    if not wanted(wildcards.dataset):
        return []
    return f"results/{wildcards.dataset}/sources.tsv"


def wanted_sources(wildcards):
    return settings.digest(wanted(wildcards.dataset))


def listed_folder(wildcards):
    """The folder that is looked at: a file added to it makes Snakemake look again."""
    # A folder that downloads change is told by `listing`, taken when they are done.
    if wanted(wildcards.dataset):
        return []
    return looked_at(wildcards)


def looked_at(wildcards):
    given = choice("datasets", wildcards.dataset).options.get("videos")
    folder = given or dataset_folder(wildcards.dataset)
    return [folder] if os.path.isdir(folder) else []


def listing(wildcards):
    """What is in that folder, at any depth."""
    return "".join(sheets.stamp_tree(folder) for folder in looked_at(wildcards))


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


def gaze_format(dataset):
    """The format that a dataset's option `gaze` names, as a choice; None where it has none."""
    given = choice("datasets", dataset).options.get("gaze")
    name = given.get("format") if isinstance(given, dict) else None
    return name and settings.choice(config, "recordings", name)


@signed
def gaze_code(wildcards):
    """Code that reads the gaze of a dataset; a format that the config names is part of it."""
    own = gaze_format(wildcards.dataset)
    paths = [*choice("datasets", wildcards.dataset).code, *(own.code if own else [])]
    table = PACKAGE / "recordings" / "table.py"
    return registry.fingerprint(PACKAGE / "truth.py", table, *paths)


@signed
def gaze_options(wildcards):
    """Options of the dataset's reader, and those that the config gives to its format."""
    own = gaze_format(wildcards.dataset)
    return reader_options(wildcards) + (settings.digest(own.resolved) if own else "")


@signed
def gaze_stamps(wildcards):
    """Size and time of the recordings; a pattern or a folder stands for all its files."""
    if is_rendered(wildcards.dataset):
        return ""
    rows = rows_by_shard(wildcards.dataset)[wildcards.shard]
    matches = rows["fixations"].map(lambda path: glob.glob(path) or [path])
    return sheets.stamps(
        rows.assign(fixations=matches).explode("fixations"), "fixations"
    )


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
    """The trained checkpoint, or the weights that the config gives."""
    if is_trained(wildcards.model):
        return f"results/{wildcards.dataset}/models/{wildcards.model}/best.pt"
    return given_weights(wildcards)


@signed
def given_weights(wildcards):
    """The file that the config names, or a link to named weights once they are fetched."""
    if named_weights(wildcards.model):
        return f"results/{wildcards.dataset}/weights/{wildcards.model}.pt"
    return choice("models", wildcards.model).options.get("weights") or []


@signed
def facts_of_weights(wildcards):
    place = weights.path(config, choice("models", wildcards.model))
    return settings.digest([place, named_weights(wildcards.model)])


def training_options(wildcards):
    own = config["train"] | config["train"]["per_model"].get(wildcards.model, {})
    for name in ("per_model", "workers", "tensorboard"):
        own.pop(name, None)  # the other models' options; how a training runs
    return settings.digest({"train": own, "seed": config["seed"]})


def testing_options(wildcards):
    own = config["classify"] | config["classify"]["per_model"].get(wildcards.model, {})
    for name in ("per_model", "dump"):
        own.pop(name, None)  # the other models' options; how the results are written
    return settings.digest(own)


def predictions_of_model(wildcards):
    return collect(
        "results/{dataset}/predictions/{model}/{shard}.parquet",
        dataset=wildcards.dataset,
        model=wildcards.model,
        shard=explained_shards(wildcards.dataset),
    )


def dumped_predictions(wildcards):
    return collect(
        "results/{dataset}/predictions/{model}.pkl",
        dataset=RUN["datasets"],
        model=RUN["models"],
    )


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


def figures_of_models(wildcards):
    """Training curves of the models trained here; confusion where videos have labels."""
    pattern = "results/{dataset}/figures/{kind}/{model}.svg"
    trained = [model for model in RUN["models"] if is_trained(model)]
    rows = sheet(wildcards.dataset)
    labelled = (rows["label"] != "") & (rows["split"] == config["explain"]["split"])
    asked = RUN["models"] if labelled.any() else []
    return [
        pattern.format(dataset=wildcards.dataset, kind=kind, model=model)
        for kind, models in (("training", trained), ("confusion", asked))
        for model in models
    ]
