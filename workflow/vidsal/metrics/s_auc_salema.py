r"""Shuffled AUC as SalEMA's evaluation computes it: for comparison with its numbers.

As ``s_auc_mit``, but maps and fixations are first halved in size, and the negatives come from one
random frame of each of 40 other videos, the same for all frames of a video. (The published code has
stood at 40 and at 50 over time.)

Range 0 to 1; 0.5 is chance.

- constant map: NaN
- no fixation, or no fixation of other videos on this grid: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/Linardos/SalEMA, evaluation/metric_calculation.py; Linardos, Mohedano, Nieto,
O'Connor, Giro-i-Nieto and McGuinness, BMVC 2019.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import (
    binary_frames,
    frames_of_others,
    generator,
    halved,
    halved_places,
    one_of_each,
    shuffled_auc,
)


def s_auc_salema(
    saliency: np.ndarray,
    fixations: np.ndarray,
    other_frames: np.ndarray,
    *,
    videos: int = 40,
    splits: int = 100,
    step: float = 0.1,
    seed: int = 0,
) -> np.ndarray:
    """Shuffled AUC of SalEMA, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).
        other_frames: int32 (m,4), rows (video, frame, row, col): frames of other videos.
        videos: how many videos give a frame.
        splits: how often negatives are drawn.
        step: from threshold to threshold.
        seed: of all drawing.

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    if not len(other_frames):
        return scores
    shape, options = saliency.shape[1:], {"splits": splits, "step": step}
    chosen = one_of_each(other_frames, videos, generator(seed, other_frames))
    places = np.divmod(frames_of_others(other_frames, shape, chosen), shape[1])
    rows, cols = halved_places(places, shape)
    for frame, pixels, where in binary_frames(saliency, fixations):
        small, own = halved(pixels), halved_places(where, shape)
        if small.min() < small.max() and len(own[0]):
            others, rng = rows * small.shape[1] + cols, generator(seed, *where)
            scores[frame] = shuffled_auc(small, own, others, rng, options)
    return scores
