"""The two errors that a user can cause; everything else is a defect of ours."""

from __future__ import annotations


class InputError(ValueError):
    """Something that the user gave cannot be used; the message names it, the place, the way out."""


class DamagedVideo(InputError):  # noqa: N818 - it is a finding about a video, kept beside InputError
    """One video cannot be used; it goes to the failures table and the others carry on."""


FULL = (28, 122)  # ENOSPC, EDQUOT


def disk_is_full(error: BaseException | None) -> bool:
    """Say whether an error, or what led to it, is a full disk.

    HDF5 hides the number in its text.
    """
    while error is not None:
        if getattr(error, "errno", None) in FULL or "No space left on device" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
