"""Any text spelled with the letters that names may have."""

from __future__ import annotations

import re
import unicodedata

# Letters that Unicode does not take apart into a plain one and its mark.
WHOLE = {"\u00df": "ss", "\u1e9e": "SS", "\u00e6": "ae", "\u00c6": "AE", "\u0153": "oe"}
WHOLE |= {"\u0152": "OE", "\u00f8": "o", "\u00d8": "O", "\u0142": "l", "\u0141": "L"}
WHOLE |= {"\u0111": "d", "\u0110": "D", "\u0131": "i"}


def slug(text: str) -> str:
    """Return a text in letters, digits, ., _ and -; empty where it has none of them.

    Letters lose their marks (compatibility decomposition, NFKD), so that it does not matter either
    in which of Unicode's ways a file system spells them; what is left of other signs is one _ for
    each run of them.
    """
    apart = unicodedata.normalize("NFKD", text.translate(str.maketrans(WHOLE)))
    plain = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._-")
