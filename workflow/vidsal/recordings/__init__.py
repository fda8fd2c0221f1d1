"""Formats of gaze recordings: one file, one format as a device or a data set wrote it.

Contract: ``NAME(path, *, options) -> pandas.DataFrame``, reads ONE recording (a file, or a folder
where the format is a folder, which the constant ``FOLDER = True`` says) and changes nothing but the
way it is written down. Columns:

- ``x``, ``y``: float64, the recording's own pixels; whole numbers are pixel CENTRES counted from 0,
  y points down (what counts from 1, from the middle or relative to the picture is converted, and
  the docstring says so);
- ``time``: float64, seconds from the recording's own zero (the message or trigger that an option
  names, else the first sample; the docstring says which), or ``frame``: int64, counted from 0;
- ``event``: ``sample``, ``fixation``, ``saccade``, ``pursuit``, ``blink`` or ``noise``;
- ``duration``: float64, seconds, of rows that last (0 or NaN for samples); optional ``span``:
  the same in frames, for formats that count frames;
- optional ``subject`` (only where the file names it; else it is made from the file's name) and
  ``video`` (where one file holds the recordings of several videos).

``table.attrs["geometry"]`` holds what the FILE ITSELF states, and nothing else, of: ``screen``
[width, height] in pixels, ``screen_cm`` [width, height], ``distance_cm``, ``pixels_per_degree``,
``rate`` (samples per second), ``fps`` (of the video), ``rect`` [x, y, width, height] of the video
on the screen in pixels, ``video_size`` [width, height], ``space`` ("screen": x, y are pixels of the
screen; "video": of the video), ``eye``. ``table.attrs["dropped"]`` counts rows left out, by reason.
A format whose files never state any of it says ``STATES = []``: what is needed and not in the
config is then asked for before any job.

The rest is the same for all formats and done by ``vidsal.fixations.read``: events chosen, samples
made fixations, times made frames, the screen made the video. A file that cannot be used raises
``InputError``; whatever the bytes, a reader ends, with an error or rows.

A file may define ``looks_like(path: Path, head: bytes) -> bool``, whether a file with these first
bytes is probably one; then `make doctor` finds recordings of this format by itself.

To add one, copy table.py and name it in the dataset's options: ``gaze: {format: NAME}``.
"""
