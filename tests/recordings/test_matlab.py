"""MATLAB files of both kinds come out alike; damaged ones end in one error."""

from __future__ import annotations

import struct
import zlib

import h5py
import numpy as np
import pytest
import scipy.io

from tests.recordings import matlab
from vidsal.errors import InputError
from vidsal.recordings import _mat5, _matlab

VARIABLES = {
    "I": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "name": "abc",
    "Data": {"size": np.array([[1280.0, 720.0]]), "inner": {"a": np.array([[1.5]])}},
    "gaze": [
        {"fixations": np.array([[1.0, 2.0], [3.0, 4.0]]), "who": "x"},
        {"fixations": np.zeros((0, 0)), "who": "y"},
    ],
    "cells": [np.array([[1.0, 2.0]]), "text"],
}


def old(path, packed=True, **variables):
    """Write a file of version 5, with struct arrays and cells of Nx1."""
    made = {}
    for name, value in variables.items():
        if isinstance(value, list) and isinstance(value[0], dict):
            fields = [(key, object) for key in value[0]]
            made[name] = np.array([[tuple(each.values())] for each in value], dtype=fields)
        elif isinstance(value, list):
            made[name] = np.empty((len(value), 1), object)
            made[name][:, 0] = value
        else:
            made[name] = value
    scipy.io.savemat(path, made, do_compression=packed)
    return path


def same(left, right):
    if isinstance(left, np.ndarray):
        np.testing.assert_array_equal(left, right)
    elif isinstance(left, dict):
        assert set(left) == set(right)
        for name in left:
            same(left[name], right[name])
    elif isinstance(left, list):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            same(one, other)
    else:
        assert left == right


@pytest.mark.parametrize("write", [old, matlab.write])
def test_both_versions_come_out_alike(tmp_path, write):
    same(VARIABLES, _matlab.load(write(tmp_path / "a.mat", **VARIABLES)))


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize(
    "array",
    [
        np.array([[0, 255]], np.uint8),
        np.array([[-128], [127]], np.int8),
        np.arange(24, dtype=np.int16).reshape(2, 3, 4),
        np.array([[2**40, -(2**40)]]),
        np.array([[0.1, np.nan, -np.inf]]),
        np.array([[1.5]], np.float32),
        np.array([[True, False]]),
        np.zeros((0, 5)),
    ],
)
def test_arrays_as_scipy_reads_them(tmp_path, array, compressed):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"a": array, "b": "\u00e4b"}, do_compression=compressed)
    found = _matlab.load(path)
    np.testing.assert_array_equal(found["a"], scipy.io.loadmat(path)["a"])
    assert found["b"] == "\u00e4b"


def test_other_byte_order(tmp_path):
    path = old(tmp_path / "a.mat", I=np.array([[1.0, 2.0]]))
    packed = path.read_bytes()
    data = zlib.decompress(packed[136:])
    turned = b"".join(data[at : at + 4][::-1] for at in range(0, 48, 4))
    # The name "I" is a small element: type and size in one word, then its letter.
    turned = turned[:40] + struct.pack(">I", 1 << 16 | 1) + b"I\0\0\0"
    turned += b"".join(data[at : at + 4][::-1] for at in range(48, 56, 4))
    turned += np.array([1.0, 2.0], ">f8").tobytes()
    (tmp_path / "b.mat").write_bytes(packed[:126] + b"MI" + turned)
    same({"I": np.array([[1.0, 2.0]])}, _matlab.load(tmp_path / "b.mat"))


def test_what_is_no_number_has_no_numbers(tmp_path):
    found = _matlab.load(old(tmp_path / "a.mat", **VARIABLES))
    assert _matlab.numeric(found["I"]).dtype == np.float64
    for name in ("name", "Data", "gaze", "cells"):
        assert _matlab.numeric(found[name]) is None
    assert _matlab.numeric(None) is None


def test_too_much_is_refused(tmp_path, monkeypatch):
    path = matlab.write(tmp_path / "a.mat", I=np.zeros((100, 100)))
    monkeypatch.setattr(_matlab, "MOST_NUMBERS", 9_999)
    with pytest.raises(InputError, match="numbers are too many"):
        _matlab.load(path)
    bomb = old(tmp_path / "b.mat", I=np.zeros((1000, 1000))).read_bytes()
    assert len(bomb) < 20_000
    with pytest.raises(ValueError, match="too large"):
        _mat5.read(bomb, _mat5.Bounds(size=1_000_000))
    many = old(tmp_path / "c.mat", cells=[np.ones((1, 1))] * 50).read_bytes()
    with pytest.raises(ValueError, match="too many"):
        _mat5.read(many, _mat5.Bounds(arrays=40))
    deep = np.ones((1, 1))
    for _ in range(8):
        deep = {"a": deep}
    with pytest.raises(ValueError, match="too deep"):
        _mat5.read(old(tmp_path / "d.mat", x=deep).read_bytes())
    monkeypatch.setattr(_matlab, "MOST_BYTES", 100)
    with pytest.raises(InputError, match="more than 100 bytes"):
        _matlab.load(path)


def test_references_in_a_circle_end(tmp_path):
    path = matlab.write(tmp_path / "a.mat", cells=[np.ones((1, 1)), "x"])
    with h5py.File(path, "r+") as file:
        file["cells"][0, 0] = file["cells"].ref
    assert isinstance(_matlab.load(path)["cells"], list)


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0", b"\x89HDF\r\n\x1a\n", b"x" * 1000])
def test_what_is_no_matlab_file_is_refused(tmp_path, content):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(InputError, match="not readable as MATLAB"):
        _matlab.load(tmp_path / "a.mat")
    with pytest.raises(InputError, match="no such file"):
        _matlab.load(tmp_path / "b.mat")


@pytest.mark.parametrize("packed", [True, False])
def test_random_damage_ends_in_variables_or_in_an_input_error(tmp_path, packed):
    rng = np.random.default_rng(12)
    made = old(tmp_path / "a.mat", packed, **VARIABLES)
    for path in (made, matlab.write(tmp_path / "b.mat", **VARIABLES)):
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        errors = 0
        for _ in range(150):
            broken = whole.copy()
            broken[rng.integers(0, len(broken), 3)] = rng.integers(0, 256, 3)
            if rng.random() < 0.3:
                broken = broken[: rng.integers(1, len(broken))]
            (tmp_path / "c.mat").write_bytes(broken.tobytes())
            try:
                assert isinstance(_matlab.load(tmp_path / "c.mat"), dict)
            except InputError:
                errors += 1
        assert errors
