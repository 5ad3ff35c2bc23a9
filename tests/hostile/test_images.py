"""Files among the images that are no images, or far larger than they look."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import sys
import threading
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from convscape.spaces import DataError
from convscape.tests.hostile.mutations import changed_bytes
from convscape.trainers.data import decoding
from convscape.trainers.data.dataset import load_dataset
from convscape.trainers.data.decoding import read_head, read_image
from convscape.trainers.data.folder import Files
from convscape.trainers.data.room import MOST_BYTES, UNIT, Room
from PIL import Image


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ten small images in each of two classes."""
    random = np.random.default_rng(0)
    for label in ("cats", "dogs"):
        (tmp_path / label).mkdir()
        for number in range(10):
            pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / label / f"{number}.png")
    return tmp_path


def test_a_pipe_is_skipped_and_named(root: Path) -> None:
    os.mkfifo(root / "cats" / "pipe.png")
    assert any("pipe.png: it is no file" in said for said in load_dataset("folder", root).skipped)


@pytest.mark.parametrize("memory", [1 << 30, 1])
def test_links_are_followed_and_loops_are_named(
    root: Path, tmp_path_factory: pytest.TempPathFactory, memory: int
) -> None:
    elsewhere = tmp_path_factory.mktemp("disk")
    Image.fromarray(np.zeros((8, 8, 3), dtype=np.uint8)).save(elsewhere / "linked.png")
    (root / "cats" / "more").symlink_to(elsewhere)
    (root / "cats" / "one.png").symlink_to(elsewhere / "linked.png")
    (root / "dogs" / "again").symlink_to(root / "dogs")
    (root / "dogs" / "nowhere.png").symlink_to(root / "no such file")
    (root / "dogs" / "loop.png").symlink_to("loop.png")
    (root / "dogs" / "loop").symlink_to("loop")
    (root / "birds").symlink_to("birds")
    found = load_dataset("folder", root, memory=memory)
    assert sum(len(part) for part in (found.train, found.validation, found.test)) == 22
    assert found.classes == ("cats", "dogs")
    for name, said in (("again", f"is the folder {root / 'dogs'}"), ("nowhere.png", "No such"), ("loop.png", "levels")):
        assert any(f"{name}: " in line and said in line for line in found.skipped), found.skipped


def test_a_folder_is_read_once_however_many_links_lead_to_it(root: Path) -> None:
    (root / "cats" / "0").mkdir()
    for number in range(40):
        for way in ("left", "right"):
            (root / "cats" / str(number) / way).symlink_to(f"../{number + 1}")
        (root / "cats" / str(number + 1)).mkdir()
    Image.new("RGB", (8, 8)).save(root / "cats" / "40" / "last.png")
    files = Files(root, ["cats", "dogs"], None)
    assert len(files) == 21
    assert len(files.passed_over) == 80


def test_folders_may_be_deep_and_unreadable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "cats")
    for _ in range(2_500):  # the last of them have paths longer than the system takes
        Path("d").mkdir()
        os.chdir("d")
    try:
        files = Files(root, ["cats", "dogs"], None)
    finally:  # nobody else gets so far down
        for _ in range(2_500):
            os.chdir("..")
            Path("d").rmdir()
    assert len(files) == 20
    assert "File name too long" in files.passed_over[0]


def test_a_root_that_cannot_be_looked_at_is_an_error_for_people(root: Path) -> None:
    for place in (root / ("d/" * 3_000), "~nosuchuser/x", "a\0b", root / "cats" / "0.png"):
        with pytest.raises(DataError, match="there is no folder"):
            load_dataset("folder", place)


LARGE = """
import resource, sys
from pathlib import Path
from convscape.trainers.data.dataset import load_dataset
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = load_dataset("folder", Path(sys.argv[1]), size=16)
print(len(found.skipped), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "mode", "ending", "skipped"),
    [
        (13_300, "1", "png", 0), (13_400, "1", "png", 3), (8_000, "RGB", "png", 0), (8_000, "I;16", "png", 0),
        (8_000, "P", "png", 0), (8_000, "RGBA", "png", 3), (5_000, "RGB", "webp", 0), (6_000, "RGB", "webp", 3),
        (6_000, "RGB", "heic", 0), (6_500, "RGB", "heic", 3),
    ],
)  # fmt: skip
def test_pictures_of_many_pixels_keep_to_a_bound(root: Path, side: int, mode: str, ending: str, skipped: int) -> None:
    assert decoding.formats()  # PIL writes HEIC as well from now on
    first = root / "cats" / f"large0.{ending}"
    Image.new(mode, (side, side)).save(first, lossless=True)
    for number in (1, 2):  # to encode takes longest
        shutil.copy(first, first.with_stem(f"large{number}"))
    said = subprocess.run([sys.executable, "-c", LARGE, root], check=True, capture_output=True, text=True)
    count, megabytes = map(int, said.stdout.split())
    assert count == skipped
    assert megabytes < 500


def test_a_large_jpeg_is_decoded_small(root: Path) -> None:
    path = root / "photo.jpg"
    Image.new("RGB", (10_000, 8_000), (200, 10, 10)).save(path)
    assert read_head(path) == (80_000_000, 3)
    found = read_image(path, (16, 16))
    assert not isinstance(found, str)
    assert found.shape == (3, 16, 16)
    assert "no more than" in str(read_image(path, None))


def test_what_a_decoder_keeps_counts(root: Path) -> None:
    path = root / "photo.jpg"
    Image.new("RGB", (9_300, 9_300)).save(path, progressive=True, subsampling=0)  # half a gigabyte of coefficients
    assert "no more than" in str(read_image(path, (16, 16)))
    path = root / "tiles.tif"
    # 8 x 8 pixels of grey, deflated, in one tile of 20,000 x 20,000
    tags = {256: 8, 257: 8, 258: 8, 259: 8, 262: 1, 277: 1, 322: 20_000, 323: 20_000, 324: 200, 325: 9}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(100))
    assert read_head(path) == (64, 1)
    assert "no more than" in str(read_image(path, (16, 16)))


def test_a_huge_file_is_not_read(root: Path) -> None:
    path = root / "cats" / "huge.webp"
    with path.open("wb") as file:
        file.write(b"RIFF\xff\xff\xff\x7fWEBPVP8 ")
        file.truncate(MOST_BYTES + 1)
    assert "no more than" in str(read_image(path, (16, 16)))


@pytest.mark.parametrize(("ending", "kind"), [("png", "EPS"), ("jpg", "ICO"), ("tif", "GIF"), ("png", "PDF")])
def test_nothing_but_the_formats_that_are_named_is_opened(root: Path, ending: str, kind: str) -> None:
    """PIL starts Ghostscript on what begins as an EPS, and what an ICO holds may be larger than it says."""
    path = root / "cats" / f"picture.{ending}"
    Image.new("RGB", (32, 32)).save(path, kind)
    assert read_head(path) is None
    assert "cannot identify" in str(read_image(path, (16, 16)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "CMYK", "RGBA", "I;16", "1"])
@pytest.mark.parametrize("kind", decoding.formats())
def test_damaged_pictures_are_skipped_with_a_reason(tmp_path: Path, kind: str, mode: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    whole, path = io.BytesIO(), tmp_path / "picture"
    try:
        picture = Image.fromarray(noise)
        picture = Image.new(mode, (24, 24)) if mode == "I;16" else picture.convert(mode)
        picture.save(whole, kind)
    except (OSError, ValueError):
        pytest.skip(f"a {kind} has no {mode}")
    for seed in range(300):
        path.write_bytes(changed_bytes(whole.getvalue(), Random(seed)))  # noqa: S311
        for size in ((8, 8), None):
            found = read_image(path, size)
            assert found if isinstance(found, str) else found.pixels.dtype == np.uint8
        read_head(path)


def decode(room: Room, parts: tuple[int, ...], inside: list[int], lock: threading.Lock) -> None:
    for units in parts:
        with room.of(units * UNIT):
            with lock:
                inside[0] += min(units, 10)
                inside[1] = max(inside[0], inside[1])
            with lock:
                inside[0] -= min(units, 10)


def test_room_is_for_so_many_bytes_or_for_one_alone() -> None:
    room, inside, lock = Room(10 * UNIT), [0, 0], threading.Lock()
    parts = (4, 6, 3, 9, 1, 12, 5, 5) * 5
    threads = [threading.Thread(target=decode, args=(room, parts, inside, lock)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert 0 < inside[1] <= 10


def test_processes_share_their_room() -> None:
    context = get_context("fork")
    room, inside, lock = Room(10 * UNIT, context), context.Array("l", 2, lock=False), context.Lock()
    parts = (4, 6, 3, 9, 1, 12, 5, 5) * 5
    processes = [context.Process(target=decode, args=(room, parts, inside, lock)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert 0 < inside[1] <= 10


def test_the_processes_that_look_through_a_folder_share_theirs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entered = get_context("fork").Value("l", 0)

    class Counted(Room):
        def of(self, needed: int) -> Any:
            with entered.get_lock():
                entered.value += 1
            return super().of(needed)

    monkeypatch.setattr("convscape.trainers.data.room.Room", Counted)
    assert load_dataset("folder", root, memory=1).streamed
    assert entered.value == 20


def test_a_jpeg_of_too_many_scans_is_skipped(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((64, 64), dtype=np.uint8)).save(tmp_path / "a.jpg", progressive=True)
    whole = (tmp_path / "a.jpg").read_bytes()
    assert not isinstance(read_image(tmp_path / "a.jpg", None), str)
    last = whole.rindex(b"\xff\xda")
    (tmp_path / "a.jpg").write_bytes(whole[:-2] + whole[last:-2] * 1_000 + whole[-2:])
    assert "scans" in str(read_image(tmp_path / "a.jpg", (16, 16)))


def test_scans_of_any_jpeg_are_counted_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    Image.fromarray(np.zeros((64, 64), dtype=np.uint8)).save(file)
    whole = file.read_bytes()
    first = whole.index(b"\xff\xda")
    file.write_bytes(whole[:-2] + whole[first:-2] * 1_000 + whole[-2:])
    assert "scans" in str(read_image(file, (16, 16)))
    said = b"\xff\xfe\xff\xff" + b"\xff\xda" * 32_766 + b"\0"  # a comment
    file.write_bytes(whole[:2] + said + whole[2:] + b"\xff\xda" * 1_000)
    assert not isinstance(read_image(file, (16, 16)), str)
