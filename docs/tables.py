"""Write the tables of README.md that list what each room holds; --check only compares."""

from __future__ import annotations

import difflib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

from vidsal import registry  # noqa: E402 - found beside this file, installed or not

README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- room (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(room: str) -> str:
    """Return the Markdown table of one room: name, what it is, its options."""
    lines = ["| name | what it is | options |", "|---|---|---|"]
    for name in registry.names(room):
        entry = registry.entry(room, name)
        options = ", ".join(f"`{key}={o.default!r}`" for key, o in entry.options.items())
        lines.append(f"| `{name}` | {entry.summary} | {options} |")
    return "\n".join(lines) + "\n"


def filled(text: str) -> str:
    """Return the text with every block between its marks written anew."""
    return BLOCK.sub(lambda match: match[1] + table(match[2]) + match[3], text)


def check_or_write(path: Path, new: str) -> None:
    """Write a generated file, or with --check fail with a diff when it is stale."""
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    if "--check" in sys.argv and old != new:
        diff = difflib.unified_diff(old.splitlines(), new.splitlines(), path.name, "make docs")
        sys.exit("\n".join(diff) + f"\n{path.name} is stale; run: make docs")
    if old != new:
        path.write_text(new, encoding="utf-8")


def main() -> None:
    """Write the tables of README.md."""
    check_or_write(README, filled(README.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
