"""S3D is torchvision's, and goes on where torchvision's stops."""

from __future__ import annotations

import pytest
import torch
from torchvision.models import video

from vidsal.models._pool import within
from vidsal.models.s3d import s3d


@pytest.mark.parametrize("shape", [(16, 224, 224), (23, 232, 250)])
def test_logits_are_torchvisions(shape):
    torch.manual_seed(0)
    ours, theirs = s3d(4).net.eval(), video.s3d(num_classes=4).eval()
    theirs.load_state_dict(ours.state_dict())
    clip = torch.randn(1, 3, *shape)
    with torch.inference_mode():
        torch.testing.assert_close(ours(clip), theirs(clip))


def test_windows_shrink_only_where_they_have_to():
    assert within((2, 7, 7), torch.zeros(1, 1, 1, 7, 9)) == (1, 7, 7)
    assert within((2, 7, 7), torch.zeros(1, 1, 5, 3, 1)) == (2, 3, 1)


def test_norms_follow_short_trainings():
    norms = [m for m in s3d(2).net.modules() if isinstance(m, torch.nn.BatchNorm3d)]
    assert {norm.momentum for norm in norms} == {0.1}
    assert {norm.eps for norm in norms} == {1e-3}
