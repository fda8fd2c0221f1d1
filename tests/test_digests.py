"""What was found in sources is looked up, not sought again, and never out of date."""

from __future__ import annotations

import pytest

from vidsal import _digests


@pytest.fixture
def digests(tmp_path, monkeypatch):
    """The module with nothing known yet and a file of its own."""
    monkeypatch.setattr(_digests, "PLACE", tmp_path / "cache" / "digests.json")
    monkeypatch.setattr(_digests, "_new", {})
    monkeypatch.setattr(_digests.atexit, "register", lambda function: None)
    _digests._known.cache_clear()
    yield _digests
    _digests._known.cache_clear()


def never(source: bytes) -> tuple:
    raise AssertionError("looked again")


def another_process(digests) -> None:
    digests._save()
    digests._new.clear()
    digests._known.cache_clear()


def test_a_source_is_looked_at_once(digests):
    assert digests.of(b"a = 1", lambda source: (len(source), [])) == [5, []]
    assert digests.of(b"a = 1", never) == [5, []]
    another_process(digests)
    assert digests.of(b"a = 1", never) == [5, []]


def test_other_bytes_and_another_looker_look_again(digests, monkeypatch):
    digests.of(b"a = 1", lambda source: ("old", []))
    another_process(digests)
    assert digests.of(b"a = 2", lambda source: ("new", [])) == ["new", []]
    monkeypatch.setattr(digests, "_looker", lambda: b"changed registry.py")
    assert digests.of(b"a = 1", lambda source: ("new", [])) == ["new", []]


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00"])
def test_a_spoilt_file_is_as_good_as_none(digests, text):
    digests.PLACE.parent.mkdir()
    digests.PLACE.write_text(text)
    assert digests.of(b"a", lambda source: ("found", [])) == ["found", []]
    another_process(digests)
    assert digests.of(b"a", never) == ["found", []]


def test_where_nothing_can_be_written_it_still_works(digests, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert digests.of(b"a", lambda source: ("found", [])) == ["found", []]
    digests._save()
