"""Agreement of a map with human gaze or with a known region: one file, one metric.

Contract: ``NAME(saliency, <needs>, *, options) -> float64 (T,)``, one score per frame, pure NumPy,
no state. Only compatibility definitions draw random numbers, keyed by their option ``seed`` and by
the fixations of the frame. The names of the arguments say what is needed:

- ``saliency``: float (T,H,W), larger = more salient;
- ``fixations``: int32 (n,3), rows (frame, row, col), 0-based, duplicates allowed and counted;
- ``density``: float32 (T,H,W), fixation density, sums to 1 per frame; an all-zero frame = nobody
  looked;
- ``mask``: bool (T,H,W), the region in which relevance ought to lie;
- ``other_fixations``: float64 (H,W), counts of the fixations of all OTHER videos on this grid;
- ``baseline``: float64 (H,W), their density, with the same Gaussian as ``density``;
- ``other_frames``: int32 (m,4), rows (video, frame, row, col), the fixations of at most 16 frames
  of each other video, for definitions that draw frames.

A score that is not defined is NaN, never an error and never a stand-in number; why it is undefined
is said by ``_reasons.reasons``. What a constant map, a frame without fixations and a pixel that is
not finite give is stated in each file. Frames are scored independently of each other, so that a
video may be scored in pieces; inside ``with _frames.sharing():`` metrics called on the same arrays
find their extents and sums once, for the same scores.

Alphabet: T frames, H rows, W columns, n fixations. Sums are float64; the pixels
of float32 maps are worked on in float32 (scores within 2e-5 of float64, kl within 1e-4).

Names with the name of a code base (``auc_judd_mit``, ``s_auc_dhf1k``) are its definitions, flaws
included, for comparison with published numbers; what they share is in ``_compatible.py``.

To add one, copy nss.py (for a metric on fixations) or cc.py (on densities), and add its name to
``run: metrics:`` in config.yaml.
"""
