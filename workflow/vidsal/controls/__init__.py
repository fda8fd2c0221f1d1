"""Maps that know nothing of the network: what every score must be compared with.

Contract: ``NAME(frames, rng, *, options) -> float32 (T,h,w)``, larger = more salient; it covers the
whole picture of ``frames`` at any resolution of its own. The names of the arguments say what is
needed:

- ``frames``: uint8 (T,H,W,3), RGB, the canonical frames of one video; read block by block while it
  is iterated or sliced, whole when anything else is done with it;
- ``fixations``: int32 (n,3), rows (frame, row, col) on those frames, of one random half of the
  observers; the map is scored against the others alone, and made only where there is gaze;
- ``other_fixations``: float64 (512,512), counts of the fixations of all other videos of the dataset
  over the relative picture;
- ``rng``: numpy.random.Generator keyed by the seed and the name of the video (leave it out where
  nothing is drawn).

In paths and tables a control stands under the model name ``none``.

Alphabet: T frames, H rows, W columns of the frames; h, w those of the map.

To add one, copy centre.py and add its name to ``run: controls:`` in config.yaml.
"""
