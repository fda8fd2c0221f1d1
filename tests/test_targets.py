"""Rules of what is explained: read, resolved for a video, and answered when they are wrong."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import yaml

from vidsal import checking, targets
from vidsal import config as settings
from vidsal.errors import InputError

CLASSES = ["running", "walking", "boxing"]


def resolved(rule, label="running"):
    return targets.resolve(rule, predicted=2, label=label, categories=CLASSES, count=3)


@pytest.mark.parametrize(
    ("rule", "index", "against", "label"),
    [
        ("predicted", 2, None, "boxing"),
        ("label", 0, None, "running"),
        ({"class": "walking"}, 1, None, "walking"),
        ({"class": 1}, 1, None, "walking"),
        ({"contrast": ["predicted", "label"]}, 2, 0, "boxing - running"),
        ({"contrast": ["walking", 0]}, 1, 0, "walking - running"),
        ({"contrast": [{"class": "walking"}, "predicted"]}, 1, 2, "walking - boxing"),
    ],
)
def test_rules_become_classes(rule, index, against, label):
    assert targets.shape_problems(rule) == []
    found = resolved(rule)
    assert (found.index, found.against, found.label) == (index, against, label)
    logits = [1.0, 2.5, 7.0]
    assert found.score(logits) == logits[index] - (0 if against is None else logits[against])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"class": "walkin"}, "did you mean 'walking'"),
        ({"contrast": ["predicted", "box"]}, "did you mean 'boxing'"),
        ({"class": 3}, "there are classes 0 to 2"),
        ({"class": -1}, "there are classes 0 to 2"),
        ({"contrast": ["boxing", "predicted"]}, "'boxing' against itself"),
    ],
)
def test_classes_that_are_not_there_are_refused(rule, said):
    with pytest.raises(InputError, match=said):
        resolved(rule)


def test_names_need_names():
    with pytest.raises(InputError, match="knows no names; give the number"):
        targets.resolve({"class": "a"}, predicted=0, label="", categories=[], count=3)
    found = targets.resolve({"class": 1}, predicted=0, label="", categories=[], count=3)
    assert found.label == "1"


def test_a_label_that_the_network_does_not_know_is_refused():
    with pytest.raises(InputError, match="label 'jumping' is none of the model's"):
        resolved("label", label="jumping")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("predcted", "did you mean 'predicted'"),
        ("walking", "write {class: walking}"),
        ({"clas": "a"}, "did you mean 'class'"),
        ({"contrast": ["predicted"]}, "give two"),
        ({"contrast": ["label", "label"]}, "both are the same"),
        ({"class": 1.5}, "give its name or its number"),
        ({"class": "a", "contrast": ["a", "b"]}, "is no rule"),
    ],
)
def test_rules_that_are_none_are_answered(rule, said):
    assert said in " ".join(targets.shape_problems(rule))


def test_equal_rules_have_equal_texts():
    assert targets.text("predicted") == "predicted"
    assert targets.text({"contrast": ["a", 1]}) == targets.text({"contrast": ["a", 1]})
    assert targets.text({"class": 1}) != targets.text({"class": "1"})


def test_polarity_keeps_what_it_says():
    values = np.array([-2, 0, 3], np.float32)
    expected = {"both": [-2, 0, 3], "positive": [0, 0, 3], "negative": [2, 0, 0]}
    for polarity, wanted in (expected | {"absolute": [2, 0, 3]}).items():
        found = targets.polarised(values, polarity)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, wanted)


# In the config.


@pytest.fixture
def problems(root):
    """A function: what is said of the demo's config with changes to `explain` and the methods."""
    config = yaml.safe_load((root / "config.yaml").read_text())
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())

    def asked(explain, attribution=None, models=None):
        own = copy.deepcopy(config)
        own["explain"] |= explain
        own["attribution"] |= attribution or {}
        own["models"] |= models or {}
        try:
            settings.check(own, schema)
        except InputError as error:
            return str(error)
        return ""

    return asked


def test_sound_targets_pass(problems):
    for rule in ("label", {"class": "walking"}, {"class": 1}, {"contrast": ["predicted", "label"]}):
        assert problems({"target": rule}) == ""


def test_mistakes_in_the_config_are_answered(problems):
    assert "explain.target: 'lable' is neither" in problems({"target": "lable"})
    assert "explain.target: {'clas': 'a'} is no rule" in problems({"target": {"clas": "a"}})
    assert "explain.target: 3" in problems({"target": 3})
    assert "explain.polarity" in problems({"polarity": "postive"})


def test_classes_of_named_weights_are_known_before_any_job(problems):
    models = {"r3d_18": {"weights": "kinetics400"}}
    said = problems({"target": {"class": "abseilin"}}, models=models)
    assert "for r3d_18: class 'abseilin': it has no such class; did you mean 'abseiling'?" in said
    assert problems({"target": {"class": "abseiling"}}, models=models) == ""


def test_signs_that_an_option_takes_away_are_missed(problems):
    said = problems({"polarity": "positive"})
    assert "set attribution.input_x_gradient.absolute: false" in said
    assert "relu" not in said
    assert "set attribution.grad_cam.relu: false" in problems({"polarity": "negative"})
    signed = {"absolute": False}
    own = {"input_x_gradient": signed, "integrated_gradients": signed}
    assert problems({"polarity": "positive"}, own) == ""
    assert problems({"polarity": "absolute"}) == ""


def test_classes_of_the_training_split_are_known_before_any_job(root):
    import pandas as pd

    from vidsal import sheets

    config = yaml.safe_load((root / "config.yaml").read_text())
    config["explain"] |= {"target": {"class": "walk"}, "every": 1}
    rows = [
        {"video": f"{split}{label}", "path": "x", "split": split, "label": label}
        for split in ("train", "val", "test")
        for label in ("walking", "running")
    ]
    table = sheets.check(pd.DataFrame(rows), "mine")
    found = checking.sheet_problems(config, "synthetic", table)
    assert found == [
        "explain.target for synthetic: class 'walk': it has no such class; did you mean 'walking'?"
    ]
