"""Predictors of human gaze: what people would look at, without any video network to explain.

Contract: ``NAME(*, options) -> GazeModel`` (see _model.py). Its ``predict`` streams: it takes an
iterator of pieces uint8 (t,H,W,3), RGB, in order and without gaps, and yields maps float32 (t,h,w),
larger = more likely to be looked at; together exactly one map per frame, in order, each covering
the whole picture. The pieces that come out need not be the pieces that went in, and how a video was
cut into pieces must not change the maps.

In paths and tables a gaze predictor is a model, with the reserved method name ``gaze``.

Alphabet: t frames of a piece, H rows, W columns of the frames; h, w those of the map.

To add one, copy spectral_residual.py and add its name to ``run: gaze:`` in config.yaml.
"""
