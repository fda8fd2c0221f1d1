r"""Shuffled AUC as UNISAL's evaluation computes it: for comparison with its numbers.

As ``s_auc_mit``, but the negatives of a frame come from one random frame of each of 10 random
videos, drawn anew for each frame.

Range 0 to 1; 0.5 is chance.

- constant map: NaN
- no fixation, or no fixation of other videos on this grid: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/rdroste/unisal, salience_metrics.py; Droste, Jiao and Noble, ECCV 2020.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import (
    binary_frames,
    frames_of_others,
    generator,
    one_of_each,
    shuffled_auc,
)


def s_auc_unisal(
    saliency: np.ndarray,
    fixations: np.ndarray,
    other_frames: np.ndarray,
    *,
    videos: int = 10,
    splits: int = 100,
    step: float = 0.1,
    seed: int = 0,
) -> np.ndarray:
    """Shuffled AUC of UNISAL, per frame.

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
    options = {"splits": splits, "step": step}
    if not len(other_frames):
        return scores
    for frame, pixels, where in binary_frames(saliency, fixations):
        rng = generator(seed, *where)
        chosen = one_of_each(other_frames, videos, rng)
        others = frames_of_others(other_frames, pixels.shape, chosen)
        scores[frame] = shuffled_auc(pixels, where, others, rng, options)
    return scores
