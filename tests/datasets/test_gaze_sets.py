"""What all gaze sets promise: sources that say all, cheap imports, readers that reruns know of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vidsal import registry, sources

READERS = {
    "avimos": {"avimos"},
    "dhf1k": {"fixation_maps", "dhf1k_raw"},
    "egomon": {"fixation_maps", "tobii", "table"},
    "gtea": {"gtea"},
    "hollywood2": {"fixation_maps"},
    "ledov": {"ledov"},
    "salicon": {"salicon"},
    "stavis": {"fixation_maps"},
    "ucf_sports": {"fixation_maps"},
    "ved100": {"ved100"},
}


@pytest.mark.parametrize("name", READERS)
def test_sources_are_complete(name):
    entry = registry.entry("datasets", name)
    listed = entry.constants["SOURCES"]
    assert listed
    assert sources.problems(listed, entry.options) == []
    for source in listed:
        assert "form" not in source or "http" in source["form"]


@pytest.mark.parametrize("name", READERS)
def test_tables_need_no_heavy_library(name):
    heavy = "{'torch', 'cv2', 'av', 'h5py', 'scipy', 'vidsal.fixations'}"
    code = f"import sys, vidsal.datasets.{name}; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(registry.PACKAGE).parent,
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", READERS)
def test_a_change_of_the_reader_changes_the_fingerprint(name, monkeypatch):
    """The files that a dataset imports make up its fingerprint; its readers are among them."""
    seen = []
    digest = registry._file_digest

    def recorded(path, modified):
        seen.append(path)
        return digest(path, modified)

    monkeypatch.setattr(registry, "_file_digest", recorded)
    registry._fingerprint.__wrapped__((str(registry.PACKAGE / f"datasets/{name}.py"),))
    formats = {path.stem for path in seen if path.parent.name == "recordings"}
    assert READERS[name] <= formats
