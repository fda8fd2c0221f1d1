"""What probe says of good files, and the sentence for every kind of bad one."""

from __future__ import annotations

import socket
import struct
import subprocess
import wave
import zlib
from fractions import Fraction

import av
import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from vidsal.errors import DamagedVideo, InputError
from vidsal.video.decode import decode
from vidsal.video.probe import probe, rate, sha256
from vidsal.video.trim import trim


def test_a_file_is_described(kind, films):
    info = probe(kind("h264_b_open_gop"))
    assert (info.codec, info.pixel_format, info.stream) == ("h264", "yuv420p", 0)
    assert info.size == films.SIZE
    assert (info.fps, info.frames_header, info.duration) == (25, films.COUNT, films.COUNT / 25)
    assert (info.rotation, info.sar, info.interlaced) == (0, "1:1", False)


def test_a_folder_of_frames_is_described(frame_folder, films):
    info = probe(frame_folder, fps=29.97)
    assert (info.codec, info.size, info.frames_header) == ("png", films.SIZE, 12)
    assert info.fps == Fraction(2997, 100)
    assert probe(frame_folder).fps == 25


def test_pixel_shape_and_interlacing_are_recorded(films, tmp_path):
    wide = films.encode(tmp_path / "wide.mp4", "libx264", "yuv420p", films.X264, sar=Fraction(2))
    assert probe(wide).sar == "2:1"
    options = {"flags": "+ildct+ilme", "field_order": "tt", "x264-params": "interlaced=1"}
    assert probe(films.encode(tmp_path / "i.mkv", "libx264", "yuv420p", options)).interlaced


def test_the_stream_with_most_pixels_is_chosen(films, tmp_path):
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as file:
        sizes = [(32, 96), (64, 96), (64, 96)]
        streams = [file.add_stream("ffv1", rate=25) for _ in sizes]
        for stream, size in zip(streams, sizes, strict=True):
            stream.height, stream.width = size
            stream.pix_fmt = "yuv420p"
        for stream, size in zip(streams, sizes, strict=True):
            frame = av.VideoFrame.from_ndarray(films.picture(1, size), format="rgb24")
            file.mux(stream.encode(frame))
            file.mux(stream.encode())
    assert (probe(path).stream, probe(path).video_streams) == (1, 3)


def _zero_bytes(path):
    path.write_bytes(b"")


def _web_page(path):
    path.write_text("\n  <!DOCTYPE html><html><body>404 not found</body></html>")


def _plain_html(path):
    path.write_text("<HTML><head></head></HTML>")


def _not_a_video(path):
    path.write_bytes(bytes(np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)))


def _sound_only(path):
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\1" * 4000)


def _missing(path):
    pass


def _empty_folder(path):
    path.mkdir()


BAD = {
    "0 bytes": _zero_bytes,
    "it is a web page": _web_page,
    "web page saved under a video's name": _plain_html,
    "no video that FFmpeg can open": _not_a_video,
    "has no video stream": _sound_only,
    "there is no such file": _missing,
    "holds no pictures": _empty_folder,
}


@pytest.mark.parametrize("sentence", BAD)
@pytest.mark.parametrize("reader", ["probe", "decode", "trim"])
def test_a_bad_file_gets_one_sentence(sentence, reader, tmp_path):
    path = tmp_path / "clip.mp4"
    BAD[sentence](path)
    out = tmp_path / "out.mkv"
    read = {"probe": probe, "decode": lambda p: list(decode(p)), "trim": lambda p: trim(p, out)}
    with pytest.raises(DamagedVideo) as caught:
        read[reader](path)
    text = str(caught.value)
    assert sentence in text
    assert str(path) in text
    assert "\n" not in text
    assert not out.exists()


def test_a_gif_that_claims_to_be_huge_is_refused(kind, tmp_path):
    data = bytearray(kind("gif").read_bytes())
    data[6:10] = (16000).to_bytes(2, "little") * 2
    (tmp_path / "huge.gif").write_bytes(data)
    with pytest.raises(DamagedVideo, match="claims a picture of 16000x16000 px"):
        probe(tmp_path / "huge.gif")


def test_a_picture_that_claims_to_be_huge_is_refused(films, tmp_path):
    data = bytearray(cv2.imencode(".png", films.picture(0))[1].tobytes())
    data[16:24] = (16000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "huge.png").write_bytes(data)
    with pytest.raises(DamagedVideo, match="not one of its 1 pictures can be read"):
        probe(tmp_path / "huge.png")


def test_a_png_chunk_that_claims_to_be_huge_is_not_believed(films, tmp_path, monkeypatch):
    data = bytearray(cv2.imencode(".png", films.picture(0))[1].tobytes())
    place = data.index(b"IDAT") - 4
    data[place : place + 4] = (2**31 - 1).to_bytes(4, "big")
    (tmp_path / "huge.png").write_bytes(data)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("2 GiB would be set aside"))
    with pytest.raises(DamagedVideo, match="not one of its 1 pictures can be read"):
        probe(tmp_path / "huge.png")


@pytest.mark.parametrize("tag", ["00:00:02.4x", "2.4", "0\x7f:00:02.4", "", "-1:00:00.0"])
def test_a_duration_that_is_none_is_not_believed(kind, tag, tmp_path):
    path, whole = tmp_path / "odd.webm", kind("vp9")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", whole, "-c", "copy"]
    subprocess.run([*command, path], check=True)
    data = path.read_bytes()
    stated = b"00:00:02.400000000"
    assert stated in data
    path.write_bytes(data.replace(stated, tag.encode().ljust(len(stated), b"\0")))
    assert probe(path).duration == probe(whole).duration == pytest.approx(2.4)


def test_boxes_that_claim_to_be_huge_are_not_followed(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(struct.pack(">I4sQ", 1, b"ftyp", 2**63 + 5) + bytes(50))
    with pytest.raises(DamagedVideo, match=r"moov atom|FFmpeg can open"):
        probe(path)


def test_a_playlist_fetches_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:9", "#EXTINF:9,", address, "#EXT-X-ENDLIST", ""]
        (tmp_path / "clip.m3u8").write_text("\n".join(lines))
        with pytest.raises(DamagedVideo):
            probe(tmp_path / "clip.m3u8")
        with pytest.raises(TimeoutError):
            server.accept()


def test_an_mp4_without_index_is_named_as_such(kind, tmp_path):
    data = kind("h264_b_open_gop").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(DamagedVideo, match="moov atom"):
        probe(cut)


def test_a_video_without_frames_is_refused(kind, tmp_path):
    whole = kind("mjpeg").read_bytes()
    start = whole.index(b"movi") + 4
    empty = tmp_path / "empty.avi"
    empty.write_bytes(whole[:start])
    with pytest.raises(DamagedVideo, match=r"not one frame can be decoded|FFmpeg can open"):
        probe(empty)


def test_sound_with_a_cover_picture_is_no_video(tmp_path, films):
    cover = tmp_path / "cover.png"
    films.encode(tmp_path / "one.mov", "png", "rgb24", count=1)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error"]
    subprocess.run([*command, "-i", tmp_path / "one.mov", cover], check=True)
    song = tmp_path / "song.m4a"
    sound = ["-f", "lavfi", "-i", "sine=d=0.2", "-i", cover, "-map", "0", "-map", "1"]
    last = ["-c:v", "copy", "-disposition:v:0", "attached_pic", song]
    subprocess.run([*command, *sound, *last], check=True)
    with pytest.raises(DamagedVideo, match="no video stream"):
        probe(song)


def test_the_digest_of_a_folder_is_that_of_its_pictures_in_natural_order(frame_folder):
    import hashlib

    files = [frame_folder / f"frame{number}.png" for number in range(12)]
    joined = b"".join(file.read_bytes() for file in files)
    assert sha256(frame_folder) == hashlib.sha256(joined).hexdigest()


@pytest.mark.parametrize("bad", ["fast", 0, -25, "1/0"])
def test_a_rate_that_is_none_is_refused(bad):
    with pytest.raises(InputError, match="fps"):
        rate(bad)


def test_the_two_streams_of_a_real_file(shared):
    info = probe(shared / "data/videos/misc/nasa_13013.mp4")
    assert (info.stream, info.video_streams) == (3, 2)
    assert (info.size, info.frames_header) == ((270, 480), 390)
    assert info.fps == Fraction(30000, 1001)


def test_anamorphic_pixels_of_a_real_file(shared):
    assert probe(shared / "data/videos/kinetics/arm_wrestling_mmaction2_demo.mp4").sar == "64:51"
