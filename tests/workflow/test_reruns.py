"""What a change reruns: exactly what depends on it."""

from __future__ import annotations

from tests.workflow.project import SMALL, merged
from vidsal import sheets
from vidsal.datasets.synthetic import synthetic

PAGES = {"tabulate", "compare", "write_methods", "plot", "plot_confusion", "overlay"}
PAGES |= {"choose_video", "viewer", "draw_pictures"}
WRITTEN = {"write_config", "write_methods", "viewer"}  # what shows every option
# Methods of the small config: gradient, grad_cam, grad_cam_per_frame (one shared pass), occlusion,
# and smooth_occlusion, which wraps it; 2 test shards, one aggregation.
SHARDS = 2


def test_a_second_run_finds_nothing_to_do(built):
    assert built.planned() == {}


def test_a_comment_and_a_docstring_rerun_nothing(project):
    project.edit(
        "workflow/vidsal/attribution/occlusion.py", "\ndef occlusion(", "\n# why\ndef occlusion("
    )
    project.edit("workflow/vidsal/attribution/_cam.py", '"""', '"""More: ')
    assert project.planned() == {}


def test_code_of_a_method_reruns_it_and_its_wrapper(project):
    project.edit(
        "workflow/vidsal/attribution/occlusion.py",
        "\ndef occlusion(",
        "\nX = 1\n\n\ndef occlusion(",
    )
    planned = project.planned()
    assert planned["explain"] == 2 * SHARDS
    assert (
        planned["aggregate"] == planned["score"] == planned["score_against_dataset"] == 2 * SHARDS
    )
    assert "occlusion" in (text := project.run("-n"))
    assert "heatmaps/cnn_lstm/gradient/" not in outputs(text)
    assert not {"train", "classify", "shared_pass", "control", "predict_gaze"} & set(planned)


def test_a_shared_helper_reruns_exactly_its_users(project):
    project.edit("workflow/vidsal/attribution/_cam.py", "\ndef ", "\nX = 1\n\n\ndef ")
    text = project.run("-n")
    assert project.planned()["explain"] == 2 * SHARDS
    assert "heatmaps/cnn_lstm/grad_cam/" in outputs(text)
    assert "heatmaps/cnn_lstm/grad_cam_per_frame/" in outputs(text)
    assert "heatmaps/cnn_lstm/gradient/" not in outputs(text)
    assert "heatmaps/cnn_lstm/occlusion/" not in outputs(text)


def test_code_of_a_metric_reruns_scores_only(project):
    project.edit("workflow/vidsal/metrics/nss.py", "\ndef nss(", "\nX = 1\n\n\ndef nss(")
    planned = project.planned()
    assert planned["score"] == 8 * SHARDS
    assert set(planned) <= {"score"} | PAGES


def test_a_new_test_video_reruns_its_own_shard_and_the_tables(project):
    change = {"datasets": {"synthetic": {"subjects_test": 3}}}
    touched = touched_shards(SMALL, merged(SMALL, change))
    # No shard is renamed: the new videos join shards that are there, or a new one of the same cut.
    assert {name.split("of")[1] for name in touched} == {"002"}
    project.change_config(change)
    text = project.run("-n")
    per_shard = {
        "download": 1,
        "trim": 1,
        "extract_frames": 1,
        "read_gaze": 1,
        "read_masks": 1,
        "classify": 1,
        "shared_pass": 1,
        "explain": 5,
        "predict_gaze": 1,
        "control": 2,
        "aggregate": 8,
        "score": 8,
    }
    planned = project.planned()
    assert {rule: planned[rule] for rule in per_shard} == {
        rule: count * len(touched) for rule, count in per_shard.items()
    }
    # What looks at other videos runs for all shards; tables and pages follow; nothing is trained.
    assert planned["score_against_dataset"] == 8 * SHARDS
    others = {"score_against_dataset", "pool_gaze", "export_gaze", "write_config"} | PAGES
    others |= {"dump_predictions"}
    assert set(planned) - set(per_shard) <= others
    for line in outputs(text).splitlines():
        for path in line.split():
            if "test-" in path and "against_dataset" not in path:
                assert any(name in path for name in touched), path


def touched_shards(old: dict, new: dict) -> set[str]:
    """Return the shards of the test split whose rows differ between two configs."""
    rows = {}
    for config in (old, new):
        table = synthetic("data/synthetic", **config["datasets"]["synthetic"])
        sheet = sheets.check(table[table["split"] == "test"], "here")
        names = sheets.shards(sheet, config["sharding"]["videos_per_job"])
        for name in names:
            rows.setdefault(name, []).append(sheets.row_hash(sheets.rows(sheet, name)))
    return {name for name, found in rows.items() if len(set(found)) > 1 or len(found) == 1}


def test_an_option_of_one_method_reruns_that_method(project):
    project.change_config({"attribution": {"grad_cam": {"relu": False}}})
    text = project.run("-n")
    assert project.planned()["explain"] == SHARDS
    assert "heatmaps/cnn_lstm/grad_cam/" in outputs(text)


def test_options_of_testing_rerun_what_rests_on_the_answers(project):
    project.change_config({"classify": {"dump": "torch"}})
    assert set(project.planned()) == {"dump_predictions"} | WRITTEN
    project.change_config({"classify": {"dump": "numpy", "per_model": {"cnn_lstm": {"clips": 1}}}})
    planned = project.planned()
    assert planned["classify"] == SHARDS
    assert planned["dump_predictions"] == 1
    assert not {"train", "extract_frames", "control", "predict_gaze"} & set(planned)


def outputs(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.strip().startswith("output:"))


def test_an_option_of_a_base_method_reruns_its_wrapper(project):
    project.change_config({"attribution": {"occlusion": {"window": [2, 16, 16]}}})
    text = project.run("-n")
    assert project.planned()["explain"] == 2 * SHARDS
    assert "heatmaps/cnn_lstm/smooth_occlusion/" in outputs(text)
