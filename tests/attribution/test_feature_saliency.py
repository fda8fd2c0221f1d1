"""Feature saliency: the published values, and refusals."""

from __future__ import annotations

import pytest
import torch

from tests.models import parity
from vidsal.attribution.feature_saliency import feature_saliency, features_by_time
from vidsal.errors import InputError
from vidsal.models.cnn_lstm import cnn_lstm

KTH = "e1_kth_cnnlstm_r18_tsr"


def test_published_map_of_features_over_time(tmp_path):
    path = parity.saved(tmp_path, parity.state(KTH), prefix="", wrapper="state_dict", epoch=1)
    model = cnn_lstm(2, layers=3, length=6, weights=path)
    model.net.eval()
    clip = parity.clip("kth_rgb_40")[0]
    with torch.no_grad():
        predicted = int(model.net(clip[None]).argmax())
    found = features_by_time(model, clip, predicted, score="probability")
    parity.compare(KTH, "feature_saliency", found)
    summed = feature_saliency(model, clip, predicted, score="probability")
    torch.testing.assert_close(summed[:, 0, 0], found.sum(dim=1))


def test_networks_whose_frames_meet_early_are_refused(c3d):
    with pytest.raises(InputError, match="cannot explain c3d_a"):
        feature_saliency(c3d.model, c3d.clips[0], 0)


def test_other_scores_are_refused(c3d):
    with pytest.raises(InputError, match="logit or probability"):
        feature_saliency(c3d.model, c3d.clips[0], 0, score="loss")
