"""Checkpoints: what fits goes in, what does not is named."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from vidsal.errors import InputError
from vidsal.models import _checkpoint


@pytest.fixture
def net():
    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))


def test_every_bad_key_is_named(net, tmp_path):
    weights = net.state_dict()
    del weights["0.bias"]
    weights["head.weight"] = torch.zeros(1)
    weights["1.weight"] = torch.zeros(4, 3)
    torch.save(weights, tmp_path / "w.pt")
    with pytest.raises(InputError) as error:
        _checkpoint.load(net, str(tmp_path / "w.pt"))
    for phrase in ("1 missing: 0.bias", "1 unknown: head.weight", "1.weight 4x3 instead of 1x3"):
        assert phrase in str(error.value)


def test_long_lists_are_cut(net, tmp_path):
    torch.save({f"key{i}": torch.zeros(1) for i in range(20)}, tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"20 unknown: key0, .*key4 and 15 more"):
        _checkpoint.load(net, str(tmp_path / "w.pt"))


def test_a_missing_file_is_named(net):
    with pytest.raises(InputError, match=r"nowhere\.pt: there is no such file"):
        _checkpoint.load(net, "nowhere.pt")


def test_html_is_no_checkpoint(net, tmp_path):
    (tmp_path / "w.pt").write_text("<html>not found</html>")
    with pytest.raises(InputError, match="not a checkpoint of plain tensors"):
        _checkpoint.load(net, str(tmp_path / "w.pt"))


def test_code_in_a_checkpoint_never_runs(net, tmp_path):
    target = tmp_path / "ran"

    class Payload:
        def __reduce__(self):
            return (target.write_text, ("x",))

    with (tmp_path / "w.pt").open("wb") as file:
        pickle.dump({"state_dict": Payload()}, file, protocol=2)
    with pytest.raises(InputError, match="not a checkpoint of plain tensors"):
        _checkpoint.load(net, str(tmp_path / "w.pt"))
    torch.save({"state_dict": Payload()}, tmp_path / "w.pt")
    with pytest.raises(InputError, match="not a checkpoint of plain tensors"):
        _checkpoint.load(net, str(tmp_path / "w.pt"))
    assert not target.exists()


def test_a_whole_module_is_refused(net, tmp_path):
    torch.save(net, tmp_path / "w.pt")
    with pytest.raises(InputError, match="not a checkpoint of plain tensors"):
        _checkpoint.load(net, str(tmp_path / "w.pt"))
    torch.save([torch.zeros(1)], tmp_path / "w.pt")
    with pytest.raises(InputError, match="holds a list"):
        _checkpoint.load(net, str(tmp_path / "w.pt"))
