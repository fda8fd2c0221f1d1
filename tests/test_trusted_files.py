"""Files that are trusted: those that came first, and those that the user put there."""

from __future__ import annotations

import json

import pytest

from tests.fetching import BODY, get, refusal, sha256, source
from vidsal import downloading
from vidsal.downloading import LOCK, PROVIDED

# Trust on first use


def test_the_first_download_is_remembered(server, tmp_path):
    url = server.add("/a", BODY)
    (file,) = get(tmp_path, source(url))
    record = json.loads((tmp_path / "set" / LOCK).read_text())["data.zip"]
    assert (record["sha256"], record["bytes"], record["url"]) == (sha256(BODY), len(BODY), url)
    file.path.write_bytes(BODY[::-1])
    text = refusal(tmp_path, source(url))
    assert f"{sha256(BODY)} was first downloaded; delete it" in text
    assert f"or its entry in {tmp_path / 'set' / LOCK} to accept it" in text


def test_another_file_at_the_address_is_refused_until_it_is_accepted(server, tmp_path):
    url = server.add("/a", BODY)
    (file,) = get(tmp_path, source(url))
    file.path.unlink()
    server.add("/a", BODY[::-1], tag='"two"')
    assert f"not {sha256(BODY)} as first downloaded" in refusal(tmp_path, source(url))
    assert not file.path.exists()
    (tmp_path / "set" / LOCK).unlink()
    assert get(tmp_path, source(url))[0].sha256 == sha256(BODY[::-1])


def test_what_is_published_later_goes_before_memory(server, tmp_path):
    url = server.add("/a", BODY)
    get(tmp_path, source(url))
    assert "is published" in refusal(tmp_path, source(url, sha256="0" * 64))
    assert get(tmp_path, source(url, sha256=sha256(BODY)))[0].bytes == len(BODY)


def test_a_checked_file_is_not_read_again(server, tmp_path, monkeypatch):
    url = server.add("/a", BODY)
    (file,) = get(tmp_path, source(url))
    monkeypatch.setattr(downloading.parts, "sha256", lambda path: pytest.fail("read again"))
    assert get(tmp_path, source(url)) == [file]


def test_a_broken_memory_is_said(server, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / LOCK).write_text("{")
    assert f"{tmp_path / 'set' / LOCK}: the checksums" in refusal(
        tmp_path, source(server.add("/a", BODY))
    )


# Files of the user


def test_a_file_that_is_there_is_checked_and_used(server, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/data.zip").write_bytes(BODY)
    (file,) = get(tmp_path, source(server.url("/none"), sha256=sha256(BODY)))
    assert (file.sha256, file.url) == (sha256(BODY), PROVIDED)
    assert server.asked == []


def test_a_folder_that_may_only_be_read(tmp_path, monkeypatch, caplog):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/data.zip").write_bytes(BODY)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(downloading.locks, "_acquire", refuse)
    assert get(tmp_path, source("https://x.invalid/a"))[0].sha256 == sha256(BODY)
    assert "cannot be written" in caplog.text


def test_offline_names_all_that_is_missing_at_once(server, tmp_path):
    sources = [
        source(server.add("/a", BODY), "a.zip", sha256=sha256(BODY), size=len(BODY)),
        source(server.add("/b", BODY), "b.zip", mirrors=[server.url("/b2")]),
        source(server.add("/c", BODY), "c.zip"),
        {"name": "d", "licence": "x", "form": "ask the authors for d"},
    ]
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "c.zip").write_bytes(BODY)
    text = refusal(tmp_path, *sources, offline=True)
    facts = f"{len(BODY)} bytes, sha256 {sha256(BODY)}"
    assert text.splitlines() == [
        f"{folder}: offline is true, and these are missing; put them there by hand, then run "
        "again:",
        f"  {folder / 'a.zip'}: from {server.url('/a')} ({facts})",
        f"  {folder / 'b.zip'}: from {server.url('/b')} or {server.url('/b2')} "
        "(no size or checksum is published)",
        f"  {folder / 'd'}: ask the authors for d",
    ]
    for name in ("a.zip", "b.zip"):
        (folder / name).write_bytes(BODY)
    (folder / "d").mkdir()
    (folder / "d/1.avi").write_bytes(b"x")
    found = get(tmp_path, *sources, offline=True)
    assert [file.bytes for file in found] == [len(BODY)] * 3 + [None]
    assert server.asked == []


def test_a_form_is_told_before_anything_is_downloaded(server, tmp_path):
    form = {"name": "videos", "licence": "x", "form": "sign https://x.invalid and unpack it here"}
    text = refusal(tmp_path, source(server.add("/a", BODY)), form)
    assert f"{tmp_path / 'set/videos'}: sign https://x.invalid and unpack it here" in text
    assert "data.zip" not in text
    assert server.asked == []
