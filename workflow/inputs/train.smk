# What the rules of rules/train.smk take: functions of wildcards for input and params. No rules here.


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


def training_gaze(wildcards):
    return collect(
        "results/{dataset}/fixations/{shard}.parquet",
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
    return weights.path(config, own_choice(wildcards.model)) or []


@signed
def facts_of_weights(wildcards):
    place = weights.path(config, own_choice(wildcards.model))
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
