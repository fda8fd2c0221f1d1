"""Mixed models of scores, `score ~ map + (1 | video)`, for those who want them (statsmodels).

A video is easy or hard for all maps at once: its intercept is drawn from a normal distribution, and
what is estimated is how far each map lies from the first. Unlike the paired tests it uses videos
that lack a map, and it assumes normal residuals. N. M. Laird and J. H. Ware, "Random-effects Models
for Longitudinal Data", Biometrics 38(4), 1982 (DOI 10.2307/2529876).
"""

from __future__ import annotations

import importlib.util
import logging
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from vidsal import paired
from vidsal.comparing import KEYS, read_scores
from vidsal.errors import InputError
from vidsal.tables import write_tsv

MIXED_COLUMNS = [
    *("map", "reference", "difference", "low", "high", "p", "p_holm"),
    *("videos", "sd_video", "sd_residual", "converged"),
]
log = logging.getLogger(__name__)


def write_models(scores: str | Path, out: str | Path) -> None:
    """Fit a model for every aggregation and metric, and write them as one table.

    Raises:
        InputError: statsmodels is not installed.
    """
    require_statsmodels()
    found = [
        fit(own).assign(**dict(zip(KEYS, key, strict=True)))
        for key, own in read_scores(scores).groupby(KEYS, sort=False)
    ]
    empty = pd.DataFrame(columns=[*KEYS, *MIXED_COLUMNS])
    write_tsv(pd.concat(found)[empty.columns] if found else empty, out)


def require_statsmodels() -> None:
    """Refuse to go on without statsmodels, with one sentence on how to get it."""
    if importlib.util.find_spec("statsmodels") is None:
        raise InputError(
            "tables.mixed: mixed models need statsmodels, which is not installed; install it with "
            "pip install 'vidsal[stats]', or set tables.mixed: false"
        )


def fit(table: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Fit one model by restricted maximum likelihood.

    Args:
        table: a row per video and map, columns video, map, value; NaN is left out.
        level: confidence level.

    Returns:
        a row per map but the first one, the reference: difference from it, Wald interval, p, p
        corrected over the maps; videos; standard deviations between videos and of the rest;
        whether the fit converged. No rows for fewer than 2 maps or 3 videos.
    """
    require_statsmodels()
    from statsmodels.regression.mixed_linear_model import MixedLM

    known = table.dropna(subset="value")
    maps = list(dict.fromkeys(known["map"]))
    if len(maps) < 2 or known["video"].nunique() < 3:
        return pd.DataFrame(columns=MIXED_COLUMNS)
    design = (known["map"].to_numpy(object)[:, None] == np.array(maps, object)).astype(float)
    design[:, 0] = 1.0
    videos = known["video"].to_numpy(object)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = MixedLM(known["value"].to_numpy(float), design, groups=videos)
        made = model.fit(reml=True)
    for text in dict.fromkeys(str(warning.message) for warning in said):
        log.warning("%s", text)
    bounds = made.conf_int(alpha=1 - level)[1 : len(maps)]
    p = np.asarray(made.pvalues)[1 : len(maps)]
    return pd.DataFrame(
        {
            "map": maps[1:],
            "reference": maps[0],
            "difference": np.asarray(made.fe_params)[1:],
            "low": bounds[:, 0],
            "high": bounds[:, 1],
            "p": p,
            "p_holm": paired.holm(p),
            "videos": known["video"].nunique(),
            "sd_video": float(np.sqrt(np.asarray(made.cov_re)[0, 0])),
            "sd_residual": float(np.sqrt(made.scale)),
            "converged": bool(made.converged),
        }
    )[MIXED_COLUMNS]
