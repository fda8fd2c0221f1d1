"""Heatmap files: rounding, same bytes from parts and packs, scales, damage."""

from __future__ import annotations

import itertools
import time

import h5py
import numpy as np
import pytest

from vidsal import heatmaps, parts
from vidsal.errors import InputError
from vidsal.parts import Found


def a_heatmap(seed, shape=(5, 6, 7)):
    values = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return heatmaps.Heatmap(
        values * 1e-9, np.eye(3), np.arange(shape[0]), np.arange(shape[0]) / 25, {"b": 1, "a": "x"}
    )


@pytest.fixture
def members(tmp_path):
    for seed in (1, 2):
        heatmaps.write_part(tmp_path / f"p{seed}.h5", a_heatmap(seed))
    return [(f"v{seed}", Found(tmp_path / f"p{seed}.h5")) for seed in (1, 2)]


def test_rounding_keeps_ten_bits_and_tiny_gradients():
    values = np.random.default_rng(0).standard_normal(100_000).astype(np.float32) * 1e-20
    rounded = heatmaps.round_mantissa(values)
    assert np.abs(rounded / values - 1).max() <= 2**-11
    assert (rounded.view(np.uint32) & ((1 << 13) - 1) == 0).all()
    np.testing.assert_array_equal(heatmaps.round_mantissa(rounded), rounded)


def test_rounding_is_to_even_and_leaves_special_values():
    ulp = 2.0**-10
    halves = np.array([1 + ulp / 2, 1 + 1.5 * ulp, -1 - ulp / 2], dtype=np.float32)
    np.testing.assert_array_equal(heatmaps.round_mantissa(halves), [1, 1 + 2 * ulp, -1])
    special = np.array([np.nan, np.inf, -np.inf, 0.0], dtype=np.float32)
    np.testing.assert_array_equal(heatmaps.round_mantissa(special), special)


def test_same_bytes_from_parts_packs_and_another_second(members, tmp_path):
    heatmaps.assemble(tmp_path / "a.h5", members, {"z": 1, "a": 2})
    time.sleep(1.1)
    packed = [("v1", Found(tmp_path / "a.h5", "v1")), members[1]]
    heatmaps.assemble(tmp_path / "b.h5", packed, {"a": 2, "z": 1})
    assert parts.sha256(tmp_path / "a.h5") == parts.sha256(tmp_path / "b.h5")


@pytest.mark.parametrize("shape", [(5, 6, 7), (1, 6, 7), (6, 7), (1, 1, 1)])
def test_same_bytes_whichever_of_them_were_packed(tmp_path, shape):
    names = ["a", "b", "c"]
    for number, name in enumerate(names):
        heatmaps.write_part(tmp_path / f"{name}.h5", a_heatmap(number, shape))
    single = {name: Found(tmp_path / f"{name}.h5") for name in names}
    heatmaps.assemble(tmp_path / "0.h5", single.items(), {})
    pack = {name: Found(tmp_path / "0.h5", name) for name in names}
    made = set()
    for mix in itertools.product([False, True], repeat=3):
        members = [(n, pack[n] if old else single[n]) for n, old in zip(names, mix, strict=True)]
        heatmaps.assemble(tmp_path / "mixed.h5", members, {})
        made.add(parts.sha256(tmp_path / "mixed.h5"))
    assert made == {parts.sha256(tmp_path / "0.h5")}


def test_scales_and_values_survive_the_copy(members, tmp_path):
    heatmaps.assemble(tmp_path / "a.h5", members, {})
    with heatmaps.open_file(tmp_path / "a.h5") as file:
        saliency = file["v2/saliency"]
        assert [dim[0].name for dim in saliency.dims] == ["/v2/time", "/v2/y", "/v2/x"]
        assert saliency.chunks == (1, 6, 7)
        assert saliency.fletcher32
        found = heatmaps.read(file, "v2")
    np.testing.assert_array_equal(found.saliency, heatmaps.round_mantissa(a_heatmap(2).saliency))
    assert found.attrs["a"] == "x"


def test_whole_clip_maps_have_two_axes(tmp_path):
    heatmaps.write_part(tmp_path / "p.h5", a_heatmap(1, (6, 7)))
    heatmaps.assemble(tmp_path / "a.h5", [("v", Found(tmp_path / "p.h5"))], {})
    with heatmaps.open_file(tmp_path / "a.h5") as file:
        assert [dim[0].name for dim in file["v/saliency"].dims] == ["/v/y", "/v/x"]


def test_incomplete_and_damaged_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "half.h5", "w") as file:
        file.create_group("v")
    with pytest.raises(InputError, match="never completed"):
        heatmaps.open_file(tmp_path / "half.h5")
    (tmp_path / "text.h5").write_text("<html>")
    with pytest.raises(InputError, match="no readable HDF5"):
        heatmaps.open_file(tmp_path / "text.h5")


def test_a_flipped_bit_is_noticed(members, tmp_path):
    heatmaps.assemble(tmp_path / "a.h5", members, {})
    with h5py.File(tmp_path / "a.h5") as file:
        place = file["v1/saliency"].id.get_chunk_info(0).byte_offset
    raw = bytearray((tmp_path / "a.h5").read_bytes())
    raw[place + 20] ^= 1
    (tmp_path / "b.h5").write_bytes(raw)
    with (
        heatmaps.open_file(tmp_path / "b.h5") as file,
        pytest.raises(OSError, match=r"fletcher32|filter"),
    ):
        heatmaps.read(file, "v1")


def test_pieces_make_the_same_shard_as_the_whole(tmp_path):
    saliency = np.random.default_rng(0).normal(size=(7, 3, 4)).astype(np.float32)
    attrs = {"fps": "25/1", "coverage": np.ones(7, np.int32)}

    def described(size):
        assert size == (3, 4)
        return heatmaps.Heatmap(np.empty(0), np.eye(3), np.arange(7), np.arange(7) / 25, attrs)

    whole = heatmaps.Heatmap(saliency, np.eye(3), np.arange(7), np.arange(7) / 25, attrs)
    heatmaps.write_part(tmp_path / "whole.h5", whole)
    pieces = iter([saliency[:2], saliency[2:3], saliency[3:]])
    heatmaps.write_pieces(tmp_path / "pieces.h5", pieces, 7, described)
    for name in ("whole", "pieces"):
        found = [("v", parts.Found(tmp_path / f"{name}.h5"))]
        heatmaps.assemble(tmp_path / f"{name}_shard.h5", found, {})
    one, other = (tmp_path / f"{name}_shard.h5" for name in ("whole", "pieces"))
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("given", [[], [6], [5, 3]])
def test_a_map_too_few_or_too_many_is_refused(tmp_path, given):
    pieces = iter([np.zeros((count, 3, 4), np.float32) for count in given])
    with pytest.raises(InputError, match=r"for the 7 frames|than the 7 frames"):
        heatmaps.write_pieces(tmp_path / "part.h5", pieces, 7, lambda size: None)
