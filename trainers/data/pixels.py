"""Turns pictures of any of PIL's modes into uint8 pixels, one channel of grey or three of colour; resizes images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import ExifTags, Image, ImageOps

if TYPE_CHECKING:
    from numpy.typing import NDArray


Shape = tuple[int, int]
"""Height and width, in pixels."""
Resize = Literal["crop", "pad", "stretch"]
"""How a picture of another shape becomes an image: "crop" resizes the largest part in its middle that has the image's
shape, "pad" all of it, with black on both sides, "stretch" all of it, height and width each for itself.
"""
STRIP = 1 << 20
"""Pixels of a picture of 16 bits that are looked at together, about."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by the orientation that its EXIF data has (EXIF 2.32, tag 274). 1 is upright."""
SIDEWAYS = tuple(TURNS[orientation] for orientation in (5, 6, 7, 8))
"""Of TURNS those that make height and width change places."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is learnt from: `pixels` uint8 (C, H, W), and the height and width it had, upright."""

    pixels: NDArray[np.uint8]
    original: Shape

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W) of the pixels."""
        return self.pixels.shape


def turn_of(picture: Image.Image) -> Image.Transpose | None:
    """What makes a picture upright, None where it is. Of some PNG that is known only once it is loaded."""
    return TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))


def is_grey(picture: Image.Image) -> bool:
    """Whether the picture's mode holds grey values, with an alpha channel or without. A palette counts as colour."""
    return Image.getmodebase(picture.mode) == "L"


def pixels_of(
    picture: Image.Image, shape: Shape | None = None, resize: Resize = "crop", channels: int | None = None
) -> NDArray[np.uint8]:
    """A picture, upright, as uint8 (1, H, W) where it is grey, as (3, H, W), RGB, where not.

    Of 16 bits the upper 8 are kept, and no alpha. A camera held upright says so in its EXIF data, and leaves the pixels
    lying.

    Args:
        picture: in any of PIL's modes but F, floats; it is not changed.
        shape: height and width that it is brought to, in pixels; None to take all as it is.
        resize: how it is brought to `shape`.
        channels: 1 to have it grey and 3 to have it in colour, whatever it is; None to leave that.

    Raises:
        OSError: the picture's file, which PIL reads only now, is damaged.
        ValueError: it holds floats, or more than 16 bits, or PIL cannot convert its mode.

    >>> pixels_of(Image.new("CMYK", (4, 2), (0, 0, 0, 0))).shape
    (3, 2, 4)
    """
    wanted, converted = "L" if (is_grey(picture) if channels is None else channels == 1) else "RGB", picture
    if picture.mode == "F":
        raise ValueError("holds floats, and nothing says which is white: save it with 8 or 16 bits, 0 for black")
    if picture.mode.startswith("I"):
        converted = Image.fromarray(_upper_bits(picture))
    elif picture.mode == "P":  # with its see-through colours PIL would warn, and as RGBA it would be large
        converted = picture.copy()
        converted.info.pop("transparency", None)
    converted = converted if converted.mode == wanted else converted.convert(wanted)
    if (turn := turn_of(picture)) is not None:
        converted = converted.transpose(turn)
    if shape is not None:
        converted = _resized(converted, shape, resize)
    values = np.asarray(converted)
    return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)


def _resized(picture: Image.Image, shape: Shape, resize: Resize) -> Image.Image:
    """The picture with that height and width; the exported `model.py` does the same (`export.pytorch_source`)."""
    size = (shape[1], shape[0])
    if resize == "crop":
        return ImageOps.fit(picture, size, Image.Resampling.BILINEAR)
    if resize == "pad":
        return ImageOps.pad(picture, size, Image.Resampling.BILINEAR)
    return picture.resize(size, Image.Resampling.BILINEAR)


def _upper_bits(picture: Image.Image) -> NDArray[np.uint8]:
    """The upper 8 of 16 bits, (H, W): what had 8 bits before it was scaled by 257 has them again.

    Computed in strips: as whole numbers of 64 bits a large picture is a huge one.

    Raises:
        ValueError: a value is below 0 or needs more than 16 bits.
    """
    strips: list[NDArray[np.uint8]] = []
    rows = max(1, STRIP // max(1, picture.width))
    for top in range(0, picture.height, rows):
        values = np.asarray(picture.crop((0, top, picture.width, min(top + rows, picture.height))))
        if values.min() < 0 or values.max() > 65_535:
            raise ValueError("holds numbers beyond 0 to 65,535, and nothing says which is white: save it with 16 bits")
        strips.append((values.astype(np.int64) >> 8).astype(np.uint8))
    return np.concatenate(strips)


def scaled(images: NDArray[np.uint8], shape: Shape, resize: Resize = "stretch") -> NDArray[np.uint8]:
    """Images resized to uint8 (N, C, height, width), whatever their shape; antialiased where they shrink.

    Args:
        images: uint8 (N, C, H, W).
        shape: height and width in pixels.
        resize: how they are brought to `shape`.
    """
    result = np.empty((*images.shape[:2], *shape), dtype=np.uint8)
    if resize != "stretch":
        for at in np.ndindex(images.shape[:2]):
            result[at] = np.asarray(_resized(Image.fromarray(images[at]), shape, resize))
        return result
    for at in range(0, len(images), 1024):
        pixels = torch.tensor(images[at : at + 1024]).float()
        pixels = F.interpolate(pixels, shape, mode="bilinear", antialias=True)
        result[at : at + 1024] = pixels.round_().clamp_(0, 255).byte().numpy()
    return result
