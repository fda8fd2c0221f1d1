"""Downloads against a server on loopback that cuts, stalls, lies, redirects and forgets."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.serving import serving
from vidsal import _transfer, downloading, progress
from vidsal._transfer import Patience
from vidsal.downloading import LOCK, PROVIDED, fetch
from vidsal.errors import InputError

BODY = random.Random(3).randbytes(300_000)
QUICK = Patience(attempts=3, timeout=5, wait=0.01)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def source(url, name="data.zip", **more):
    return {"name": name, "url": url, "licence": "CC0"} | more


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with serving() as made:
        yield made


def get(tmp_path, *sources, **more):
    return fetch(list(sources), tmp_path / "set", **({"patience": QUICK} | more))


def refusal(tmp_path, *sources, **more):
    with pytest.raises(InputError) as caught:
        get(tmp_path, *sources, **more)
    return str(caught.value)


def names(folder):
    """Return all files below a folder, hidden ones too."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


# The plain way


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


# Connections that break


def test_a_cut_download_goes_on_where_it_broke_off(server, tmp_path):
    url = server.add("/a", BODY, cuts=[100_000, 50_000])
    assert get(tmp_path, source(url))[0].path.read_bytes() == BODY
    ranges = [(asked, proof) for _, asked, proof in server.asked]
    assert ranges == [(None, None), ("bytes=100000-", '"one"'), ("bytes=150000-", '"one"')]


def test_any_cuts_give_the_same_bytes(server, tmp_path):
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for number in range(8):
        how = {
            "cuts": [chance.randrange(1, 120_000) for _ in range(chance.randrange(6))],
            "chunked": chance.random() < 0.3,
            "ranges": chance.random() < 0.7,
            "tag": chance.choice(['"x"', 'W/"x"', None]),
            "modified": chance.choice([None, "Wed, 21 Oct 2015 07:28:00 GMT"]),
        }
        url = server.add(f"/{number}", BODY, **how)
        many = Patience(attempts=20, timeout=5, wait=0)
        (file,) = get(tmp_path, source(url, f"{number}.bin"), patience=many)
        assert file.sha256 == sha256(BODY), how


def test_without_ranges_it_starts_over(server, tmp_path):
    url = server.add("/a", BODY, cuts=[100_000], ranges=False)
    assert get(tmp_path, source(url))[0].path.read_bytes() == BODY
    assert server.ranges("/a") == [None, "bytes=100000-"]


def test_a_file_that_changed_on_the_server_starts_over(server, tmp_path):
    new = BODY[::-1]
    url = server.add("/a", BODY, cuts=[100_000])
    threading.Timer(0.2, lambda: server.add("/a", new, tag='"two"')).start()
    slow = Patience(attempts=3, timeout=5, wait=0.5)
    assert get(tmp_path, source(url), patience=slow)[0].path.read_bytes() == new
    assert server.asked[-1][1:] == ("bytes=100000-", '"one"')


def test_nothing_is_put_together_that_nothing_proves_to_be_one(server, tmp_path):
    url = server.add("/a", BODY, cuts=[100_000], tag=None)
    get(tmp_path, source(url))
    assert server.ranges("/a") == [None, None]
    url = server.add("/b", BODY, cuts=[100_000], tag=None)
    get(tmp_path, source(url, "b.zip", sha256=sha256(BODY)))
    assert server.ranges("/b") == [None, "bytes=100000-"]  # the checksum will tell


def test_pieces_that_do_not_fit_are_fetched_anew(server, tmp_path):
    url = server.add("/a", b"x" * len(BODY), cuts=[100_000], then=[BODY])
    (file,) = get(tmp_path, source(url, sha256=sha256(BODY)))
    assert file.path.read_bytes() == BODY
    assert server.ranges("/a") == [None, "bytes=100000-", None]


def test_a_later_run_goes_on(server, tmp_path):
    url = server.add("/a", BODY, cuts=[100_000, 0, 0])
    assert "the connection broke off, 3 times in a row" in refusal(tmp_path, source(url))
    assert names(tmp_path / "set") == [
        f"{downloading.STAGING}/data.zip/{name}" for name in ("part", "part.json")
    ]
    assert get(tmp_path, source(url))[0].path.read_bytes() == BODY
    assert server.ranges("/a") == [None] + ["bytes=100000-"] * 3
    assert names(tmp_path / "set") == ["data.zip", LOCK]


def test_a_whole_part_is_not_asked_for_again(server, tmp_path):
    url = server.add("/a", BODY)
    part = _transfer.Part(tmp_path / "set" / downloading.STAGING / "data.zip")
    part.begin(url=url, validator='"one"', total=len(BODY))
    part.file.write_bytes(BODY)  # as after a kill while the checksum was computed
    assert get(tmp_path, source(url))[0].sha256 == sha256(BODY)
    assert server.asked == []


@pytest.mark.parametrize("note", [b"", b"[1]", b"{", b"\xff\xfe"])
def test_a_broken_note_costs_a_new_start_only(server, tmp_path, note):
    url = server.add("/a", BODY)
    part = _transfer.Part(tmp_path / "set" / downloading.STAGING / "data.zip")
    part.begin(url=url)
    part.file.write_bytes(b"garbage")
    part.paper.write_bytes(note)
    assert get(tmp_path, source(url))[0].sha256 == sha256(BODY)


def test_slow_bytes_are_waited_for(server, tmp_path):
    url = server.add("/a", BODY[:80_000], pause=0.1)
    patience = Patience(attempts=1, timeout=0.5)
    assert get(tmp_path, source(url), patience=patience)[0].bytes == 80_000
    assert len(server.asked) == 1


def test_a_stalled_server_is_left_and_asked_again(server, tmp_path):
    url = server.add("/a", BODY, stalls=[131_072])
    patience = Patience(attempts=3, timeout=0.3, wait=0.01)
    started = time.monotonic()
    assert get(tmp_path, source(url), patience=patience)[0].path.read_bytes() == BODY
    assert time.monotonic() - started < 5
    assert server.ranges("/a") == [None, "bytes=131072-"]


def test_a_server_that_stays_silent_is_given_up(server, tmp_path):
    url = server.add("/a", BODY, stalls=[0, 0])
    patience = Patience(attempts=2, timeout=0.2, wait=0.01)
    assert "no answer for 0.2 s, 2 times in a row" in refusal(
        tmp_path, source(url), patience=patience
    )


def test_attempts_count_only_while_nothing_comes(server, tmp_path):
    url = server.add("/a", BODY, cuts=[30_000] * 9)
    assert get(tmp_path, source(url))[0].path.read_bytes() == BODY
    assert len(server.asked) == 10


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(server, tmp_path, status):
    url = server.add("/a", BODY, status=[status, status])
    assert get(tmp_path, source(url))[0].path.read_bytes() == BODY


def test_a_length_that_is_too_large(server, tmp_path):
    url = server.add("/a", BODY, length=len(BODY) + 5, ranges=False)
    assert "the connection broke off" in refusal(tmp_path, source(url))
    # A server with ranges says by 416 that there is no more.
    url = server.add("/b", BODY, length=len(BODY) + 5)
    server.pages["/b"].then = [BODY]
    assert get(tmp_path, source(url, "b.zip"))[0].path.read_bytes() == BODY


def test_a_length_that_is_too_small_is_found_where_the_size_is_known(server, tmp_path):
    url = server.add("/a", BODY, length=1000)
    text = refusal(tmp_path, source(url, size=len(BODY)))
    assert f"the server has 1000 bytes instead of {len(BODY)}" in text
    url = server.add("/b", BODY[:999], chunked=True)
    text = refusal(tmp_path, source(url, "b.zip", size=len(BODY)))
    assert f"it has 999 bytes instead of {len(BODY)}" in text
    assert not (tmp_path / "set/b.zip").exists()


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


# Several at once, kills, proxies, disks, progress

CHILD = """
import sys
from vidsal import downloading
file, = downloading.fetch([{"name": "data.zip", "url": sys.argv[1], "licence": "x"}], sys.argv[2])
print(file.sha256)
"""


def child(root, url, folder):
    env = os.environ | {"PYTHONPATH": str(root / "workflow")}
    command = [sys.executable, "-c", CHILD, url, str(folder)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def test_two_processes_that_fetch_the_same_file(root, server, tmp_path):
    url = server.add("/a", BODY, pause=0.02)
    both = [child(root, url, tmp_path / "set") for _ in range(2)]
    found = [one.communicate(timeout=60)[0].strip() for one in both]
    assert found == [sha256(BODY)] * 2
    assert len(server.asked) == 1
    assert names(tmp_path / "set") == ["data.zip", LOCK]


def test_many_threads_and_files_in_one_folder(server, tmp_path):
    urls = [server.add(f"/{n}", BODY[n:], pause=0.001) for n in range(4)]
    jobs = [(urls[n % 4], f"{n % 4}.zip") for n in range(12)]
    failed = []

    def work(url, name):
        try:
            get(tmp_path, source(url, name))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert sorted(path for path, *_ in server.asked) == ["/0", "/1", "/2", "/3"]
    assert set(downloading.remembered(tmp_path / "set")) == {f"{n}.zip" for n in range(4)}
    assert names(tmp_path / "set") == [*(f"{n}.zip" for n in range(4)), LOCK]


def test_kill_9_loses_little(root, server, tmp_path):
    url = server.add("/a", BODY, pause=0.05)
    one = child(root, url, tmp_path / "set")
    part = tmp_path / "set" / downloading.STAGING / "data.zip" / "part"
    for _ in range(500):
        if part.is_file() and part.stat().st_size > 100_000:
            break
        time.sleep(0.02)
    os.kill(one.pid, signal.SIGKILL)
    one.communicate()
    assert not (tmp_path / "set/data.zip").exists()
    server.pages["/a"].pause = 0
    assert get(tmp_path, source(url))[0].path.read_bytes() == BODY
    assert int(server.ranges("/a")[-1].removeprefix("bytes=").rstrip("-")) > 100_000
    assert names(tmp_path / "set") == ["data.zip", LOCK]


def test_the_proxy_of_the_environment_is_used(server, tmp_path, monkeypatch):
    server.add("http://files.invalid/a.zip", BODY)
    monkeypatch.setenv("http_proxy", server.url(""))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert get(tmp_path, source("http://files.invalid/a.zip"))[0].sha256 == sha256(BODY)


def test_a_disk_that_is_too_small_is_said_before(server, tmp_path, monkeypatch):
    url = server.add("/a", BODY)
    monkeypatch.setattr(_transfer.shutil, "disk_usage", lambda _: type("D", (), {"free": 1000}))
    text = refusal(tmp_path, source(url))
    assert f"{len(BODY)} bytes are still to come, but only 1000 are free" in text


def test_progress_goes_to_the_log_where_there_is_no_terminal(
    server, tmp_path, monkeypatch, caplog, capfd
):
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.0)
    url = server.add("/a", BODY)
    with caplog.at_level(logging.INFO):
        get(tmp_path, source(url))
    assert "data.zip: 0.3 of 0.3 MB" in caplog.text
    monkeypatch.setattr(progress, "EVERY_SECONDS", 10.0)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        get(tmp_path, source(url, "b.zip"))
    assert "MB" not in caplog.text
    out, error = capfd.readouterr()
    assert out + error == ""
