"""Methods that say which voxels of a clip a network's answer rests on.

A file `NAME.py` defines `def NAME(model: VideoModel, clip: Tensor, target: int, *, options...)
-> Tensor`: the preprocessed clip `(C,T,H,W)` float32 on the network's device and a class number
come in, a heatmap `(T',H',W')` float32 comes out, at the method's native resolution, larger = more
important. The score that is explained is s = logit of the target: a softmax saturates.

Every method leaves no trace in the network or in torch (hooks, train flags, `requires_grad`,
`.grad`, random state), gives the same map twice, and works on frame-wise networks too. Numbers
beside the map (a completeness error) go through `_notes.note`.

Alphabet: N batch, C channels, T frames, H rows, W columns; A a layer's activation `(C,T',h,w)`,
G = ds/dA of the same shape.

To add one, copy `grad_cam.py` when one forward and one backward of the clip are enough (such a file
sets `SHARED_PASS = True` and takes everything from `_pass.capture`, which several methods share;
its `BACK` says how far back: "input" when it says nothing, "layers", or "nothing" with
`_pass.observe`; its `COLLECT` names a collector of other tensors, as in `saliency_tubes.py`),
`occlusion.py` when the network must see variants of the clip (`_variants.scores`, `.gradients`),
`smooth_grad.py` when it wraps another method (an option of type `Method`).
"""
