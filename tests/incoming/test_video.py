"""Frames of videos: their times, their names, their pixels; and what is wrong with a file."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from moving_faces import Pixels, write_video

from mien.incoming import video
from mien.incoming.item import OK, UNREADABLE, Item
from mien.incoming.video import count_in, is_video, items_in, reader_of

av = pytest.importorskip("av")


def frame(brightness: int = 0, width: int = 64, height: int = 48) -> Pixels:
    """Grey, with a red corner at the upper left."""
    pixels = np.full((height, width, 3), brightness, np.uint8)
    pixels[: height // 4, : width // 4] = (230, 0, 0)
    return pixels


def clip(path: Path, count: int = 10, codec: str = "mpeg4", **how: object) -> Path:
    """A video of which each frame is brighter than the one before."""
    return write_video(path, (frame(20 * number % 240) for number in range(count)), codec=codec, **how)  # type: ignore[arg-type]


def times(items: list[Item]) -> list[float | None]:
    return [item.seconds for item in items if item.status == OK]


class TestFrames:
    def test_times_names_and_pixels(self, tmp_path: Path) -> None:
        path = clip(tmp_path / "clip.mp4")
        items = list(items_in(path))
        assert [item.id for item in items] == [f"{path}#t={number / 10:.3f}" for number in range(10)]
        assert all(item.file == str(path) and item.status == OK for item in items)
        for number, item in enumerate(items):
            assert isinstance(item.image, np.ndarray) and item.image.shape == (48, 64, 3)
            assert item.image[30:, 30:].mean() == pytest.approx(20 * number, abs=6)
            assert item.image[3, 3, 0] > 180 > 80 > item.image[3, 3, 2]

    @pytest.mark.parametrize(
        ("name", "codec"),
        [("a.mkv", "mpeg4"), ("a.avi", "mpeg4"), ("a.webm", "libvpx"), ("a.ts", "mpeg2video"), ("a.mpg", "mpeg2video"),
         ("a.flv", "flv"), ("a.wmv", "wmv2"), ("a.mov", "libx264")],
    )  # fmt: skip
    def test_formats_are_recognised_by_content(self, name: str, codec: str, tmp_path: Path) -> None:
        nameless = tmp_path / "video"
        nameless.write_bytes(clip(tmp_path / name, 30, codec, rate=25).read_bytes())
        assert is_video(nameless)
        items = list(items_in(nameless))
        assert [item.status for item in items] == [OK] * 30
        assert times(items) == pytest.approx([number / 25 for number in range(30)], abs=0.0011)

    def test_frames_that_are_not_evenly_spaced(self, tmp_path: Path) -> None:
        spaced = [0, 40, 1000, 1001, 2500]
        items = list(items_in(clip(tmp_path / "a.mkv", 5, times=spaced)))
        assert times(items) == [value / 1000 for value in spaced]

    def test_a_video_that_begins_late_begins_at_zero(self, tmp_path: Path) -> None:
        items = list(items_in(clip(tmp_path / "a.mkv", 3, times=[5000, 5100, 5300])))
        assert times(items) == [0, 0.1, 0.3]

    def test_one_frame_of_each_so_many_seconds(self, tmp_path: Path) -> None:
        path = clip(tmp_path / "a.mp4", 50, rate=25)
        assert times(list(items_in(path, 0.5))) == [0, 0.52, 1, 1.52] or times(list(items_in(path, 0.5))) == [
            0, 0.48, 1, 1.48,
        ]  # fmt: skip
        assert times(list(items_in(path, 0.2))) == pytest.approx([number / 5 for number in range(10)])
        assert times(list(items_in(path, 0.04))) == times(list(items_in(path))) and len(list(items_in(path, 60))) == 1
        uneven = clip(tmp_path / "b.mkv", 6, times=[0, 40, 900, 2600, 2640, 3100])
        assert times(list(items_in(uneven, 1.0))) == [0, 2.6, 3.1]

    def test_names_are_unique_at_high_rates(self, tmp_path: Path) -> None:
        names = [item.id for item in items_in(clip(tmp_path / "a.mp4", 50, "libx264", rate=2000))]
        assert len(set(names)) == 50 and names[1].endswith("#t=0.000500")

    @pytest.mark.parametrize(
        ("matrix", "corner", "shape"),
        [
            ((0, 1, -1, 0), (0, -1), (64, 48)),  # by a quarter, clockwise: the corner is at the upper right
            ((-1, 0, 0, -1), (-1, -1), (48, 64)),
            ((0, -1, 1, 0), (-1, 0), (64, 48)),
            ((-1, 0, 0, 1), (0, -1), (48, 64)),  # a mirror image
        ],
    )
    def test_frames_are_turned_as_the_file_says(
        self, matrix: tuple[int, ...], corner: tuple[int, int], shape: tuple[int, int], tmp_path: Path
    ) -> None:
        """The matrix of ISO 14496-12, 8.3.2: (x, y) is shown at (ax + cy, bx + dy)."""
        path = clip(tmp_path / "a.mp4", 2)
        data = bytearray(path.read_bytes())
        place = data.find(b"tkhd") + 44
        a, b, c, d = (value * 65536 for value in matrix)
        data[place : place + 24] = struct.pack(">6i", a, b, 0, c, d, 0)
        path.write_bytes(data)
        image = next(iter(items_in(path))).image
        assert isinstance(image, np.ndarray) and image.shape[:2] == shape
        row, column = (index * 3 if index == 0 else -3 for index in corner)
        assert image[row, column, 0] > 180 and image[shape[0] // 2, shape[1] // 2, 0] < 80

    def test_the_number_of_frames_is_known_beforehand(self, tmp_path: Path) -> None:
        path = clip(tmp_path / "a.mp4", 20)
        assert count_in(path) == 20 and count_in(path, 0.5) in (4, 5)
        (tmp_path / "b.mp4").write_text("#EXTM3U\nhttp://127.0.0.1:9/a.ts")
        assert count_in(tmp_path / "b.mp4") is None

    def test_frames_are_decoded_as_they_are_asked_for(self, tmp_path: Path) -> None:
        items = items_in(clip(tmp_path / "a.mp4", 100))
        assert next(items).seconds == 0
        items.close()  # type: ignore[attr-defined]


class TestFaults:
    def test_a_video_that_is_cut_gives_the_frames_before(self, tmp_path: Path) -> None:
        whole = clip(tmp_path / "a.mkv", 60).read_bytes()
        (tmp_path / "a.mkv").write_bytes(whole[: len(whole) // 2])
        *frames, last = items_in(tmp_path / "a.mkv")
        assert len(frames) > 10 and all(item.status == OK for item in frames)
        assert last.status == UNREADABLE and last.id == str(tmp_path / "a.mkv")
        assert last.problem and "of 5.9 seconds" in last.problem.cause.replace("6.0", "5.9")

    def test_a_video_that_is_cut_before_its_table_of_contents(self, tmp_path: Path) -> None:
        whole = clip(tmp_path / "a.mp4", 60).read_bytes()
        (tmp_path / "a.mp4").write_bytes(whole[: len(whole) // 2])
        [item] = items_in(tmp_path / "a.mp4")
        assert item.status == UNREADABLE and item.problem and item.problem.remedy

    def test_the_table_of_contents_may_come_first(self, tmp_path: Path) -> None:
        path = clip(tmp_path / "a.mp4", 60, options={"movflags": "faststart"})
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        *frames, last = items_in(path)
        assert len(frames) > 5 and last.status == UNREADABLE

    @pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.avi", "a.ts", "a.flv"])
    @pytest.mark.parametrize("seed", range(3))
    def test_damage_is_no_error(self, name: str, seed: int, tmp_path: Path) -> None:
        """Any bytes may be wrong: there are frames, or a row that says why not, and names are unique."""
        codec = {"a.ts": "mpeg2video", "a.flv": "flv"}.get(name, "mpeg4")
        data = np.frombuffer(clip(tmp_path / name, 40, codec, rate=25).read_bytes(), np.uint8).copy()
        random = np.random.default_rng(seed)
        places = random.integers(0, len(data), len(data) // 50)
        data[places] = random.integers(0, 256, len(places))
        (tmp_path / name).write_bytes(data.tobytes())
        items = list(items_in(tmp_path / name))
        assert items and len({item.id for item in items}) == len(items)
        assert all((item.image is None) == (item.status == UNREADABLE) for item in items)

    def test_what_is_no_video(self, tmp_path: Path) -> None:
        (tmp_path / "empty.mp4").touch()
        (tmp_path / "text.mp4").write_text("no video")
        for name, words in (("empty.mp4", "0 bytes"), ("text.mp4", "no known video"), ("gone.mp4", "does not exist")):
            [item] = items_in(tmp_path / name)
            assert item.status == UNREADABLE and item.problem and words in item.problem.cause

    def test_sound_alone_and_covers_of_music_are_no_video(self, tmp_path: Path) -> None:
        path = tmp_path / "sound.mkv"
        with av.open(str(path), "w") as out:
            stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            sound.sample_rate = 8000
            out.mux(stream.encode(sound))
            out.mux(stream.encode())
        [item] = items_in(path)
        assert item.problem and "no moving pictures" in item.problem.cause

    def test_large_frames_are_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(video, "LIMIT", 1000)
        [item] = items_in(clip(tmp_path / "a.mp4"))
        assert item.problem and "64 × 48" in item.problem.cause

    def test_a_missing_package_names_its_extra(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from mien.errors import MissingExtraError

        monkeypatch.setitem(__import__("sys").modules, "av", None)
        with pytest.raises(MissingExtraError, match=r"mien\[video\]"):
            next(items_in(tmp_path / "a.mp4"))


class TestSafety:
    """Formats that name other files are not videos: only readers of known content are used."""

    @pytest.mark.parametrize(
        "text",
        ["#EXTM3U\n#EXTINF:1\nhttp://127.0.0.1:9/a.ts\n", "ffconcat version 1.0\nfile '/etc/passwd'\n", "v=0\no=- 0 0"],
    )
    def test_playlists_are_not_opened(self, text: str, tmp_path: Path) -> None:
        path = tmp_path / "list.mp4"
        path.write_text(text)
        [item] = items_in(path)
        assert item.problem and "no known video format" in item.problem.cause

    def test_pictures_and_texts_are_no_videos(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
        (tmp_path / "b.txt").write_text("GG")
        heif = (24).to_bytes(4, "big") + b"ftypheic" + bytes(4) + b"mif1heic"
        (tmp_path / "c.heic").write_bytes(heif)
        assert not any(is_video(path) for path in [*tmp_path.iterdir(), tmp_path, tmp_path / "gone"])
        assert is_video(tmp_path / "gone.MP4") and reader_of(heif) == "" and reader_of(b"") == ""

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
    def test_a_pipe_does_not_block(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.mp4")
        [item] = items_in(tmp_path / "pipe.mp4")
        assert item.status == UNREADABLE
