"""Every mode that PIL knows: what becomes of such a picture, and that the exported file treats it alike."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

import numpy as np
import pytest
from convscape.spaces import DataError
from convscape.spaces.architecture import Architecture
from convscape.spaces.layers import Flatten, Linear
from convscape.trainers.data.dataset import load_dataset
from convscape.trainers.data.decoding import read_image
from convscape.trainers.data.pixels import pixels_of
from convscape.trainers.export.pytorch_source import source
from PIL import Image, ImageMode

if TYPE_CHECKING:
    from pathlib import Path

GREY, COLOUR = 1, 3
BECOMES: dict[str, int | str] = {
    "1": GREY, "L": GREY, "LA": GREY, "I;16": GREY, "I;16L": GREY, "I;16B": GREY, "I;16N": GREY, "I": GREY,
    "P": COLOUR, "PA": COLOUR, "RGB": COLOUR, "RGBA": COLOUR, "RGBX": COLOUR, "RGBa": COLOUR, "CMYK": COLOUR,
    "YCbCr": COLOUR, "LAB": COLOUR, "HSV": COLOUR,
    "F": "floats", "La": "not supported",
}  # fmt: skip
"""Channels by mode, or why such a picture is refused."""


def test_the_table_is_whole() -> None:
    known = {
        mode for mode in ("1", *Image.MODES, "RGBX", "RGBa", "PA", "La", "I;16L", "I;16N") if Image.new(mode, (1, 1))
    }
    assert set(BECOMES) == known
    assert all(ImageMode.getmode(mode) for mode in known)


@pytest.mark.parametrize("mode", BECOMES)
def test_each_mode_is_read_or_refused(mode: str) -> None:
    becomes, picture = BECOMES[mode], Image.new(mode, (4, 2))
    if isinstance(becomes, str):
        with pytest.raises(ValueError, match=becomes):
            pixels_of(picture)
    else:
        assert pixels_of(picture).shape == (becomes, 2, 4)


def numbers(kind: str, values: list[float]) -> Image.Image:
    return Image.fromarray(np.array([values], dtype=kind))


@pytest.mark.parametrize("ending", ["png", "tiff", "pgm"])
def test_what_had_8_bits_has_them_again(tmp_path: Path, ending: str) -> None:
    """A writer of 16 bits scales 8 by 257, so that white stays white."""
    values = np.arange(256) * 257
    numbers("u2", list(values)).save(tmp_path / f"a.{ending}")
    found = read_image(tmp_path / f"a.{ending}", None)
    assert not isinstance(found, str)
    assert found.pixels.ravel().tolist() == list(range(256))


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        ("f4", [0.0, 0.5, 1.0], "floats"),
        ("i4", [0, 65_536, 7], "beyond 0 to 65,535"),
        ("i4", [-1, 5, 7], "beyond 0 to 65,535"),
    ],
)
def test_numbers_without_a_white_are_refused_here_and_in_the_exported_file(tmp_path, kind, values, says):
    numbers(kind, values).save(tmp_path / "a.tiff")
    assert says in str(read_image(tmp_path / "a.tiff", (4, 4)))
    data = load_dataset("digits")
    (tmp_path / "model.py").write_text(source(Architecture((1, 8, 8), (Flatten(), Linear(10)), 10), data, "a name"))
    with pytest.raises(ValueError, match=says):
        runpy.run_path(str(tmp_path / "model.py"))["read_image"](str(tmp_path / "a.tiff"))


def test_a_folder_of_floats_is_refused_with_a_file_and_the_remedy(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / "ab"[number // 4]).mkdir(exist_ok=True)
        numbers("f4", [0.0, number / 8, 1.0]).save(tmp_path / "ab"[number // 4] / f"{number}.tiff")
    said = r"could not be read, first .*0.tiff: holds floats.*save it with 8 or 16 bits"
    with pytest.raises(DataError, match=f"no images in the folders of .*; 8 {said}"):
        load_dataset("folder", tmp_path)
    numbers("u1", [3, 4, 5]).save(tmp_path / "b" / "read.tiff")
    with pytest.raises(DataError, match=f"class 'a' has no image that can be read; 4 {said}"):
        load_dataset("folder", tmp_path)


def test_16_bits_of_which_few_are_used_are_refused_as_black(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / "ab"[number // 10]).mkdir(exist_ok=True)
        values = np.random.default_rng(number).integers(0, 256, (6, 6)).astype("u2")
        Image.fromarray(values).save(tmp_path / "ab"[number // 10] / f"{number}.png")
    with pytest.raises(DataError, match="images to train on are the same") as caught:
        load_dataset("folder", tmp_path)
    assert "16 bits" in caught.value.remedy
