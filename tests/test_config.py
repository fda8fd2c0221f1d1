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
