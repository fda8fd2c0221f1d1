"""Weights that a model names: where they come from, where they lie, which classes they know.

A model file lists them in the literal `WEIGHTS`, name -> what is known of them:

- `url` and `mirrors`, or `form`: what the user does where no program can fetch them;
- what was published of `sha256` (all of it, or its first digits, which some file names carry),
  `md5` and `bytes`, and the `licence`;
- `file`: its name in the data folder, where the address does not end in one;
- `num_classes` and `categories`: the name of a list in `models/_classes`, or the list;
- every other key is an option of the model, which these weights set unless the config does.

Where a network is built around an image network, `BACKBONE_WEIGHTS` lists weights for that part
alone, which the option `backbone_weights` names: name -> backbone -> what is known of them.

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
# Option -> the table that knows its names.
TABLES = {"weights": "WEIGHTS", "backbone_weights": "BACKBONE_WEIGHTS"}
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


def given(options: dict[str, object]) -> tuple[str, str | None]:
    """Return the option that gives a model weights, and the name or the file that it gives."""
    option = next((one for one in TABLES if options.get(one)), "weights")
    return option, options.get(option)


def named(entry: registry.Entry, options: dict[str, object]) -> dict | None:
    """Return what a model file knows of the weights that options name, None when it is no name."""
    option, name = given(options)
    known = entry.constants.get(TABLES[option], {})
    about = known.get(name) if isinstance(known, dict) and isinstance(name, str) else None
    if about is None or option == "weights":
        return about
    # A network without the option has one backbone.
    own = entry.options.get("backbone")
    backbone = options.get("backbone", own.default) if own else next(iter(about))
    return about.get(backbone)


def defaults(entry: registry.Entry, options: dict[str, object]) -> dict[str, object]:
    """Return the options that named weights set, and their number of classes."""
    about = named(entry, options) or {}
    found = {key: value for key, value in about.items() if key not in TYPES}
    if "num_classes" in about and not options.get("new_head"):
        found["num_classes"] = about["num_classes"]
    return found


def is_trained(own: Choice) -> bool:
    """Say whether a model is trained here: it has no weights, or only those to start from.

    A predictor of gaze whose file knows no option `weights` has nothing to train.
    """
    if own.room == "gaze" and "weights" not in own.options:
        return False
    return not own.options.get("weights") or bool(own.options.get("new_head"))


def of(config: dict, own: Choice) -> dict | None:
    """Return what is known of the named weights of a model, None when it names none."""
    entry = registry.entry(own.room, own.method, config.get("rooms"))
    return named(entry, own.options)


def path(config: dict, own: Choice) -> str | None:
    """Return the file of the weights that the config gives a model, None when it gives none."""
    about = of(config, own)
    if about is None:
        return given(own.options)[1]
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
    place, about = f"{own.room}.{own.name}", of(config, own)
    option, name = given(own.options)
    entry = registry.entry(own.room, own.method, config.get("rooms"))
    if wrong := table_problems(entry):
        return [f"{entry.path}: {problem}" for problem in wrong]
    if own.options.get("weights") and own.options.get("backbone_weights"):
        return [f"{place}: weights hold the backbone too; give weights or backbone_weights"]
    if own.options.get("new_head") and not own.options.get("weights"):
        return [f"{place}: new_head replaces the last layer of given weights; name weights too"]
    width = own.options.get("width", 1.0) if own.room == "gaze" else 1.0
    if about is not None and width != 1:
        return [
            f"{place}.width: {width:g}, but the weights {name} are those of the published network, "
            "of width 1; leave width out, or train the small network from random weights"
        ]
    if not name or about is not None:
        return []
    if wrong := _name_problems(entry, option, name, own.options.get("backbone")):
        return [f"{place}.{option}: {wrong}"]
    if own.room == "models" and not is_trained(own) and not own.options.get("num_classes"):
        return [f"{place}: weights are given, so give num_classes too"]
    return []


def _name_problems(entry: registry.Entry, option: str, name: str, backbone: object) -> str:
    """Return what is wrong with a name of weights that no table knows, '' for a file."""
    known = entry.constants.get(TABLES[option], {})
    if name in known:
        return f"{name!r} is known for {', '.join(known[name])}, not for {backbone}; give a file"
    looks_like_a_name = PurePosixPath(name).name == name and not PurePosixPath(name).suffix
    if looks_like_a_name and not Path(name).exists():
        return f"{name!r} is no file, nor weights that have a name{registry.nearest(name, known)}"
    return ""


def table_problems(entry: registry.Entry) -> list[str]:
    """Return a sentence for everything that is wrong with WEIGHTS of a model file."""
    tables = {name: entry.constants.get(name, {}) for name in TABLES.values()}
    for name, table in tables.items():
        if not isinstance(table, dict) or not all(isinstance(one, dict) for one in table.values()):
            return [f"{name} must be a mapping of mappings written out in the file, not computed"]
    own = {f"WEIGHTS[{name!r}]": about for name, about in tables["WEIGHTS"].items()}
    own |= {
        f"BACKBONE_WEIGHTS[{name!r}][{backbone!r}]": about
        for name, found in tables["BACKBONE_WEIGHTS"].items()
        for backbone, about in found.items()
    }
    return [
        f"{place}: {problem}"
        for place, about in own.items()
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
