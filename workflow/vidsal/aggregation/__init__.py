"""Heatmaps over time become saliency maps.

Contract: ``NAME(heatmaps, *, options)`` takes float32 (T,H,W), one heatmap per frame, and returns
float32, either (T,H,W), one map per frame, or (H,W), one map for the whole clip. A map per frame is
scored against the gaze of its frame; a map of the clip against all gaze of the clip, pooled.

Alphabet: T frames, H rows, W columns.

To add one, copy mean.py (clip) or frames.py (per frame), and add its name to
``run: aggregations:`` in config.yaml.
"""
