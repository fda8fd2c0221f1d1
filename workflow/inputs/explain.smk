# What the rules of rules/explain.smk take: functions of wildcards for input and params. No rules here.


@signed
def receipt_of(wildcards):
    """The shared pass makes the maps of its family beforehand; other methods need none."""
    if not is_family(wildcards.method):
        return []
    return f"results/{wildcards.dataset}/shared_pass/{wildcards.model}/{coarse(wildcards)}.tsv"


@signed
def gaze_of_control(wildcards):
    """The ceiling is made of gaze, some floors of that on other videos; the rest know nothing."""
    if not is_of_gaze(wildcards.method):
        return []
    return coarse_file("results/{dataset}/fixations/{shard}.parquet", wildcards)


@signed
def everyone_of_control(wildcards):
    """What some controls know of the gaze on other videos."""
    if not registry.OF_OTHER_VIDEOS & set(entry("controls", wildcards.method).needs):
        return []
    return f"results/{wildcards.dataset}/fixations/histogram.npz"


def heatmaps_in(dataset, folder="heatmaps", ending=".h5"):
    return [
        f"results/{dataset}/{folder}/{model}/{method}/{shard}{ending}"
        for model, method in maps(dataset)
        for shard in explained_shards(dataset, method)
    ]


def all_heatmaps(wildcards):
    return [path for dataset in RUN["datasets"] for path in heatmaps_in(dataset)]


def exported_maps(wildcards):
    """The maps in the formats that the config asks for; none where it asks for none."""
    if not config["export"]["formats"]:
        return []
    return [
        path
        for dataset in RUN["datasets"]
        for path in heatmaps_in(dataset, "export", "")
    ]


def imported_folder(wildcards):
    """The folder of maps that were made elsewhere; none for a model that makes its own."""
    option = entry("gaze", wildcards.model).constants.get("FILES")
    return [choice("gaze", wildcards.model).options[option]] if option else []
