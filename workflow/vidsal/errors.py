"""The two errors that a user can cause; everything else is a defect of ours."""

from __future__ import annotations


class InputError(ValueError):
    """Something that the user gave cannot be used; the message names it, the place, the way out."""


class DamagedVideo(InputError):  # noqa: N818 - it is a finding about a video, kept beside InputError
    """One video cannot be used; it goes to the failures table and the others carry on."""
