"""The page as a file: the same bytes, nothing from outside, nobody's words as markup."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from tests.viewer.conftest import PROVENANCE, SCRIPT
from vidsal.errors import InputError
from vidsal.viewer.page import HERE, SCRIPTS, methods_text, page


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


@pytest.mark.parametrize("scored", [True, False])
def test_metrics_are_offered_where_there_are_scores(
    clips: list[dict], tmp_path: Path, scored: bool
) -> None:
    own = {"scores": {}} | ({} if scored else {"video_scores": {}})
    page([{**clips[0], **own}], {}, tmp_path / "p.html", title="t", provenance={})
    label, menu = re.search(
        r'<label( hidden)?>score <select id="metric">(.*?)</select>',
        (tmp_path / "p.html").read_text(),
    ).groups()
    offered = re.findall("<option>(.*?)</option>", menu)
    assert (label, offered) == ((None, ["nss", "kl"]) if scored else (" hidden", []))


def test_a_page_without_clips_still_reports(tmp_path: Path) -> None:
    page([], {"failures": pd.DataFrame()}, tmp_path / "p.html", title="t", provenance={})
    text = (tmp_path / "p.html").read_text()
    assert "No clip to show" in text
    assert "None: every video could be read" in text


def test_a_text_that_is_not_there_is_empty(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"video": ["a", "b"], "model": [None, "cnn"], "method": [None, None], "rows": [3, 4]}
    )
    page([], {"Left out": table}, tmp_path / "p.html", title="t", provenance={})
    text = (tmp_path / "p.html").read_text()
    assert "undefined" not in text.split("Left out")[-1].split("</table>")[0]
    assert "cnn" in text


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


def test_every_part_of_the_script_is_in_the_page(written: Path) -> None:
    assert {path.name for path in HERE.glob("*.js")} == {f"page_{name}.js" for name in SCRIPTS}
    text = written.read_text()
    places = [text.index((HERE / f"page_{name}.js").read_text()) for name in SCRIPTS]
    assert places == sorted(places)
