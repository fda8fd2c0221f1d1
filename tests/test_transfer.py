"""Downloads over connections that are cut, stall, or end with the process."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.fetching import BODY, get, names, refusal, sha256, source
from vidsal import _transfer, downloading, progress
from vidsal._transfer import Patience
from vidsal.downloading import LOCK

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


# Several at once, and kills


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


# Proxies, disks, progress


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
