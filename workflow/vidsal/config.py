"""What the config asks for: names and variants resolved, options checked, all before any job."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from vidsal import registry, weights
from vidsal._annotations import misfit
from vidsal.errors import InputError

RUN_LISTS = {
    "datasets": "datasets",
    "models": "models",
    "methods": "attribution",
    "gaze": "gaze",
    "controls": "controls",
    "aggregations": "aggregation",
    "metrics": "metrics",
}
RESERVED = {
    "models": {"none"},
    "gaze": {"none"},
    "attribution": {"gaze"},
    "datasets": {weights.FOLDER},
}
SET_BY_US = {"folder", "work", "key", "seed", "task"}
"""Arguments of `training.train` that are no options."""


@dataclass(frozen=True)
class Choice:
    """One name of the config: the room file behind it and its options, defaults filled in.

    `resolved` is the same as `options`, but a wrapper's base stands there with its own options:
    what params, part keys and the written config are made of.
    """

    room: str
    name: str
    method: str
    path: Path
    options: dict[str, object]
    resolved: dict[str, object]
    code: tuple[Path, ...]


def check(config: dict, schema: dict) -> None:
    """Refuse a config with one message that holds every problem.

    Raises:
        InputError: unknown keys, names, options, or values of the wrong type.
    """
    import jsonschema

    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(config), key=lambda e: list(map(str, e.absolute_path)))
    problems = [_schema_problem(error) for error in errors]
    if not problems:
        problems = name_problems(config) + section_problems(config) + gaze_problems(config)
    if problems:
        raise InputError("config: " + "\n  ".join(["", *problems]).lstrip("\n"))


def name_problems(config: dict) -> list[str]:
    """Return a sentence for every name and option in the config that no room knows."""
    problems: list[str] = []
    for room in registry.ROOMS:
        for name in config.get(room) or {}:
            problems += choice_problems(config, room, name, f"{room}.{name}")
    for key, room in RUN_LISTS.items():
        known = {*registry.names(room, config.get("rooms")), *(config.get(room) or {})}
        for name in config["run"].get(key) or []:
            if name not in known:
                problems.append(f"run.{key}: {name!r} is not known{registry.nearest(name, known)}")
            elif name in RESERVED.get(room, ()):
                problems.append(f"run.{key}: the name {name!r} is reserved; take another")
    return problems


def section_problems(config: dict) -> list[str]:
    """Return a sentence for every training option and every name outside `run:` that is unknown."""
    problems = training_problems(config)
    runs, per_job = config["run"], config["sharding"]["videos_per_job"]
    methods = {n for key in ("methods", "gaze", "controls") for n in runs.get(key) or []} | {"gaze"}
    for method, own in config["sharding"]["per_method"].items():
        place = f"sharding.per_method.{method}"
        if method not in methods:
            problems.append(f"{place}: not under run:{registry.nearest(method, methods)}")
        elif own > per_job:
            problems.append(f"{place}: {own} is more than videos_per_job ({per_job}); raise that")
    for section, rooms in (("train", ("models", "gaze")), ("classify", ("models",))):
        known = {n for room in rooms for n in registry.names(room, config.get("rooms"))}
        known |= {name for room in rooms for name in config.get(room) or {}}
        problems += [
            f"{section}.per_model: {model!r} is not known{registry.nearest(model, known)}"
            for model in config[section]["per_model"]
            if model not in known
        ]
    problems += [
        f"run.gaze: {name!r} is under run.models too; give one of them another name"
        for name in runs.get("gaze") or []
        if name in (runs.get("models") or [])
    ]
    problems += weights_problems(config) + crops_problems(config)
    return problems + sampling_problems(config) + explain_problems(config)


def explain_problems(config: dict) -> list[str]:
    """Return a sentence for a target that no network has, and for signs that a map does not have.

    Of networks with named weights the classes are known here; of others when they are.
    """
    from vidsal import targets

    rule, polarity = config["explain"]["target"], config["explain"]["polarity"]
    problems = [f"explain.target: {problem}" for problem in targets.shape_problems(rule)]
    for own in [] if problems else _sound_models(config):
        if not weights.is_trained(own) and weights.of(config, own):
            known = weights.categories(config, own)
            found = targets.class_problems(rule, known, own.options.get("num_classes"))
            problems += [f"explain.target for {own.name}: {problem}" for problem in found]
    removed = {"positive": ("absolute",), "negative": ("absolute", "relu")}.get(polarity, ())
    for own in [] if name_problems(config) else _sound(config, "methods"):
        for option in (name for name in removed if own.options.get(name) is True):
            problems.append(
                f"explain.polarity: {polarity}, but {own.name} has no signs with {option}: true; "
                f"set attribution.{own.name}.{option}: false"
            )
    return problems


def training_problems(config: dict) -> list[str]:
    """Return a sentence for every option of training that is unknown or of a wrong type."""
    known = registry.signature("training.py", "train")
    known = {name: annotation for name, annotation in known.items() if name not in SET_BY_US}
    sections = {"train": {k: v for k, v in config["train"].items() if k != "per_model"}}
    sections |= {f"train.per_model.{m}": own for m, own in config["train"]["per_model"].items()}
    problems = []
    for place, options in sections.items():
        for key, value in options.items():
            if key not in known:
                near = registry.nearest(key, known)
                problems.append(f"{place}: option {key!r} is unknown{near}")
            elif wrong := misfit(value, known[key]):
                problems.append(f"{place}.{key}: {wrong}")
    return problems


def weights_problems(config: dict) -> list[str]:
    """Return a sentence for every network that runs whose weights cannot be what they say."""
    found = [*_sound_models(config), *_sound(config, "gaze")]
    return [problem for own in found for problem in weights.problems(config, own)]


def crops_problems(config: dict) -> list[str]:
    """Return a sentence for every model that shall see crops and takes the whole picture."""
    asked = config["classify"]
    problems = []
    for own in _sound_models(config):
        crops = asked["per_model"].get(own.name, {}).get("crops", asked["crops"])
        if crops > 1 and own.options.get("mode") == "squash":
            problems.append(
                f"classify.crops: {crops}, but {own.name} takes the whole picture; set models."
                f"{own.name}.mode: crop, or classify.per_model.{own.name}.crops: 1"
            )
    return problems


def sampling_problems(config: dict) -> list[str]:
    """Return a sentence for every model that would learn from other clips than it is tested on."""
    asked = config["train"]
    problems = []
    for own in _sound_models(config):
        wanted = asked["per_model"].get(own.name, {}).get("sampling", asked.get("sampling"))
        seen = own.options.get("sampling", "dense")
        if wanted in ("dense", "segments") and wanted != seen and weights.is_trained(own):
            problems.append(
                f"train.sampling: {wanted}, but {own.name} is tested and explained on {seen} "
                f"clips; set models.{own.name}.sampling: {wanted}, and leave the other out"
            )
    return problems


def _sound_models(config: dict) -> list[Choice]:
    """Return the models that run and that are known, with options that are."""
    return _sound(config, "models")


def _sound(config: dict, key: str) -> list[Choice]:
    room = RUN_LISTS[key]
    given = config.get(room) or {}
    known = {*registry.names(room, config.get("rooms")), *given}
    return [
        choice(config, room, name)
        for name in config["run"].get(key) or []
        if name in known
        and not (name in given and choice_problems(config, room, name, f"{room}.{name}"))
    ]


def gaze_problems(config: dict) -> list[str]:
    """Return a sentence for every unknown word in the option `gaze` of the datasets that run.

    An option of that name that is a mapping holds keywords of `vidsal.fixations.read`.
    """
    problems = []
    for name in config["run"]["datasets"]:
        given = ((config.get("datasets") or {}).get(name) or {}).get("gaze")
        if isinstance(given, dict):
            from vidsal import fixations

            wrong = fixations.problems(given, fixations.of_config(config))
            problems += [f"datasets.{name}.gaze: {sentence}" for sentence in wrong]
            problems += [] if wrong else degrees_problems(config, name)
    return problems


def degrees_problems(config: dict, dataset: str) -> list[str]:
    """Return a sentence when densities of so many degrees are asked for that nobody can know.

    That is so where gaze is in a format that never states how large and how far the screen was,
    and the option `gaze` of the dataset does not either.
    """
    asked, own = config["score"]["sigma"], choice(config, "datasets", dataset)
    in_degrees = isinstance(asked, dict) and "degrees" in asked and "pixels_per_degree" not in asked
    option = registry.entry("datasets", own.method, config.get("rooms")).options.get("gaze")
    if not in_degrees or option is None or option.annotation != "dict | None":
        return []
    from vidsal import fixations

    given = own.options["gaze"] or {}
    lacking = fixations.lacking_for_degrees(given, fixations.of_config(config))
    if not lacking:
        return []
    return [
        f"score.sigma: {{degrees: {asked['degrees']}}} needs {', '.join(lacking)} under datasets."
        f"{dataset}.gaze, which its tables of gaze do not state; or give pixels_per_degree there, "
        "or pixels_per_degree (of the video) beside degrees"
    ]


def choice(config: dict, room: str, name: str) -> Choice:
    """Return what `name` stands for: a file of the room, or a variant that the config defines."""
    extra = config.get("rooms")
    given = dict((config.get(room) or {}).get(name) or {})
    method = given.pop("method", name)
    entry = registry.entry(room, method, extra)
    defaults = {key: option.default for key, option in entry.options.items()}
    options = defaults | weights.defaults(entry, given) | given
    code, resolved_ = {entry.path}, dict(options)
    for key in _method_options(entry):
        # A wrapper's base method is code that it runs, though no import shows it.
        base = choice(config, room, options[key])
        code |= set(base.code)
        resolved_[key] = {"name": base.name, "method": base.method, **base.resolved}
    return Choice(room, name, method, entry.path, options, resolved_, tuple(sorted(code)))


def section(config: dict, name: str) -> object:
    """Return a section of the config, for params and part keys.

    `precision`, of all numerics what only explaining looks at, counts as one of its own: whoever
    changes it does not train again.
    """
    if name == "precision":
        return config["numerics"].get(name, "fp32")
    if name == "numerics":
        return {key: value for key, value in config[name].items() if key != "precision"}
    return config[name]


def chosen(config: dict, key: str) -> list[str]:
    """Return the names that one list under `run:` holds."""
    return list(config["run"].get(key) or [])


def bind(config: dict, choice_: Choice) -> dict[str, object]:
    """Return the options with every base method replaced by its function, options bound."""
    from functools import partial

    extra = config.get("rooms")
    options = dict(choice_.options)
    for key in _method_options(registry.entry(choice_.room, choice_.method, extra)):
        base = choice(config, choice_.room, options[key])
        function = registry.load(base.room, base.method, extra)
        options[key] = partial(function, **bind(config, base))
    return options


def resolved(config: dict) -> dict:
    """Return the config with every option of every chosen name, defaults included."""
    made = {k: v for k, v in config.items() if k not in registry.ROOMS}
    for key, room in RUN_LISTS.items():
        made[room] = {n: _resolved_choice(config, room, n) for n in chosen(config, key)}
    formats = config.get("recordings") or {}
    made["recordings"] = {n: _resolved_choice(config, "recordings", n) for n in formats}
    return made


def digest(value: object) -> str:
    """Return canonical JSON of options, the same for equal options."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def _resolved_choice(config: dict, room: str, name: str) -> dict:
    found = choice(config, room, name)
    return {"method": found.method, **found.resolved}


def _method_options(entry: registry.Entry) -> list[str]:
    return [k for k, option in entry.options.items() if option.annotation.startswith("Method")]


def _schema_problem(error: object) -> str:
    place = ".".join(map(str, error.absolute_path)) or "top level"
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = [key for key in error.instance if key not in known]
        return "; ".join(
            f"{place}: key {k!r} is unknown{registry.nearest(k, known)}" for k in unknown
        )
    return f"{place}: {error.message}"


def choice_problems(config: dict, room: str, name: str, place: str) -> list[str]:
    """Return a sentence for everything wrong with one name of a section; `place` is `room.name`."""
    given = (config[room] or {})[name] or {}
    if not isinstance(given, dict):
        return [f"{place}: options must be a mapping such as {{steps: 16}}, not {given!r}"]
    known = registry.names(room, config.get("rooms"))
    method = given.get("method", name)
    if method not in known:
        return [f"{place}: {method!r} is not known{registry.nearest(method, known)}"]
    options = registry.entry(room, method, config.get("rooms")).options
    problems = []
    for key, value in given.items():
        if key == "method" or (room == "models" and key == "num_classes"):
            continue
        if key not in options:
            problems.append(f"{place}: option {key!r} is unknown{registry.nearest(key, options)}")
        elif wrong := misfit(value, options[key].annotation):
            problems.append(f"{place}.{key}: {wrong}")
        elif options[key].annotation.startswith("Method"):
            problems += _base_problems(config, room, value, f"{place}.{key}")
    return problems


def _base_problems(config: dict, room: str, base: str, place: str) -> list[str]:
    seen = [place.split(".")[1]]
    while base is not None:
        if base in seen:
            return [
                f"{place}: {' -> '.join([*seen, base])} goes round in a circle; take another base"
            ]
        seen.append(base)
        base = ((config.get(room) or {}).get(base) or {}).get("base")
    base = seen[1]
    known = {*registry.names(room, config.get("rooms")), *(config.get(room) or {})}
    return (
        [] if base in known else [f"{place}: {base!r} is not known{registry.nearest(base, known)}"]
    )
