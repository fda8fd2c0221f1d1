"""What a change reruns: exactly what depends on it."""

from __future__ import annotations

PAGES = {"tabulate", "plot", "overlay", "choose_video", "viewer"}
# Methods of the small config: gradient, grad_cam, grad_cam_per_frame (one shared pass), occlusion,
# and smooth_occlusion, which wraps it; 2 test shards of 2 videos each, one aggregation.
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


def test_a_new_test_video_reruns_its_own_shard(project):
    before = videos(project)
    # Two people of two rows each become three: the shards double, so cut them finer from the start.
    project.change_config({"datasets": {"synthetic": {"subjects_test": 3}}})
    text = project.run()
    assert videos(project) - before
    assert "rule train" not in text
    made = sum("1 to make" in line or "2 to make" in line for line in explain_logs(project))
    assert made, "the new videos were explained"
    assert not any("3 to make" in line or "4 to make" in line for line in explain_logs(project))


def test_an_option_of_one_method_reruns_that_method(project):
    project.change_config({"attribution": {"grad_cam": {"relu": False}}})
    text = project.run("-n")
    assert project.planned()["explain"] == SHARDS
    assert "heatmaps/cnn_lstm/grad_cam/" in outputs(text)


def outputs(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.strip().startswith("output:"))


def videos(project) -> set[str]:
    lines = (project.folder / "results/synthetic/heatmaps.tsv").read_text().splitlines()[1:]
    return {line.split("\t")[2] for line in lines}


def explain_logs(project) -> list[str]:
    logs = (project.folder / "logs/synthetic/explain/cnn_lstm/occlusion").glob("*.log")
    return [line for log in logs for line in log.read_text().splitlines() if "to make" in line]
