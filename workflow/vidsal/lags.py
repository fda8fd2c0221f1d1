r"""Score against the lag between maps and gaze: is the recording on the video's clock?

$$ s(k) = \frac{1}{|T_k|} \sum_{t \in T_k} m(S_t, F_{t+k}) $$

with m a metric, S the maps, F the fixations, and T_k all frames t for which t + k is a frame of the
clip, the same frames for no lag but those at the ends. Positive lags: gaze follows the map. Eyes
take a while, so a curve that peaks a little above zero is as it should be; one that peaks far from
it means that the two are not aligned.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from vidsal import scoring
from vidsal.heatmaps import Heatmap


def lag_curve(
    video: str,
    heatmap: Heatmap,
    metrics: scoring.Metrics,
    table: pd.DataFrame,
    lags: Iterable[int],
    **options: object,
) -> pd.DataFrame:
    """Mean scores of the maps with gaze of earlier and later frames.

    Args:
        video: name of the video.
        heatmap: maps (T,H,W) of one video.
        metrics: name -> (function, options).
        table: tidy gaze on the clip's clock, source pixels.
        lags: in frames; positive = later gaze.
        options: of ``scoring.score_video``.

    Returns:
        columns video, metric, lag, value (mean over the frames in which it is defined), frames.
    """
    found = []
    for lag in lags:
        moved = table.assign(frame=table["frame"] - lag)
        scores = scoring.score_video(video, heatmap, metrics, fixations=moved, **options)
        single = scores[scores["frame"] != scoring.WHOLE_CLIP]
        means = single.groupby("metric", sort=False)["value"].agg(value="mean", frames="count")
        found.append(means.reset_index().assign(video=video, lag=lag))
    columns = ["video", "metric", "lag", "value", "frames"]
    return pd.concat(found, ignore_index=True)[columns]
