"""What the metrics share: pieces of a frame, and findings about frames."""

from __future__ import annotations

import numpy as np
import pytest

from vidsal.metrics import _frames, auc, cc, kl, nss, s_auc, sim

SHAPE = (6, 14, 17)
METRICS = {
    auc.auc: ("fixations",),
    s_auc.s_auc: ("fixations", "other_fixations"),
    nss.nss: ("fixations",),
    cc.cc: ("density",),
    sim.sim: ("density",),
    kl.kl: ("density",),
}


@pytest.fixture
def given(rng):
    """A video with signed maps, fixations in all frames, and other videos' fixations."""
    points = np.column_stack([rng.integers(0, side, 60) for side in SHAPE]).astype(np.int32)
    return {
        "saliency": rng.normal(size=SHAPE).astype(np.float32),
        "fixations": points,
        "density": rng.gamma(0.3, size=SHAPE).astype(np.float32),
        "other_fixations": rng.integers(0, 3, SHAPE[1:]).astype(np.float64),
    }


def all_scores(given: dict) -> np.ndarray:
    return np.array(
        [m(given["saliency"], **{n: given[n] for n in needs}) for m, needs in METRICS.items()]
    )


@pytest.mark.parametrize("piece", [1, 17, 40, 100])
def test_pieces_change_nothing(given, monkeypatch, piece):
    expected = all_scores(given)
    monkeypatch.setattr(_frames, "PIECE", piece)

    np.testing.assert_array_equal(all_scores(given), expected)


def test_sharing_changes_nothing_but_the_work(given, monkeypatch):
    expected, asked = all_scores(given), []
    extent = _frames.extent
    monkeypatch.setattr(_frames, "extent", lambda frame: asked.append(1) or extent(frame))
    all_scores(given)
    alone = len(asked)
    asked.clear()
    with _frames.sharing():
        np.testing.assert_array_equal(all_scores(given), expected)
    # Maps are asked for by six metrics, densities by three; once each is enough.
    assert (alone, len(asked)) == (SHAPE[0] * 9, SHAPE[0] * 2)


def test_maps_of_one_block_are_told_apart(given):
    other = given | {"saliency": given["saliency"][::-1].copy()}
    with _frames.sharing():
        found = all_scores(given), all_scores(other)
    np.testing.assert_array_equal(found, [all_scores(given), all_scores(other)])
    with _frames.sharing():
        narrow = all_scores(given)
        wide = all_scores(given | {"saliency": given["saliency"].astype(np.float64)})
    np.testing.assert_allclose(wide, narrow, atol=2e-5)
    assert (wide != narrow).any()


def test_nothing_is_kept_after_the_block_even_when_it_fails(given):
    def broken() -> None:
        with _frames.sharing():
            all_scores(given)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    given["saliency"] *= -1
    np.testing.assert_array_equal(
        all_scores(given), all_scores(given | {"saliency": given["saliency"].copy()})
    )
