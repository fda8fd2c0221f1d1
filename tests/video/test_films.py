"""The films of these tests are as nasty as their names say."""

from __future__ import annotations

import itertools

import av
import pytest

from vidsal.video.probe import probe


def _packets(path):
    with av.open(str(path)) as file:
        return [(p.pts, p.dts, bytes(p)) for p in file.demux(video=0) if p.size]


def _units(packet):
    """Return the first byte of each NAL unit of an MP4 or Matroska packet."""
    found, place = [], 0
    while place + 4 < len(packet):
        found.append(packet[place + 4])
        place += 4 + int.from_bytes(packet[place : place + 4], "big")
    return found


B_FRAMES = [
    "h264_b_open_gop",
    "h264_10_bit",
    "h264_b_avi",
    "h264_transport_stream",
    "h264_uneven_mp4",
    "hevc_b_open_gop",
    "mpeg4_b_avi",
    "mpeg4_packed_avi",
    "mpeg2_b_program_stream",
    "mpeg2_b_transport_stream",
]


@pytest.mark.parametrize("name", B_FRAMES)
def test_b_frames_are_there(kind, name):
    with av.open(str(kind(name))) as file:
        kinds = {int(frame.pict_type) for frame in file.decode(video=0)}
    assert int(av.video.frame.PictureType.B) in kinds


def test_groups_of_h264_are_open(kind):
    units = [u & 31 for _, _, p in _packets(kind("h264_b_open_gop")) for u in _units(p)]
    with av.open(str(kind("h264_b_open_gop"))) as file:
        kinds = [int(frame.pict_type) for frame in file.decode(video=0)]
    assert units.count(5) == 1  # an IDR picture; the other I-frames do not close their group
    assert kinds.count(int(av.video.frame.PictureType.I)) == 5


def test_groups_of_hevc_are_open(kind):
    units = [u >> 1 & 63 for _, _, p in _packets(kind("hevc_b_open_gop")) for u in _units(p)]
    assert units.count(21) == 4  # CRA pictures, and
    assert units.count(8) > 0  # pictures that refer to the group before (RASL)


def _assert_packed(path):
    packets = [data for _, _, data in _packets(path)]
    assert b"DivX503b1393p" in path.read_bytes()[:20_000]
    pictures = [packet.count(b"\0\0\1\xb6") for packet in packets]
    assert max(pictures) == 2
    assert any(len(packet) < 8 for packet in packets)


def test_packed_pictures_are_packed(kind):
    _assert_packed(kind("mpeg4_packed_avi"))


def test_packed_pictures_are_packed_in_a_real_file_too(shared):
    _assert_packed(shared / "data/videos/ucf101/ApplyEyeMakeup_test.avi")


def test_hidden_frames_are_there(kind, films):
    vp8 = [data for _, _, data in _packets(kind("vp8_hidden_frames"))]
    assert sum(not data[0] >> 4 & 1 for data in vp8) == len(vp8) - films.COUNT > 0  # show_frame
    vp9 = [data for _, _, data in _packets(kind("vp9_hidden_frames"))]
    assert sum(data[-1] & 0xE0 == 0xC0 for data in vp9) > 0  # superframes hold a hidden one


@pytest.mark.parametrize("name", ["h264_interlaced", "mpeg2_interlaced"])
def test_fields_are_there(kind, name):
    assert probe(kind(name)).interlaced


def test_times_are_uneven_or_not_claimed(kind):
    info = probe(kind("vp9_without_duration"))
    assert (info.duration, info.frames_header) == (None, None)
    for name in ("h264_uneven_mp4", "h264_uneven_mkv", "av1_uneven_mkv", "vp9_without_duration"):
        stamps = sorted(pts for pts, _, _ in _packets(kind(name)))
        assert len({b - a for a, b in itertools.pairwise(stamps)}) > 10


def test_ten_bits_are_ten_bits(kind):
    assert probe(kind("hevc_10_bit")).pixel_format == "yuv420p10le"
    assert probe(kind("h264_10_bit")).pixel_format == "yuv420p10le"
