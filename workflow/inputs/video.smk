# What the rules of rules/video.smk take: functions of wildcards for input and params. No rules here.


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
