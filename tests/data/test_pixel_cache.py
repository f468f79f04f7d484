"""The cache: the second start is instant, entries are whole or absent, and a run goes on without it."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.data.images import ImageSettings, decode
from mien.data.pixel_cache import Decoded, load, save
from mien.types import Dataset, LabelSet, texts

SIZE = ImageSettings(size=16)
GREY = np.full((16, 16), 100, np.uint8)


def listing(*paths: Path) -> Dataset:
    ids = texts([path.name for path in paths])
    raw = np.full(len(ids), "fear")
    return Dataset(ids, np.zeros(len(ids), int), LabelSet(("fear",)), raw, texts([str(path) for path in paths]))


def save_image(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    (tmp_path / "empty.png").touch()
    return listing(*(save_image(tmp_path / f"{n}.png", GREY + n) for n in range(3)), tmp_path / "empty.png")


def test_the_second_time_nothing_is_decoded(data: Dataset, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    first = decode(data, SIZE, tmp_path / "cache", on_event=lambda event: calls.append((event.count, event.total)))
    assert calls == [(4, 4)]
    second = decode(data, SIZE, tmp_path / "cache", on_event=lambda event: calls.append((event.count, event.total)))
    assert len(calls) == 1
    assert isinstance(second.pixels, np.memmap)
    np.testing.assert_array_equal(np.asarray(first.pixels), np.asarray(second.pixels))
    assert first.fingerprint() == second.fingerprint() and first.problems == second.problems
    assert len(second) == 3 and len(second.problems) == 1


def test_changed_files_and_settings_are_read_anew(data: Dataset, tmp_path: Path) -> None:
    before = decode(data, SIZE, tmp_path / "cache")
    save_image(Path(data.paths[0]), 255 - GREY)
    os.utime(data.paths[0], ns=(1, 1))
    after = decode(data, SIZE, tmp_path / "cache")
    assert before.fingerprint() != after.fingerprint()
    assert np.asarray(after.pixels)[0, 0, 0] == 155
    assert decode(data, ImageSettings(24), tmp_path / "cache").pixels.shape == (3, 24, 24)  # type: ignore[union-attr]


def test_a_twin_folder_has_an_entry_of_its_own(tmp_path: Path) -> None:
    found = []
    for folder, value in (("one", 10), ("two", 20)):
        (tmp_path / folder).mkdir()
        path = save_image(tmp_path / folder / "a.png", np.full((16, 16), value, np.uint8))
        os.utime(path, ns=(1, 1))
        found.append((path.stat().st_size, int(decode(listing(path), SIZE, tmp_path / "cache").pictures[0, 0, 0])))
    assert found[0][0] == found[1][0]  # names, sizes and times are equal
    assert [value for _, value in found] == [10, 20]


def test_a_path_written_otherwise_has_the_same_entry(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for paths in (data.paths, texts([Path(path).name for path in data.paths.tolist()])):
        decode(data.replace(paths=paths), SIZE, tmp_path / "cache")
    assert len(list((tmp_path / "cache" / "pixels").iterdir())) == 1


def test_who_is_on_a_picture_is_part_of_the_fingerprint(data: Dataset) -> None:
    ann, bob = (data.replace(groups=np.full(len(data), name)) for name in ("ann", "bob"))
    assert len({data.fingerprint(), ann.fingerprint(), bob.fingerprint()}) == 3


def test_sizes_differ_in_the_fingerprint_though_hashes_do_not(data: Dataset) -> None:
    small, large = (decode(data, ImageSettings(size), keep=False) for size in (16, 24))
    assert np.array_equal(small.hashes, large.hashes)  # type: ignore[arg-type]
    assert small.fingerprint() != large.fingerprint()


def test_a_cache_that_cannot_be_written_is_done_without(data: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = decode(data, SIZE, tmp_path / "file")
    assert len(found) == 3 and found.pixels is not None
    assert [problem.kind for problem in found.problems] == ["no cache", "empty file"]


def test_a_full_disk_is_done_without_the_cache(data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mien.data.pixel_cache._flush", full)
    found = decode(data, SIZE, tmp_path / "cache")
    assert len(found) == 3 and "No space left" in found.problems[0].cause
    assert list((tmp_path / "cache" / "pixels").iterdir()) == []


@pytest.mark.parametrize("file", ["rows.npz", "pixels.npy", "faults.json"])
def test_a_damaged_entry_is_written_anew(data: Dataset, tmp_path: Path, file: str) -> None:
    decode(data, SIZE, tmp_path / "cache")
    (entry,) = (tmp_path / "cache" / "pixels").iterdir()
    (entry / file).write_bytes(b"PK\x03\x04 not what it was")
    assert len(decode(data, SIZE, tmp_path / "cache")) == 3
    assert load(entry) is not None


def test_interrupted_writing_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> object:
        yield Decoded(np.array([0]), GREY[None], texts(["x"]), ())
        raise KeyboardInterrupt

    entry = tmp_path / "pixels" / "key"
    with pytest.raises(KeyboardInterrupt):
        save(entry, broken(), 2, (16, 16))  # type: ignore[arg-type]
    assert load(entry) is None and list((tmp_path / "pixels").iterdir()) == []


def test_two_writers_at_once(tmp_path: Path) -> None:
    batch = Decoded(np.array([0]), GREY[None], texts(["x"]), ())
    entry = tmp_path / "pixels" / "key"

    def while_another_writes() -> object:
        yield batch
        save(entry, [batch], 1, (16, 16))

    kept = save(entry, while_another_writes(), 1, (16, 16))  # type: ignore[arg-type]
    np.testing.assert_array_equal(np.asarray(kept.pixels), GREY[None])
    assert [path.name for path in (tmp_path / "pixels").iterdir()] == ["key"]


def test_what_killed_processes_left_is_removed_in_time(data: Dataset, tmp_path: Path) -> None:
    old, new = (tmp_path / "cache" / "pixels" / f".{name}.12-abcdef.new" for name in ("old", "new"))
    old.mkdir(parents=True)
    new.mkdir()
    os.utime(old, (0, 0))
    decode(data, SIZE, tmp_path / "cache")
    assert not old.exists() and new.exists()


def test_the_folder_is_named_by_the_environment(data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "mine"))
    decode(data, SIZE)
    assert (tmp_path / "mine" / "pixels").is_dir()
