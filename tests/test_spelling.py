"""Names made of texts: which letters are kept, and that spellings of one text give one name."""

from __future__ import annotations

import unicodedata

import pytest

from vidsal.spelling import slug


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("plain-1.a_b", "plain-1.a_b"),
        ("M\u00e4dchen", "Madchen"),
        ("Stra\u00dfe", "Strasse"),
        ("cr\u00e8me br\u00fbl\u00e9e", "creme_brulee"),
        ("\u00c5ngstr\u00f6m \u00d8st", "Angstrom_Ost"),
        ("\u0141\u00f3d\u017a", "Lodz"),
        ("a  b/c", "a_b_c"),
        ("..dots..", "dots"),
        ("\u65e5\u672c", ""),
    ],
)
def test_letters_lose_their_marks(text, name):
    assert slug(text) == name
    assert {slug(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")} == {name}
