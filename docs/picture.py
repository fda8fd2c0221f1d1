"""Write docs/overview.png, a frame of the demo's first overlay film; run `make demo` before."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import av

ROOT = Path(__file__).resolve().parents[1]
FILM = ROOT / "results/synthetic/overlays/01.mp4"
FRAME = 16


def main() -> None:
    """Write the picture."""
    if not FILM.is_file():
        sys.exit(f"{FILM}: not there; run `make demo` first")
    with av.open(str(FILM)) as container:
        frame = next(islice(container.decode(video=0), FRAME, None))
        picture = frame.to_image()
        half = picture.resize((picture.width * 5 // 8, picture.height * 5 // 8))
        # 256 colours: the picture stays small in the repository's history.
        half.quantize(256, dither=0).save(ROOT / "docs/overview.png", optimize=True)


if __name__ == "__main__":
    main()
