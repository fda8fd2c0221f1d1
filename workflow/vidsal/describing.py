"""The methods section of a run, with its references, written from the resolved configuration.

What a thing is and where it comes from is read from its file's docstring (`vidsal.citations`).
"""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd

from vidsal import _version, citations, registry, weights
from vidsal import config as settings
from vidsal.citations import Citation
from vidsal.targets import parts_of

STATISTICS = ("bootstrap", "paired", "ranking", "agreement", "strata", "pasting")
TITLES = {
    "models": "Networks",
    "methods": "Explanation methods",
    "gaze": "Predictors of gaze",
    "controls": "Controls and ceilings",
    "aggregations": "Maps over time",
    "metrics": "Metrics",
}
SPELT = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
log = logging.getLogger(__name__)


def write_methods(config: dict, dataset: str, files: object, out: object) -> None:
    """Write `methods.md` and `references.bib`.

    Args:
        config: the whole config.
        dataset: name of the dataset.
        files: paths `index` (of the heatmaps), `accuracy`, `summary`.
        out: paths `methods`, `references`.
    """
    tables = {
        name: pd.read_csv(getattr(files, name), sep="\t")
        for name in ("index", "accuracy", "summary")
    }
    text, cited = section(config, dataset, **tables)
    Path(out.methods).write_text(text, encoding="utf-8")
    Path(out.references).write_text(citations.bibtex(cited), encoding="utf-8")
    for citation in (one for one in cited if not one.title):
        log.warning("%s %s: no docstring states a title", citation.authors, citation.year)


def section(
    config: dict,
    dataset: str,
    *,
    index: pd.DataFrame,
    accuracy: pd.DataFrame,
    summary: pd.DataFrame,
) -> tuple[str, list[Citation]]:
    """Return the section in Markdown (citations as pandoc reads them), and what it cites."""
    own = settings.choice(config, "datasets", dataset)
    scored = [name for name in settings.chosen(config, "metrics") if name in set(summary["metric"])]
    cited = _cited(config, own, scored)
    keys = citations.keys(cited)
    parts = ["# Methods", _videos(config, own, index, keys)]
    if settings.chosen(config, "models"):
        parts += [f"## {TITLES['models']}", *_items(config, "models", keys)]
        parts += [_training(config), _accuracies(accuracy)]
    if settings.chosen(config, "methods"):
        parts += [f"## {TITLES['methods']}", _explained(config)]
        parts += _items(config, "methods", keys)
    for key in ("gaze", "controls", "aggregations"):
        if settings.chosen(config, key):
            parts += [f"## {TITLES[key]}", *_items(config, key, keys)]
    if scored:
        parts += [f"## {TITLES['metrics']}", _compared(config)]
        parts += _items(config, "metrics", keys, scored)
        parts += ["## Statistics", _statistics(config, keys)]
    parts += ["## Software", _software(config)]
    return "\n\n".join(_joined(part for part in parts if part)) + "\n", cited


def _cited(config: dict, own: settings.Choice, scored: list[str]) -> list[Citation]:
    """Return what the docstrings of a run's files cite; of metrics only those that are scored."""
    used = [own]
    for key, room in settings.RUN_LISTS.items():
        if key != "datasets":
            names = scored if key == "metrics" else settings.chosen(config, key)
            used += [settings.choice(config, room, name) for name in names]
    found = [citation for one in used for citation in citations.of_text(_entry(config, one).doc)]
    for name in _statistics_used(config) if scored else ():
        found += citations.of_file(module(name))
    return citations.merged(found)


def _statistics_used(config: dict) -> tuple[str, ...]:
    return (*STATISTICS, "mixed") if config["tables"]["mixed"] else STATISTICS


def _entry(config: dict, own: settings.Choice) -> registry.Entry:
    return registry.entry(own.room, own.method, config.get("rooms"))


def _joined(parts: object) -> list[str]:
    """Items of a list follow each other without a line between."""
    made: list[str] = []
    for part in parts:
        if part.startswith("- ") and made and made[-1].startswith("- "):
            made[-1] += f"\n{part}"
        else:
            made.append(part)
    return made


def _items(config: dict, key: str, keys: dict, names: list[str] | None = None) -> list[str]:
    """One line per name: what it is, its source, the options that are not the defaults."""
    lines, room = [], settings.RUN_LISTS[key]
    for name in settings.chosen(config, key) if names is None else names:
        own = settings.choice(config, room, name)
        entry = _entry(config, own)
        what = entry.summary.rstrip(".")
        variant = "" if own.method == name else f" (a variant of `{own.method}`)"
        options = _options(own, entry)
        lines.append(
            f"- `{name}`{variant}: {what}{_sources(citations.of_text(entry.doc), keys)}{options}."
        )
    return lines


def _options(own: settings.Choice, entry: registry.Entry) -> str:
    defaults = {key: option.default for key, option in entry.options.items()}
    set_here = {k: v for k, v in own.options.items() if k in defaults and v != defaults[k]}
    told = ", ".join(f"{key} = {_value(value)}" for key, value in set_here.items())
    return f"; {told}" if told else ""


def _value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return " x ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sources(cited: list[Citation], keys: dict) -> str:
    found = [f"@{keys[citation.same]}" for citation in cited]
    return f" [{'; '.join(found)}]" if found else ""


def module(name: str) -> Path:
    """Return the file of a module of the package."""
    return registry.PACKAGE / f"{name}.py"


def _videos(config: dict, own: settings.Choice, index: pd.DataFrame, keys: dict) -> str:
    entry = _entry(config, own)
    per_video = index.drop_duplicates("video")
    lengths = per_video["frames"]
    asked, explain = config["video"], config["explain"]
    often = "" if explain["every"] == 1 else f", every {_nth(explain['every'])} by a hash of names"
    told = [
        f"Maps were computed for {_count(len(per_video), 'video')} of `{own.name}` (split "
        f"`{explain['split']}`{often}): {_decapitalised(entry.summary.rstrip('.'))}"
        f"{_sources(citations.of_text(entry.doc), keys)}."
    ]
    if len(lengths):
        spread = f"{lengths.min()} to {lengths.max()}" if lengths.nunique() > 1 else lengths.iloc[0]
        told.append(f"They have {spread} frames.")
    size = f"{asked['resize']}" if asked.get("resize") else f"at most {asked['max_side']} px a side"
    stored = "without loss" if asked["store"] == "raw" else "as JPEG of quality 95"
    told.append(f"Frames were decoded once, in order, and stored {stored}, {size}.")
    told.append(
        {
            "fail": "Damaged videos were refused.",
            "keep": "Of damaged videos what could be decoded was used.",
            "drop": "Damaged videos were left out.",
        }[asked["on_damage"]]
    )
    if own.method == "synthetic":
        told.append("The videos are rendered and the observers simulated: a proof, not a finding.")
    return " ".join(told)


def _training(config: dict) -> str:
    trained = [
        name
        for name in settings.chosen(config, "models")
        if weights.is_trained(settings.choice(config, "models", name))
    ]
    if not trained:
        return ""
    common = {k: v for k, v in config["train"].items() if k != "per_model"}
    told = ", ".join(f"{key} = {_value(value)}" for key, value in common.items())
    sentences = [f"{_names(trained)} were trained here ({told})."]
    if len(trained) == 1:
        sentences = [f"{_names(trained)} was trained here ({told})."]
    for name, own in config["train"]["per_model"].items():
        if name in trained:
            other = ", ".join(f"{key} = {_value(value)}" for key, value in own.items())
            sentences.append(f"For `{name}`: {other}.")
    return " ".join(sentences)


def _accuracies(accuracy: pd.DataFrame) -> str:
    told = []
    for row in accuracy.to_dict("records"):
        if row["n"]:
            told.append(
                f"`{row['model']}` was right about {100 * row['accuracy']:.1f} % of "
                f"{_count(int(row['n']), 'labelled video')} (95 % CI {100 * row['low']:.1f} to "
                f"{100 * row['high']:.1f} %)"
            )
    return "; ".join(told) + "." if told else ""


def _explained(config: dict) -> str:
    target, polarity = config["explain"]["target"], config["explain"]["polarity"]
    signs = {
        "both": "Signed maps were kept as they are.",
        "positive": "Of signed maps the positive part was kept.",
        "negative": "Of signed maps the negative part was kept.",
        "absolute": "Of signed maps the size was taken.",
    }[polarity]
    said = {"predicted": "the class that the network predicts", "label": "the class of the label"}
    named = [said[what] if how == "word" else f"the class {what}" for how, what in parts_of(target)]
    asked = f"the score of {named[0]}" + (f" less that of {named[1]}" if named[1:] else "")
    return f"Maps explain {asked}. {signs}"


def _compared(config: dict) -> str:
    sigma, side = config["score"]["sigma"], config["score"]["max_side"]
    if isinstance(sigma, dict) and "degrees" in sigma:
        width = f"{sigma['degrees']} degrees of visual angle"
    elif isinstance(sigma, dict):
        width = f"{sigma['pixels']} pixels of the video"
    elif isinstance(sigma, str):
        width = f"the width used for {sigma}"
    else:
        width = f"{sigma:g} of the picture's height"
    return (
        "Maps and gaze were compared in pixels of the video (scaled down to at most "
        f"{side} px a side), on the part that the network saw, frame by frame; densities of gaze "
        f"have a Gaussian of {width}. The score of a video is the mean over the frames in which "
        "the metric is defined; maps of a whole clip were compared with its pooled gaze."
    )


def _statistics(config: dict, keys: dict) -> str:
    def at(name: str) -> str:
        return _sources(citations.of_file(module(name)), keys)

    grouped = [name for name in config["tables"]["by"] if name]
    told = [
        "Every video counts once: scores are means over videos, and videos, never frames, are what "
        "is drawn, shuffled and tested. Intervals are 95 % BCa bootstrap intervals over videos "
        f"(9999 draws){at('bootstrap')}.",
        "Every two maps were compared on the same videos by flipping the signs of their "
        "differences (all signs up to 14 videos, random ones above), and by Wilcoxon's signed "
        "ranks; p was corrected for all pairs of a metric by Holm's and by Benjamini and "
        f"Hochberg's procedure; effects are given as Cohen's d_z and as rank-biserial "
        f"correlation{at('paired')}.",
        "Maps were ranked within videos, with Friedman's test and Nemenyi's critical "
        f"differences{at('ranking')}.",
        "The methods that may be the best form a 95 % confidence set (one test against each other "
        f"method, Bonferroni){at('pasting')}.",
        f"Agreement of metrics is Kendall's W and Krippendorff's alpha{at('agreement')}.",
    ]
    if config["tables"]["mixed"]:
        told.append(
            "Mixed models with a random intercept for each video were fitted by restricted maximum "
            f"likelihood{at('mixed')}."
        )
    if grouped:
        told.append(
            f"Groups of videos (by {_names(grouped)}) were compared by shuffling labels among "
            "videos, and by the Kruskal-Wallis test."
        )
    return " ".join(told)


def _software(config: dict) -> str:
    numerics = config["numerics"]
    return (
        f"vidsal {_version.version()}; seed {config['seed']}; "
        f"{_count(numerics['torch_threads'], 'thread')} per job, precision "
        f"{numerics.get('precision', 'fp32')}. Options not named here are vidsal's defaults; all "
        "are in `config.resolved.yaml`."
    )


def _names(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _count(number: int, noun: str) -> str:
    word = SPELT[number] if number < len(SPELT) else str(number)
    return f"{word} {noun}{'' if number == 1 else 's'}"


def _nth(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")


def _decapitalised(text: str) -> str:
    """Return a summary to go on with in a sentence; names keep their capital."""
    first = text.split(" ", 1)[0]
    return text if first.isupper() or not first.isalpha() else text[:1].lower() + text[1:]
