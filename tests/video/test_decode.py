"""Every frame, in order, upright, at its true time."""

from __future__ import annotations

from fractions import Fraction
from itertools import zip_longest

import av
import cv2
import numpy as np
import pytest

from vidsal.errors import DamagedVideo
from vidsal.video import decode as module
from vidsal.video.decode import Converter, Health, decode, pictures
from vidsal.video.encode import write_ffv1

TICK = Fraction(1, 25)


def test_every_frame_comes_once_and_in_order(kind_name, kind, films):
    frames = list(decode(kind(kind_name)))
    assert [films.number_of(frame.rgb) for frame in frames] == list(range(films.COUNT))
    assert [frame.index for frame in frames] == list(range(films.COUNT))
    np.testing.assert_allclose([f.time for f in frames], films.seconds(kind_name), atol=1e-3)


def test_pixels_are_those_of_a_plain_loop(kind_name, kind):
    with av.open(str(kind(kind_name))) as file:
        plain = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    for frame, expected in zip(decode(kind(kind_name)), plain, strict=True):
        assert frame.rgb.dtype == np.uint8
        np.testing.assert_array_equal(frame.rgb, expected)


@pytest.mark.parametrize("name", ["h264_uneven_mp4", "h264_uneven_mkv", "vp9_without_duration"])
def test_uneven_times_are_kept(kind, films, name):
    times = [picture.time for picture in pictures(kind(name), Health())]
    np.testing.assert_allclose(times, films.seconds(name), atol=1e-9)


@pytest.mark.parametrize("codec", ["mjpeg", "mpeg4"])
def test_frames_left_out_of_an_avi_leave_time(films, codec, tmp_path):
    slots = np.cumsum(np.random.default_rng(2).integers(1, 4, films.COUNT))
    slots -= slots[0]  # FFmpeg writes the first frame at the first slot in any case
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = films.encode(tmp_path / "skips.avi", codec, pixels, stamps=slots.tolist(), tick=TICK)
    health = Health()
    times = [picture.time for picture in pictures(path, health)]
    np.testing.assert_allclose(times, slots / 25, atol=1e-9)
    assert health.odd_times == 0
    assert health.discarded > 0


def test_bare_streams_count_by_their_rate(kind, films):
    health = Health()
    times = [picture.time for picture in pictures(kind("h264_bare"), health)]
    assert times == [number / 25 for number in range(films.COUNT)]
    assert health.odd_times == films.COUNT


def test_a_folder_of_frames_is_as_good_as_a_video(frame_folder, films):
    frames = list(decode(frame_folder, fps=10))
    assert [films.number_of(frame.rgb) for frame in frames] == list(range(12))
    assert [frame.time for frame in frames] == [number / 10 for number in range(12)]
    np.testing.assert_array_equal(frames[5].rgb, films.picture(5))


def test_pictures_of_other_kinds_become_rgb(films, tmp_path):
    picture = films.picture(3)
    grey = picture[..., 0]
    cv2.imwrite(str(tmp_path / "1.png"), np.dstack([picture[..., ::-1], grey]))
    cv2.imwrite(str(tmp_path / "2.png"), grey)
    cv2.imwrite(str(tmp_path / "10.jpg"), picture[..., ::-1])
    alpha, plain, lossy = (frame.rgb for frame in decode(tmp_path))
    np.testing.assert_array_equal(alpha, picture)
    np.testing.assert_array_equal(plain, np.repeat(grey[..., None], 3, axis=2))
    assert films.number_of(lossy) == 3


def test_an_unreadable_picture_leaves_a_gap_in_the_numbers(films, tmp_path):
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), films.picture(number)[..., ::-1])
    (tmp_path / "1.png").write_bytes(b"")
    health = Health()
    found = [(p.index, p.time) for p in pictures(tmp_path, health, fps=10)]
    assert found == [(0, 0.0), (2, 0.2), (3, 0.3)]
    assert health.errors == 1
    assert "1.png cannot be read" in health.messages[0]


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_a_cut_off_picture_is_counted(films, ending, tmp_path):
    for number in range(2):
        cv2.imwrite(str(tmp_path / f"{number}{ending}"), films.picture(number)[..., ::-1])
    whole = (tmp_path / f"1{ending}").read_bytes()
    (tmp_path / f"1{ending}").write_bytes(whole[: len(whole) * 3 // 4])
    health = Health()
    list(pictures(tmp_path, health))
    assert health.errors == 1


def test_a_change_of_size_is_refused_where_it_happens(films, tmp_path):
    parts = []
    for size in ((64, 96), (128, 96)):
        part = tmp_path / f"{size[0]}.h264"
        films.encode(part, "libx264", "yuv420p", films.X264, count=10, size=size)
        parts.append(part.read_bytes())
    path = tmp_path / "both.h264"
    path.write_bytes(b"".join(parts))
    with pytest.raises(DamagedVideo, match=r"from 96x64 to 96x128 .* at frame 10"):
        list(decode(path))


def test_pictures_of_different_sizes_are_refused(films, tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), films.picture(0))
    cv2.imwrite(str(tmp_path / "2.png"), films.picture(0, (32, 96)))
    with pytest.raises(DamagedVideo, match="at frame 1"):
        list(decode(tmp_path))


def test_a_change_of_pixel_format_says_so(kind):
    first = next(pictures(kind("mjpeg"), Health()))
    shape = (*module._shape(first.pixels)[:2], "gray", 0, 0)
    text = module._changed("x.mkv", first, shape)
    assert "the pixel format changes from gray" in text
    assert "yuvj420p" in text


def test_a_file_is_closed_when_reading_stops_early(kind):
    found = decode(kind("h264_b_open_gop"))
    next(found)
    found.close()
    assert list(found) == []


@pytest.mark.parametrize("flushed", [True, False])
def test_an_unknown_stream_at_the_end_costs_no_frame(kind, films, flushed):
    class Late:
        """A container that behaves as PyAV does when a stream came up while reading."""

        name = "late.ts"

        def demux(self, stream):
            for packet in file.demux(stream):
                if packet.dts is not None or flushed:
                    yield packet
            raise IndexError("list index out of range")

    with av.open(str(kind("h264_b_open_gop"))) as file:
        packets = list(module._packets(Late(), file.streams.video[0], Health()))
        assert [packet.dts is None for packet in packets] == [False] * films.COUNT + [True]
        assert sum(len(packet.decode()) for packet in packets) == films.COUNT


def test_complaints_of_ffmpeg_are_counted_where_they_belong(kind, films, tmp_path):
    whole = kind("vp9_without_duration")
    cut = tmp_path / "cut.webm"
    cut.write_bytes(whole.read_bytes()[:5000])
    sound, damaged = Health(), Health()
    # Read side by side: what one of them is told must not be laid at the other's door.
    both = zip_longest(pictures(whole, sound), pictures(cut, damaged))
    assert sum(1 for _ in both) == films.COUNT
    assert (sound.complaints, sound.complaint) == (0, "")
    assert damaged.complaints == 1
    assert damaged.complaint.endswith("File ended prematurely")


def test_damage_is_logged(kind, tmp_path, caplog):
    data = bytearray(kind("h264_b_open_gop").read_bytes())
    middle = data.index(b"mdat") + 4000
    data[middle : middle + 600] = bytes(600)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    list(decode(path))
    assert "damaged" in caplog.text


def test_a_converter_gives_the_frame_itself_when_there_is_nothing_to_do(films):
    frame = av.VideoFrame.from_ndarray(films.picture(0), format="rgb24")
    assert Converter().to(frame, "rgb24") is frame


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_rotation_by_the_flag_is_exact(films, turns, tmp_path, monkeypatch):
    path = tmp_path / "film.mkv"
    write_ffv1(path, [films.picture(number) for number in range(3)], 25)
    monkeypatch.setattr(module, "turns", lambda _: turns)
    for number, frame in enumerate(decode(path)):
        np.testing.assert_array_equal(frame.rgb, np.rot90(films.picture(number), turns))


def test_real_rotated_files_stand_upright(shared):
    folder = shared / "data/videos/edge"
    for angle in (0, 90, 180, 270):
        path = folder / f"video_{angle}.mov"
        reader = cv2.VideoCapture(str(path))
        _, expected = reader.read()
        reader.release()
        first = next(decode(path)).rgb
        assert first.shape == ((568, 320, 3) if angle % 180 else (320, 568, 3))
        np.testing.assert_array_equal(first, expected[..., ::-1])
