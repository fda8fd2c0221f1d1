"""How MMAction2 names the tensors of its recognisers."""

from __future__ import annotations

# Of 3D networks that are named here as there, but for the two parts that it keeps apart.
LAYOUTS = {"mmaction2": [(r"^backbone\.", ""), (r"^cls_head\.fc_cls\.", "fc.")]}
# Norms and shortcuts of its 2D ResNets, to torchvision's names.
UNITS = [
    (r"\bconv(\d)\.bn\.", r"bn\1."),
    (r"\.downsample\.conv\.", ".downsample.0."),
    (r"\.downsample\.bn\.", ".downsample.1."),
]
# The colours that it may store beside the weights.
IGNORED = [r"^data_preprocessor\."]
