r"""Earth mover's distance: how far the mass of the map has to be moved to become the gaze density.

$$ EMD = \min_{f \ge 0} \sum_{p,q} f_{pq} \, \lVert p - q \rVert, \quad
   \sum_q f_{pq} = S_p, \ \sum_p f_{pq} = G_q $$

with S the map and G the density, both divided by their sum, on a coarse grid; distances are
Euclidean, in fractions of the picture's longest side. Solved exactly, as a linear program over the
pixels where S and G differ (what both have stays where it is). A map with negative pixels is
shifted up by its smallest value.

The grid is coarse because the cost grows with about the fourth power of its side: frames are
averaged down to `side` cells along the longest side, 16 by default, about 0.1 s a frame. Benchmarks
scale by 1/32 with bicubic filters, which leaves negative mass, and count in pixels of what is left;
multiply by that side to compare.

Range 0 (equal distributions) to the diagonal of the picture; smaller is better.

- constant map (zero included): taken as the uniform distribution, so defined
- no fixation (all-zero density): NaN
- a pixel that is NaN or infinite: NaN

Source: Rubner, Tomasi and Guibas, IJCV 40(2), 2000; for saliency: Bylinskii et al., IEEE PAMI
41(3), 2019, section 4.2.
"""

from __future__ import annotations

import numpy as np

from vidsal.metrics._frames import mass, matched

LOWER_IS_BETTER = True


def emd(saliency: np.ndarray, density: np.ndarray, *, side: int = 16) -> np.ndarray:
    """Earth mover's distance in fractions of the longest side, per frame.

    Args:
        saliency: float (T,H,W).
        density: float (T,H,W), not negative, all-zero frame = no fixation.
        side: cells along the longest side of the grid, at least 1.

    Returns:
        float64 (T,), smaller is better, NaN where undefined.
    """
    scores = np.full(len(saliency), np.nan)
    for frame, pixels, (truth, whole, _) in matched(saliency, density):
        given, own = mass(*pixels)
        longest = max(given.shape)
        step = max(1.0, longest / side)
        first, second = (coarse(each, step) for each in (given / own, truth / whole))
        cells = np.array(given.shape) / first.shape / longest
        scores[frame] = transport(first, second, cells)
    return scores


def coarse(frame: np.ndarray, step: float) -> np.ndarray:
    """Sums over the cells of a grid, about `step` pixels wide; float64 with sum 1."""
    edges = (np.linspace(0, size, max(1, round(size / step)) + 1) for size in frame.shape)
    rows, cols = (edge.astype(int)[:-1] for edge in edges)
    made = np.add.reduceat(np.add.reduceat(frame.astype(np.float64), rows, 0), cols, 1)
    return made / made.sum()


def transport(first: np.ndarray, second: np.ndarray, cells: tuple[float, float] = (1, 1)) -> float:
    """Least cost of turning one distribution into another on the same grid.

    Args:
        first: float64 (h,w), sum 1.
        second: float64 (h,w), sum 1.
        cells: height and width of a cell, in which distances are measured.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    rest = first - second
    sources, sinks = np.argwhere(rest > 0), np.argwhere(rest < 0)
    if not len(sources) or not len(sinks):
        return 0.0
    supply, demand = rest[tuple(sources.T)], -rest[tuple(sinks.T)]
    supply, amount = supply / supply.sum(), supply.sum()
    demand = demand / demand.sum()
    costs = np.linalg.norm((sources[:, None] - sinks[None]) * np.asarray(cells), axis=2)
    n, m = costs.shape
    from_each = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    lines = np.concatenate([from_each[0], n + from_each[1]])
    columns = np.tile(np.arange(n * m), 2)
    limits = coo_array((np.ones(2 * n * m), (lines, columns)), shape=(n + m, n * m)).tocsr()
    # The last line follows from the others; with it, rounding can make the program infeasible.
    totals = np.concatenate([supply, demand])[:-1]
    solved = linprog(costs.ravel(), A_eq=limits[:-1], b_eq=totals, method="highs-ds")
    if solved.status != 0:
        raise RuntimeError(f"earth mover's distance: {solved.message}")
    return float(solved.fun * amount)
