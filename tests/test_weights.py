"""Named weights: what the tables say, what they set, what is refused before any job."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from vidsal import config as settings
from vidsal import networks, registry, weights
from vidsal.errors import InputError

MODEL = '''"""A network of the user's."""

WEIGHTS = {table}


def mine(
    num_classes,
    *,
    size: list[int] = [8, 8],
    weights: str | None = None,
    new_head: bool = False,
):
    return num_classes, size, weights, new_head
'''
ABOUT = {
    "url": "https://example.org/files/mine%20net.pth?download=1",
    "sha256": "0123abcd",
    "licence": "CC0",
    "num_classes": 400,
    "categories": "kinetics400",
    "size": [32, 48],
}


@pytest.fixture
def config(root, tmp_path):
    """A config whose only model is a file of the user's, with one set of named weights."""
    made = yaml.safe_load((root / "config.yaml").read_text())
    return made | {
        "rooms": write(tmp_path, {"known": ABOUT}),
        "run": {"datasets": [], "models": []},
    }


def write(folder: Path, table: object) -> str:
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models" / "mine.py").write_text(MODEL.format(table=repr(table)))
    return str(folder)


def choose(config, **options):
    config["models"] = {"own": {"method": "mine", **options}}
    config["run"]["models"] = ["own"]
    return settings.choice(config, "models", "own")


def problems(config, **options) -> str:
    choose(config, **options)
    return "\n".join(settings.weights_problems(config))


@pytest.mark.parametrize("name", registry.names("models"))
def test_every_table_of_the_room_is_sound(name):
    entry = registry.entry("models", name)
    assert weights.table_problems(entry) == []
    for about in entry.constants.get("WEIGHTS", {}).values():
        assert weights.file_name(about)
        names = about.get("categories", [])
        names = names if isinstance(names, list) else weights.class_names(names)
        assert not names or len(names) == about["num_classes"]
        assert re.fullmatch("([0-9a-f]{8}|[0-9a-f]{64})?", about.get("sha256", ""))


@pytest.mark.parametrize(
    ("name", "enum"),
    [
        ("kinetics400", "R3D_18_Weights.KINETICS400_V1"),
        ("imagenet", "ResNet50_Weights.IMAGENET1K_V2"),
    ],
)
def test_class_names_are_those_of_torchvision(name, enum):
    from torchvision.models import get_weight

    assert weights.class_names(name) == get_weight(enum).meta["categories"]


def test_a_name_sets_options_and_the_config_wins(config):
    own = choose(config, weights="known")
    assert own.options["size"] == [32, 48]
    assert own.options["num_classes"] == 400
    assert own.resolved == own.options
    own = choose(config, weights="known", size=[64, 64])
    assert own.options["size"] == [64, 64]
    assert choose(config).options["size"] == [8, 8]


def test_where_they_lie(config):
    own = choose(config, weights="known")
    assert weights.path(config, own) == "data/weights/mine/mine net.pth"
    assert weights.categories(config, own)[:2] == ["abseiling", "air drumming"]
    own = choose(config, weights="some/file.pt", num_classes=3)
    assert weights.path(config, own) == "some/file.pt"
    assert weights.categories(config, own) is None
    assert weights.path(config, choose(config)) is None


def test_who_is_trained_and_what_decides(config):
    for options, trained in (
        ({}, True),
        ({"weights": "known"}, False),
        ({"weights": "known", "new_head": True}, True),
        ({"weights": "a/b.pt", "num_classes": 2}, False),
    ):
        own = choose(config, **options)
        assert weights.is_trained(own) is trained
        file = weights.rests_on(config, "kth", own)
        wanted = Path("results/kth/models/own/best.pt")
        assert (file == wanted) is trained


BACKBONES = """

BACKBONE_WEIGHTS = {'imagenet': {'small': {'url': 'https://example.org/s.pth', 'licence': 'CC0'}}}
"""


@pytest.fixture
def backed(config, tmp_path):
    """The user's model with an image network in it, whose weights have a name."""
    path = tmp_path / "models" / "mine.py"
    text = path.read_text().replace(
        "new_head: bool", "backbone_weights: str = None,\n    new_head: bool"
    )
    text = text.replace("    *,", '    *,\n    backbone: str = "small",')
    path.write_text(text.replace("weights, new_head\n", "weights, backbone_weights\n") + BACKBONES)
    return config


def test_weights_of_the_backbone_alone_are_a_start(backed):
    own = choose(backed, backbone_weights="imagenet")
    assert weights.is_trained(own)
    assert weights.path(backed, own) == "data/weights/mine/s.pth"
    assert weights.of(backed, own)["licence"] == "CC0"
    assert settings.weights_problems(backed) == []
    assert networks.build(backed, own, 6, "s.pth") == (6, [8, 8], None, "s.pth")
    assert networks.build(backed, own, 6, None) == (6, [8, 8], None, None)
    assert weights.path(backed, choose(backed, backbone_weights="a/b.pt")) == "a/b.pt"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"backbone_weights": "imgenet"},
            "'imgenet' is no file, nor weights that have a name; did",
        ),
        (
            {"backbone_weights": "imagenet", "backbone": "large"},
            "own.backbone_weights: 'imagenet' is known for small, not for large; give a file",
        ),
        (
            {"backbone_weights": "imagenet", "weights": "known"},
            "weights hold the backbone too; give weights or backbone_weights",
        ),
        ({"backbone_weights": "imagenet", "new_head": True}, "name weights too"),
    ],
)
def test_mistakes_with_backbones_are_refused_before_any_job(backed, options, sentence):
    assert sentence in problems(backed, **options)


def test_the_backbones_are_those_of_torchvision():
    from torchvision.models import get_model_weights

    from vidsal.models._imagenet import RESNETS

    for name, about in RESNETS.items():
        assert about["url"] == get_model_weights(name).IMAGENET1K_V1.url
        assert about["url"].endswith(f"-{about['sha256']}.pth")


def test_clips_to_learn_from_are_those_of_testing(root):
    config = yaml.safe_load((root / "config.yaml").read_text())
    config["run"]["models"], config["train"]["sampling"] = ["r3d_18", "tsm"], "segments"
    config["models"]["tsm"] = {"sampling": "segments"}
    config["models"]["r3d_18"] = {"sampling": "dense"}
    (found,) = settings.sampling_problems(config)
    assert found.startswith("train.sampling: segments, but r3d_18 is tested and explained on dense")
    config["train"]["per_model"] = {"r3d_18": {"sampling": "sliding"}}
    assert settings.sampling_problems(config) == []


def test_a_new_head_takes_its_classes_from_the_dataset(config):
    own = choose(config, weights="known", new_head=True)
    assert "num_classes" not in own.options
    assert own.options["size"] == [32, 48]
    assert networks.build(config, own, 6, "file.pt") == (6, [32, 48], "file.pt", True)
    assert networks.build(config, own, 6, None) == (6, [32, 48], None, False)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"weights": "knwon"}, "'knwon' is no file, nor weights that have a name; did you mean"),
        ({"weights": "a/b.pt"}, "models.own: weights are given, so give num_classes too"),
        ({"new_head": True}, "new_head replaces the last layer of given weights"),
    ],
)
def test_mistakes_are_refused_before_any_job(config, options, sentence):
    assert sentence in problems(config, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weights": "known"},
        {"weights": "known", "new_head": True},
        {"weights": "a/b.pt", "num_classes": 2},
        {"weights": "a/b.pt", "new_head": True},
    ],
)
def test_sound_options_have_no_problem(config, options):
    assert problems(config, **options) == ""


def test_another_number_of_classes_is_refused(config):
    own = choose(config, weights="known", num_classes=5)
    with pytest.raises(InputError, match="num_classes is 5, but the weights known know 400"):
        weights.categories(config, own)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sise": [3, 3]}, "'sise' is neither a fact nor an option; did you mean 'size'?"),
        ({"sha256": "XYZ"}, "sha256 must be digits"),
        ({"licence": ""}, "licence is missing"),
        ({"num_classes": "400"}, "num_classes: '400' has the wrong type"),
        ({"form": "ask the authors"}, "give either url or form"),
        ({"categories": "kinetics40"}, "is no list; did you mean 'kinetics400'?"),
    ],
)
def test_odd_tables_of_a_user_are_refused(config, tmp_path, change, sentence):
    write(tmp_path, {"known": ABOUT | change})
    assert sentence in problems(config, weights="known")


def test_computed_tables_are_refused(config, tmp_path):
    path = tmp_path / "models" / "mine.py"
    path.write_text(MODEL.replace("{table}", "make_table()"))
    assert "written out in the file, not computed" in problems(config, weights="known")


def test_the_folder_of_weights_is_no_dataset(config):
    config["run"]["datasets"] = ["weights"]
    config["datasets"] = {"weights": {"method": "synthetic"}}
    assert any("'weights' is reserved" in one for one in settings.name_problems(config))


def test_part_keys_hold_the_digests_of_weights_and_class_names(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    choose(config, weights="known")
    file = tmp_path / "data" / "weights" / "mine" / "mine net.pth"
    file.parent.mkdir(parents=True)
    found = []
    for content in (b"a", b"b"):
        file.write_bytes(content)
        found.append(networks.model_fields(config, "own"))
    assert found[0]["files"].keys() == {"weights", "categories"}
    assert found[0]["files"]["weights"] != found[1]["files"]["weights"]
    assert found[0]["files"]["categories"] == found[1]["files"]["categories"]
    assert str(tmp_path) not in str(found), "where files lie changes nothing"
