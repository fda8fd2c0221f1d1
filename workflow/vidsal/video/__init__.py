"""Videos in and out: probe, decode in order, trim losslessly, frames on a canvas, clips, encoders.

Frame numbers are 0-based, ends exclusive. *Source* means the upright pixels of the raw video (after
its rotation flag), *canvas* the pixels of frames.h5; a transform is a 3x3 float64 matrix on column
vectors (x, y, 1) with pixel centres at integers. Raw video is decoded once and never seeked in.
"""

from __future__ import annotations

import os

# A damaged header can claim any size: more than twice 8K is refused instead of filling the memory.
MAX_PIXELS = 1 << 26
# OpenCV looks for its own limit only once, when it is loaded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
