"""The page in a browser: the right frame, on one clock, with everything that can be switched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.viewer.browser import CHROMIUM, Browser
from tests.viewer.conftest import BITS, KEYS, T, W

needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium, which is not installed"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for all tests of this file."""
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


READ = f"""(() => {{
  const c = document.querySelector('[data-key="original"] canvas'), z = c.width / {W};
  const lit = (bit) => c.getContext('2d').getImageData((8 + 12 * bit) * z, 24 * z, 1, 1).data[0];
  return [...Array({BITS}).keys()].reduce((sum, bit) => sum + (lit(bit) > 127) * 2 ** bit, 0);
}})()"""


def plain(browser: Browser) -> None:
    """Take off everything that is drawn over the pictures."""
    browser.change("gaze", False)
    browser.change("mask", False)


@needs_browser
@pytest.mark.parametrize("clip", ["clip3", "clip2", "clip1"])
def test_every_frame_is_the_frame_it_says(browser: Browser, written: Path, clip: str) -> None:
    browser.open(written, f"#clip={clip}")
    plain(browser)
    for frame in [*range(T), 3, 20, 0, 23, 7]:
        browser.goto(frame)
        assert browser.js(READ) == frame


@needs_browser
def test_all_panels_stay_on_the_clock_while_playing(browser: Browser, written: Path) -> None:
    browser.open(written, "#clip=clip2")
    plain(browser)
    browser.press(" ")
    pairs = browser.js(
        "(async () => { const pairs = []; for (let i = 0; i < 90; i++) {"
        f" await new Promise(requestAnimationFrame); pairs.push([vidsal.state().shown, {READ}]); }}"
        " return pairs; })()"
    )
    assert all(shown == read for shown, read in pairs)
    assert len({shown for shown, _ in pairs}) > T / 2
    browser.press(" ")
    browser.until("!vidsal.state().playing && !vidsal.state().seeking")
    assert browser.state()["shown"] == browser.js(READ)


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, False), (1280, True)])
def test_it_draws_everything_without_complaint(
    browser: Browser, written: Path, width: int, dark: bool
) -> None:
    browser.open(written, "#frame=10", width, dark)
    assert browser.state()["frame"] == browser.state()["shown"] == 10
    assert browser.state()["panels"] == ["original", "mask", *KEYS]
    for key in browser.state()["panels"]:
        assert np.ptp(browser.pixels(key)[..., :3].astype(int)) > 100
    assert browser.js("document.documentElement.scrollWidth") <= width
    assert browser.js("window.broken") is None
    kinds = {"Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"}
    assert [e for e in browser.events if e["method"] in kinds] == []
    asked = [e for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    assert all(e["params"]["request"]["url"].startswith(("file:", "data:")) for e in asked)
    ground = browser.js("getComputedStyle(document.body).backgroundColor")
    assert (int(re.search(r"\d+", ground)[0]) < 100) == dark


@needs_browser
def test_colour_opacity_threshold_and_view_change_the_pictures(
    browser: Browser, written: Path
) -> None:
    browser.open(written, "#frame=4")
    plain(browser)
    overlay = browser.pixels("net/cam")
    browser.change("opacity", 0)
    grey = browser.pixels("net/cam")[..., :3]
    assert np.ptp(grey, axis=2).max() == 0
    browser.change("view", "map")
    inferno = browser.pixels("net/cam")
    browser.change("colormap", "grey")
    assert np.ptp(browser.pixels("net/cam")[..., :3], axis=2).max() == 0
    assert (overlay != inferno).any()
    high = (browser.pixels("net/cam")[..., 0] > 140).mean()
    browser.change("threshold", 0.5)
    cut = browser.pixels("net/cam")[..., 0]
    assert (cut > 140).mean() == pytest.approx(high, abs=0.03)
    assert ((cut > 10) & (cut < 110)).mean() < 0.05
    width = browser.pixels("net/cam").shape[1] / browser.pixels("net/cam").shape[0]
    browser.change("view", "beside")
    beside = browser.pixels("net/cam")
    assert beside.shape[1] / beside.shape[0] == pytest.approx(2 * width)


@needs_browser
def test_gaze_and_mask_are_drawn_only_when_asked(browser: Browser, written: Path) -> None:
    browser.open(written, "#clip=clip2&frame=6")
    with_both = browser.pixels("original")
    browser.press("g")
    without_gaze = browser.pixels("original")
    browser.press("m")
    bare = browser.pixels("original")
    assert 0.002 < (with_both != without_gaze).any(axis=2).mean() < 0.2
    assert 0.002 < (without_gaze != bare).any(axis=2).mean() < 0.2
    browser.js("vidsal.select(0)")
    assert browser.js("document.getElementById('gaze').disabled") is True


@needs_browser
def test_scores_follow_the_frame_and_say_when_they_are_undefined(
    browser: Browser, written: Path
) -> None:
    browser.open(written, "#frame=4")
    score = "document.querySelector('[data-key=\"net/grad\"] .score').textContent"
    assert browser.js(score) == "nss 1.04"
    browser.goto(5)
    assert browser.js(score) == "nss undefined"
    browser.change("metric", "kl")
    browser.goto(7)
    assert browser.js(score) == "kl 1.07"
    assert "lower is better" in browser.js("document.getElementById('curvetitle').textContent")


@needs_browser
def test_scores_of_whole_clips_are_shown_where_frames_have_none(
    browser: Browser, of_clips: Path
) -> None:
    browser.open(of_clips, "#clip=clip1&frame=4&metric=unknown")  # number 2: 2.0 for net/grad
    score = "document.querySelector('[data-key=\"net/grad\"] .score').textContent"
    assert browser.js("document.getElementById('metric').value") == "nss"
    assert browser.js(score) == "nss 2.00"
    browser.change("metric", "kl")
    assert browser.js(score) == "kl undefined"
    assert browser.js("document.getElementById('curve').parentElement.hidden") is True
    browser.change("order", "best")
    browser.goto(7)
    assert browser.state()["shown"] == 7


@needs_browser
def test_the_curve_shows_and_sets_the_frame(browser: Browser, written: Path) -> None:
    browser.open(written, "#frame=0")
    now = "+document.getElementById('now').getAttribute('x1')"
    left = browser.js(now)
    browser.goto(T - 1)
    right = browser.js(now)
    browser.js(
        "(c => { const b = c.getBoundingClientRect();"
        f" const at = {{buttons: 1, clientX: b.left + {(left + right) / 2}, clientY: b.top + 50}};"
        " c.dispatchEvent(new PointerEvent('pointerdown', at)) })"
        "(document.getElementById('curve'))"
    )
    browser.until(f"Math.abs(vidsal.state().shown - {(T - 1) / 2}) <= 1")
    gap = "document.querySelector('#curve path[data-key=\"net/grad\"]').getAttribute('d')"
    assert browser.js(gap).count("M") == 2


@needs_browser
def test_methods_can_be_switched_off(browser: Browser, written: Path) -> None:
    browser.open(written)
    browser.js("document.querySelector('#switches fieldset button').click()")
    assert browser.state()["panels"] == [
        "original",
        "mask",
        "old/cam",
        "none/centre",
        "none/observers",
    ]
    assert browser.js("document.getElementById('shown').textContent") == "(3 of 5)"
    browser.js("vidsal.select(1)")
    assert "net/cam" not in browser.state()["panels"]


@needs_browser
@pytest.mark.parametrize(
    ("order", "metric", "wanted"),
    [
        ("name", "nss", ["clip1", "clip2", "clip3"]),
        ("wrong", "nss", ["clip2", "clip1", "clip3"]),
        ("best", "nss", ["clip1", "clip2", "clip3"]),
        ("worst", "nss", ["clip3", "clip2", "clip1"]),
        ("best", "kl", ["clip3", "clip2", "clip1"]),
        ("spread", "nss", ["clip1", "clip2", "clip3"]),
    ],
)
def test_clips_are_sorted(
    browser: Browser, written: Path, order: str, metric: str, wanted: list[str]
) -> None:
    browser.open(written, f"#metric={metric}&order={order}")
    names = "[...document.querySelectorAll('#clips button')].map(b => b.firstChild.textContent)"
    assert browser.js(names) == wanted


@needs_browser
def test_keys_step_and_change_the_clip(browser: Browser, written: Path) -> None:
    browser.open(written, "#clip=clip1&frame=3")
    for key, frame in (("ArrowRight", 4), ("ArrowLeft", 3), ("End", T - 1), ("Home", 0)):
        browser.press(key)
        browser.until(f"vidsal.state().shown === {frame}")
    browser.press("ArrowDown")
    browser.until("vidsal.state().ready")
    assert browser.state()["clip"] == "clip2"
    browser.press("c")
    assert browser.state()["colormap"] == "viridis"


@needs_browser
def test_tables_sort_and_lead_to_the_clip(browser: Browser, written: Path) -> None:
    browser.open(written)
    column = "[...document.querySelectorAll('.scores tbody tr')].map(r => r.cells[2].dataset.value)"
    button = "document.querySelectorAll('.scores thead button')[2].click()"
    browser.js(button)
    assert browser.js(column) == ["0.5", "1.0", "2.0", "3.0", ""]
    browser.js(button)
    assert browser.js(column) == ["3.0", "2.0", "1.0", "0.5", ""]
    head = "document.querySelectorAll('.scores thead th')[2].getAttribute('aria-sort')"
    assert browser.js(head) == "descending"
    browser.js("document.querySelectorAll('#perclip tbody button')[2].click()")
    assert browser.state()["clip"] == "clip1"


@needs_browser
def test_every_control_has_a_name(browser: Browser, written: Path) -> None:
    browser.open(written)
    nameless = (
        "[...document.querySelectorAll('button, input, select, canvas[role], img, svg[role]')]"
        ".filter(e => !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label')"
        " || e.alt || e.getAttribute('aria-labelledby'))).map(e => e.outerHTML)"
    )
    assert browser.js(nameless) == []
