"""R(2+1)D-18 gives what the original gave."""

from __future__ import annotations

import pytest
import torch

from tests.models import parity
from vidsal.attribution._pass import capture
from vidsal.models.r2plus1d_18 import r2plus1d_18

FIXTURE = "c1_r2plus1d18_attribution"


@pytest.mark.parametrize("prefix", ["", "module.", "module.module."])
def test_logits_are_the_originals(tmp_path, prefix):
    path = parity.saved(tmp_path, parity.state(FIXTURE), prefix=prefix)
    net = r2plus1d_18(400, weights=path).net.eval()
    with torch.inference_mode():
        logits = net(parity.clip("clip_rgb_112", **parity.KINETICS))[0]
    parity.compare(FIXTURE, "logits", logits)


def test_gradients_are_the_originals(tmp_path):
    model = r2plus1d_18(400, weights=parity.saved(tmp_path, parity.state(FIXTURE)))
    clip = parity.clip("clip_rgb_112", **parity.KINETICS)[0]
    found = capture(model, clip, parity.recipe(FIXTURE)["label"], model.cam_layers[:1])
    parity.compare(FIXTURE, "grad_sub", found.gradient[:, ::3, ::6, ::6])
    maps, gradients = found.activations["layer4"], found.gradients["layer4"]
    cam = (maps * gradients.mean(dim=(2, 3), keepdim=True)).sum(0).relu()
    parity.compare(FIXTURE, "gradcam_layer4_raw", cam.repeat_interleave(8, dim=0))
