"""Weights that a model names: where they come from, where they lie, which classes they know.

A model file lists them in the literal `WEIGHTS`, name -> what is known of them:

- `url` and `mirrors`, or `form`: what the user does where no program can fetch them;
- what was published of `sha256` (all of it, or its first digits, which some file names carry),
  `md5` and `bytes`, and the `licence`;
- `file`: its name in the data folder, where the address does not end in one;
- `num_classes` and `categories`: the name of a list in `models/_classes`, or the list;
- every other key is an option of the model, which these weights set unless the config does.

Nothing here imports torch or touches the network.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from vidsal import registry
from vidsal.errors import InputError

if TYPE_CHECKING:
    from vidsal.config import Choice

FOLDER = "weights"
CLASSES = registry.PACKAGE / "models" / "_classes"
TYPES = {
    "url": str,
    "mirrors": list,
    "form": str,
    "sha256": str,
    "md5": str,
    "bytes": int,
    "licence": str,
    "file": str,
    "num_classes": int,
    "categories": (str, list),
}


def named(entry: registry.Entry, given: object) -> dict | None:
    """Return what a model file knows of the weights of this name, None when it is no name."""
    known = entry.constants.get("WEIGHTS", {})
    return known.get(given) if isinstance(known, dict) and isinstance(given, str) else None


def defaults(entry: registry.Entry, given: dict[str, object]) -> dict[str, object]:
    """Return the options that named weights set, and their number of classes."""
    about = named(entry, given.get("weights")) or {}
    found = {key: value for key, value in about.items() if key not in TYPES}
    if "num_classes" in about and not given.get("new_head"):
        found["num_classes"] = about["num_classes"]
    return found


def is_trained(own: Choice) -> bool:
    """Say whether a model is trained here: it has no weights, or only those to start from."""
    return not own.options.get("weights") or bool(own.options.get("new_head"))


def of(config: dict, own: Choice) -> dict | None:
    """Return what is known of the named weights of a model, None when it names none."""
    entry = registry.entry(own.room, own.method, config.get("rooms"))
    return named(entry, own.options.get("weights"))


def path(config: dict, own: Choice) -> str | None:
    """Return the file of the weights that the config gives a model, None when it gives none."""
    about = of(config, own)
    if about is None:
        return own.options.get("weights")
    return str(Path(config["data"]) / FOLDER / own.method / file_name(about))


def rests_on(config: dict, dataset: str, own: Choice) -> Path:
    """Return the file that decides what a model says: the one trained here, or the one given."""
    if is_trained(own):
        return Path("results") / dataset / "models" / own.name / "best.pt"
    return Path(path(config, own))


def file_name(about: dict) -> str:
    """Return the name of the file in the data folder."""
    return about.get("file") or PurePosixPath(unquote(urlsplit(about["url"]).path)).name


def categories(config: dict, own: Choice) -> list[str] | None:
    """Return the class names that come with the named weights of a model.

    Raises:
        InputError: their number is not that of the model's classes.
    """
    given = (of(config, own) or {}).get("categories")
    if given is None:
        return None
    names = given if isinstance(given, list) else class_names(given)
    count = own.options.get("num_classes", len(names))
    if len(names) != count:
        raise InputError(
            f"models.{own.name}: num_classes is {count}, but the weights "
            f"{own.options['weights']} know {len(names)} classes; leave num_classes out"
        )
    return names


def class_names(name: str) -> list[str]:
    """Return a list of class names that ships with vidsal."""
    return json.loads(_class_file(name).read_text(encoding="utf-8"))


def classes_file(about: dict) -> str:
    """Return the file with the class names of named weights, '' where they have none."""
    given = about.get("categories")
    return str(_class_file(given)) if isinstance(given, str) else ""


def _class_file(name: str) -> Path:
    return CLASSES / f"{name}.json"


def problems(config: dict, own: Choice) -> list[str]:
    """Return a sentence for everything that is wrong with the weights of a model in the config."""
    place, given, about = f"models.{own.name}", own.options.get("weights"), of(config, own)
    entry = registry.entry(own.room, own.method, config.get("rooms"))
    if wrong := table_problems(entry):
        return [f"{entry.path}: {problem}" for problem in wrong]
    if own.options.get("new_head") and not given:
        return [f"{place}: new_head replaces the last layer of given weights; name weights too"]
    if not given or about is not None:
        return []
    looks_like_a_name = PurePosixPath(given).name == given and not PurePosixPath(given).suffix
    if looks_like_a_name and not Path(given).exists():
        near = registry.nearest(given, entry.constants.get("WEIGHTS", {}))
        return [f"{place}.weights: {given!r} is no file, nor weights that have a name{near}"]
    if not is_trained(own) and not own.options.get("num_classes"):
        return [f"{place}: weights are given, so give num_classes too"]
    return []


def table_problems(entry: registry.Entry) -> list[str]:
    """Return a sentence for everything that is wrong with WEIGHTS of a model file."""
    table = entry.constants.get("WEIGHTS", {})
    if not isinstance(table, dict) or not all(isinstance(one, dict) for one in table.values()):
        return ["WEIGHTS must be a mapping of mappings written out in the file, not computed"]
    return [
        f"WEIGHTS[{name!r}]: {problem}"
        for name, about in table.items()
        for problem in _entry_problems(about, entry.options)
    ]


def _entry_problems(about: dict, options: dict) -> list[str]:
    known = TYPES.keys() | options.keys()
    found = [
        f"{key!r} is neither a fact nor an option{registry.nearest(key, known)}"
        for key in about
        if key not in known
    ]
    found += [
        f"{key}: {value!r} has the wrong type"
        for key, value in about.items()
        if key in TYPES and not isinstance(value, TYPES[key])
    ]
    if found:
        return found
    if ("url" in about) == ("form" in about):
        found.append("give either url or form")
    elif "form" in about and "file" not in about:
        found.append("form: give the name of its file too")
    if not about.get("licence"):
        found.append("licence is missing")
    if set(about.get("sha256", "")) - set("0123456789abcdef"):
        found.append("sha256 must be digits of 0-9 and a-f")
    classes = about.get("categories")
    if isinstance(classes, str) and not _class_file(classes).is_file():
        lists = [path.stem for path in CLASSES.glob("*.json")]
        found.append(f"categories: {classes!r} is no list{registry.nearest(classes, lists)}")
    return found
