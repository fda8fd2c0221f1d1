"""Clips are exact, lossless and byte-identical; damage is found, recorded, kept or refused."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from vidsal.errors import DamagedVideo, InputError
from vidsal.video.decode import decode
from vidsal.video.encode import write_ffv1
from vidsal.video.probe import sha256
from vidsal.video.trim import trim

START, END = 17, 41
ODD = {
    "odd_444": ("mkv", "libx264", "yuv444p", (65, 97)),
    "odd_420": ("webm", "libvpx", "yuv420p", (65, 97)),
    "full_444": ("avi", "mjpeg", "yuvj444p", (64, 96)),
    "gray_10": ("mkv", "ffv1", "gray10le", (64, 96)),
    "vertical_440": ("mkv", "ffv1", "yuv440p", (64, 96)),
    "alpha": ("mkv", "ffv1", "yuva420p", (64, 96)),
}


def _rgb(path):
    return np.stack([frame.rgb for frame in decode(path)])


@pytest.mark.parametrize(("start", "end"), [(START, END), (0, 1), (11, 14), (59, 60)])
def test_frames_are_the_right_ones_and_bit_equal(kind_name, kind, films, start, end, tmp_path):
    source, out = kind(kind_name), tmp_path / "clip.mkv"
    record = trim(source, out, start=start, end=end)
    clip = _rgb(out)
    assert [films.number_of(rgb) for rgb in clip] == list(range(start, end))
    np.testing.assert_array_equal(clip, _rgb(source)[start:end])
    assert (record["start"], record["end"]) == (start, end)
    assert record["frame_index"] == list(range(start, end))
    assert record["checked_until"] == end
    times = films.seconds(kind_name)
    assert record["start_time"] == pytest.approx(times[start], abs=1e-3)
    shown = np.add(record["times"], record["start_time"])
    np.testing.assert_allclose(shown, times[start:end], atol=1e-3)


@pytest.mark.parametrize("name", ODD)
def test_rare_formats_are_bit_equal_too(name, films, tmp_path):
    ending, codec, pixels, size = ODD[name]
    source = tmp_path / f"film.{ending}"
    films.encode(source, codec, pixels, count=5, size=size)
    trim(source, tmp_path / "clip.mkv")
    np.testing.assert_array_equal(_rgb(tmp_path / "clip.mkv"), _rgb(source))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (3, 2), (1, 40)])
def test_tiny_pictures_are_bit_equal(height, width, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (3, height, width, 3), dtype=np.uint8)
    write_ffv1(tmp_path / "tiny.mkv", frames, 25)
    trim(tmp_path / "tiny.mkv", tmp_path / "clip.mkv")
    np.testing.assert_array_equal(_rgb(tmp_path / "clip.mkv"), frames)


@pytest.mark.parametrize("name", ["h264_b_open_gop", "mpeg4_b_avi", "mjpeg", "gif"])
def test_two_clips_are_byte_identical(kind, name, tmp_path):
    records = [trim(kind(name), tmp_path / f"{n}.mkv", start=3, end=20) for n in "ab"]
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()
    assert json.dumps(records[0]) == json.dumps(records[1])


def test_all_of_a_sound_video(kind, films, tmp_path):
    record = trim(kind("h264_b_open_gop"), tmp_path / "clip.mkv", on_damage="fail")
    assert (record["start"], record["end"], record["checked_until"]) == (0, films.COUNT, None)
    assert (record["frames_decoded"], record["frames_header"]) == (films.COUNT, films.COUNT)
    assert (record["damaged"], record["reasons"], record["duration_check"]) == (False, [], 0.0)
    assert (record["errors"], record["corrupt_packets"], record["corrupt_frames"]) == (0, 0, 0)
    assert record["source_sha256"] == sha256(kind("h264_b_open_gop"))
    assert (record["size"], record["fps"]) == (list(films.SIZE), "25/1")


def test_no_intact_film_is_called_damaged(kind_name, kind, tmp_path):
    assert trim(kind(kind_name), tmp_path / "clip.mkv")["reasons"] == []


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_true_times_survive_a_variable_frame_rate(kind, films, ending, tmp_path):
    name, out = f"h264_uneven_{ending}", tmp_path / "clip.mkv"
    record = trim(kind(name), out, start=START, end=END)
    times = films.seconds(name)
    assert record["start_time"] == pytest.approx(times[START], abs=1e-9)
    expected = times[START:END] - times[START]
    np.testing.assert_allclose(record["times"], expected, atol=1e-9)
    np.testing.assert_allclose([f.time for f in decode(out)], expected, atol=1e-9)


def test_frames_left_out_of_an_avi_are_no_damage(films, tmp_path):
    slots = (np.arange(films.COUNT) * 2).tolist()
    source = tmp_path / "skips.avi"
    films.encode(source, "mjpeg", "yuvj420p", stamps=slots, tick=Fraction(1, 25))
    record = trim(source, tmp_path / "clip.mkv", on_damage="drop")
    assert record["frames_header"] > record["frames_decoded"] == films.COUNT
    assert record["times"][:3] == [0.0, 0.08, 0.16]


def test_a_longer_sound_track_is_no_damage(kind, tmp_path):
    source = tmp_path / "sound.mkv"
    sound = ["-i", kind("h264_b_open_gop"), "-f", "lavfi", "-i", "sine=d=5", "-c:v", "copy"]
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *sound, source], check=True
    )
    assert trim(source, tmp_path / "clip.mkv")["reasons"] == []


def test_frames_hidden_by_an_edit_list_are_no_damage(kind, tmp_path):
    source = tmp_path / "copied.mp4"
    part = ["-ss", "0.9", "-i", kind("h264_b_open_gop"), "-t", "1", "-c", "copy"]
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *part, source], check=True
    )
    record = trim(source, tmp_path / "clip.mkv")
    assert record["frames_header"] > record["frames_decoded"]
    assert record["reasons"] == []


def test_a_folder_of_frames_is_trimmed_alike(frame_folder, films, tmp_path):
    record = trim(frame_folder, tmp_path / "clip.mkv", start=4, end=9, fps=10)
    expected = [films.picture(number) for number in range(4, 9)]
    np.testing.assert_array_equal(_rgb(tmp_path / "clip.mkv"), expected)
    assert record["times"] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert record["fps"] == "10/1"


@pytest.mark.parametrize(
    ("start", "end", "named"),
    [(0, 61, "0 to 61"), (60, 70, "60 to 70"), (70, None, "70 to its end")],
)
def test_an_interval_outside_names_the_frames_there_are(kind, start, end, named, tmp_path):
    out = tmp_path / "clip.mkv"
    with pytest.raises(DamagedVideo) as caught:
        trim(kind("mpeg4_b_avi"), out, start=start, end=end)
    assert f"frames {named} were asked for, but it has 60 frames, 0 to 60" in str(caught.value)
    assert not out.exists()


@pytest.mark.parametrize(("start", "end"), [(5, 5), (9, 3), (-1, 4)])
def test_what_is_no_interval_is_refused(kind, start, end, tmp_path):
    with pytest.raises(InputError, match="no interval"):
        trim(kind("mjpeg"), tmp_path / "clip.mkv", start=start, end=end)


def test_an_unknown_answer_to_damage_is_refused(kind, tmp_path):
    with pytest.raises(InputError, match="'ignore' is none of fail, keep, drop"):
        trim(kind("mjpeg"), tmp_path / "clip.mkv", on_damage="ignore")


@pytest.fixture
def cut_off(kind, tmp_path):
    """Give a function that cuts off the end of a film."""

    def cut(name):
        whole = kind(name)
        data = whole.read_bytes()
        path = tmp_path / f"cut_off{whole.suffix}"
        path.write_bytes(data[: len(data) * 6 // 10])
        return path

    return cut


NO_INDEX = ("mpeg4_b_avi", "mpeg4_packed_avi", "mjpeg", "h264_422", "h264_uneven_mkv", "vp9", "vp8")
NO_COUNT = ("vp9_without_duration", "av1_uneven_mkv", "gif", "h264_bare")
NO_COUNT += ("h264_transport_stream", "mpeg2_b_transport_stream", "mpeg2_b_program_stream")


@pytest.mark.parametrize("name", NO_INDEX + NO_COUNT)
def test_a_truncated_file_is_kept_or_refused(name, cut_off, films, tmp_path):
    source, out = cut_off(name), tmp_path / "clip.mkv"
    record = trim(source, out, on_damage="keep")
    assert record["damaged"]
    assert 0 < record["end"] < films.COUNT
    assert len(_rgb(out)) == record["end"]
    for answer in ("drop", "fail"):
        with pytest.raises(DamagedVideo, match=r"damaged: .*; get the file again"):
            trim(source, out, on_damage=answer)
        assert not out.exists()


FLIPS = ["h264_b_open_gop", "h264_10_bit", "mpeg4_b_avi", "mpeg2_interlaced", "mjpeg", "av1"]


@pytest.mark.parametrize("name", FLIPS)
def test_flipped_bits_are_noticed_where_the_codec_can_tell(name, kind, tmp_path):
    rng, whole, damaged = np.random.default_rng(0), kind(name), 0
    sound = _rgb(whole)
    for _ in range(8):
        data = bytearray(whole.read_bytes())
        for place in rng.integers(len(data) // 5, len(data) * 9 // 10, 3):
            data[place] ^= 1 << int(rng.integers(8))
        path = tmp_path / f"flipped{whole.suffix}"
        path.write_bytes(data)
        try:
            record = trim(path, tmp_path / "clip.mkv")
        except DamagedVideo:
            damaged += 1
            continue
        same = np.array_equal(_rgb(tmp_path / "clip.mkv"), sound)
        damaged += record["damaged"] or same
    assert damaged >= 6


def test_streams_that_come_up_late_lose_no_frame(kind, films, tmp_path):
    one, path = kind("h264_transport_stream"), tmp_path / "late.ts"
    sound = ["-i", one, "-f", "lavfi", "-i", "sine=d=2.4", "-c:v", "copy", tmp_path / "sound.ts"]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *sound], check=True)
    path.write_bytes(one.read_bytes() * 20 + (tmp_path / "sound.ts").read_bytes())
    shown = [films.number_of(frame.rgb) for frame in decode(path)]
    assert shown == list(range(films.COUNT)) * 21


def test_what_a_truncated_file_lacks_is_named(cut_off, films, tmp_path):
    record = trim(cut_off("mpeg4_b_avi"), tmp_path / "clip.mkv", start=2, end=films.COUNT)
    assert f"frames {record['end']} to 60 (exclusive) are missing" in record["reasons"]
    assert record["frame_index"] == list(range(2, record["end"]))
    with pytest.raises(DamagedVideo, match="in the header"):
        trim(cut_off("mpeg4_b_avi"), tmp_path / "clip.mkv", start=50)


def test_an_interval_before_the_damage_is_sound(cut_off, tmp_path):
    record = trim(cut_off("mjpeg"), tmp_path / "clip.mkv", end=5, on_damage="drop")
    assert (record["damaged"], record["checked_until"]) == (False, 5)


def test_a_variable_frame_rate_that_stops_early_is_damage(films, tmp_path):
    stamps = np.cumsum(np.random.default_rng(1).integers(10, 90, films.COUNT)).tolist()
    whole = tmp_path / "vfr.mkv"
    films.encode(whole, "mjpeg", "yuvj420p", stamps=stamps)
    data = whole.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    record = trim(tmp_path / "cut.mkv", tmp_path / "clip.mkv")
    assert any("the last frame comes at" in reason for reason in record["reasons"])


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_a_single_picture_is_a_video_of_one_frame(films, ending, tmp_path):
    path, out = tmp_path / f"100%d of 5{ending}", tmp_path / "clip.mkv"
    cv2.imwrite(str(path), films.picture(21)[..., ::-1])
    record = trim(path, out, on_damage="fail")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / path.name).write_bytes(path.read_bytes())
    assert record == trim(folder, tmp_path / "other.mkv")
    assert out.read_bytes() == (tmp_path / "other.mkv").read_bytes()
    assert (record["frames_decoded"], record["frames_header"], record["times"]) == (1, 1, [0.0])
    assert [films.number_of(rgb) for rgb in _rgb(out)] == [21]
    with pytest.raises(DamagedVideo, match="it has 1 frames, 0 to 1"):
        trim(path, out, start=0, end=2)


def test_a_picture_is_turned_as_its_camera_says(films, tmp_path):
    whole = cv2.imencode(".jpg", films.picture(0)[..., ::-1])[1].tobytes()
    flag = b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"  # orientation 6
    head = b"Exif\0\0" + flag
    mark = b"\xff\xe1" + (len(head) + 2).to_bytes(2, "big") + head
    (tmp_path / "turned.jpg").write_bytes(whole[:2] + mark + whole[2:])
    (tmp_path / "plain.jpg").write_bytes(whole)
    (turned,), (plain,) = _rgb(tmp_path / "turned.jpg"), _rgb(tmp_path / "plain.jpg")
    np.testing.assert_array_equal(turned, np.rot90(plain, -1))


def test_a_picture_that_may_not_be_read_is_damage(films, tmp_path, monkeypatch):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), films.picture(number))
    whole = cv2.imdecode

    def limited(data, flags):
        if limited.calls == 1:
            limited.calls += 1
            raise cv2.error("too many pixels")
        limited.calls += 1
        return whole(data, flags)

    limited.calls = -1  # the first picture is read once more, for its size
    monkeypatch.setattr(cv2, "imdecode", limited)
    record = trim(tmp_path, tmp_path / "clip.mkv")
    assert record["frame_index"] == [0, 2]
    assert "1.png cannot be read (too many pixels)" in record["reasons"][0]


def test_an_unreadable_picture_of_a_folder_is_damage(films, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(5):
        cv2.imwrite(str(folder / f"{number}.png"), films.picture(number))
    (folder / "2.png").write_bytes(b"no picture")
    record = trim(folder, tmp_path / "clip.mkv", fps=10)
    assert record["frame_index"] == [0, 1, 3, 4]
    assert record["times"] == [0.0, 0.1, 0.3, 0.4]
    assert record["damaged"]
    with pytest.raises(DamagedVideo, match=r"2\.png cannot be read"):
        trim(folder, tmp_path / "clip.mkv", on_damage="drop")


def test_the_official_intervals_of_a_real_kth_recording(shared, tmp_path):
    source = shared / "data/videos/kth/person01_jogging_d1_uncomp.avi"
    frames = _rgb(source)
    for start, end in ((0, 50), (119, 170), (249, 300), (361, 415)):
        record = trim(source, tmp_path / "clip.mkv", start=start, end=end, on_damage="fail")
        np.testing.assert_array_equal(_rgb(tmp_path / "clip.mkv"), frames[start:end])
        assert len(record["times"]) == end - start
