"""Published checkpoints of gaze networks: recognised by what is in them, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.gaze.conftest import build
from vidsal import config as settings
from vidsal import registry, weights
from vidsal.errors import InputError
from vidsal.gaze import _salgan
from vidsal.models import _checkpoint

FOLDER = Path(__file__).parents[1] / "fixtures" / "gaze_statedicts"
# Published checkpoint -> the file and the options that claim it.
CLAIMS = {
    "salbce_bn": ("sal_bce", {"batch_norm": True}),
    "salbce_rgb": ("sal_bce", {}),
    "salbce_rgb_depth4": ("sal_bce", {"extra": ["depth"]}),
    "salbce_rgb_depth_coord6": ("sal_bce", {"extra": ["depth", "coordinates"]}),
    "salclstm30": ("sal_clstm", {}),
    "salclstm56_SalGANplus": ("sal_clstm", {"at": 56}),
    "salema_fixed_alpha": ("sal_ema", {"alpha_mode": "raw"}),
    "salema_learned_alpha": ("sal_ema", {}),
    "salgan_ema2_double": ("sal_ema", {"at": [30, 54], "alpha_mode": "raw", "alpha": 0.3}),
    "salgan_pytorch_SalGAN_class": ("salgan", {}),
    "videosalgan_ablated_REAL_ckpt": ("video_salgan", {"ablated": True}),
    "videosalgan_convlstm": ("video_salgan", {}),
}


def shapes(name: str) -> dict[str, torch.Tensor]:
    """Tensors of published names and shapes that take no memory."""
    found = json.loads((FOLDER / f"{name}.json").read_text())["shapes"]
    return {key: torch.empty(shape, device="meta") for key, shape in found.items()}


def test_every_published_layout_is_claimed():
    assert {path.stem for path in FOLDER.glob("*.json")} == CLAIMS.keys()


@pytest.mark.parametrize("name", CLAIMS)
def test_it_fits_one_network_and_no_other(name):
    """Read as its own network nothing is missing or left over; read as another, something is."""
    given = shapes(name)
    for other, (file, options) in CLAIMS.items():
        with torch.device("meta"):
            net = registry.load("gaze", file)(**options).net
        layouts = _salgan.LAYOUTS | registry.entry("gaze", file).constants.get("LAYOUTS", {})
        fit = _checkpoint.best_fit(net.state_dict(), given, layouts)
        same = set(shapes(other)) == set(given) or other == name
        twins = {"salgan_pytorch_SalGAN_class", "salbce_rgb", "salema_fixed_alpha"}
        twins |= {"salgan_ema2_double"}
        if other == name:
            assert fit.problems() == {}, other
        elif not same and not {name, other} <= twins:
            assert fit.problems(), other


@pytest.mark.parametrize("prefixes", [0, 1, 3])
@pytest.mark.parametrize("kind", ["salgan", "ema", "lstm"])
def test_prefixes_and_wrappers_are_taken_off(tmp_path, kind, prefixes):
    state = build(kind, tmp_path).net.state_dict()
    named = {"module." * prefixes + key: one for key, one in state.items()}
    path = tmp_path / "w.pt"
    torch.save({"epoch": 7, "state_dict": named, "optimizer": {"state": {}}}, path)
    torch.manual_seed(5)
    again = build(kind, tmp_path, weights=str(path)).net.state_dict()
    assert all(torch.equal(again[key], one) for key, one in state.items())


def test_numbers_alone_are_names_too(tmp_path):
    state = build("salgan", tmp_path).net.state_dict()
    path = tmp_path / "gen_model.pt"
    torch.save({key.removeprefix("salgan."): one for key, one in state.items()}, path)
    for kind in ("salgan", "sal_bce"):
        again = build(kind, tmp_path, weights=str(path)).net.state_dict()
        assert all(torch.equal(again[key], one) for key, one in state.items())


def test_arrays_of_theano_are_turned_round_in_the_decoder_alone(tmp_path):
    state = build("salgan", tmp_path).net.state_dict()
    arrays = [state[f"salgan.{n}.{k}"].numpy() for n in _salgan.CONVOLUTIONS for k in KEYS]
    np.savez(tmp_path / "gen_modelWeights0090.npz", *arrays)
    path = str(tmp_path / "gen_modelWeights0090.npz")
    again = build("salgan", tmp_path, weights=path).net.state_dict()
    for key, own in state.items():
        number = int(key.split(".")[1])
        turned = own.flip(-2, -1) if number >= 30 and own.ndim == 4 else own
        assert torch.equal(again[key], turned), key


KEYS = ("weight", "bias")


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    files = {}
    for kind in ("salgan", "ema", "lstm", "normalised", "on maps"):
        files[kind] = str(tmp_path / f"{kind}.pt")
        torch.save(build(kind, tmp_path).net.state_dict(), files[kind])
    for given, asked, said in (
        ("ema", "salgan", "1 unexpected: alpha"),
        ("lstm", "ema", "hold no alpha|unexpected: memory"),
        ("salgan", "lstm", r"2 missing: memory\.gates"),
        ("normalised", "sal_bce", "unexpected"),
        ("on maps", "salgan", "belong to another network"),
    ):
        options = {"alpha_mode": "raw"} if asked == "ema" else {}
        with pytest.raises(InputError, match=said):
            build(asked, tmp_path, weights=files[given], **options)


def test_a_checkpoint_of_another_width_is_refused_by_name(tmp_path):
    path = tmp_path / "published.pt"
    torch.save(build("ema", tmp_path, width=0.25).net.state_dict(), path)
    said = r"of a sal_ema of width 0\.25, but the option width is 0\.125; published weights have"
    with pytest.raises(InputError, match=said):
        build("ema", tmp_path, weights=str(path))


def test_code_in_a_checkpoint_does_not_run(tmp_path):
    class Spy:
        def __reduce__(self):
            return (exec, ("raise SystemExit('it ran')",))

    torch.save({"state_dict": {}, "spy": Spy()}, tmp_path / "w.pt")
    with pytest.raises(InputError, match="exec"):
        build("ema", tmp_path, weights=str(tmp_path / "w.pt"))


def test_training_starts_from_a_still_network_or_an_encoder(tmp_path):
    still = build("salgan", tmp_path).net
    torch.save(still.state_dict(), tmp_path / "salgan.pt")
    for kind in ("ema", "lstm", "sal_bce"):
        torch.manual_seed(3)
        net = build(kind, tmp_path, backbone_weights=str(tmp_path / "salgan.pt")).net
        assert all(torch.equal(net.state_dict()[k], one) for k, one in still.state_dict().items())
    encoder = {
        f"features.{key}": one + 1 for key, one in still.salgan[:30].state_dict().items()
    } | {"classifier.0.weight": torch.zeros(3, 3)}
    torch.save(encoder, tmp_path / "vgg16.pt")
    net = build("salgan", tmp_path, backbone_weights=str(tmp_path / "vgg16.pt")).net
    for key, one in encoder.items():
        if key.startswith("features."):
            own = net.salgan.state_dict()[key.removeprefix("features.")]
            # VGG-16 reads red first, the generator blue.
            assert torch.equal(own, one.flip(1) if key == "features.0.weight" else one)
    assert net.salgan(torch.randn(1, 3, 32, 48) * 50).std() > 0
    with pytest.raises(InputError, match="leave one of the two out"):
        build(
            "salgan",
            tmp_path,
            weights=str(tmp_path / "salgan.pt"),
            backbone_weights=str(tmp_path / "salgan.pt"),
        )


def test_kernels_of_extra_channels_start_as_the_mean_of_the_colours(tmp_path):
    torch.save(build("salgan", tmp_path).net.state_dict(), tmp_path / "salgan.pt")
    net = build("flow", tmp_path, backbone_weights=str(tmp_path / "salgan.pt")).net
    kernel = net.salgan[0].weight
    assert kernel.shape[1] == 7
    torch.testing.assert_close(kernel[:, 3:], kernel[:, :3].mean(1, True).expand(-1, 4, -1, -1))


def test_published_weights_have_names_and_want_the_published_width():
    def problems(**options):
        config = {"gaze": {"mine": {"method": "sal_ema", **options}}, "rooms": None, "data": "data"}
        return weights.problems(config, settings.choice(config, "gaze", "mine"))

    assert problems(weights="salema30") == []
    assert problems(backbone_weights="vgg16") == []
    (said,) = problems(weights="salema30", width=0.125)
    assert said.startswith("gaze.mine.width: 0.125, but the weights salema30 are those of the")
    (said,) = problems(weights="salema3")
    assert "did you mean 'salema30'?" in said
    (said,) = problems(weights="salema30", backbone_weights="vgg16")
    assert "give weights or backbone_weights" in said
