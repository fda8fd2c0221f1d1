"""Where videos, gaze and masks come from: one file, one dataset, one table of videos.

Contract: ``NAME(folder, *, options) -> pandas.DataFrame``, the sample sheet, one row per clip to be
explained; ``folder`` is where this dataset's files are or will be. Columns:

- ``video``: name, unique, made of letters, digits, ``.``, ``_`` and ``-``;
- ``path``: video file or folder of frames; relative paths count from the working directory;
- ``split``: train, val, test, or any other name;
- optional ``label``, ``subject``, ``start`` and ``end`` (frame numbers of the source, 0-based, end
  exclusive; empty = the whole video), ``fps`` (of frame folders), ``fixations`` (a gaze recording)
  and ``masks`` (a mask video or folder); empty = none.

A file also holds ``SOURCES``, written out as a list of what is downloaded (empty for nothing): each
a dict of ``name`` (the file's), ``url`` (and ``mirrors``) or ``form`` (how to get it where no
address gives it), ``licence``, and where known ``sha256``, ``md5`` or ``size``; ``unpack`` and
``to`` (folder) for archives; ``needs`` ({option: [values]}) where only some options want it. And
``KNOWN = True`` when the table needs no file to exist (``def known(**options)`` when that depends
on the options). It may define, with the same options:

- ``render(folder, rows, **options)``: make the missing files of these rows, each under a temporary
  name that is then renamed;
- ``read_fixations(path, **options) -> DataFrame[subject, frame, x, y]``: frame numbers and pixels
  of the source, optionally ``time`` (seconds of the source), ``duration`` and ``event``; without it
  ``vidsal.fixations.read`` is used. Where it names the keywords ``clip`` and ``formats``, it is
  given what is known of the clip and the formats of the config, to be handed on to that function;
- ``read_masks(path, start, end, **options) -> uint8 (T,H,W)``: 0 = background; without it
  ``vidsal.video.frames.read_masks`` is used.

Alphabet: T frames, H rows, W columns; x right, y down, pixel centres at integers. Heavy imports
(cv2, av, h5py) go inside functions, since a dry run imports the file.

To add one, copy folder.py (files that are there) or synthetic.py (files that are made), and add its
name to ``run: datasets:`` in config.yaml.
"""
