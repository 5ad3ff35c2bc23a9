"""HEIC, as phones write it: read where pillow-heif is installed, counted with a remedy where it is not."""

from __future__ import annotations

import runpy
import struct
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from convscape.spaces.architecture import Architecture
from convscape.spaces.layers import Flatten, Linear
from convscape.trainers.data.dataset import load_dataset
from convscape.trainers.data.decoding import formats, read_head, read_image
from convscape.trainers.export.pytorch_source import source
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("pillow_heif")
SCENE = np.repeat(np.arange(24, dtype=np.uint8).reshape(6, 4) * 10, 16, axis=0).repeat(16, axis=1)
"""An upright picture of 96 x 64 pixels, darkest at the top left."""


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Python finds no pillow-heif."""
    formats.cache_clear()
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    yield
    formats.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of ten pictures in colour, every other one HEIC."""
    assert "HEIF" in formats()
    for number in range(20):
        noise = np.random.default_rng(number).integers(0, 256, (6, 4, 3), dtype=np.uint8)
        picture = Image.fromarray(noise.repeat(16, axis=0).repeat(16, axis=1))
        (tmp_path / "ab"[number // 10]).mkdir(exist_ok=True)
        picture.save(tmp_path / "ab"[number // 10] / f"{number:02}.{('png', 'HEIC')[number % 2]}", quality=95)
    return tmp_path


def exported(root: Path, shape: tuple[int, int, int]) -> Path:
    data = load_dataset("digits", size=shape[1:])
    network = Architecture(shape, (Flatten(), Linear(10)), 10)
    (root / "model.py").write_text(source(network, data, "a name"))
    return root / "model.py"


@pytest.mark.parametrize("memory", [None, 1], ids=["kept", "streamed"])
def test_heic_lies_among_other_pictures(folder: Path, memory: int | None) -> None:
    data = load_dataset("folder", folder, size=(12, 8), memory=memory)
    assert data.skipped == ()
    assert len(data.train) + len(data.validation) + len(data.test) == 20
    read = runpy.run_path(str(exported(folder, (3, 12, 8))))["read_image"]
    for file in sorted(folder.glob("?/*")):
        ours = read_image(file, (12, 8), "stretch")
        assert not isinstance(ours, str)
        assert ours.original == (96, 64)
        assert np.array_equal(read(str(file))[0], ours.pixels)


def test_without_pillow_heif_such_files_are_counted_and_the_remedy_is_named(folder: Path, absent: None) -> None:
    data = load_dataset("folder", folder)
    assert data.skipped == (f"{folder}: 10 files with .heic (`pip install pillow-heif` has such files read)",)
    (folder / "a" / "01.HEIC").rename(folder / "a" / "01.jpg")  # as phones and chats call them
    said = read_image(folder / "a" / "01.jpg", None)
    assert said == "is a HEIC picture: `pip install pillow-heif` has such files read"
    model = runpy.run_path(str(exported(folder, (3, 12, 8))))
    with pytest.raises(Exception, match="cannot identify"):
        model["read_image"](str(folder / "a" / "03.HEIC"))


@pytest.mark.parametrize("turned", range(1, 9))
def test_heic_is_turned_upright_once(tmp_path: Path, turned: int) -> None:
    """The container itself says how it lies, in `irot` and `imir`; the EXIF data that a phone adds says it again."""
    lying = {
        1: SCENE, 2: SCENE[:, ::-1], 3: SCENE[::-1, ::-1], 4: SCENE[::-1], 5: SCENE.T, 6: SCENE.T[::-1],
        7: SCENE.T[::-1, ::-1], 8: SCENE.T[:, ::-1],
    }[turned]  # fmt: skip
    assert "HEIF" in formats()
    exif = Image.Exif()
    exif[274] = turned
    Image.fromarray(np.ascontiguousarray(lying)).save(tmp_path / "a.heic", exif=exif.tobytes(), quality=100)
    upright = read_image(tmp_path / "a.heic", None)
    assert not isinstance(upright, str)
    assert upright.original == upright.shape[1:] == SCENE.shape
    assert np.abs(upright.pixels[0].astype(int) - SCENE).max() < 12
    read = runpy.run_path(str(exported(tmp_path, (1, 6, 4))))["read_image"]
    assert np.abs(read(str(tmp_path / "a.heic"))[0, 0].numpy().astype(int) - SCENE[::16, ::16]).max() < 12


def test_heic_of_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    assert "HEIF" in formats()
    path = tmp_path / "large.heic"
    Image.new("RGB", (256, 256)).save(path)
    whole = path.read_bytes()
    at = whole.index(b"ispe") + 8
    assert struct.unpack(">II", whole[at : at + 8]) == (256, 256)
    path.write_bytes(whole[:at] + struct.pack(">II", 9_000, 9_000) + whole[at + 8 :])
    assert read_head(path) == (81_000_000, 3)
    assert "no more than" in str(read_image(path, (16, 16)))
    path.write_bytes(whole[:at] + struct.pack(">II", 64, 64) + whole[at + 8 :])  # smaller than what it holds
    assert "size" in str(read_image(path, (16, 16)))


def test_damaged_heic_is_skipped_with_a_reason(folder: Path) -> None:
    path = folder / "a" / "01.HEIC"
    path.write_bytes(path.read_bytes()[:-200])
    (folder / "b" / "11.HEIC").write_bytes(b"")
    data = load_dataset("folder", folder)
    assert len(data.skipped) == 2
    assert all(path.name in said for path, said in zip(sorted(folder.glob("?/?1.HEIC")), data.skipped, strict=True))
