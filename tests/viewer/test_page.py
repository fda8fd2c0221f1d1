from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.viewer.browser import CHROMIUM, Browser
from vidsal.errors import InputError
from vidsal.plotting import confusion_figure
from vidsal.video.overlay import resize_matrix
from vidsal.viewer.atlas import atlas
from vidsal.viewer.page import methods_text, page

T, H, W, BITS = 24, 48, 64, 5
KEYS = ["net/cam", "net/grad", "old/cam", "none/centre", "none/observers"]
SCRIPT = "</script><script>window.broken = 1</script>"
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium, which is not installed"
)


# Made-up clips: the picture carries its frame number as a bar code, each method another score.


def bar_code_frames() -> np.ndarray:
    frames = np.full((T, H, W, 3), 90, np.uint8)
    for frame in range(T):
        for bit in range(BITS):
            frames[frame, 16:32, 4 + 12 * bit : 12 + 12 * bit] = 255 * (frame >> bit & 1)
    return frames


def made_clip(folder: Path, number: int, fps: float) -> dict:
    rng = np.random.default_rng(number)
    column = np.mgrid[:12, :16][1]
    spot = np.exp(-((column - np.linspace(3, 12, T)[:, None, None]) ** 2) / 6).astype(np.float32)
    maps = {key: (spot * (i + 1)).astype(np.float32) for i, key in enumerate(KEYS)}
    transforms = dict.fromkeys(KEYS, resize_matrix((H, W), (12, 16)))
    mask = np.zeros((T, H, W), bool)
    mask[:, 10:40, 20:44] = True
    path = folder / f"{number}.mp4"
    layout = atlas(bar_code_frames(), maps, transforms, path, fps=fps, mask=mask)
    scores = {key: [round(i + frame / 100, 3) for frame in range(T)] for i, key in enumerate(KEYS)}
    scores["net/grad"][5] = None
    spread = {key: float(number * i) for i, key in enumerate(KEYS)}
    return {
        "video": f"clip{3 - number}",
        "label": "walking",
        "predicted": {
            "net": {"label": "running" if number == 1 else "walking", "probability": 0.9}
        },
        "frames": T,
        "fps": fps,
        "atlas": path,
        "layout": layout,
        "fixations": [[f, 20, int(rng.integers(0, W))] for f in range(T)] if number else [],
        "scores": {"nss": scores, "kl": scores},
        "video_scores": {"nss": spread, "kl": {**spread, "net/grad": float("nan")}},
    }


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """Three clips; the names fall while the scores rise."""
    folder = tmp_path_factory.mktemp("clips")
    return [made_clip(folder, number, fps) for number, fps in enumerate((10.0, 25.0, 30000 / 1001))]


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    """A summary with a best method, one below the control, one undefined."""
    means = {"net/cam": 2.0, "net/grad": 0.5, "old/cam": np.nan, "none/centre": 1.0}
    rows = [
        dict(
            zip(("model", "method"), key.split("/"), strict=True),
            **{"aggregation": "frame", "metric": metric, "mean": mean, "low": mean - 0.1},
            **{"high": mean + 0.1, "n": 0 if np.isnan(mean) else 12},
            reason="the map is constant" if np.isnan(mean) else "",
        )
        for metric in ("nss", "kl")
        for key, mean in {**means, "none/observers": 3.0}.items()
    ]
    failures = pd.DataFrame([{"video": "bad", "stage": "trim", "reason": f"HTML {SCRIPT}"}])
    accuracy = pd.DataFrame([{"model": "net", "n": 3, "accuracy": 2 / 3}])
    return {"summary": pd.DataFrame(rows), "accuracy": accuracy, "failures": failures}


PROVENANCE = {
    "vidsal": "0.1.0",
    "config": "abc",
    "models": [{"name": "net", "weights_sha256": "f" * 64}],
}


@pytest.fixture(scope="module")
def written(clips: list[dict], tables: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as a file."""
    folder = tmp_path_factory.mktemp("page")
    confusion_figure(np.eye(2, dtype=int), ["a", "b"], folder / "confusion")
    figures = {"Confusion": folder / "confusion.svg"}
    options = {"title": f"Where? {SCRIPT}", "provenance": PROVENANCE, "notes": ["Made up."]}
    page(clips, tables, folder / "page.html", figures=figures, **options)
    return folder / "page.html"


# The file itself


def test_equal_input_gives_equal_bytes(clips: list[dict], tables: dict, tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        page(clips, tables, tmp_path / name, title="t", provenance=PROVENANCE)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_nothing_outside_the_file_is_named(written: Path) -> None:
    text = written.read_text()
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    assert re.findall(r"https?://[^\"' ]+", text) == ["http://www.w3.org/2000/svg"]
    assert "default-src 'none'" in text


def test_words_of_users_cannot_become_markup(written: Path) -> None:
    text = written.read_text()
    assert SCRIPT not in text
    assert text.count(html.escape(SCRIPT)) == 4  # title, heading, reason of the failure and its key


def test_a_name_cannot_end_the_data(clips: list[dict], tmp_path: Path) -> None:
    odd = [{**clips[0], "video": SCRIPT}]
    page(odd, {}, tmp_path / "p.html", title="t", provenance={})
    text = (tmp_path / "p.html").read_text()
    assert SCRIPT not in text
    data = re.search(r'id="data">(.*?)</script>', text, re.DOTALL).group(1)
    assert json.loads(data)["clips"][0]["video"] == SCRIPT


def test_best_control_and_undefined_are_words_not_only_colours(written: Path) -> None:
    table = re.search(r'<table class="sortable scores".*?</table>', written.read_text(), re.DOTALL)
    rows = [
        re.sub(r"<[^>]+>", " ", row).split()
        for row in re.findall(r"<tr.*?</tr>", table[0], re.DOTALL)
    ]
    by_name = {" ".join(row[:2]): " ".join(row[2:]) for row in rows[1:]}
    assert by_name["net cam"].startswith("2.00 best 1.90 to 2.10 2.00 1.90 to 2.10 ≥ control")
    assert by_name["net grad"].startswith("0.500 0.400 to 0.600 ≤ control 0.500 best")
    assert by_name["old cam"] == "undefined undefined"
    assert "1.00" in by_name["control centre"]
    assert "best" not in by_name["ceiling observers"]
    assert "old/cam, nss: the map is constant" in written.read_text()


def test_a_page_without_clips_still_reports(tmp_path: Path) -> None:
    page([], {"failures": pd.DataFrame()}, tmp_path / "p.html", title="t", provenance={})
    text = (tmp_path / "p.html").read_text()
    assert "No clip to show" in text
    assert "None: every video could be read" in text


def test_too_large_a_page_is_refused_with_the_way_out(clips: list[dict], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"3 clips is over 0 MB; show fewer clips"):
        page(clips, {}, tmp_path / "p.html", title="t", provenance={}, limit=0.01)
    assert not (tmp_path / "p.html").exists()


def test_an_atlas_of_another_length_and_a_foreign_figure_are_refused(
    clips: list[dict], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"clip clip3 in page.*23 frames.*24"):
        page([{**clips[0], "frames": 23}], {}, tmp_path / "p", title="t", provenance={})
    (tmp_path / "f.pdf").touch()
    with pytest.raises(InputError, match=r"figure f.pdf.*use SVG or PNG"):
        page([], {}, tmp_path / "p", title="t", provenance={}, figures={"F": tmp_path / "f.pdf"})


def test_methods_text_names_version_weights_methods_and_controls(tables: dict) -> None:
    text = methods_text({**PROVENANCE, "dataset": "kth"}, tables["summary"], 3)
    for words in ("for videos of kth", "vidsal 0.1.0", "abc", "f" * 64, "Methods: cam, grad."):
        assert words in text
    assert "Controls: centre. Ceiling: observers. Scores (nss, kl; aggregation frame)" in text


# The page in a browser


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
