"""What every network of the room does: one map per frame, in order, whatever the pieces."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.gaze.conftest import KINDS, SMALL, build
from vidsal import registry
from vidsal.errors import InputError
from vidsal.gaze import _stream


def maps(network, pieces, **options):
    return np.concatenate(list(network.predict(iter(pieces), **options)))


def test_a_map_in_0_to_1_for_every_frame(network, frames):
    found = maps(network, [frames])
    assert found.dtype == np.float32
    assert found.shape == ((13, 64, 96) if network.name == "video_salgan" else (13, 32, 48))
    assert found.min() >= 0
    assert found.max() <= 1
    assert all(one.std() > 0 for one in found)


def test_pieces_change_no_bit_and_batches_only_the_last_digits(network, frames):
    whole = maps(network, [frames])
    pieces = [frames[:1], frames[1:1], frames[1:7], frames[7:]]
    np.testing.assert_array_equal(maps(network, pieces), whole)
    for batch in (1, 13):
        apart = maps(network, [frames], batch=batch) - whole
        assert np.linalg.norm(apart) <= 1e-5 * np.linalg.norm(whole), batch


def test_nothing_of_a_video_is_left_for_the_next(network, frames):
    first = maps(network, [frames])
    np.testing.assert_array_equal(maps(network, [frames]), first)


def test_a_video_of_one_frame_is_its_own_start(network, frames):
    np.testing.assert_allclose(
        maps(network, [frames[:1]], batch=1), maps(network, [frames], batch=1)[:1], atol=1e-6
    )


def test_memory_is_what_tells_networks_apart(network, frames):
    """Another first frame changes later maps of those that remember, and of no other."""
    other = frames.copy()
    other[0] = 255 - other[0]
    apart = np.abs(maps(network, [other]) - maps(network, [frames]))[3:].max()
    remembers = network.name in ("sal_ema", "sal_clstm") or (
        network.name == "video_salgan" and network.net.memory is not None
    )
    assert (apart > 0) == remembers


def test_nothing_is_kept_for_a_backward_pass(network, frames):
    (first, *_) = network.predict(iter([frames]))
    assert isinstance(first, np.ndarray)
    with torch.inference_mode():
        assert not any(one.grad is not None for one in network.net.parameters())


def test_weights_go_round(tmp_path, frames):
    for kind in KINDS:
        network = build(kind, tmp_path)
        path = tmp_path / "weights.pt"
        torch.save({"state_dict": network.net.state_dict(), "epoch": 1}, path)
        torch.manual_seed(9)
        given = (
            {"alpha", "alpha_mode"} if "learned" in str(getattr(network.net, "mode", "")) else ()
        )
        name, options = KINDS[kind]
        options = {key: value for key, value in options.items() if key not in given}
        if name == "video_salgan":
            options["salgan_weights"] = str(tmp_path / "salgan.pt")
        again = registry.load("gaze", name)(**SMALL, **options, weights=str(path))
        np.testing.assert_array_equal(maps(again, [frames[:3]]), maps(network, [frames[:3]]))
        assert len(again.weights_sha256) == 64


def test_half_precision_is_close(tmp_path, frames):
    for kind in ("ema", "lstm"):
        full, half = (build(kind, tmp_path, precision=p) for p in ("fp32", "bf16"))
        found, expected = maps(half, [frames]), maps(full, [frames])
        assert found.dtype == np.float32
        assert 0 < np.abs(found - expected).max() < 0.05


def test_frames_of_two_sizes_are_refused(tmp_path, frames):
    network = build("salgan", tmp_path)
    with pytest.raises(InputError, match="frames of 60x40 and of 50x40 in one video"):
        maps(network, [frames[:2], frames[2:, :, :50]])


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("salgan", {"size": [30, 48]}, "multiples of 16"),
        ("salgan", {"width": 0}, "leaves no channels"),
        ("salgan", {"batch": 0}, "batch 0"),
        ("salgan", {"precision": "fp16"}, "precision 'fp16' is unknown; take fp32 or bf16"),
        ("flow", {"extra": ["sound"]}, "extra 'sound' is unknown"),
        ("ema", {"at": [30, 30]}, "ascending"),
        ("ema", {"at": [62]}, "from 0 to 61"),
        ("ema", {"alpha": 1.5, "alpha_mode": "raw"}, "lies in"),
        ("ema", {"alpha_mode": "mean"}, "alpha_mode 'mean' is unknown"),
        ("ema", {"dropout": "yes"}, "dropout 'yes' is unknown"),
        ("ema", {"residual": True, "at": [37]}, None),
        ("ema", {"residual": True, "at": [44]}, "layer 44 changes the size"),
        ("lstm", {"at": 31}, "at 31 is unknown; take 30 or 56"),
    ],
)
def test_impossible_options_are_refused(tmp_path, kind, options, said):
    if said is None:
        build(kind, tmp_path, **options)
        return
    with pytest.raises(InputError, match=said):
        build(kind, tmp_path, **options)


def test_depth_is_no_part_of_frames(tmp_path, frames):
    network = registry.load("gaze", "sal_bce")(**SMALL, extra=["depth"])
    with pytest.raises(InputError, match="frames hold no depth"):
        maps(network, [frames])
    clip = torch.zeros(1, 4, 2, 32, 48)
    assert network.net(clip)[0].shape == (1, 2, 32, 48)


def test_without_salgan_there_are_no_maps_to_read(frames):
    network = registry.load("gaze", "video_salgan")(**SMALL)
    with pytest.raises(InputError, match="salgan_weights"):
        maps(network, [frames])


def test_blocks_are_all_frames_once(frames):
    for size in (1, 3, 5, 20):
        found = list(_stream.blocks(iter([frames[:2], frames[2:]]), size))
        assert [len(one) for one in found[:-1]] == [size] * (len(found) - 1)
        np.testing.assert_array_equal(np.concatenate(found), frames)
    assert list(_stream.blocks(iter([]), 3)) == []


@pytest.mark.parametrize("kind", ["salgan", "ema", "ema, first layer", "lstm", "lstm, late"])
def test_enlarging_and_convolving_at_once_is_the_same(tmp_path, kind):
    """Without gradients the network takes a short cut; with them it is the plain layers."""
    net = build(kind, tmp_path).net
    clips = torch.randn(2, 3, 3, 32, 48, generator=torch.Generator().manual_seed(1)) * 50
    plain = net(clips)[0]
    assert plain.requires_grad
    with torch.inference_mode():
        torch.testing.assert_close(net(clips)[0], plain.detach(), rtol=1e-4, atol=1e-6)
