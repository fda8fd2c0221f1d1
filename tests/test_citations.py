"""Citations: every form that docstrings use, one work once, BibTeX that parses."""

from __future__ import annotations

import re

import pytest

from vidsal import citations, describing, registry

FORMS = {
    "Selvaraju et al., ICCV 2017 (arXiv 1610.02391), in one way.": (
        *("Selvaraju et al.", "", "ICCV", "2017", "1610.02391", ""),
    ),
    "G = ds/dA. Fong, Patrick and Vedaldi, ICCV 2019\n(arXiv 1910.08485), frame by frame": (
        *("Fong, Patrick and Vedaldi", "", "ICCV", "2019", "1910.08485", ""),
    ),
    'Carreira and Zisserman, "Quo Vadis, Action?", CVPR 2017 (arXiv\n1705.07750).': (
        *("Carreira and Zisserman", "Quo Vadis, Action?", "CVPR", "2017", "1705.07750", ""),
    ),
    "Jiang et al., IEEE TIP 2021 (DOI 10.1109/TIP.2021.3089943): weights": (
        *("Jiang et al.", "", "IEEE TIP", "2021", "", "10.1109/TIP.2021.3089943"),
    ),
    "Springenberg et al., ICLR 2015 workshop (arXiv 1412.6806)": (
        *("Springenberg et al.", "", "ICLR", "2015", "1412.6806", ""),
    ),
    "Source: Hou and Zhang, Saliency detection: an approach, CVPR 2007, equations 2-5.": (
        *("Hou and Zhang", "Saliency detection: an approach", "CVPR", "2007", "", ""),
    ),
    "Source: Tatler, Journal of Vision 7(14):4, 2007.": (
        *("Tatler", "", "Journal of Vision 7(14):4", "2007", "", ""),
    ),
    'S. Holm, "A Procedure", Scandinavian Journal of Statistics 6(2), 1979.': (
        *("S. Holm", "A Procedure", "Scandinavian Journal of Statistics 6(2)", "1979", "", ""),
    ),
}


@pytest.mark.parametrize(("text", "expected"), list(FORMS.items()))
def test_forms(text, expected):
    assert citations.of_text(text) == [citations.Citation(*expected)]


def test_several_in_one_sentence_keep_their_order_and_their_own_authors():
    text = (
        "Molchanov et al., ICLR 2017 (arXiv 1611.06440), used it, and Rebuffi et al., CVPR 2020 "
        '(arXiv 2004.02866), as a map; pairs: Covert and Lee, "Better", 2021 (arXiv 2012.01536).'
    )
    found = citations.of_text(text)
    assert [c.arxiv for c in found] == ["1611.06440", "2004.02866", "2012.01536"]
    assert [c.authors for c in found] == ["Molchanov et al.", "Rebuffi et al.", "Covert and Lee"]


def test_sources_are_split_at_semicolons_and_files_are_none():
    text = (
        "Source: Mann and Whitney, Annals of Statistics 18(1), 1947; as a measure of gaze: "
        "Kuemmerer, Wallis and Bethge, PNAS 112(52), 2015; README.md of github.com/a/b."
    )
    assert [(c.authors, c.place) for c in citations.of_text(text)] == [
        ("Mann and Whitney", "Annals of Statistics 18(1)"),
        ("Kuemmerer, Wallis and Bethge", "PNAS 112(52)"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "A map of Theta and Phi (T,H,W), 2017 frames.",
        "In 2015 it was (see README.md).",
        "M = 1999.",
    ],
)
def test_what_is_no_citation(text):
    assert citations.of_text(text) == []


def test_one_work_is_listed_once_with_its_title():
    short = citations.of_text("Tran et al., CVPR 2018 (arXiv 1711.11248)")
    full = citations.of_text('Tran et al., "A Closer Look", CVPR 2018 (arXiv 1711.11248)')
    (found,) = citations.merged([*short, *full, *short])
    assert found.title == "A Closer Look"


def test_keys_tell_works_of_one_name_and_year_apart():
    texts = ["Li et al., WACV 2021 (arXiv 2005.00375)", "Li et al., CVPR 2021 (arXiv 2112.01526)"]
    found = [citation for text in texts for citation in citations.of_text(text)]
    assert list(citations.keys(found).values()) == ["li2021a", "li2021b"]
    assert citations.keys(found[::-1]) == citations.keys(found)


def test_bibtex():
    text = (
        'D. S. Kerby and Le Meur, "R & D_1", Comprehensive Psychology 3, 2014 (DOI 10.2466/11.IT). '
        "Wang et al., CVPR workshops 2020 (arXiv 1910.01279)."
    )
    assert citations.bibtex(citations.of_text(text)) == (
        "@article{kerby2014,\n  author = {Kerby, D. S. and {Le Meur}},\n"
        "  title = {{R \\& D\\_1}},\n  journal = {Comprehensive Psychology},\n  volume = {3},\n"
        "  year = {2014},\n  doi = {10.2466/11.IT},\n}\n\n"
        "@inproceedings{wang2020,\n  author = {Wang and others},\n"
        "  booktitle = {CVPR workshops},\n  year = {2020},\n  eprint = {1910.01279},\n"
        "  archiveprefix = {arXiv},\n}\n"
    )


ROOMS = [(room, name) for room in registry.ROOMS for name in registry.names(room)]


@pytest.mark.parametrize(("room", "name"), ROOMS)
def test_no_identifier_in_a_room_file_is_overlooked(room, name):
    doc = registry.entry(room, name).doc
    stated = set(re.findall(r"arXiv\s+(\d{4}\.\d{4,5})", doc))
    stated |= {found.rstrip(".):,") for found in re.findall(r"\b10\.\d{4,}/[^\s,;)]+", doc)}
    assert {c.arxiv or c.doi for c in citations.of_text(doc)} - {""} == stated


TITLED = [(room, name) for room, name in ROOMS if room in ("attribution", "models", "datasets")]


@pytest.mark.parametrize(("room", "name"), TITLED)
def test_papers_of_methods_networks_and_datasets_have_titles(room, name):
    for citation in citations.of_text(registry.entry(room, name).doc):
        assert citation.title, f"{citation.authors} {citation.year}: state the title in quotes"


def test_the_statistics_name_their_sources():
    found = [
        c for name in describing.STATISTICS for c in citations.of_file(describing.module(name))
    ]
    assert all(citation.title for citation in found)
    keys = set(citations.keys(found).values())
    assert {"efron1987", "pitman1937", "holm1979", "benjamini1995", "demsar2006", "hsu1981"} <= keys
