"""A model folder opens with the same logits, or says what is missing."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
import subprocess
import sys

import pytest
import torch

import vidsal
from tests.models.conftest import SMALL, build
from vidsal import registry
from vidsal.errors import InputError


@pytest.fixture(scope="module")
def cnn_lstm():
    """A model with options that it does not tell by itself."""
    model = build("cnn_lstm", features=20, hidden=8, hop=5)
    return dataclasses.replace(model, categories=["a", "b", "ü"])


OPTIONS = {"features": 20, "hidden": 8}


@pytest.fixture
def folder(cnn_lstm, tmp_path):
    return vidsal.save_model(cnn_lstm, tmp_path / "saved", options=OPTIONS)


def logits(model, length=4):
    clips = torch.randn(
        2, 3, length, *model.preprocess.size, generator=torch.Generator().manual_seed(0)
    )
    with torch.inference_mode():
        return model.net(clips)


def test_it_goes_round(cnn_lstm, folder):
    torch.manual_seed(7)
    again = vidsal.load_model(folder)
    assert torch.equal(logits(again), logits(cnn_lstm))
    assert not any(module.training for module in again.net.modules())
    for field in dataclasses.fields(cnn_lstm):
        if field.name != "net":
            assert getattr(again, field.name) == getattr(cnn_lstm, field.name), field.name


@pytest.mark.parametrize("name", registry.names("models"))
def test_every_model_of_the_room_goes_round(name, tmp_path):
    """Each with the options that it tells; the class count where there are no names."""
    model = build(name)
    vidsal.save_model(model, tmp_path, num_classes=3)
    again = vidsal.load_model(tmp_path)
    assert torch.equal(logits(again), logits(model))
    assert again.categories is None


def test_preprocessing_of_another_kind_stays_what_it_is(tmp_path):
    model = build("i3d", modality="flow")
    vidsal.save_model(model, tmp_path, num_classes=3, options={"modality": "flow"})
    again = vidsal.load_model(tmp_path).preprocess
    assert type(again) is type(model.preprocess)
    assert again == model.preprocess


def test_what_is_written(folder):
    card = json.loads((folder / "model.json").read_text())
    assert sorted(p.name for p in folder.iterdir()) == ["best.pt", "model.json"]
    assert card["schema"] == "vidsal model 1"
    assert card["config"] == OPTIONS | SMALL | {"mode": "squash", "hop": 5, "sampling": "dense"}
    assert card["categories"] == ["a", "b", "ü"]
    assert card["preprocessing"]["size"] == [32, 48]
    assert card["provenance"].keys() == {"vidsal", "torch"}
    assert card["model"]["rooms"] is None


def test_the_same_model_gives_the_same_bytes(cnn_lstm, folder, tmp_path):
    other = vidsal.save_model(cnn_lstm, tmp_path / "other", options=OPTIONS)
    for name in ("best.pt", "model.json"):
        assert (other / name).read_bytes() == (folder / name).read_bytes()


def test_options_that_build_another_network_are_refused(cnn_lstm, tmp_path):
    with pytest.raises(InputError, match=r"another network.*of another shape: resnet\.fc\.weight"):
        vidsal.save_model(cnn_lstm, tmp_path, options={"hidden": 8})
    odd = dataclasses.replace(cnn_lstm, cam_layers=("resnet.layer2",))
    with pytest.raises(InputError, match=r"another network.*cam_layers would be"):
        vidsal.save_model(odd, tmp_path, options=OPTIONS)
    with pytest.raises(InputError, match="it has no categories; give num_classes"):
        vidsal.save_model(dataclasses.replace(cnn_lstm, categories=None), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_changed_file_is_refused(folder):
    with (folder / "best.pt").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match=r"not the weights that model\.json describes"):
        vidsal.load_model(folder)


def test_what_is_no_model_folder_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match="no model folder"):
        vidsal.load_model(tmp_path)
    (folder / "best.pt").unlink()
    with pytest.raises(InputError, match=r"best\.pt is missing; copy the whole folder"):
        vidsal.load_model(folder)
    (folder / "model.json").write_text('{"schema": "vidsal model 9"}')
    with pytest.raises(InputError, match="open it with the vidsal that wrote it"):
        vidsal.load_model(folder)


def test_code_that_changed_since_is_told(folder, caplog):
    card = json.loads((folder / "model.json").read_text())
    card["model"]["code"] = "0" * 16
    (folder / "model.json").write_text(json.dumps(card))
    with caplog.at_level(logging.WARNING):
        vidsal.load_model(folder)
    assert "the code of cnn_lstm has changed since" in caplog.text


@pytest.fixture
def own_rooms(root, tmp_path):
    """The example of a user's rooms, copied, with a model of it in a folder."""
    rooms = tmp_path / "project" / "my_rooms"
    shutil.copytree(root / "examples" / "my_rooms", rooms)
    torch.manual_seed(0)
    model = registry.load("models", "tiny_net", str(rooms))(2, channels=4, size=[16, 16])
    model = dataclasses.replace(model, categories=["walk", "run"])
    model.net.eval()
    folder = tmp_path / "project" / "results" / "x" / "models" / "tiny_net"
    return rooms, vidsal.save_model(model, folder, options={"channels": 4}, rooms=rooms), model


def test_a_users_own_network_goes_round_and_moves(own_rooms, tmp_path):
    _, folder, model = own_rooms
    assert torch.equal(logits(vidsal.load_model(folder), 8), logits(model, 8))
    moved = tmp_path / "moved"
    (tmp_path / "project").rename(moved)
    again = vidsal.load_model(moved / "results" / "x" / "models" / "tiny_net")
    assert torch.equal(logits(again, 8), logits(model, 8))


def test_code_that_is_not_there_is_asked_for(own_rooms, tmp_path):
    rooms, folder, model = own_rooms
    elsewhere = tmp_path / "elsewhere"
    rooms.rename(elsewhere)
    with pytest.raises(InputError, match=r"a file of the user's, .*tiny_net\.py, which is not"):
        vidsal.load_model(folder)
    with pytest.raises(InputError, match="name the folder"):
        vidsal.load_model(folder, rooms=tmp_path)
    again = vidsal.load_model(folder, rooms=elsewhere)
    assert torch.equal(logits(again, 8), logits(model, 8))


def test_import_of_vidsal_stays_quick(root):
    code = "import sys, vidsal; assert 'load_model' in dir(vidsal); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root / "workflow", capture_output=True, text=True
    )
    assert done.stdout == "False\n", done.stderr
    with pytest.raises(AttributeError, match="no attribute 'modle'"):
        _ = vidsal.modle
