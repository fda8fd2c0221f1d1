"""Videos in and out: probe, decode in order, trim losslessly, frames on a canvas, clips, encoders.

Frame numbers are 0-based, ends exclusive. *Source* means the upright pixels of the raw video (after
its rotation flag), *canvas* the pixels of frames.h5; a transform is a 3x3 float64 matrix on column
vectors (x, y, 1) with pixel centres at integers. Raw video is decoded once and never seeked in.
"""
