"""Config: every problem at once, nearest names offered, variants resolved."""

from __future__ import annotations

import copy

import pytest
import yaml

from vidsal import config as settings
from vidsal.errors import InputError


@pytest.fixture(scope="module")
def schema(root):
    return yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())


@pytest.fixture
def config(root):
    return copy.deepcopy(yaml.safe_load((root / "config.yaml").read_text()))


def test_the_demo_is_accepted(config, schema):
    settings.check(config, schema)


def test_all_problems_come_at_once_with_the_nearest_name(config, schema):
    config["run"]["methods"] = ["gradcam", "gradient"]
    config["run"]["metrics"] = ["nsss"]
    config["attribution"]["occlusion"] = {"windw": [2, 2, 2]}
    config["attribution"]["integrated_gradients"] = {"steps": "many"}
    with pytest.raises(InputError) as error:
        settings.check(config, schema)
    text = str(error.value)
    assert "run.methods: 'gradcam' is not known; did you mean 'grad_cam'?" in text
    assert "run.metrics: 'nsss' is not known; did you mean 'nss'?" in text
    assert "attribution.occlusion: option 'windw' is unknown; did you mean 'window'?" in text
    assert "attribution.integrated_gradients.steps: 'many' is no int" in text


def test_unknown_keys_are_refused_at_every_level(config, schema):
    config["vidoe"] = {}
    config["video"]["maxside"] = 3
    with pytest.raises(InputError) as error:
        settings.check(config, schema)
    assert "key 'vidoe' is unknown; did you mean 'video'?" in str(error.value)
    assert "video: key 'maxside' is unknown; did you mean 'max_side'?" in str(error.value)


def test_a_variant_is_its_file_with_other_options(config, schema):
    config["attribution"]["ig_4"] = {"method": "integrated_gradients", "steps": 4}
    config["run"]["methods"] = ["ig_4"]
    settings.check(config, schema)
    own = settings.choice(config, "attribution", "ig_4")
    assert (own.method, own.options["steps"]) == ("integrated_gradients", 4)
    assert own.path.name == "integrated_gradients.py"


def test_a_wrapper_brings_the_code_of_its_base(config, schema):
    config["attribution"]["smooth_ig"] = {"method": "smooth_grad", "base": "integrated_gradients"}
    config["run"]["methods"] = ["smooth_ig"]
    settings.check(config, schema)
    own = settings.choice(config, "attribution", "smooth_ig")
    assert {path.name for path in own.code} == {"smooth_grad.py", "integrated_gradients.py"}
    assert callable(settings.bind(config, own)["base"])


def test_an_unknown_base_is_refused(config, schema):
    config["attribution"]["smooth_x"] = {"method": "smooth_grad", "base": "gradiant"}
    with pytest.raises(InputError, match="did you mean 'gradient'"):
        settings.check(config, schema)


def test_a_reserved_name_is_refused(config, schema):
    config["attribution"]["gaze"] = {"method": "gradient"}
    config["run"]["methods"] = ["gaze"]
    with pytest.raises(InputError, match="'gaze' is reserved"):
        settings.check(config, schema)


def test_resolved_config_names_every_default(config):
    resolved = settings.resolved(config)
    assert resolved["attribution"]["grad_cam"]["relu"] is True
    assert set(resolved["attribution"]) == set(config["run"]["methods"])


def test_views_of_a_test_are_checked(config, schema):
    config["classify"]["per_model"] = {"r3d18": {"clips": 2}, "r3d_18": {"crops": 3}}
    with pytest.raises(InputError) as error:
        settings.check(config, schema)
    text = str(error.value)
    assert "classify.per_model: 'r3d18' is not known; did you mean 'r3d_18'?" in text
    assert "set models.r3d_18.mode: crop, or classify.per_model.r3d_18.crops: 1" in text
    assert "cnn_lstm" not in text
    config["models"]["r3d_18"]["mode"] = "crop"
    del config["classify"]["per_model"]["r3d18"]
    settings.check(config, schema)
    config["classify"]["per_model"] = {"r3d_18": {"clips": 0, "flip": True}}
    with pytest.raises(InputError, match="key 'flip' is unknown"):
        settings.check(config, schema)


def test_options_of_training_and_names_outside_run_are_checked(config, schema):
    config["train"]["epocs"] = 3
    config["train"]["per_model"]["r3d18"] = {"epochs": 2}
    config["sharding"]["per_method"] = {"oclusion": 8, "occlusion": 1000}
    config["models"]["r3d_18"]["weights"] = "w.pt"
    with pytest.raises(InputError) as error:
        settings.check(config, schema)
    text = str(error.value)
    assert "train: option 'epocs' is unknown; did you mean 'epochs'?" in text
    assert "train.per_model: 'r3d18' is not known; did you mean 'r3d_18'?" in text
    assert "sharding.per_method.oclusion: not under run:; did you mean 'occlusion'?" in text
    assert "1000 is more than videos_per_job (64)" in text
    assert "models.r3d_18: weights are given, so give num_classes too" in text


def test_a_circle_of_bases_is_refused(config, schema):
    config["attribution"]["a"] = {"method": "smooth_grad", "base": "b"}
    config["attribution"]["b"] = {"method": "smooth_grad", "base": "a"}
    with pytest.raises(InputError, match="goes round in a circle"):
        settings.check(config, schema)


def test_the_base_stands_resolved_in_a_wrapper(config):
    config["attribution"]["smooth_x"] = {"method": "smooth_grad", "base": "occlusion"}
    own = settings.choice(config, "attribution", "smooth_x")
    assert own.resolved["base"]["window"] == config["attribution"]["occlusion"]["window"]
    assert own.options["base"] == "occlusion"


def test_words_about_gaze_are_checked_with_formats_of_ones_own(config, schema, tmp_path):
    room = tmp_path / "recordings"
    room.mkdir()
    (room / "mine.py").write_text(
        '"""Mine."""\n\n\ndef mine(path, *, eye: str = "left"):\n    pass\n'
    )
    config["rooms"] = str(tmp_path)
    config["recordings"] = {"ours": {"method": "mine", "eye": "right"}}
    config["run"]["datasets"] = ["a", "b", "c", "d"]
    config["datasets"] = {
        "a": {"method": "folder", "gaze": {"format": "ours", "lag": 0.1, "detect": "ivt"}},
        "b": {"method": "folder", "gaze": {"format": "our", "eye": "left"}},
        "c": {"method": "folder", "gaze": {"format": "mine", "eyes": "left", "fps": "slow"}},
        "d": {"method": "dhf1k", "gaze": "raw"},
    }
    with pytest.raises(InputError) as error:
        settings.check(config, schema)
    text = str(error.value)
    assert "datasets.b.gaze: format: 'our' is not known; did you mean 'ours'?" in text
    assert "datasets.c.gaze: 'eyes' is unknown; did you mean 'eye'?" in text
    assert "datasets.c.gaze: fps: 'slow' is no float | None" in text
    assert "datasets.a" not in text
    assert "datasets.d" not in text


def test_formats_are_a_room_like_any_other(config, schema):
    config["recordings"] = {"ours": {"method": "table", "frame_bse": 1}}
    with pytest.raises(InputError, match=r"recordings.ours: option 'frame_bse' is unknown"):
        settings.check(config, schema)
    config["recordings"] = {"ours": {"method": "table", "frame_base": 1}}
    settings.check(config, schema)
    assert settings.resolved(config)["recordings"]["ours"]["frame_base"] == 1
    assert settings.resolved(config)["recordings"]["ours"]["new_subject"] is None


@pytest.mark.parametrize(
    "sigma",
    [0.03, "salicon", {"pixels": 20}, {"degrees": 1}, {"degrees": 1, "pixels_per_degree": 9}],
)
def test_widths_of_the_density_that_may_be_asked_for(config, schema, sigma):
    config["score"]["sigma"] = sigma
    settings.check(config, schema)


@pytest.mark.parametrize("sigma", [0, "dfh1k", {"pixels": 0}, {"pixels": 1, "degrees": 1}, {}])
def test_other_widths_are_refused(config, schema, sigma):
    config["score"]["sigma"] = sigma
    with pytest.raises(InputError, match=r"score\.sigma"):
        settings.check(config, schema)


def test_presets_of_the_schema_are_those_that_there_are(schema):
    from vidsal.sigma import PRESETS

    allowed = schema["properties"]["score"]["properties"]["sigma"]["anyOf"][1]["enum"]
    assert set(allowed) == set(PRESETS)


def test_values_of_training_and_words_of_options_are_checked(config, schema):
    config["train"] |= {"epochs": "many", "learning_rate": "1e-4"}
    config["train"]["per_model"]["r3d_18"] = {"flip": 1}
    config["run"]["datasets"] = ["kth", "synthetic"]
    config["datasets"]["kth"] = {"clips": "interval", "classes": "walking"}
    config["recordings"] = {"ours": {"method": "eyelink", "eye": "lef"}}
    with pytest.raises(InputError) as error:
        settings.check(config, schema)
    text = str(error.value)
    assert "train.epochs: 'many' is no int" in text
    assert "train.learning_rate: '1e-4' is no float; YAML takes it for a text" in text
    assert "train.per_model.r3d_18.flip: 1 is no bool" in text
    assert "datasets.kth.clips: 'interval' is not known; did you mean 'intervals'?" in text
    assert "datasets.kth.classes: 'walking' is no list[str]" in text
    assert "recordings.ours.eye: 'lef' is not known; did you mean 'left'?" in text


def test_geometry_of_gaze_is_checked(config, schema):
    config["run"]["datasets"] = ["a", "b", "c"]
    config["datasets"] = {
        "a": {"method": "folder", "gaze": {"rect": "center", "time_unit": "msec"}},
        "b": {
            "method": "folder",
            "gaze": {"rect": "centre", "screen": [800, 600], "video_size": [1920, 1080]},
        },
        "c": {"method": "folder", "gaze": {"screen": [800, 600]}},
    }
    config["score"]["sigma"] = {"degrees": 1}
    with pytest.raises(InputError) as error:
        settings.check(config, schema)
    text = str(error.value)
    assert "datasets.a.gaze: rect: 'center' is not known; did you mean 'centre'?" in text
    assert "datasets.a.gaze: time_unit: 'msec' is not known; did you mean 'ms'?" in text
    assert "datasets.b.gaze: rect: centre: a video of 1920x1080 does not fit" in text
    assert "{degrees: 1} needs distance_cm, screen_cm under datasets.c.gaze" in text


@pytest.mark.parametrize(
    ("gaze", "sigma"),
    [
        ({"screen": [8, 6], "screen_cm": [40, 30], "distance_cm": 57}, {"degrees": 1}),
        ({"pixels_per_degree": 30}, {"degrees": 1}),
        ({}, {"degrees": 1, "pixels_per_degree": 30}),
        ({"format": "eyelink", "rect": "fit"}, {"degrees": 1}),
        ({}, {"pixels": 20}),
    ],
)
def test_degrees_that_may_be_known(config, schema, gaze, sigma):
    config["run"]["datasets"] = ["a"]
    config["datasets"] = {"a": {"method": "folder", "gaze": gaze}}
    config["score"]["sigma"] = sigma
    settings.check(config, schema)
