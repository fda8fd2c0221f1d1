"""Why a frame has no score: one short code per frame."""

from __future__ import annotations

import numpy as np

from vidsal.metrics._frames import counts, extent, usable


def reasons(
    saliency: np.ndarray,
    *,
    fixations: np.ndarray | None = None,
    density: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    other_fixations: np.ndarray | None = None,
    baseline: np.ndarray | None = None,
    other_frames: np.ndarray | None = None,
) -> list[str]:
    """What can make a metric undefined, frame by frame.

    Give exactly what the metric was given. A code is a finding about the data: a metric may be
    defined in spite of it (the AUC of a constant map is 0.5), so report it only where the value is
    NaN. Where several hold, the first of this order is given:

    - ``not_finite``: the map holds NaN or infinite pixels;
    - ``no_fixation``: nobody looked in this frame;
    - ``empty_mask``: the mask has no pixel;
    - ``no_positive_relevance``: a mask was given and the map has no positive pixel;
    - ``no_other_fixation``: no other video has a fixation on this grid;
    - ``constant_map``: all pixels of the map are equal;
    - ``constant_density``: all pixels of the density are equal.

    Args:
        saliency: float (T,H,W).
        fixations: int32 (n,3), rows (frame, row, col).
        density: float (T,H,W).
        mask: bool (T,H,W).
        other_fixations: float64 (H,W).
        baseline: float64 (H,W).
        other_frames: int32 (m,4).

    Returns:
        T codes; "" where nothing was found.
    """
    extents = [extent(frame) for frame in saliency]
    findings = {"not_finite": np.array([not usable(*each) for each in extents], dtype=bool)}
    if fixations is not None:
        findings["no_fixation"] = counts(fixations, len(saliency)) == 0
    elif density is not None:
        findings["no_fixation"] = ~density.any(axis=(1, 2))
    if mask is not None:
        findings["empty_mask"] = ~mask.any(axis=(1, 2))
        findings["no_positive_relevance"] = ~(saliency > 0).any(axis=(1, 2))
    others = [each for each in (other_fixations, baseline) if each is not None]
    if others or other_frames is not None:
        nobody = any(not each.any() for each in others)
        nobody |= other_frames is not None and not len(other_frames)
        findings["no_other_fixation"] = np.full(len(saliency), nobody)
    findings["constant_map"] = _constant(extents)
    if density is not None:
        findings["constant_density"] = _constant([extent(frame) for frame in density])
    return _first(findings, len(saliency))


def _constant(extents: list[tuple[float, float]]) -> np.ndarray:
    """Which frames (T,) have only one value."""
    return np.array([low == high for low, high in extents], dtype=bool)


def _first(findings: dict[str, np.ndarray], num_frames: int) -> list[str]:
    """The first finding of each frame, in the order of the dictionary."""
    codes = [""] * num_frames
    for code, found in findings.items():
        for frame in np.flatnonzero(found):
            codes[frame] = codes[frame] or code
    return codes
