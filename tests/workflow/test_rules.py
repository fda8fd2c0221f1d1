"""Every rule is fully dressed, and scripts only bridge."""

from __future__ import annotations

import re

import pytest

DIRECTIVES = ("output:", "log:", "benchmark:", "conda:", "resources:", "script:")


def rules(root):
    for path in sorted((root / "workflow/rules").glob("*.smk")):
        for block in re.split(r"^(?=(?:rule|checkpoint) )", path.read_text(), flags=re.MULTILINE)[
            1:
        ]:
            yield re.match(r"\w+ (\w+):", block)[1], block


def test_every_rule_is_dressed(root):
    found = dict(rules(root))
    assert len(found) >= 18
    for name, block in found.items():
        for directive in DIRECTIVES:
            assert f"    {directive}" in block, f"{name}: {directive}"
        assert '"""' in block.splitlines()[1], f"{name}: docstring"
        assert f"../scripts/{name}.py" in block, f"{name}: its script has its name"
        assert re.search(r"code=|options=", block), f"{name}: params"
        assert "mem_mb=" in block, name
        assert "runtime=" in block, name


def test_networks_are_tagged_for_the_gpu(root):
    tagged = {name for name, block in rules(root) if "gpu=1" in block}
    networks = {"train", "train_gaze", "classify", "shared_pass", "explain", "predict_gaze"}
    assert tagged == networks


def test_inputs_and_outputs_are_named(root):
    for name, block in rules(root):
        for kind in ("input", "output"):
            match = re.search(rf"    {kind}:\n((?:        .*\n)+)", block)
            lines = match[1].splitlines() if match else []
            top = [line.strip() for line in lines if re.match(r" {8}\S", line)]
            unnamed = [line for line in top if not re.match(r"\w+=|[)\]}]", line)]
            assert not unnamed, f"{name}: {unnamed}"


def test_rules_hold_no_logic(root):
    for path in (root / "workflow/rules").glob("*.smk"):
        text = path.read_text()
        assert "lambda" not in text, path
        assert "def " not in text, path
        assert not re.search(r"^    run:", text, re.MULTILINE), path


@pytest.mark.parametrize("limit", [25])
def test_scripts_only_bridge(root, limit):
    for path in (root / "workflow/scripts").glob("*.py"):
        text = path.read_text()
        assert len(text.splitlines()) <= limit, path
        assert "with job(snakemake)" in text, path
        assert "def " not in text, path
