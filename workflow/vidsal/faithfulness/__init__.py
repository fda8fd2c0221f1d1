"""Room of the measures that ask the network itself whether a map is true to it.

A file defines `deletion(model, clip, heatmap, target, *, options)` -> curve and score; clip
(C,T,H,W), heatmap (T,H,W) float32, larger = more important. The room has no inhabitant yet.
"""
