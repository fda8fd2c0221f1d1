"""README and docs say what the code says."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from vidsal import registry


@pytest.mark.parametrize("script", ["docs/tables.py", "docs/methods.py"])
def test_generated_tables_are_fresh(root, script):
    done = subprocess.run(
        [sys.executable, script, "--check"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(root, name):
    text = (root / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (root / target).exists(), f"{name}: {target}"


def test_every_room_with_inhabitants_has_its_table(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    for room in registry.ROOMS:
        assert (f"<!-- room {room} -->" in text) == bool(registry.names(room)), room


def test_targets_named_in_the_readme_exist(root):
    makefile = (root / "Makefile").read_text()
    for target in set(re.findall(r"`make ([a-z-]+)`", (root / "README.md").read_text())):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_example_of_a_users_method_works(root, tmp_path):
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = "\n".join(line[4:] for line in text.split("Example:")[1].split("\n## ")[0].splitlines())
    folder = tmp_path / "attribution"
    folder.mkdir()
    (folder / "brightness.py").write_text(code)
    entry = registry.entry("attribution", "brightness", str(tmp_path))
    assert entry.needs == ("model", "clip", "target")
    import torch

    method = registry.load("attribution", "brightness", str(tmp_path))
    assert method(None, torch.ones(3, 4, 5, 6), 0).shape == (4, 5, 6)
