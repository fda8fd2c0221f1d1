"""The literature that docstrings name, as BibTeX: what a file says of its source is the only list.

Read are, in any docstring of a file,

- citations with a title in quotes: `Simonyan et al., "Deep Inside ...", 2013 (arXiv 1312.6034)`;
- citations with an identifier in brackets, `(arXiv 1610.02391)` or `(DOI 10.1214/...)`;
- the parts, between semicolons, of a paragraph that begins with `Source:` or `Reference:`, such as
  `Source: Hou and Zhang, Saliency detection: a spectral residual approach, CVPR 2007`.

Authors come first, as `Mann and Whitney`, `Fong, Patrick and Vedaldi`, `Wang et al.` or `S. Holm`;
then the title, the place of publication, and the year.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

NAME = r"(?<![\w.])(?:[A-Z]\. )*(?:(?:Le|De|Van|von|van|de) )?[A-Z][\w'-]+(?: [A-Z][\w'-]+)?"
SEVERAL = rf"{NAME}(?:, {NAME})*(?:,? and {NAME}| et al\.)"
ALONE = r"(?:[A-Z]\. )+[A-Z][\w'-]+"
PLACE = r"(?P<place>[^\";]*?)"
YEAR = r"\b(?P<year>(?:19|20)\d\d)\b"
ARXIV = r"arXiv (?P<arxiv>\d{4}\.\d{4,5})"
DOI = r"(?:DOI )?(?P<doi>10\.\d{4,}/[^\s,;)]*[^\s,;.):])"
NUMBER = rf"(?:[^\";()]*?\((?:{ARXIV}|{DOI}))"
TITLED = re.compile(
    rf"(?P<authors>{SEVERAL}|{ALONE}),? \"(?P<title>[^\"]+?),?\",? {PLACE}{YEAR}{NUMBER}?"
)
UNTITLED = re.compile(rf"(?P<authors>{SEVERAL}),? {PLACE}{YEAR}{NUMBER}")
LISTED = re.compile(rf"(?P<authors>{SEVERAL}|{NAME}), {PLACE}{YEAR}{NUMBER}?")
LABEL = re.compile(r"(?:Sources?|References?): ")
VOLUME = re.compile(
    r"(?P<journal>.*?[^\d\s:]) (?P<volume>\d+)(?:\((?P<number>[\d-]+)\))?(?::\w+)?$"
)


@dataclass(frozen=True)
class Citation:
    """One work: who, what, where, when, and its number on arXiv or its DOI ('' = not said)."""

    authors: str
    title: str
    place: str
    year: str
    arxiv: str = ""
    doi: str = ""

    @property
    def same(self) -> tuple[str, ...]:
        """What two citations of one work share."""
        if self.arxiv or self.doi:
            return (self.arxiv or self.doi,)
        return (_surname(self.authors), self.year, self.title or self.place)


def of_file(path: str | Path) -> list[Citation]:
    """Return what the docstrings of a Python file cite, in their order, each work once."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    owners = (ast.Module, ast.FunctionDef, ast.ClassDef)
    docs = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, owners)]
    return merged(citation for doc in docs for citation in of_text(doc or ""))


def of_text(text: str) -> list[Citation]:
    """Return what a docstring cites."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        flat = " ".join(paragraph.split())
        places = [(m.start(), _citation(m)) for m in TITLED.finditer(flat)]
        rest = TITLED.sub(lambda match: " " * len(match[0]), flat)
        places += [(m.start(), _citation(m)) for m in _untitled(rest)]
        if label := LABEL.search(rest):
            places += _listed(rest, label.end())
        found += [citation for _, citation in sorted(places, key=lambda place: place[0])]
    return merged(found)


def merged(citations: Iterable[Citation]) -> list[Citation]:
    """Return each work once, with the fullest title that is given for it."""
    found: dict[tuple[str, ...], Citation] = {}
    for citation in citations:
        known = found.get(citation.same)
        if known and len(known.title) < len(citation.title):
            found[citation.same] = replace(known, title=citation.title, place=citation.place)
        found.setdefault(citation.same, citation)
    return list(found.values())


def keys(citations: list[Citation]) -> dict[tuple[str, ...], str]:
    """Return a key for each work, `selvaraju2017`; letters tell those apart that would share it."""
    wanted: dict[str, list[Citation]] = {}
    for citation in citations:
        name = re.sub(r"[^a-z]", "", _surname(citation.authors).lower())
        wanted.setdefault(f"{name}{citation.year}", []).append(citation)
    made = {}
    for key, own in wanted.items():
        ordered = sorted(own, key=lambda citation: citation.same)
        for number, citation in enumerate(ordered):
            made[citation.same] = key + (chr(ord("a") + number) if len(own) > 1 else "")
    return made


def bibtex(citations: list[Citation]) -> str:
    """Return a bibliography in BibTeX, in the order of its keys."""
    named = keys(citations)
    ordered = sorted(citations, key=lambda citation: named[citation.same])
    return "\n".join(_entry(named[citation.same], citation) for citation in ordered)


def _untitled(text: str) -> Iterable[re.Match]:
    """Citations that end in an identifier: each begins with the last authors before it."""
    start = 0
    while found := UNTITLED.search(text, start):
        start = found.start() + 1
        inner = UNTITLED.match(text, found.start())
        # A sentence before may hold names too: the authors that stand last are those meant.
        while later := UNTITLED.search(text[: inner.end()], inner.start() + 1):
            if later.end("authors") <= inner.end("authors"):
                break
            inner = later
        start = inner.end()
        yield inner


def _listed(text: str, start: int) -> list[tuple[int, Citation]]:
    """Citations without an identifier in a paragraph of sources."""
    found = []
    for part in re.finditer(r"[^;]+", text[start:]):
        own = part[0].split(": ", 1)
        prefix = own[0] if len(own) == 2 and own[0].strip()[:1].islower() else ""
        match = LISTED.match(part[0][len(prefix) :].lstrip(": "))
        if match and not (match["arxiv"] or match["doi"]):
            found.append((start + part.start(), _citation(match)))
    return found


def _citation(match: re.Match) -> Citation:
    groups = match.groupdict()
    place = groups["place"].strip().rstrip(",").strip()
    title = groups.get("title") or ""
    if not title and ", " in place:
        title, _, place = place.rpartition(", ")
    numbers = (groups["arxiv"] or "", groups["doi"] or "")
    return Citation(groups["authors"].strip(), title.rstrip(","), place, groups["year"], *numbers)


def _people(authors: str) -> list[str]:
    return re.split(r",? and |, ", authors.removesuffix(" et al."))


def _surname(authors: str) -> str:
    return re.sub(r"^(?:[A-Z]\. )+", "", _people(authors)[0])


def _entry(key: str, citation: Citation) -> str:
    fields = {"author": _bibtex_authors(citation.authors)}
    if citation.title:
        # Braces keep the capitals.
        fields["title"] = f"{{{_tex(citation.title)}}}"
    volume = VOLUME.match(citation.place)
    if volume:
        kind, fields["journal"] = "article", _tex(volume["journal"].rstrip(","))
        fields["volume"] = volume["volume"]
        fields |= {"number": volume["number"]} if volume["number"] else {}
    elif citation.place:
        kind, fields["booktitle"] = "inproceedings", _tex(citation.place)
    else:
        kind = "misc"
    fields["year"] = citation.year
    if citation.arxiv:
        fields |= {"eprint": citation.arxiv, "archiveprefix": "arXiv"}
    if citation.doi:
        fields["doi"] = citation.doi
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"]) + "\n"


def _bibtex_authors(authors: str) -> str:
    names = []
    for person in _people(authors):
        initials = re.match(r"(?:[A-Z]\. )+", person)
        surname = person[initials.end() :] if initials else person
        surname = f"{{{surname}}}" if " " in surname else surname
        names.append(f"{surname}, {initials[0].strip()}" if initials else surname)
    return " and ".join(names + ["others"] * authors.endswith("et al."))


def _tex(text: str) -> str:
    return re.sub(r"([&%$#_])", r"\\\1", text)
