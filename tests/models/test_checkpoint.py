"""Checkpoints: what fits goes in, in whichever layout; what does not is named; nothing runs."""

from __future__ import annotations

import argparse
import io
import logging
import pickle
import re
import shlex
import tarfile
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from vidsal import parts
from vidsal.errors import InputError
from vidsal.models import _checkpoint, _reading

LAYOUTS = {
    "published": [(r"^backbone\.", "0."), (r"^cls_head\.fc_cls\.", "1.")],
    "other": [(r"^features\.", "0."), (r"^classifier\.", "1.")],
}
HEAD = ("1.weight", "1.bias")


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))


@pytest.fixture
def trained():
    """The same network with other weights."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).state_dict()


def load(net, path, **options):
    given = {"layouts": LAYOUTS, "head": HEAD} | options
    return _checkpoint.load(net, str(path), **given)


def saved(tmp_path, value, name="w.pt"):
    torch.save(value, tmp_path / name)
    return tmp_path / name


def same(one, other) -> bool:
    return all(torch.equal(value, other[key]) for key, value in one.items())


def published(weights, prefix=""):
    """Return weights of (0, 1) under the names of the layout `published`."""
    names = {"0": "backbone", "1": "cls_head.fc_cls"}
    return {f"{prefix}{names[k.split('.')[0]]}.{k.split('.')[1]}": v for k, v in weights.items()}


WRAPPERS = {
    "bare": lambda w: w,
    "ordered": lambda w: OrderedDict(w),
    "state_dict": lambda w: {"state_dict": w, "epoch": 3, "optimizer": {"state": {}}},
    "model": lambda w: {"model": w, "args": {"lr": 0.1}},
    "model_state_dict": lambda w: {"model_state_dict": w, "optimizer_state_dict": {"lr": 1}},
    "net": lambda w: {"net": w, "acc": 0.5},
    "nested": lambda w: {"model": {"state_dict": w}, "meta": {"state_dict": "no"}},
    "numpy numbers": lambda w: {"state_dict": w, "best": np.float64(0.5), "n": np.arange(3)},
    "numbers among the weights": lambda w: {**w, "epoch": 7, "arch": "resnet"},
    "data parallel": lambda w: {f"module.{k}": v for k, v in w.items()},
    "three times": lambda w: {"state_dict": {f"module.module.module.{k}": v for k, v in w.items()}},
    "compiled": lambda w: {f"_orig_mod.module.{k}": v for k, v in w.items()},
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("layout", ["vidsal", "published"])
def test_wrappers_and_prefixes_are_taken_off(net, trained, tmp_path, wrapper, layout):
    weights = trained if layout == "vidsal" else published(trained)
    path = saved(tmp_path, WRAPPERS[wrapper](weights))
    found = load(net, path)
    assert same(trained, net.state_dict())
    assert found == _checkpoint.Loaded(None, layout, parts.sha256(path))


def test_old_pickles_and_npz_fit_too(net, trained, tmp_path):
    path = tmp_path / "w.pth.tar"
    torch.save(
        {"state_dict": trained, "best_prec1": np.float64(61.5)},
        path,
        _use_new_zipfile_serialization=False,
    )
    assert load(net, path).layout == "vidsal"
    assert same(trained, net.state_dict())
    np.savez(tmp_path / "w.npz", **{k: 2 * v.numpy() for k, v in published(trained).items()})
    assert load(net, tmp_path / "w.npz").layout == "published"
    assert same({key: 2 * value for key, value in trained.items()}, net.state_dict())


def test_numpy_numbers_of_every_age_are_let_through(net, trained, tmp_path):
    """Before NumPy 2 the module was called numpy.core; both names open."""
    file = io.BytesIO()
    value = {"state_dict": trained, "best": np.float32(1)}
    torch.save(value, file, _use_new_zipfile_serialization=False)
    names = [b"numpy._core.multiarray", b"numpy.core.multiarray"]
    assert any(name in file.getvalue() for name in names)
    for name in names:
        old = file.getvalue().replace(names[0], name).replace(names[1], name)
        (tmp_path / "w.pt").write_bytes(old)
        assert load(net, tmp_path / "w.pt").layout == "vidsal"


def test_layouts_win_by_what_they_explain(net, trained, tmp_path):
    weights = {
        k.replace("backbone", "features").replace("cls_head.fc_cls", "classifier"): v
        for k, v in published(trained).items()
    }
    assert load(net, saved(tmp_path, weights)).layout == "other"


def test_categories_come_along_but_not_with_a_new_head(net, trained, tmp_path):
    path = saved(tmp_path, {"state_dict": trained, "categories": ["a"]})
    assert load(net, path).categories == ["a"]
    assert load(net, path, new_head=True).categories is None


def test_half_precision_becomes_single(net, trained, tmp_path):
    path = saved(tmp_path, {key: value.half() for key, value in trained.items()})
    load(net, path)
    assert net[0].weight.dtype == torch.float32
    assert torch.equal(net[0].weight, trained["0.weight"].half().float())


def test_counters_of_batches_may_be_missing(tmp_path):
    net = nn.Sequential(nn.BatchNorm1d(2))
    weights = {k: v + 1 for k, v in net.state_dict().items() if "num_batches" not in k}
    load(net, saved(tmp_path, weights), head=())
    assert net[0].bias.tolist() == [1, 1]


def test_what_is_known_and_not_needed_is_left_out(net, trained, tmp_path, caplog):
    path = saved(tmp_path, trained | {"fc_noun.weight": torch.zeros(3)})
    with pytest.raises(InputError, match=r"1 unexpected: fc_noun\.weight"):
        load(net, path)
    with caplog.at_level(logging.INFO):
        load(net, path, ignored=[r"^fc_noun\."])
    assert "left out, known and not needed: fc_noun.weight" in caplog.text


def test_every_bad_key_is_named(net, trained, tmp_path, caplog):
    weights = published(trained)
    del weights["backbone.bias"]
    weights["cls_head.more"] = torch.zeros(1)
    weights["cls_head.fc_cls.weight"] = torch.zeros(4, 3)
    path = saved(tmp_path, {f"module.{key}": value for key, value in weights.items()})
    before = {key: value.clone() for key, value in net.state_dict().items()}
    with pytest.raises(InputError) as error:
        load(net, path)
    for phrase in (
        "read in the layout 'published'",
        "1 missing: 0.bias",
        "1 unexpected: cls_head.more",
        "1 of another shape: cls_head.fc_cls.weight 4x3 instead of 1x3",
    ):
        assert phrase in str(error.value)
    assert same(before, net.state_dict()), "nothing is taken from a file that does not fit"


def test_long_lists_are_cut_in_the_sentence_and_whole_in_the_log(net, trained, tmp_path, caplog):
    more = {f"key{i}": torch.zeros(1) for i in range(20)}
    with pytest.raises(InputError, match=r"20 unexpected: key0, .*key4 and 15 more"):
        load(net, saved(tmp_path, trained | more))
    assert all(key in caplog.text for key in more)


def test_another_network_is_told_apart_from_other_options(net, tmp_path):
    weights = {f"key{i}": torch.zeros(1) for i in range(7)}
    with pytest.raises(
        InputError, match=r"another network: none of its 7 tensors \(key0, .*2 more"
    ):
        load(net, saved(tmp_path, weights))
    with pytest.raises(InputError, match="no tensors in it but epoch"):
        load(net, saved(tmp_path, {"epoch": 3}))


def test_two_copies_side_by_side_are_refused(net, trained, tmp_path):
    both = trained | {f"module.{key}": value for key, value in trained.items()}
    with pytest.raises(InputError, match=r"4 unexpected: module\.0\.weight"):
        load(net, saved(tmp_path, both))


def test_a_head_is_replaced_only_when_asked(net, tmp_path, caplog):
    torch.manual_seed(1)
    other = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 7)).state_dict()
    path = saved(tmp_path, other)
    with pytest.raises(InputError, match="new_head: true to train a last layer of your own"):
        load(net, path)
    head = net[1].weight.clone()
    load(net, path, new_head=True)
    assert torch.equal(net[1].weight, head), "random weights stay"
    assert torch.equal(net[0].weight, other["0.weight"])
    assert "new_head: 1.bias, 1.weight start at random weights" in caplog.text


def test_a_new_head_needs_no_head_and_forgives_nothing_else(net, trained, tmp_path):
    headless = {key: value for key, value in trained.items() if key not in HEAD}
    load(net, saved(tmp_path, headless), new_head=True)
    with pytest.raises(InputError, match=r"2 missing: 1\.weight, 1\.bias"):
        load(net, saved(tmp_path, headless))
    with pytest.raises(InputError, match=r"1 missing: 0\.bias"):
        load(net, saved(tmp_path, {"0.weight": trained["0.weight"]}), new_head=True)


def test_a_new_head_stays_random_even_where_one_would_fit(net, trained, tmp_path):
    head = net[1].weight.clone()
    load(net, saved(tmp_path, trained), new_head=True)
    assert torch.equal(net[1].weight, head)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(net, trained, tmp_path, number):
    trained["0.bias"][1] = number
    with pytest.raises(InputError, match=r"1 tensors hold numbers that are not finite: 0\.bias"):
        load(net, saved(tmp_path, trained))


def test_a_missing_file_and_a_folder_are_named(net, tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.pt: there is no such file"):
        load(net, "nowhere.pt")
    with pytest.raises(InputError, match="is a folder"):
        load(net, tmp_path)


@pytest.mark.parametrize("content", [b"<html>not found</html>", b"", b"PK\x03\x04 cut"])
def test_what_is_no_checkpoint_is_refused(net, tmp_path, content):
    (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(InputError, match="not a checkpoint of plain tensors"):
        load(net, tmp_path / "w.pt")


def test_half_a_file_is_refused(net, trained, tmp_path):
    path = saved(tmp_path, trained)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="not a checkpoint of plain tensors"):
        load(net, path)


class Payload:
    """Writes a file when it is unpickled by anybody who runs what it says."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (type(self.target).write_text, (self.target, "x"))


def test_code_in_a_checkpoint_never_runs(net, tmp_path):
    target = tmp_path / "ran"
    value = {"state_dict": Payload(target)}
    with (tmp_path / "w.pt").open("wb") as file:
        pickle.dump(value, file, protocol=2)
    for save in (lambda: None, lambda: saved(tmp_path, value)):
        save()
        with pytest.raises(InputError, match="not a checkpoint of plain tensors"):
            load(net, tmp_path / "w.pt")
    arrays = np.array([Payload(target)], dtype=object)
    np.savez(tmp_path / "w.npz", a=arrays)
    with pytest.raises(InputError, match="not arrays of plain numbers"):
        load(net, tmp_path / "w.npz")
    with pytest.raises(InputError, match="not a checkpoint of plain tensors"):
        load(net, saved(tmp_path, {"a": arrays}))
    assert not target.exists()


@pytest.mark.parametrize("new", [True, False])
def test_what_would_have_run_is_named_with_the_way_to_convert_it(net, trained, tmp_path, new):
    path = tmp_path / "it's $HOME.pth"
    value = {"state_dict": trained, "args": argparse.Namespace(lr=1)}
    torch.save(value, path, _use_new_zipfile_serialization=new)
    with pytest.raises(InputError) as error:
        load(net, path)
    assert "to open it, argparse.Namespace would have to run" in str(error.value)
    command = re.search(r"python (-c .*), then give (.*)$", str(error.value))
    _, code = shlex.split(command[1])
    exec(compile(code, "<command>", "exec"), {})
    load(net, command[2])
    assert same(trained, net.state_dict())


def test_a_whole_module_is_refused_and_converts(net, trained, tmp_path):
    whole = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    whole.load_state_dict(trained)
    path = saved(tmp_path, {"model": whole})
    with pytest.raises(InputError, match=r"torch\.nn\.modules\.container\.Sequential") as error:
        load(net, path)
    command = re.search(r"python (-c .*), then give (.*)$", str(error.value))
    exec(compile(shlex.split(command[1])[1], "<command>", "exec"), {})
    load(net, command[2])
    assert same(trained, net.state_dict())
    with pytest.raises(InputError, match="holds a list"):
        load(net, saved(tmp_path, [torch.zeros(1)]))


def test_the_oldest_files_are_refused_in_a_sentence(net, tmp_path):
    with tarfile.open(tmp_path / "w.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    with pytest.raises(InputError, match="not a checkpoint of plain tensors"):
        load(net, tmp_path / "w.tar")


def test_nothing_goes_on_for_ever(net, tmp_path):
    knot = {"epoch": 1}
    knot["model"] = knot
    with pytest.raises(InputError, match="no tensors in it but epoch, model"):
        load(net, saved(tmp_path, knot))


def test_the_way_out_of_objects_needs_no_vidsal():
    assert "vidsal" not in _reading.conversion("w.pth")
