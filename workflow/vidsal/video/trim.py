"""Cut a clip out of a video by frame numbers: lossless, bit-equal, with a record of its health.

Everything is decoded in order and frames outside [start, end) are let go, because that is exact for
every codec, which seeking and copying are not. Reading stops at `end`, so many intervals of a long
recording cost less; the record then says up to where the video was checked (`checked_until`), and
it is judged only by what was read.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vidsal.errors import DamagedVideo, InputError
from vidsal.video.decode import Health, pictures
from vidsal.video.encode import ffv1
from vidsal.video.probe import VideoInfo, probe, sha256

log = logging.getLogger(__name__)
ON_DAMAGE = ("fail", "keep", "drop")
DIGITS = 9  # times are rounded to nanoseconds
TICK = 0.0011  # s; Matroska rounds times to milliseconds, which is still a constant frame rate


@dataclass
class _Read:
    """Seconds of every frame that was read; numbers and seconds of those that were kept."""

    clock: list[float] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def trim(
    path: str | Path,
    out_mkv: str | Path,
    *,
    start: int | None = None,
    end: int | None = None,
    on_damage: str = "keep",
    fps: float | None = None,
) -> dict:
    """Write frames [start, end) of a video as FFV1 in Matroska and return its health record.

    Decoding the file gives the RGB that decoding the source gives, bit for bit; two calls give the
    same bytes. The video is damaged when a packet cannot be decoded or is marked corrupt, when the
    number of frames is not the header's, when it differs by more than 1 from duration * fps
    (constant frame rate), when frames asked for are missing, or when FFmpeg logs an error. Flipped
    bits in HEVC, VP8 and VP9 mostly decode to wrong pixels without any sign.

    Args:
        path: a video file, a folder of pictures in natural order, or a single picture.
        out_mkv: file to write; not left behind when the video is refused.
        start: first frame number, 0-based; None for the first.
        end: frame number behind the last; None for all.
        on_damage: `keep` what decodes and record it; `fail` and `drop` refuse the video.
        fps: frames per second of a folder of pictures (25 when not given); files know theirs.

    Returns:
        JSON-able record: source_sha256, codec, pixel_format, stream, video_streams, rotation, sar,
        interlaced, fps ("25/1"), size [H, W] of the upright picture; frames_decoded,
        frames_header, checked_until (None: to the end), corrupt_packets, corrupt_frames, errors,
        complaints, odd_times, duration_check (frames decoded - duration * fps, None where it says
        nothing), damaged, reasons; start, end as resolved, frame_index of the kept frames,
        start_time (seconds of the first kept frame on the source's clock, which is 0 at its first
        frame), times (seconds of the kept frames since the first kept one).

    Raises:
        DamagedVideo: the video cannot be used, has no such frames, or is refused by `on_damage`.
        InputError: an option has no such value.
    """
    first, last = _interval(path, start, end, on_damage)
    with _removed_on_error(out_mkv):
        record = _examined(path, out_mkv, fps, first, last)
        reasons = record["reasons"]
        if reasons and on_damage != "keep":
            raise DamagedVideo(
                f"video {path}: damaged: {'; '.join(reasons)}; get the file again, or set "
                "on_damage: keep to use what can be read"
            )
    for reason in reasons:
        log.warning("video %s: %s", path, reason)
    return record


def examine(path: str | Path, *, fps: float | None = None) -> dict:
    """Return the health record that `trim` would give for a whole video; nothing is written.

    Raises:
        DamagedVideo: the video cannot be used at all.
    """
    return _examined(path, None, fps, 0, None)


def _examined(
    path: str | Path, out: str | Path | None, fps: float | None, first: int, last: int | None
) -> dict:
    """Read frames [first, last), write them where `out` is given, and return the record."""
    info, health = probe(path, fps=fps), Health()
    read = _write(path, out, health, info, first, last)
    reasons = _reasons(health, info, read)
    reasons += _missing(path, health, read, first, last, reasons)
    return _record(path, info, health, read, reasons)


def _interval(
    path: str | Path, start: int | None, end: int | None, on_damage: str
) -> tuple[int, int | None]:
    if on_damage not in ON_DAMAGE:
        raise InputError(f"on_damage: {on_damage!r} is none of {', '.join(ON_DAMAGE)}")
    first, last = int(start or 0), None if end is None else int(end)
    if first < 0 or (last is not None and last <= first):
        raise DamagedVideo(
            f"video {path}: frames {first} to {last} are no interval; start must be at least 0 and "
            "end (exclusive) above start"
        )
    return first, last


@contextlib.contextmanager
def _removed_on_error(path: str | Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise


def _write(
    path: str | Path,
    out: str | Path | None,
    health: Health,
    info: VideoInfo,
    first: int,
    last: int | None,
) -> _Read:
    read, append = _Read(), None
    found = pictures(path, health, fps=info.fps)
    with contextlib.ExitStack() as stack:
        stack.callback(found.close)
        for picture in found:
            if last is not None and picture.index >= last:
                break
            read.clock.append(picture.time)
            if picture.index >= first:
                read.numbers.append(picture.index)
                read.seconds.append(picture.time)
                if out is not None:
                    append = append or stack.enter_context(ffv1(out, info.fps, picture.pixels))
                    append(picture.pixels, picture.time - read.seconds[0])
            if last is not None and picture.index + 1 == last:
                break
    return read


def _reasons(health: Health, info: VideoInfo, read: _Read) -> list[str]:
    """Return a sentence for each sign of damage in what was read."""
    reasons = []
    if health.errors:
        reasons.append(f"{_count(health.errors, 'decoding error')} ({health.messages[0]})")
    if health.corrupt_packets:
        reasons.append(f"{_count(health.corrupt_packets, 'packet')} marked as corrupt")
    if health.corrupt_frames:
        reasons.append(f"{_count(health.corrupt_frames, 'frame')} marked as corrupt")
    if health.finished:
        reasons += _count_reasons(health, info, read)
    if health.complaints and not reasons:
        reasons.append(
            f"{_count(health.complaints, 'complaint')} while reading ({health.complaint})"
        )
    return reasons


def _count_reasons(health: Health, info: VideoInfo, read: _Read) -> list[str]:
    """Return a sentence for each way in which frames are too few or too many."""
    reasons = []
    # Packets that an edit list hides, or that hold no picture, are counted by the header too.
    header = info.frames_header and info.frames_header - health.discarded
    if header is not None and header != health.frames_decoded:
        reasons.append(f"{health.frames_decoded} frames decoded, {header} in the header")
    difference = _duration_check(health, info, read)
    if difference is not None and abs(difference) > 1:
        claimed = health.frames_decoded - difference
        reasons.append(f"{health.frames_decoded} frames decoded, {claimed:.1f} by its duration")
    if _stops_early(info, read):
        reasons.append(f"the last frame comes at {read.clock[-1]:.2f} of {info.duration:.2f} s")
    return reasons


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _duration_check(health: Health, info: VideoInfo, read: _Read) -> float | None:
    """Return frames decoded - duration * fps; None without duration or constant frame rate."""
    if info.duration is None or not health.finished or not _is_constant(info, read):
        return None
    # 0.0 is added because JSON would show the -0.0 that rounding can leave.
    return round(health.frames_decoded - info.duration * float(info.fps), DIGITS) + 0.0


def _is_constant(info: VideoInfo, read: _Read) -> bool:
    gaps = np.diff(read.clock)
    return bool((np.abs(gaps - 1 / float(info.fps)) <= TICK).all())


def _stops_early(info: VideoInfo, read: _Read) -> bool:
    """Say whether a video of variable frame rate ends long before its duration.

    Where the header counts frames, that count decides: the last frame may be shown for long.
    """
    gaps = np.diff(read.clock)
    if info.duration is None or info.frames_header or not len(gaps) or _is_constant(info, read):
        return False
    return info.duration - read.clock[-1] > 2 * gaps.max()


def _missing(
    path: str | Path,
    health: Health,
    read: _Read,
    first: int,
    last: int | None,
    reasons: list[str],
) -> list[str]:
    """Return what is missing of the interval in a damaged video; refuse it in a sound one."""
    reached = read.numbers[-1] + 1 if read.numbers else 0
    if read.numbers and (last is None or reached >= last or not health.finished):
        return []
    if read.numbers and reasons:
        return [f"frames {reached} to {last} (exclusive) are missing"]
    count, damage = len(read.clock), f" ({'; '.join(reasons)})" if reasons else ""
    raise DamagedVideo(
        f"video {path}: frames {first} to {'its end' if last is None else last} were asked for, "
        f"but it has {count} frames, 0 to {count} (end exclusive){damage}; correct start and end "
        "in the sample sheet"
    )


def _record(
    path: str | Path, info: VideoInfo, health: Health, read: _Read, reasons: list[str]
) -> dict:
    origin = read.seconds[0]
    difference = _duration_check(health, info, read)
    return {
        "source_sha256": sha256(path),
        "codec": info.codec,
        "pixel_format": info.pixel_format,
        "stream": info.stream,
        "video_streams": info.video_streams,
        "rotation": info.rotation,
        "sar": info.sar,
        "interlaced": info.interlaced,
        "fps": f"{info.fps.numerator}/{info.fps.denominator}",
        "size": list(info.size),
        "frames_decoded": health.frames_decoded,
        "frames_header": info.frames_header,
        "checked_until": None if health.finished else health.frames_decoded,
        "corrupt_packets": health.corrupt_packets,
        "corrupt_frames": health.corrupt_frames,
        "errors": health.errors,
        "complaints": health.complaints,
        "odd_times": health.odd_times,
        "duration_check": difference,
        "damaged": bool(reasons),
        "reasons": reasons,
        "start": read.numbers[0],
        "end": read.numbers[-1] + 1,
        "frame_index": read.numbers,
        "start_time": round(origin, DIGITS),
        "times": [round(t - origin, DIGITS) for t in read.seconds],
    }
