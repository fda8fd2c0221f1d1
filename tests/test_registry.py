"""Registry: names, options and fingerprints from syntax trees."""

from __future__ import annotations

import hashlib
import inspect
import subprocess
import sys
import textwrap

import pytest

from vidsal import registry
from vidsal.errors import InputError

# A source with every construct whose syntax tree changed between Python 3.11 and 3.13.
SOURCE = '''
"""Doc."""
from __future__ import annotations
import numpy as np
x: int = 1
def f(a, /, b=2, *c, d: "int" = 3, **e) -> str:
    """Doc."""
    # comment
    y = f"{a!r:>{b}} and" "more" f"{d=}" f"\\n{{}}"
    match a:
        case {"k": [1, *rest]} if b:
            return y
    with open(a) as h, open(b):
        z = lambda q: -q**2
    return (w := 3) + 1e-7 + 2j
class C(A, metaclass=M):
    "doc"
    async def g(self):
        return [i async for i in x if i], {**a}, {*b}, not a, ...
'''
# Pinned under Python 3.11, 3.12 and 3.13.
DIGESTS = {
    SOURCE: "b62b14eb6c435304",
    "x = 1\n": "390bc1c684c16641",
    'def f(x, *, n: int = 16):\n    """Doc."""\n    return f"{x:{n}}"\n': "09593e9aa80a23b9",
}


def digest(source: str) -> str:
    return hashlib.sha256(registry.canonical(source).encode()).hexdigest()[:16]


@pytest.mark.parametrize(("source", "expected"), DIGESTS.items())
def test_canonical_dump_is_pinned(source, expected):
    assert digest(source) == expected


def test_comments_docstrings_and_layout_change_nothing():
    plain = "def f(x):\n    return x + 1\n"
    dressed = (
        '"""Module."""\n\n\ndef f(x):\n    """Doc."""\n    # why\n    return (x\n            + 1)\n'
    )
    assert digest(plain) == digest(dressed)
    assert digest(plain) != digest("def f(x):\n    return x + 2\n")


def test_a_string_that_is_no_docstring_counts():
    assert digest("def f():\n    x = 'a'\n") != digest("def f():\n    x = 'b'\n")


@pytest.fixture
def rooms(tmp_path):
    """A user's rooms with a method, its helper and a wrapper."""
    folder = tmp_path / "my_rooms" / "attribution"
    folder.mkdir(parents=True)
    write(folder / "_helper.py", "def twice(x):\n    return 2 * x\n")
    write(folder / "mine.py", METHOD)
    write(folder / "other.py", METHOD.replace("mine", "other").replace("from . import _helper", ""))
    return folder


METHOD = '''
"""A method of the user's."""
from . import _helper
from vidsal.errors import InputError

def mine(model, clip, target, *, steps: int = 4, layer: str | None = None):
    return clip
'''


def write(path, text):
    path.write_text(textwrap.dedent(text), encoding="utf-8")


def test_users_files_join_a_room(rooms):
    extra = str(rooms.parent)
    assert "mine" in registry.names("attribution", extra)
    assert "mine" not in registry.names("attribution")
    entry = registry.entry("attribution", "mine", extra)
    assert entry.needs == ("model", "clip", "target")
    assert {name: o.default for name, o in entry.options.items()} == {"steps": 4, "layer": None}
    assert entry.summary == "A method of the user's."
    assert registry.load("attribution", "mine", extra)(None, "clip", 0) == "clip"


def test_helper_changes_exactly_its_users(rooms):
    def prints():
        registry._fingerprint.cache_clear()
        return {n: registry.fingerprint(rooms / f"{n}.py") for n in ("mine", "other")}

    before = prints()
    write(rooms / "_helper.py", "def twice(x):\n    # a comment\n    return 2 * x\n")
    assert prints() == before
    write(rooms / "_helper.py", "def twice(x):\n    return x + x\n")
    after = prints()
    assert after["mine"] != before["mine"]
    assert after["other"] == before["other"]


def test_imported_package_modules_are_followed():
    seen = registry._file_digest(registry.PACKAGE / "heatmaps.py", 0)[1]
    assert registry.PACKAGE / "parts.py" in seen
    assert registry.PACKAGE / "errors.py" in seen


def test_a_gaze_format_that_is_named_in_a_call_counts_as_imported(tmp_path):
    file = tmp_path / "set.py"
    write(file, 'def read(path):\n    return fixations.read(path, format="eyelink", fps=25)\n')
    assert registry.PACKAGE / "recordings" / "eyelink.py" in registry._file_digest(file, 1)[1]
    write(file, 'def read(path):\n    return fixations.read(path, format="no such", eye="left")\n')
    assert registry._file_digest(file, 2)[1] == ()


def test_unknown_name_offers_the_nearest():
    with pytest.raises(InputError, match="did you mean 'grad_cam'"):
        registry.entry("attribution", "gradcam")


def test_taken_name_is_refused(rooms):
    write(rooms / "gradient.py", METHOD.replace("mine", "gradient"))
    with pytest.raises(InputError, match="is taken"):
        registry.names("attribution", str(rooms.parent))


def test_file_without_its_function_is_refused(rooms):
    write(rooms / "empty.py", "x = 1\n")
    with pytest.raises(InputError, match="defines no function 'empty'"):
        registry.entry("attribution", "empty", str(rooms.parent))


def test_option_without_default_is_refused(rooms):
    write(rooms / "bare.py", "def bare(model, *, steps):\n    return steps\n")
    with pytest.raises(InputError, match="has no default"):
        registry.entry("attribution", "bare", str(rooms.parent))


@pytest.mark.parametrize("room", registry.ROOMS)
def test_every_file_of_a_room_keeps_the_contract(room):
    for name in registry.names(room):
        entry = registry.entry(room, name)
        assert entry.summary.endswith("."), f"{entry.path}: first docstring line"
        assert len(entry.summary) <= 110, f"{entry.path}: first docstring line is long"
        assert all(option.annotation for option in entry.options.values()), entry.path


def test_registry_never_imports_torch(root):
    code = (
        "import sys; from vidsal import registry, config, sheets\n"
        "for room in registry.ROOMS:\n"
        "    for name in registry.names(room): registry.entry(room, name)\n"
        "assert not {'torch', 'cv2', 'av', 'h5py', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root / "workflow")


@pytest.mark.parametrize("room", registry.ROOMS)
def test_defaults_read_from_the_tree_are_the_functions_own(room):
    for name in registry.names(room):
        own = inspect.signature(registry.load(room, name)).parameters
        for key, option in registry.entry(room, name).options.items():
            assert option.default == own[key].default, f"{room}.{name}: {key}"
