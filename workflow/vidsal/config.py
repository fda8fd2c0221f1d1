"""What the config asks for: names and variants resolved, options checked, all before any job."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from vidsal import registry, weights
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
TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool, "list": list, "dict": dict}


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
            problems += _choice_problems(config, room, name, f"{room}.{name}")
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
    known = registry.signature("training.py", "train") - {"folder", "work", "key", "seed"}
    sections = {"train": config["train"]}
    sections |= {f"train.per_model.{m}": own for m, own in config["train"]["per_model"].items()}
    problems = [
        f"{place}: option {key!r} is unknown{registry.nearest(key, known)}"
        for place, options in sections.items()
        for key in options
        if key not in known | {"per_model"}
    ]
    runs, per_job = config["run"], config["sharding"]["videos_per_job"]
    methods = {n for key in ("methods", "gaze", "controls") for n in runs.get(key) or []} | {"gaze"}
    for method, own in config["sharding"]["per_method"].items():
        place = f"sharding.per_method.{method}"
        if method not in methods:
            problems.append(f"{place}: not under run:{registry.nearest(method, methods)}")
        elif own > per_job:
            problems.append(f"{place}: {own} is more than videos_per_job ({per_job}); raise that")
    models = {*registry.names("models", config.get("rooms")), *(config.get("models") or {})}
    problems += [
        f"{section}.per_model: {model!r} is not known{registry.nearest(model, models)}"
        for section in ("train", "classify")
        for model in config[section]["per_model"]
        if model not in models
    ]
    return problems + weights_problems(config) + crops_problems(config)


def weights_problems(config: dict) -> list[str]:
    """Return a sentence for every model that runs whose weights cannot be what they say."""
    return [problem for own in _sound_models(config) for problem in weights.problems(config, own)]


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


def _sound_models(config: dict) -> list[Choice]:
    """Return the models that run and that are known, with options that are."""
    given = config.get("models") or {}
    known = {*registry.names("models", config.get("rooms")), *given}
    return [
        choice(config, "models", name)
        for name in config["run"].get("models") or []
        if name in known
        and not (name in given and _choice_problems(config, "models", name, f"models.{name}"))
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
    return problems


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


def _choice_problems(config: dict, room: str, name: str, place: str) -> list[str]:
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
        elif not fits(value, options[key].annotation):
            problems.append(f"{place}.{key}: {value!r} is no {options[key].annotation}")
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


def fits(value: object, annotation: str) -> bool:
    """Say whether a YAML value fits an annotation; texts that are not simple types fit anything."""
    allowed = [part.strip().split("[")[0] for part in annotation.split("|")]
    if value is None:
        return "None" in allowed
    if isinstance(value, bool):
        return "bool" in allowed or not set(allowed) <= {*TYPES, "None"}
    types = [TYPES[name] for name in allowed if name in TYPES]
    return len(types) < len([n for n in allowed if n != "None"]) or any(
        isinstance(value, kind) for kind in types
    )
