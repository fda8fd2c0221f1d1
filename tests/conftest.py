"""What all tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import h5py

    from tests.serving import Server
    from vidsal.fixations import Formats

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and reference values beside the repository; skips without it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs ../shared (real data and reference values), which is not here")
    return folder


@pytest.fixture
def put(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Path]:
    """Writes a file and returns its path; without a name it gets the test module's FILE_NAME."""
    usual = getattr(request.module, "FILE_NAME", "gaze.csv")

    def write(content: str | bytes, name: str = usual) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """An empty web server on loopback, reached without the proxy of this machine."""
    from tests.serving import serving

    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with serving() as made:
        yield made


@pytest.fixture
def cell(tmp_path: Path) -> Iterator[Path]:
    """A folder `cell/in` to unpack into, and beside it things that must stay as they are."""
    (tmp_path / "cell").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("untouched")
    yield tmp_path
    assert (tmp_path / "outside/secret").read_text() == "untouched"
    assert [p.name for p in (tmp_path / "outside").iterdir()] == ["secret"]
    assert {p.name for p in (tmp_path / "cell").iterdir()} <= {"in"}
    archives = {p.name for p in tmp_path.iterdir()} - {"cell", "outside"}
    assert all(name.startswith("x.") for name in archives), archives


@pytest.fixture
def own_formats(tmp_path: Path) -> Formats:
    """Formats of a user's own room: `mine`, and a variant of it."""
    from tests.tidy import OWN_FORMAT
    from vidsal.fixations import Formats

    room = tmp_path / "my_rooms" / "recordings"
    room.mkdir(parents=True)
    (room / "mine.py").write_text(OWN_FORMAT)
    return Formats(str(tmp_path / "my_rooms"), {"shifted": {"method": "mine", "shift": 1.0}})


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[h5py.File]:
    """The opened frames of the videos that `tests.tiny` trains on."""
    import h5py

    from tests.tiny import write_videos

    path = tmp_path_factory.mktemp("videos") / "frames.h5"
    write_videos(path)
    with h5py.File(path) as opened:
        yield opened
