"""A web server on loopback that behaves as badly as it is told to."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

BLOCK = 8192


@dataclass
class Page:
    """What is at one address, and how it is served.

    Attributes:
        body: its bytes.
        kind: Content-Type.
        status: lists what the first requests are answered, 200 after that.
        location: where a redirect leads.
        ranges: whether parts may be asked for.
        tag: ETag, None for none.
        modified: Last-Modified, None for none.
        cuts: after how many bytes the first answers break off.
        stalls: after how many bytes the first answers fall silent.
        length: Content-Length, when it is a lie.
        pause: seconds between two blocks.
        chunked: whether the size is not told beforehand.
        then: bodies that take its place, one with each request.
    """

    body: bytes = b""
    kind: str = "application/octet-stream"
    status: list[int] = field(default_factory=list)
    location: str | None = None
    ranges: bool = True
    tag: str | None = '"one"'
    modified: str | None = None
    cuts: list[int] = field(default_factory=list)
    stalls: list[int] = field(default_factory=list)
    length: int | None = None
    pause: float = 0.0
    chunked: bool = False
    then: list[bytes] = field(default_factory=list)


class Server(http.server.ThreadingHTTPServer):
    """Serves `pages` and notes in `asked` what was asked for: (path, Range, If-Range)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.closing = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def add(self, path: str, body: bytes = b"", **how) -> str:
        self.pages[path] = Page(body, **how)
        return self.url(path)

    def ranges(self, path: str) -> list[str | None]:
        return [asked for one, asked, _ in self.asked if one == path]

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are no news here."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        headers = self.headers
        self.server.asked.append((self.path, headers.get("Range"), headers.get("If-Range")))
        page = self.server.pages.get(self.path)
        self.close_connection = True
        if page is None:
            self.send_error(404)
            return
        status = page.status.pop(0) if page.status else 200
        if status != 200:
            self._answer(status, {"Location": page.location} if page.location else {}, b"")
            return
        self._serve(page)
        if page.then:
            page.body = page.then.pop(0)

    def _serve(self, page: Page) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        same = self.headers.get("If-Range") in (None, page.tag, page.modified)
        headers = {"Content-Type": page.kind, "ETag": page.tag, "Last-Modified": page.modified}
        if not (wanted and page.ranges and same):
            self._answer(200, headers, page.body, page)
            return
        start, total = int(wanted[1]), len(page.body)
        if start >= total:
            self._answer(416, headers | {"Content-Range": f"bytes */{total}"}, b"", page)
            return
        headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        self._answer(206, headers, page.body[start:], page)

    def _answer(self, status: int, headers: dict, body: bytes, page: Page | None = None) -> None:
        page = page or Page()
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        if page.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            length = len(body) if page.length is None else page.length
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()
        cut = page.cuts.pop(0) if page.cuts else None
        stall = page.stalls.pop(0) if page.stalls else None
        self._write(body[:cut][:stall], page)
        if stall is not None:
            self.wfile.flush()
            self.server.closing.wait(20)
        if page.chunked and cut is None:
            self.wfile.write(b"0\r\n\r\n")

    def _write(self, body: bytes, page: Page) -> None:
        for start in range(0, len(body), BLOCK):
            block = body[start : start + BLOCK]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block) if page.chunked else block)
            if page.pause:
                self.wfile.flush()
                time.sleep(page.pause)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Start a server; end it with the block."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
