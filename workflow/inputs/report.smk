# What the rules of rules/report.smk take: functions of wildcards for input and params. No rules here.


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


def figures_of_models(wildcards):
    """Training curves of the models trained here; confusion where videos have labels."""
    pattern = "results/{dataset}/figures/{kind}/{model}.svg"
    trained = [m for m in [*RUN["models"], *RUN["gaze"]] if is_trained(m)]
    rows = sheet(wildcards.dataset)
    labelled = (rows["label"] != "") & (rows["split"] == config["explain"]["split"])
    asked = RUN["models"] if labelled.any() else []
    return [
        pattern.format(dataset=wildcards.dataset, kind=kind, model=model)
        for kind, models in (("training", trained), ("confusion", asked))
        for model in models
    ]


def show(*keys):
    """Return these options of `show:` as one text."""
    return settings.digest({key: config["show"][key] for key in keys})


def drawn_pictures(wildcards):
    """The pictures of every shown video; none where the config asks for none."""
    kinds, found = set(config["show"]["pictures"]), []
    for dataset in RUN["datasets"] if config["show"]["videos"] else []:
        if kinds - {"features"}:
            found.append(f"results/{dataset}/pictures")
        if "features" in kinds:
            found += collect(
                "results/{dataset}/features/{model}/{slot}.png",
                dataset=dataset,
                slot=slots(dataset),
                model=RUN["models"],
            )
    return found


def docstrings(wildcards):
    """What the files of a run say of themselves, of which the methods section is made."""
    used = [("datasets", wildcards.dataset)]
    used += [(room, name) for room, name in CHOICES if room != "datasets"]
    return settings.digest([entry(room, name).doc for room, name in used])
