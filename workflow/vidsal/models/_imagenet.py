"""Image networks to start from: torchvision's ResNets, trained on ImageNet-1K."""

from __future__ import annotations

LICENCE = "BSD-3-Clause (torchvision), trained on ImageNet-1K"
# Backbone -> what is known of its weights, as in `vidsal/weights.py`.
RESNETS = {
    "resnet18": {
        "url": "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        "sha256": "f37072fd",
        "licence": LICENCE,
    },
    "resnet34": {
        "url": "https://download.pytorch.org/models/resnet34-b627a593.pth",
        "sha256": "b627a593",
        "licence": LICENCE,
    },
    "resnet50": {
        "url": "https://download.pytorch.org/models/resnet50-0676ba61.pth",
        "sha256": "0676ba61",
        "licence": LICENCE,
    },
    "resnet101": {
        "url": "https://download.pytorch.org/models/resnet101-63fe2227.pth",
        "sha256": "63fe2227",
        "licence": LICENCE,
    },
}
