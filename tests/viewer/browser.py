"""Headless Chromium, driven over a pipe with the DevTools protocol."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

HOP = (
    "import os, sys; a = sys.argv; os.dup2(int(a[1]), 3); os.dup2(int(a[2]), 4);"
    " os.execv(a[3], a[3:])"
)


class Browser:
    """A headless Chromium that is driven through its DevTools pipe (descriptors 3 and 4)."""

    def __init__(self, home: Path) -> None:
        theirs, self.send = os.pipe()
        self.receive, answers = os.pipe()
        high = [fcntl.fcntl(f, fcntl.F_DUPFD, 10) for f in (theirs, answers)]
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        flags += ["--disable-dev-shm-usage", f"--user-data-dir={home}", "about:blank"]
        command = [sys.executable, "-c", HOP, *map(str, high), CHROMIUM, *flags]
        null = subprocess.DEVNULL
        self.process = subprocess.Popen(command, pass_fds=high, stdout=null, stderr=null)
        for descriptor in (theirs, answers, *high):
            os.close(descriptor)
        self.rest, self.number, self.events, self.session = b"", 0, [], None
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in targets if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Runtime", "Log", "Page", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict:
        """Send one command and return its answer; events are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                return answer["result"]
            self.events.append(answer)

    def read(self) -> dict:
        """Return the next message of the browser."""
        while b"\0" not in self.rest:
            if not select.select([self.receive], [], [], 60)[0]:
                raise TimeoutError("Chromium does not answer")
            self.rest += os.read(self.receive, 1 << 20)
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def js(self, expression: str) -> object:
        """Return the value of an expression on the page."""
        options = {"returnByValue": True, "awaitPromise": True}
        answer = self.call("Runtime.evaluate", expression=expression, **options)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + 30
        while not self.js(condition):
            assert time.monotonic() < end, f"never: {condition}; {self.js('vidsal.state()')}"
            time.sleep(0.02)

    def open(self, path: Path, address: str = "", width: int = 1280, dark: bool = False) -> None:
        """Open the page anew and wait for its first picture."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url="about:blank")
        self.events.clear()
        self.call("Page.navigate", url=f"{path.as_uri()}{address}")
        self.until("window.vidsal?.state().ready")

    def change(self, identity: str, value: object) -> None:
        """Set a control of the page as a user would."""
        box = isinstance(value, bool)
        kind = "input" if identity in ("opacity", "threshold", "size", "scrub") else "change"
        self.js(
            f"(e => {{ e.{'checked' if box else 'value'} = {json.dumps(value)};"
            f" e.dispatchEvent(new Event('{kind}')) }})(document.getElementById('{identity}'))"
        )

    def press(self, key: str) -> None:
        self.js(f"document.dispatchEvent(new KeyboardEvent('keydown', {{key: {json.dumps(key)}}}))")

    def state(self) -> dict:
        return self.js("vidsal.state()")

    def goto(self, frame: int) -> None:
        """Seek and wait until the frame is shown."""
        self.js(f"vidsal.seek({frame})")
        self.until(f"vidsal.state().shown === {frame} && !vidsal.state().seeking")

    def pixels(self, key: str) -> np.ndarray:
        """Scroll to a panel, which paints it, and return its canvas as uint8 (H, W, 4)."""
        width, height, values = self.js(
            f"(async (c) => {{ c.scrollIntoView({{block: 'center'}});"
            " for (const _ of [1, 2]) await new Promise(requestAnimationFrame);"
            " const read = c.getContext('2d').getImageData(0, 0, c.width, c.height);"
            " return [c.width, c.height, [...read.data]] })"
            f"(document.querySelector('[data-key={json.dumps(key)}] canvas'))"
        )
        return np.array(values, np.uint8).reshape(height, width, 4)

    def close(self) -> None:
        self.call("Browser.close")
        self.process.wait(30)
        os.close(self.send)
        os.close(self.receive)
