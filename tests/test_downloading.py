"""Downloads from addresses that redirect, lie, fail, or send a web page."""

from __future__ import annotations

import hashlib

import pytest

from tests.fetching import BODY, get, names, refusal, sha256, source
from tests.serving import serving
from vidsal import downloading
from vidsal.downloading import LOCK


def test_a_file_comes_once_and_is_written_down(server, tmp_path):
    url = server.add("/a", BODY)
    (file,) = get(tmp_path, source(url))
    assert file.path.read_bytes() == BODY
    assert (file.bytes, file.sha256, file.url) == (len(BODY), sha256(BODY), url)
    assert names(tmp_path / "set") == ["data.zip", LOCK]
    assert not (tmp_path / "set" / downloading.STAGING).exists()
    assert get(tmp_path, source(url)) == [file]
    assert len(server.asked) == 1


def test_names_below_folders(server, tmp_path):
    url = server.add("/a", BODY)
    get(tmp_path, source(url, "images/train/a.jpg"))
    assert names(tmp_path / "set") == ["images/train/a.jpg", LOCK]


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", ".a", "", "a/.ssh"])
def test_names_that_lead_elsewhere_are_refused(server, tmp_path, name):
    assert "its name leads elsewhere" in refusal(tmp_path, source(server.add("/a"), name))
    assert not server.asked


@pytest.mark.parametrize(
    "published",
    [
        {"sha256": sha256(BODY)},
        {"md5": hashlib.md5(BODY).hexdigest()},
        {"size": len(BODY)},
        {"size": len(BODY), "sha256": sha256(BODY)},
    ],
)
def test_what_is_published_is_compared(server, tmp_path, published):
    url = server.add("/a", BODY)
    (file,) = get(tmp_path, source(url, **published))
    assert file.sha256 == sha256(BODY)
    wrong = bytes([BODY[0] ^ 1]) + BODY[1:] + b"!"
    file.path.write_bytes(wrong)
    text = refusal(tmp_path, source(url, **published))
    assert "published" in text
    assert file.path.read_bytes() == wrong  # whoever put it there, it is not ours to delete


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(server, tmp_path, status):
    server.add("/end", BODY)
    url = server.add("/a", status=[status], location="/end")
    assert get(tmp_path, source(url))[0].path.read_bytes() == BODY


def test_an_endless_redirect_ends(server, tmp_path):
    url = server.add("/a", status=[302] * 100, location="/a")
    assert "TooManyRedirects" in refusal(tmp_path, source(url))


def test_a_size_that_is_not_told_beforehand(server, tmp_path):
    url = server.add("/a", BODY, chunked=True)
    assert get(tmp_path, source(url))[0].path.read_bytes() == BODY


# Another address


def test_mirrors_are_tried_in_order(server, tmp_path):
    page = b"<!DOCTYPE html><title>moved</title>"
    bad = [server.url("/none"), server.add("/wrong", BODY[1:]), server.add("/page", page)]
    good = server.add("/good", BODY)
    one = source(bad[0], mirrors=[*bad[1:], good, server.url("/never")], sha256=sha256(BODY))
    (file,) = get(tmp_path, one)
    assert (file.sha256, file.url) == (sha256(BODY), good)
    assert [path for path, *_ in server.asked] == ["/none", "/wrong", "/page", "/good"]


def test_the_message_names_every_address_and_the_place(server, tmp_path):
    wrong = server.add("/wrong", BODY[1:])
    text = refusal(tmp_path, source(server.url("/no"), mirrors=[wrong], sha256=sha256(BODY)))
    assert f"{server.url('/no')}: the server answers 404" in text
    assert f"its sha256 is {sha256(BODY[1:])}, not {sha256(BODY)} as published" in text
    assert f"put it at {tmp_path / 'set' / 'data.zip'} (sha256 {sha256(BODY)})" in text
    assert names(tmp_path / "set") == []


def test_a_host_that_is_not_there(tmp_path, server):
    with serving() as gone:
        url = gone.url("/a")
    assert "the connection is refused, 3 times in a row" in refusal(tmp_path, source(url))


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a", "file:///etc/passwd", "nonsense"])
def test_other_schemes_are_refused(tmp_path, url):
    assert "cannot be downloaded" in refusal(tmp_path, source(url))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html><body>Please log in</body></html>", "text/html; charset=utf-8"),
        (b"\n  <!doctype HTML>\n<p>Virus scan warning", "application/zip"),
        (b"\xef\xbb\xbf<!-- x --><html lang='en'>", "application/octet-stream"),
        (b"<p>a fragment", "text/html"),
    ],
)
def test_a_web_page_is_no_archive(server, tmp_path, body, kind):
    text = refusal(tmp_path, source(server.add("/a", body, kind=kind), size=10**6))
    assert "the server sends a web page instead of the file" in text
    assert names(tmp_path / "set") == []


def test_an_empty_file_is_refused(server, tmp_path):
    assert "the server sends an empty file" in refusal(tmp_path, source(server.add("/a")))


def test_a_web_page_that_was_put_there_by_hand(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/data.zip").write_bytes(b"<!DOCTYPE html><html>log in</html>")
    assert "it is a web page, not the file" in refusal(tmp_path, source("https://x.invalid/a"))


def test_a_web_page_that_is_wanted(server, tmp_path):
    url = server.add("/a", b"<html></html>", kind="text/html")
    assert get(tmp_path, source(url, "index.html"))[0].bytes == 13
    url = server.add("/b", b"PK\x03\x04 <html>", kind="text/html")
    assert get(tmp_path, source(url))[0].bytes == 11
