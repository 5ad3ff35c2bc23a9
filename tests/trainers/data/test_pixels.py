"""A picture is learnt from alike, whether PIL reads it from a folder or a Dataset of one's own hands it over."""

from __future__ import annotations

import io
import runpy
from typing import TYPE_CHECKING

import numpy as np
import pytest
from convscape.spaces.architecture import Architecture
from convscape.spaces.layers import Flatten, Linear
from convscape.trainers.data.dataset import load_dataset, split
from convscape.trainers.data.decoding import read_image
from convscape.trainers.data.pixels import is_grey, pixels_of
from convscape.trainers.data.sources import Source
from convscape.trainers.export.pytorch_source import source
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEIGHT, WIDTH = 5, 6


def noise(number: int, channels: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, channels), dtype=np.uint8)


def merged(mode: str) -> Callable[[int], Image.Image]:
    """Pictures of noise in every band."""

    def make(number: int) -> Image.Image:
        bands = Image.new(mode, (1, 1)).getbands()
        return Image.merge(mode, [Image.fromarray(band) for band in np.moveaxis(noise(number, len(bands)), 2, 0)])

    return make


def deep(kind: str) -> Callable[[int], Image.Image]:
    """Pictures of 16 bits, or of 32."""
    return lambda n: Image.fromarray(np.random.default_rng(n).integers(0, 65_536, (HEIGHT, WIDTH)).astype(kind))


def palette(number: int) -> Image.Image:
    """Indices far below the colours they stand for."""
    picture = Image.fromarray(noise(number, 1)[..., 0] % 7, "P")
    picture.putpalette(noise(0, 21)[0, 0].tobytes())
    return picture


def see_through(number: int) -> Image.Image:
    picture = palette(number)
    picture.info["transparency"] = bytes([0, 40, 255])
    return picture


PICTURES: dict[str, tuple[Callable[[int], Image.Image], str]] = {
    "1": (lambda number: Image.fromarray(noise(number, 1)[..., 0] > 128), "png"),
    "L": (lambda number: Image.fromarray(noise(number, 1)[..., 0]), "png"),
    "LA": (merged("LA"), "png"),
    "I;16": (deep("<u2"), "png"),
    "I;16B": (deep(">u2"), "tiff"),
    "I": (deep("<i4"), "tiff"),
    "P": (palette, "png"),
    "P, see-through": (see_through, "png"),
    "PA": (lambda number: palette(number).convert("PA"), "tiff"),
    "RGB": (merged("RGB"), "png"),
    "RGBA": (merged("RGBA"), "png"),
    "CMYK": (merged("CMYK"), "tiff"),
    "YCbCr": (merged("YCbCr"), "tiff"),
    "LAB": (merged("LAB"), "tiff"),
}
"""By mode, how one is made from a number, and a format that keeps it."""


class Handed:
    """A map-style Dataset of pictures in memory, in the order a folder has them."""

    classes = ("cat", "dog")

    def __init__(self, make: Callable[[int], Image.Image]) -> None:
        self.make = make

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return self.make(index), index // 10


def write(folder: Path, make: Callable[[int], Image.Image], ending: str) -> None:
    for number in range(20):
        (folder / Handed.classes[number // 10]).mkdir(exist_ok=True)
        make(number).save(folder / Handed.classes[number // 10] / f"{number:02}.{ending}")


@pytest.mark.parametrize("memory", [None, 1], ids=["kept", "streamed"])
@pytest.mark.parametrize("mode", PICTURES)
def test_a_folder_and_a_dataset_of_ones_own_give_equal_pixels(tmp_path, mine, mode, memory):
    make, ending = PICTURES[mode]
    assert make(0).mode == mode.split(",")[0]
    write(tmp_path, make, ending)
    folder = load_dataset("folder", tmp_path, memory=memory)
    handed = load_dataset(mine(lambda _root: Handed(make)), memory=memory)
    assert folder.input == handed.input == (1 if mode in ("1", "L", "LA", "I;16", "I;16B", "I") else 3, 5, 6)
    assert not folder.skipped
    for part in ("train", "validation", "test"):
        assert np.array_equal(getattr(folder, part).images[:], getattr(handed, part).images[:])
    assert folder.fingerprint == handed.fingerprint


@pytest.mark.parametrize("mode", PICTURES)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_exported_file_reads_a_picture_as_training_did(tmp_path, mode, channels):
    """Resized to another shape, and a grey one for a network of colours, too."""
    make, ending = PICTURES[mode]
    file = tmp_path / f"picture.{ending}"
    make(1).save(file)
    with Image.open(file) as picture:
        if channels == 1 and not is_grey(picture):
            return  # such a network was trained on none
        trained = pixels_of(picture, (4, 4))
    noise_of = Source(
        np.random.default_rng(0).integers(0, 256, (40, channels, 4, 4), np.uint8), np.arange(40) % 2, ("a", "b")
    )
    architecture = Architecture((channels, 4, 4), (Flatten(), Linear(2)), 2)
    (tmp_path / "model.py").write_text(source(architecture, split("noise", noise_of), "a name"))
    read = runpy.run_path(str(tmp_path / "model.py"))["read_image"](str(file))
    assert np.array_equal(read[0], np.broadcast_to(trained, (channels, 4, 4)))


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tiff"])
def test_a_picture_is_turned_upright_in_training_and_in_the_exported_file(tmp_path, ending, turned):
    """Orientations by the EXIF standard: what row 0 and column 0 of the file's pixels are of the scene."""
    scene = np.repeat(np.arange(24, dtype=np.uint8).reshape(6, 4) * 10, 8, axis=0).repeat(8, axis=1)
    lying = {
        1: scene, 2: scene[:, ::-1], 3: scene[::-1, ::-1], 4: scene[::-1], 5: scene.T, 6: scene.T[::-1],
        7: scene.T[::-1, ::-1], 8: scene.T[:, ::-1],
    }[turned]  # fmt: skip
    file, exif = tmp_path / f"picture.{ending}", Image.Exif()
    exif[274] = turned
    options = {"jpg": {"quality": 100}, "webp": {"lossless": True}}.get(ending, {})
    Image.fromarray(np.ascontiguousarray(lying)).save(file, exif=exif, **options)
    upright = read_image(file, None).pixels
    assert upright.shape[1:] == scene.shape
    assert np.abs(upright[0].astype(int) - scene).max() <= (2 if ending == "jpg" else 0)
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 6, 4), np.uint8)
    architecture = Architecture((1, 6, 4), (Flatten(), Linear(2)), 2)
    noise_of = Source(images, np.arange(40) % 2, ("a", "b"))
    (tmp_path / "model.py").write_text(source(architecture, split("noise", noise_of), "a name"))
    found = runpy.run_path(str(tmp_path / "model.py"))["read_image"](str(file))
    assert np.abs(found[0, 0].numpy().astype(int) - scene[::8, ::8]).max() < 10


def channels_last(mode: str) -> np.ndarray:
    return pixels_of(PICTURES[mode][0](3)).transpose(1, 2, 0)


def test_what_the_pixels_are():
    """By the definition of each mode: alpha is dropped, of 16 bits the upper 8 stay, a palette is looked up in."""
    indices, colours = noise(3, 1)[..., 0] % 7, noise(0, 21)[0, 0].reshape(7, 3)
    for mode in ("P", "P, see-through", "PA"):
        assert np.array_equal(channels_last(mode), colours[indices])
    assert np.array_equal(channels_last("RGBA"), noise(3, 4)[..., :3])
    assert np.array_equal(channels_last("LA"), noise(3, 2)[..., :1])
    assert np.array_equal(channels_last("1"), np.where(noise(3, 1) > 128, 255, 0))
    for mode in ("I;16", "I;16B", "I"):
        values = np.random.default_rng(3).integers(0, 65_536, (HEIGHT, WIDTH, 1))
        assert np.array_equal(channels_last(mode), values >> 8)


def test_a_picture_is_left_as_it_was():
    for make, _ in PICTURES.values():
        picture = make(0)
        before = (picture.mode, picture.size, picture.tobytes(), dict(picture.info))
        pixels_of(picture, (3, 3))
        assert (picture.mode, picture.size, picture.tobytes(), dict(picture.info)) == before


@pytest.mark.parametrize("memory", [None, 1], ids=["kept", "streamed"])
def test_a_damaged_file_that_a_dataset_opens_without_reading_it_is_skipped(tmp_path, mine, memory):
    """PIL reads pixels when they are first asked for, which is after the Dataset has handed the picture over."""
    write(tmp_path, *PICTURES["RGB"])
    damaged = tmp_path / "cat" / "07.png"
    damaged.write_bytes(damaged.read_bytes()[:90])
    files = [file.read_bytes() for file in sorted(tmp_path.glob("*/*.png"))]
    data = load_dataset(mine(lambda _root: Handed(lambda number: Image.open(io.BytesIO(files[number])))), memory=memory)
    assert [entry.split(": ")[0] for entry in data.skipped] == ["image 7"]
