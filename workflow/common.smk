# Shared by all rules: the config checked, names resolved, sheets and shards found. No rules here.

import fcntl
import functools
import gc
import glob
import inspect
import os
import sys
from pathlib import Path

import smart_open
import yaml

from vidsal import config as settings
from vidsal import checking, directions, jobs, parts, registry, sheets, sources, weights
from vidsal.errors import InputError

PACKAGE = registry.PACKAGE
MAX_JOBS = 50_000

# Jobs must import the same package as this file does; an installed release would silently win.
if (
    PACKAGE.parent
    == Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).resolve()
):
    os.environ.update(
        PYTHONPATH=f"{PACKAGE.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    )
os.environ.update(
    VIDSAL_MAIN_PID=str(os.getpid()), VIDSAL_MAIN_PIDS=jobs.pid_namespace()
)

# A large DAG is millions of objects that stay: looking through them for garbage cost a sixth of it.
gc.set_threshold(1_000_000)
# Snakemake parses the path of a job's script three times, and smart_open makes a class each time.
smart_open.parse_uri = functools.cache(smart_open.parse_uri)


def refuse(error):
    """End with a sentence instead of a traceback: the user can mend what it says."""
    sys.exit(f"vidsal: {error}")


def checked_config():
    schema = yaml.safe_load(
        (PACKAGE.parent / "schemas" / "config.schema.yaml").read_text()
    )
    try:
        settings.check(config, schema)
    except InputError as error:
        refuse(error)


def alternatives(*names):
    """Return a regular expression of these names; one that matches nothing when there are none."""
    return "|".join(sorted({name.replace(".", r"\.") for name in names})) or "(?!)"


def resolved_choices():
    try:
        return {
            (room, name): settings.choice(config, room, name)
            for key, room in settings.RUN_LISTS.items()
            for name in settings.chosen(config, key)
        }
    except InputError as error:
        refuse(error)


checked_config()
RUN = {key: settings.chosen(config, key) for key in settings.RUN_LISTS}
CHOICES = resolved_choices()


def choice(room, name):
    return CHOICES[room, name]


@functools.cache
def entry(room, name):
    return registry.entry(room, choice(room, name).method, config["rooms"])


@functools.cache
def is_family(method):
    """Say whether a method's maps come out of the shared pass."""
    return bool(entry("attribution", method).constants.get("SHARED_PASS"))


GAZE_METHOD = "gaze"


def needs(metric):
    return set(entry("metrics", metric).needs)


METRICS_ACROSS = [
    metric for metric in RUN["metrics"] if registry.OF_OTHER_VIDEOS & needs(metric)
]
METRICS_OF_GAZE = [metric for metric in RUN["metrics"] if "mask" not in needs(metric)]
METRICS_WITHIN = [metric for metric in RUN["metrics"] if metric not in METRICS_ACROSS]


# Params: options and code, so that a change of either reruns exactly what depends on it.


def code(*modules, **rooms):
    """Return a function of wildcards: the fingerprint of package modules and of room files."""

    @functools.cache
    def of_names(*names):
        paths = [PACKAGE / f"{module}.py" for module in modules]
        for room, name in zip(rooms, names, strict=True):
            paths += choice(room, name).code
        return registry.fingerprint(*paths)

    return by_wildcards(of_names, rooms.values())


def options(*sections, **rooms):
    """Return a function of wildcards: config sections and the options of the room files."""

    @functools.cache
    def of_names(*names):
        found = {section: settings.section(config, section) for section in sections}
        for room, name in zip(rooms, names, strict=True):
            found[room] = choice(room, name).resolved
        return settings.digest(found)

    return by_wildcards(of_names, rooms.values())


def by_wildcards(function, names):
    """Return function(values of these wildcards) as a function of wildcards; its value for none."""
    if not names:
        return function()

    @signed
    def of_wildcards(wildcards):
        return function(*(getattr(wildcards, name) for name in names))

    return of_wildcards


def signed(function):
    """Keep the signature of an input function, for which Snakemake asks several times a job."""
    function.__signature__ = inspect.signature(function)
    return function


def all_options(room, names):
    return settings.digest({name: choice(room, name).resolved for name in names})


def all_code(room, names, *modules):
    paths = [PACKAGE / f"{module}.py" for module in modules]
    return registry.fingerprint(
        *paths, *(p for name in names for p in choice(room, name).code)
    )


# Sample sheets and shards.

SHEETS = {}


def is_known(dataset):
    """Say whether the dataset gives its table without looking at a folder."""
    own = entry("datasets", dataset)
    if "known" in own.functions:
        own_module = registry.module("datasets", own.name, config["rooms"])
        return own_module.known(**choice("datasets", dataset).options)
    return bool(own.constants.get("KNOWN"))


def is_rendered(dataset):
    return "render" in entry("datasets", dataset).functions


@functools.cache
def wanted(dataset):
    """Return what a dataset downloads; the sources of its file that apply to its options."""
    try:
        return sources.of(config, dataset)
    except InputError as error:
        refuse(error)


def dataset_folder(dataset):
    return str(Path(config["data"]) / dataset)


def sheet(dataset):
    """Return the checked sample sheet of a dataset; one that must be listed first is waited for."""
    if dataset not in SHEETS:
        if is_known(dataset):
            SHEETS[dataset] = known_sheet(dataset)
        else:
            SHEETS[dataset] = sheets.read(
                checkpoints.list_videos.get(dataset=dataset).output.sheet
            )
        refuse_unfit(dataset, SHEETS[dataset])
    return SHEETS[dataset]


def refuse_unfit(dataset, table):
    """Refuse a run that its sheet does not serve, or whose videos are missing, before any job."""
    problems, doubt = checking.sheet_problems(config, dataset, table), ""
    if is_known(dataset) and not is_rendered(dataset) and not workflow.remote_exec:
        problem, doubt = checking.absent_videos(config, dataset, table)
        # A dry run shows what would be done all the same.
        if problem and not workflow.output_settings.dryrun:
            problems.append(problem)
        doubt = doubt or problem
    if problems:
        refuse("\n  ".join(problems))
    if doubt:
        logger.warning(doubt)


def known_sheet(dataset):
    own = choice("datasets", dataset)
    try:
        table = registry.load("datasets", own.method, config["rooms"])(
            dataset_folder(dataset), **own.options
        )
        return sheets.check(table, dataset)
    except InputError as error:
        refuse(error)


def per_job(method=None):
    sharding = config["sharding"]
    return sharding["per_method"].get(method, sharding["videos_per_job"])


def shards(dataset, split, method=None):
    """Return the shards of one split, as fine as the method wants them."""
    return shards_of_size(dataset, split, per_job(method))


@functools.cache
def shards_of_size(dataset, split, videos):
    rows = sheet(dataset)
    return sheets.shards(rows[rows["split"] == split], videos)


@functools.cache
def shard_counts(dataset):
    sizes = sheet(dataset)["split"].value_counts()
    return {split: sheets.shard_count(n, per_job()) for split, n in sizes.items()}


def coarse(wildcards):
    """Return the shard of the coarser cut that holds the frames of this one."""
    split = sheets.parse(wildcards.shard)[0]
    return sheets.coarse(wildcards.shard, shard_counts(wildcards.dataset)[split])


@functools.cache
def rows_by_shard(dataset):
    """Return shard -> its rows, at the common cut."""
    table, found = sheet(dataset), {}
    codes = sheets.digests(table)
    for split, rows in table.groupby("split"):
        count = shard_counts(dataset)[split]
        for index, own in rows.groupby(codes[rows.index] % count):
            found[sheets.name(split, index, count)] = own.reset_index(drop=True)
    return found


@functools.cache
def has(dataset, column):
    return bool((sheet(dataset)[column] != "").any())


def explained_shards(dataset, method=None):
    return shards(dataset, config["explain"]["split"], method)


def maps(dataset):
    """Return (model, method) of every heatmap of a dataset; no ceiling where there is no gaze."""
    explained = [
        (model, method) for model in RUN["models"] for method in RUN["methods"]
    ]
    predicted = [(model, GAZE_METHOD) for model in RUN["gaze"]]
    controls = [
        ("none", control)
        for control in RUN["controls"]
        if not is_of_gaze(control) or has(dataset, "fixations")
    ]
    return explained + predicted + controls


def is_of_gaze(control):
    """Say whether a control's maps are made of somebody's gaze."""
    asked = set(entry("controls", control).needs)
    return bool(asked & (registry.OF_OTHER_VIDEOS | {"fixations"}))


def own_choice(model):
    """Return what a network of either room is, those that are explained and those of gaze."""
    return choice("models" if model in RUN["models"] else "gaze", model)


def is_trained(model):
    return weights.is_trained(own_choice(model))


@functools.cache
def named_weights(model):
    """Return what is known of the weights that a model names; None for a file, or for none."""
    return weights.of(config, own_choice(model))


def from_coarse(pattern):
    """Return an input, the file of the coarser shard that holds this shard's videos.

    Where every stage is cut alike this is the pattern itself, which costs Snakemake far less.
    """
    if not config["sharding"]["per_method"]:
        return pattern

    @signed
    def of_wildcards(wildcards):
        return coarse_file(pattern, wildcards)

    return of_wildcards


def coarse_file(pattern, wildcards):
    return pattern.format(shard=coarse(wildcards), **fields_without_shard(wildcards))


def fields_without_shard(wildcards):
    return {key: value for key, value in wildcards.items() if key != "shard"}


def warn_if_large():
    """Warn above 50,000 jobs, before Snakemake spends minutes on them."""
    for dataset in RUN["datasets"]:
        if not is_known(dataset) or workflow.remote_exec:
            continue
        per_map = 1 + len(RUN["aggregations"]) * (2 + bool(METRICS_ACROSS))
        jobs = sum(
            len(explained_shards(dataset, method)) * per_map
            for _, method in maps(dataset)
        )
        jobs += len(shards_of_all(dataset)) * (5 + 2 * len(RUN["models"]))
        if jobs > MAX_JOBS:
            logger.warning(
                f"{dataset}: about {jobs} jobs, more than {MAX_JOBS}; Snakemake gets slow: raise "
                "sharding.videos_per_job, or name fewer methods under run:"
            )


def warn_if_offline():
    """Say which files are missing that only a download would bring, before any job does."""
    try:
        hint = "" if workflow.remote_exec else checking.offline_hint(config)
    except InputError as error:
        refuse(error)
    if hint:
        logger.warning(hint)


def shards_of_all(dataset):
    return sheets.shards(sheet(dataset), per_job())


def hold_lock():
    """Refuse a second run in the same folder; the lock goes with this process, however it ends."""
    Path(".snakemake").mkdir(exist_ok=True)
    globals()["LOCK"] = open(".snakemake/vidsal.lock", "w")
    try:
        fcntl.flock(LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        refuse(
            "another run works in this folder; wait for it or stop it, then run again"
        )


def trim_cache():
    """Keep the part cache within its bounds; what results still link is never touched."""
    parts.clean(config["cache"]["folder"], int(config["cache"]["max_gb"] * 10**9))


warn_if_offline()
