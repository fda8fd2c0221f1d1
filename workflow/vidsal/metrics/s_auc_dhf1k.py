r"""Shuffled AUC as DHF1K's evaluation computes it: for comparison with its leaderboard.

As ``s_auc_mit``, but the negatives of a frame come from 10 frames only, drawn at random anew for
each frame. The choice of so few moves a score by 0.02 and more (standard deviation). The original
draws from the whole dataset, at times from the scored video itself; here it is from the pool of
frames of the other videos, as the word shuffled has it.

Range 0 to 1; 0.5 is chance.

- constant map: NaN
- no fixation, or no fixation of other videos on this grid: NaN
- a pixel that is NaN or infinite: NaN

Source: github.com/wenguanwang/DHF1K, evaluationFunc.m; Wang, Shen, Guo, Cheng and Borji, CVPR 2018.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._compatible import binary_frames, frames_of_others, generator, shuffled_auc


def s_auc_dhf1k(
    saliency: np.ndarray,
    fixations: np.ndarray,
    other_frames: np.ndarray,
    *,
    frames: int = 10,
    splits: int = 100,
    step: float = 0.1,
    seed: int = 0,
) -> np.ndarray:
    """Shuffled AUC of DHF1K, per frame.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).
        other_frames: int32 (m,4), rows (video, frame, row, col): frames of other videos.
        frames: how many frames the negatives come from.
        splits: how often negatives are drawn.
        step: from threshold to threshold.
        seed: of all drawing.

    Returns:
        float64 (T,), NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    pool, options = np.unique(other_frames[:, :2], axis=0), {"splits": splits, "step": step}
    if not len(pool):
        return scores
    for frame, pixels, where in binary_frames(saliency, fixations):
        rng = generator(seed, *where)
        others = frames_of_others(other_frames, pixels.shape, rng.permutation(pool)[:frames])
        scores[frame] = shuffled_auc(pixels, where, others, rng, options)
    return scores
