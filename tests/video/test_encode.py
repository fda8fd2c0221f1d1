"""Writers: FFV1 gives back every value, H.264 plays anywhere; same input, same bytes."""

from __future__ import annotations

import av
import numpy as np
import pytest

from vidsal.errors import InputError
from vidsal.video.decode import decode
from vidsal.video.encode import write_ffv1, write_h264
from vidsal.video.probe import probe


@pytest.fixture
def pictures(films):
    """Give 10 pictures with bar codes."""
    return np.stack([films.picture(number) for number in range(10)])


def test_ffv1_gives_back_every_value(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (4, 33, 47, 3), dtype=np.uint8)
    write_ffv1(tmp_path / "a.mkv", noise, "30000/1001")
    np.testing.assert_array_equal([f.rgb for f in decode(tmp_path / "a.mkv")], noise)
    assert float(probe(tmp_path / "a.mkv").fps) == pytest.approx(30000 / 1001)


def test_ffv1_in_grey_gives_back_every_value(tmp_path):
    labels = np.random.default_rng(0).integers(0, 256, (4, 33, 47), dtype=np.uint8)
    write_ffv1(tmp_path / "a.mkv", iter(labels), 25, gray=True)
    with av.open(str(tmp_path / "a.mkv")) as file:
        stored = [frame.to_ndarray() for frame in file.decode(video=0)]
    np.testing.assert_array_equal(stored, labels)


def test_ffv1_keeps_times_to_the_millisecond(pictures, tmp_path):
    times = [0.0, 0.04, 0.05, 0.2, 0.3001, 0.3002, 1.0, 2.0, 3.0, 4.0]
    write_ffv1(tmp_path / "a.mkv", pictures, 25, times=times)
    read = [frame.time for frame in decode(tmp_path / "a.mkv")]
    np.testing.assert_allclose(read, times, atol=1.1e-3)
    assert (np.diff(read) > 0).all()


def test_every_frame_of_ffv1_is_a_key_frame(pictures, tmp_path):
    write_ffv1(tmp_path / "a.mkv", pictures, 25)
    with av.open(str(tmp_path / "a.mkv")) as file:
        packets = [packet for packet in file.demux(video=0) if packet.size]
    assert len(packets) == 10
    assert all(packet.is_keyframe for packet in packets)


@pytest.mark.parametrize("write", [write_ffv1, write_h264])
def test_the_same_input_gives_the_same_bytes(write, pictures, tmp_path):
    for name in "ab":
        write(tmp_path / name, pictures, 25)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("write", [write_ffv1, write_h264])
def test_no_frame_is_refused(write, tmp_path):
    with pytest.raises(InputError, match="no frame to write"):
        write(tmp_path / "a.mkv", [], 25)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [write_ffv1, write_h264])
def test_nothing_is_left_behind_when_the_frames_fail(write, pictures, tmp_path):
    def frames():
        yield from pictures[:5]
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write(tmp_path / "a.mkv", frames(), 25)
    assert list(tmp_path.iterdir()) == []


def test_h264_is_what_browsers_play(films, pictures, tmp_path):
    path = tmp_path / "a.mp4"
    write_h264(path, iter(pictures), 25)
    info = probe(path)
    assert (info.codec, info.pixel_format, info.fps, info.frames_header) == (
        "h264",
        "yuv420p",
        25,
        10,
    )
    frames = [frame.rgb for frame in decode(path)]
    assert [films.number_of(rgb) for rgb in frames] == list(range(10))
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_colours_survive_h264(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (90, 160, 40)]
    frames = [np.full((32, 32, 3), colour, np.uint8) for colour in colours]
    write_h264(tmp_path / "a.mp4", frames, 25, crf=1)
    read = [frame.rgb.mean(axis=(0, 1)) for frame in decode(tmp_path / "a.mp4")]
    np.testing.assert_allclose(read, colours, atol=4)


def test_odd_sizes_are_padded_by_the_last_row_and_column(films, tmp_path):
    write_h264(tmp_path / "a.mp4", [films.picture(5, (63, 95))] * 3, 25, crf=1)
    frames = [frame.rgb for frame in decode(tmp_path / "a.mp4")]
    assert frames[0].shape == (64, 96, 3)
    error = np.abs(frames[0][-1].astype(int) - frames[0][-2])
    assert error.mean() < 10


@pytest.mark.parametrize("write", [write_ffv1, write_h264])
def test_a_full_disk_gets_one_sentence(write, pictures, tmp_path):
    path = tmp_path / "a.mkv"
    path.symlink_to("/dev/full")
    with pytest.raises(InputError, match="it is full; free some space"):
        write(path, pictures, 25)
    assert not path.is_symlink()


@pytest.mark.parametrize("write", [write_ffv1, write_h264])
def test_a_name_that_looks_like_an_address_is_a_file(write, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("10:30.mkv", pictures, 25)
    assert len(list(decode("10:30.mkv"))) == 10


def test_numbers_that_are_no_pixels_are_refused(pictures, tmp_path):
    with pytest.raises(TypeError):
        write_h264(tmp_path / "a.mp4", pictures / 255, 25)


def test_words_of_ffmpeg_reach_the_user(pictures, tmp_path):
    with pytest.raises(InputError, match=r"ffmpeg cannot write it: .*No such file or directory"):
        write_h264(tmp_path / "nowhere" / "a.mp4", pictures, 25)
