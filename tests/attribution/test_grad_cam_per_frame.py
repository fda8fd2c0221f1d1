"""Grad-CAM per frame agrees with the reference values in the convention of mmaction2."""

from __future__ import annotations

import torch

from vidsal.attribution._pass import capture
from vidsal.attribution.grad_cam_per_frame import grad_cam_per_frame


def test_reference(case, agrees):
    key = "gradcam_frames_raw" if case.model.frame_wise else "gradcam_perframe_raw"
    expected = case.expected[key].reshape(2, *case.expected[key].shape[-3:])
    pairs = list(zip(case.clips, case.targets, strict=True))
    agrees(case, [grad_cam_per_frame(case.model, *pair, relu=False) for pair in pairs], expected)
    agrees(case, [grad_cam_per_frame(case.model, *pair) for pair in pairs], expected.clip(min=0))


def test_one_weight_per_channel_and_frame(model, clip):
    layer = model.cam_layers[0]
    found = capture(model, clip, 1, [layer])
    activation, gradient = found.activations[layer], found.gradients[layer]
    expected = torch.stack(
        [
            sum(gradient[c, t].mean() * activation[c, t] for c in range(len(activation)))
            for t in range(activation.shape[1])
        ]
    )
    heatmap = grad_cam_per_frame(model, clip, 1, relu=False)
    torch.testing.assert_close(heatmap, expected, rtol=1e-4, atol=1e-6)
