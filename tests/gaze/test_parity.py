"""The gaze networks give what the originals gave, from checkpoints as these were published."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models import parity
from vidsal import registry

# Fixture -> (file, options, prefix of the names, wrapper, frames that are compared).
CASES = {
    "a1_salgan_salbce_static": ("salgan", {}, "", "", 1),
    "a2_salema30_alpha_sigmoid": ("sal_ema", {}, "module.module.module.", "state_dict", 2),
    "a3_salema30_alpha_raw": ("sal_ema", {}, "module.", "state_dict", 2),
    "a4_salema30R_residual": ("sal_ema", {"residual": True}, "", "state_dict", 2),
    "a5_salema_double_ema": ("sal_ema", {"at": [30, 54], "alpha": 0.3}, "", "state_dict", 2),
    "a6_salclstm30": ("sal_clstm", {}, "module.", "state_dict", 2),
    "a7_salclstm56": ("sal_clstm", {"at": 56}, "module.", "state_dict", 2),
    "a8_salbce_bn": ("sal_bce", {"batch_norm": True}, "", "state_dict", 1),
}
THEANO, ON_MAPS = "a10_salgan_theano_npz", "a9_videosalgan_convlstm"


@pytest.fixture(scope="module")
def frames():
    """RGB uint8 (6,192,256,3), as a video gives them."""
    path = parity.FIXTURES / "parity" / "inputs.npz"
    return np.ascontiguousarray(np.load(path)["frames_bgr"][..., ::-1])


def first(name: str, output: str, found: np.ndarray, count: int) -> None:
    """Compare the first frames with the original's, within the fixture's own tolerance."""
    rule = parity.recipe(name)["tolerance"][output]
    reference = parity.expected(name, output)[:count].astype(np.float64)
    apart = found.astype(np.float64) - reference
    assert apart.shape == reference.shape
    assert np.linalg.norm(apart) <= rule["rel_l2"] * np.linalg.norm(reference)
    assert np.abs(apart).max() <= rule["max_abs"]


@pytest.mark.parametrize("name", CASES)
def test_maps_are_the_originals(name, frames, tmp_path):
    file, options, prefix, wrapper, count = CASES[name]
    path = parity.saved(tmp_path, parity.state(name), prefix=prefix, wrapper=wrapper)
    model = registry.load("gaze", file)(weights=path, batch=count, **options)
    (maps,) = model.predict(iter([frames[:count]]))
    first(name, "maps_sub", maps[:, ::4, ::4], count)
    if name == "a6_salclstm30":
        model.net.residual = True
        (maps,) = model.predict(iter([frames[:count]]))
        first(name, "maps_residual_first3_sub", maps[:, ::4, ::4], count)


def test_arrays_of_theano_give_the_maps_of_the_flipped_kernels(frames, tmp_path):
    arrays = {key: one.numpy() for key, one in parity.state(THEANO).items()}
    np.savez(tmp_path / "gen_modelWeights0090.npz", **arrays)
    path = str(tmp_path / "gen_modelWeights0090.npz")
    model = registry.load("gaze", "salgan")(weights=path, batch=1)
    (maps,) = model.predict(iter([frames[:1]]))
    first(THEANO, "maps_sub", maps[:, ::4, ::4], 1)
    wrong = parity.expected(THEANO, "maps_sub_WRONG_noflip")[:1]
    assert np.linalg.norm(maps[:, ::4, ::4] - wrong) > 0.1 * np.linalg.norm(wrong)


def test_the_lstm_on_maps_is_the_originals(frames, tmp_path):
    path = parity.saved(tmp_path, parity.state(ON_MAPS), prefix="module.", wrapper="state_dict")
    net = registry.load("gaze", "video_salgan")(weights=path).net
    # The mean before the division: the kernels are so large that the order shows.
    grey = frames[..., ::-1].astype(np.float32).mean(-1)[:, ::3, ::3] / np.float32(255)
    low, high = grey.min((1, 2), keepdims=True), grey.max((1, 2), keepdims=True)
    maps = torch.from_numpy((grey - low) / (high - low))[None, :, None]
    state, logits, cells = None, [], []
    with torch.inference_mode():
        for one in maps.split(1, dim=1):
            made, state = net.read(one, state)
            logits.append(made[0])
            cells.append(state[1][:, ::8, ::8, ::8])
    parity.compare(ON_MAPS, "maps_sub", torch.cat(logits))
    parity.compare(ON_MAPS, "state_sub", torch.cat(cells))
