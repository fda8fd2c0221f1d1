"""The tests of a dataset: every two maps, ranks, agreement of metrics, groups of videos."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from vidsal import agreement, directions, paired, ranking, sheets, strata
from vidsal.checking import PREDICTION
from vidsal.choosing import CONTROL_MODEL
from vidsal.scoring import WHOLE_CLIP
from vidsal.tables import write_tsv

KEYS = ["aggregation", "metric"]
TEST_COLUMNS = [*KEYS, *paired.PAIR_COLUMNS, "p_nemenyi"]
OVERALL_COLUMNS = [*KEYS, "among", "n", "maps", "statistic", "p", "critical_difference"]
log = logging.getLogger(__name__)


def write_comparisons(
    config: dict, scores: str, predictions: list[str], rows: list[str], out: object
) -> None:
    """Write every table of tests of a dataset.

    Args:
        config: the whole config.
        scores: the long table, one row per video, map and metric.
        predictions: predictions of all models, as `results/DATASET/predictions/MODEL/SHARD`.
        rows: sample sheets of the explained videos, for their columns.
        out: paths `tests`, `ranks`, `overall`, `agreement`, `groups`, `between`, `within`.
    """
    table, seed = read_scores(scores), config["seed"]
    lower = directions.lower_is_better(config)
    made = {name: [] for name in ("tests", "ranks", "overall", "groups", "between", "within")}
    labels = {
        column: _membership(table, group_of)
        for column, group_of in _groups(config["tables"]["by"], rows, predictions)
    }
    few = _with_few_groups(labels)
    for key, values in wide_tables(table):
        turned = {"lower": key["metric"] in lower, "seed": seed}
        ranks = ranking.ranks(values, **turned)
        made["tests"].append(_tests(values, ranks, turned).assign(**key))
        made["ranks"].append(ranks.assign(**key))
        made["overall"].append(_overall(values).assign(**key))
        for column, membership in labels.items():
            groups = membership.loc[values.index]
            groups = groups[[name for name in values if name in groups]]
            own = values[groups.columns]
            here = key | {"by": column}
            made["groups"].append(strata.means(own, groups, seed=seed).assign(**here))
            made["between"].append(strata.between(own, groups, seed=seed).assign(**here))
            if column in few:
                made["within"].append(strata.within(own, groups, **turned).assign(**here))
    grouped = [*KEYS, "by"]
    write_tsv(_joined(made["tests"], TEST_COLUMNS), out.tests)
    write_tsv(_joined(made["ranks"], [*KEYS, *ranking.RANK_COLUMNS]), out.ranks)
    write_tsv(_joined(made["overall"], OVERALL_COLUMNS), out.overall)
    write_tsv(_joined(made["groups"], [*grouped, *strata.GROUP_COLUMNS]), out.groups)
    write_tsv(_joined(made["between"], [*grouped, *strata.BETWEEN_COLUMNS]), out.between)
    columns = [*grouped, "group", *paired.PAIR_COLUMNS]
    write_tsv(_joined(made["within"], columns), out.within)
    write_tsv(_agreement(table, lower, seed), out.agreement)


def _with_few_groups(labels: dict[str, pd.DataFrame]) -> set[str]:
    """Return the columns with so few groups that maps are compared within each."""
    few = set()
    for column, membership in labels.items():
        count = len(set(membership.to_numpy().ravel()) - {""})
        if count <= strata.MOST_GROUPS:
            few.add(column)
        else:
            log.info("%s: %d groups, maps are not compared within each of them", column, count)
    return few


def read_scores(path: str | Path) -> pd.DataFrame:
    """Return the scores of videos, with the column `map` (`model/method`)."""
    table = pd.read_parquet(path)
    table = table[table["frame"] == WHOLE_CLIP]
    return table.assign(map=table["model"] + "/" + table["method"])


def wide_tables(table: pd.DataFrame) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Yield (aggregation and metric, table of videos by maps), in the order of the scores."""
    for key, own in table.groupby(KEYS, sort=False):
        wide = own.pivot(index="video", columns="map", values="value")
        yield dict(zip(KEYS, key, strict=True)), wide[list(dict.fromkeys(own["map"]))]


def _tests(values: pd.DataFrame, ranks: pd.DataFrame, turned: dict) -> pd.DataFrame:
    """Every two maps, with Nemenyi's p beside the others."""
    pairs = paired.compare(values, **turned)
    p = ranking.nemenyi(ranks["mean_rank"].to_numpy(), int(ranks["n"].max()))
    place = {name: number for number, name in enumerate(ranks["map"])}
    found = [p[place[a], place[b]] for a, b in zip(pairs["a"], pairs["b"], strict=True)]
    return pairs.assign(p_nemenyi=found)


def _overall(values: pd.DataFrame) -> pd.DataFrame:
    """Friedman's test among all maps, and among those that are neither floor nor ceiling."""
    own = [name for name in values if not name.startswith(f"{CONTROL_MODEL}/")]
    sets = {"all": values, "methods": values[own]}
    rows = [{"among": name} | ranking.overall(v)._asdict() for name, v in sets.items()]
    return pd.DataFrame(rows)


def _joined(found: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [table for table in found if len(table)]
    return pd.concat(filled)[columns] if filled else pd.DataFrame(columns=columns)


def _agreement(table: pd.DataFrame, lower: set[str], seed: int) -> pd.DataFrame:
    found = [
        agreement.between_metrics(own, lower, seed=seed).assign(aggregation=name)
        for name, own in table.groupby("aggregation", sort=False)
    ]
    return _joined(found, ["aggregation", *agreement.AGREEMENT_COLUMNS])


def _groups(
    columns: list[str], rows: list[str], predictions: list[str]
) -> Iterator[tuple[str, Callable[[str], pd.Series]]]:
    """Yield (column, function map -> group of each video) for what `tables.by` names."""
    sheet = pd.concat([sheets.read(path) for path in rows], ignore_index=True)
    sheet = sheet.set_index("video")
    for column in columns:
        if column == PREDICTION:
            yield column, _right_or_wrong(predictions)
        elif (sheet[column].fillna("") == "").all():
            log.info("no video has a value in column %s", column)
        else:
            # `sheet` and `column` are bound now: the next column must not change them.
            values = sheet[column].astype(object).where(sheet[column].notna(), "").astype(str)
            yield column, lambda _, values=values: values


def _right_or_wrong(predictions: list[str]) -> Callable[[str], pd.Series]:
    """Return function map -> right or wrong, for videos with a label; '' for maps of no network."""
    by_model: dict[str, list[pd.Series]] = {}
    for path in predictions:
        own = pd.read_parquet(path, columns=["video", "label", "correct"]).set_index("video")
        said = own["correct"].map({True: "right", False: "wrong"}).astype(object)
        said = said.where(own["label"] != "", "")
        by_model.setdefault(Path(path).parent.name, []).append(said)
    joined = {model: pd.concat(found) for model, found in by_model.items()}
    return lambda name: joined.get(name.partition("/")[0], pd.Series(dtype=object))


def _membership(table: pd.DataFrame, group_of: Callable[[str], pd.Series]) -> pd.DataFrame:
    """Return the group of every video (rows) and map (columns); only maps that have groups."""
    videos = pd.Index(sorted(set(table["video"])), dtype=object)
    made = {}
    for name in dict.fromkeys(table["map"]):
        groups = group_of(name).reindex(videos).fillna("").to_numpy(object)
        if (groups != "").any():
            made[name] = groups
    return pd.DataFrame(made, index=videos, dtype=object)
