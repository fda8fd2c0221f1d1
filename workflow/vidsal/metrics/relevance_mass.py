r"""Share of the positive relevance that lies inside the ground-truth mask.

$$ RM = \frac{\sum_{p \in M} \max(S_p, 0)}{\sum_p \max(S_p, 0)} $$

with S the map and M the mask. The negative part of a signed map speaks against the class and is
left out. The level of a map without knowledge is the share of the picture that the mask covers, so
compare with the row of the control ``random``, not with zero.

M is every pixel of the dataset's mask that is not zero; what that is, the dataset says. (In the
rendered dataset it is the body, without a cue that is planted; `mask: cue` asks for the cue.)

Range 0 to 1; larger is better.

- constant map: the share of the mask, if the constant is positive; else NaN
- no positive pixel, or an empty mask: NaN
- a pixel that is NaN or infinite: NaN

Needs no fixations. Source: Arras, Osman and Samek, Information Fusion 81, 2022 (CLEVR-XAI),
relevance mass accuracy.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._frames import extent, usable


def relevance_mass(saliency: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Positive mass inside the mask over positive mass, per frame.

    Args:
        saliency: float (T,H,W).
        mask: bool (T,H,W).

    Returns:
        float64 (T,), 0 to 1, NaN where undefined.

    Raises:
        ValueError: the two shapes differ.
    """
    if saliency.shape != mask.shape:
        raise ValueError(f"saliency is {saliency.shape}, mask {mask.shape}: not one grid")
    scores = np.full(len(saliency), np.nan)
    for frame, (pixels, inside) in enumerate(zip(saliency, mask, strict=True)):
        low, high = extent(pixels)
        if usable(low, high) and high > 0 and inside.any():
            positive = np.maximum(pixels, 0, dtype=np.float64)
            # Summed in the order of the total, so that rounding cannot lift the share above 1.
            scores[frame] = (positive * inside).sum() / positive.sum()
    return scores
