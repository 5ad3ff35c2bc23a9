"""Turns pictures of any of PIL's modes into uint8 pixels, one channel of grey or three of colour; resizes images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import ExifTags, Image, ImageOps

if TYPE_CHECKING:
    from numpy.typing import NDArray


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


def turn_of(picture: Image.Image) -> Image.Transpose | None:
    """What makes a picture upright, None where it is. Of some PNG that is known only once it is loaded."""
    return TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))


def is_grey(picture: Image.Image) -> bool:
    """Whether the picture's mode holds grey values, with an alpha channel or without. A palette counts as colour."""
    return Image.getmodebase(picture.mode) == "L"


def pixels_of(picture: Image.Image, size: int | None = None) -> NDArray[np.uint8]:
    """A picture, upright, as uint8 (1, H, W) where it is grey, as (3, H, W), RGB, where not.

    Of 16 bits the upper 8 are kept, and no alpha. A camera held upright says so in its EXIF data, and leaves the pixels
    lying.

    Args:
        picture: in any of PIL's modes; it is not changed.
        size: height and width in pixels of the central square, resized, to take; None to take all as it is.

    Raises:
        OSError: the picture's file, which PIL reads only now, is damaged.
        ValueError: PIL cannot convert the picture's mode.

    >>> pixels_of(Image.new("CMYK", (4, 2), (0, 0, 0, 0))).shape
    (3, 2, 4)
    """
    wanted, converted = "L" if is_grey(picture) else "RGB", picture
    if picture.mode.startswith("I"):
        converted = Image.fromarray(_upper_bits(picture))
    elif picture.mode == "P":  # with its see-through colours PIL would warn, and as RGBA it would be large
        converted = picture.copy()
        converted.info.pop("transparency", None)
    converted = converted if converted.mode == wanted else converted.convert(wanted)
    if (turn := turn_of(picture)) is not None:
        converted = converted.transpose(turn)
    if size is not None:
        converted = ImageOps.fit(converted, (size, size), Image.Resampling.BILINEAR)
    values = np.asarray(converted)
    return values[None] if values.ndim == 2 else values.transpose(2, 0, 1)


def _upper_bits(picture: Image.Image) -> NDArray[np.uint8]:
    """The upper 8 of 16 bits, (H, W), computed in strips: as whole numbers of 64 bits a large picture is a huge one."""
    strips: list[NDArray[np.uint8]] = []
    rows = max(1, STRIP // max(1, picture.width))
    for top in range(0, picture.height, rows):
        part = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        strips.append((np.asarray(part).astype(np.int64).clip(0, 65_535) >> 8).astype(np.uint8))
    return np.concatenate(strips)


def scaled(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Images resized to uint8 (N, C, size, size), whatever their shape; antialiased where they shrink.

    Args:
        images: uint8 (N, C, H, W).
        size: height and width in pixels.
    """
    result = np.empty((*images.shape[:2], size, size), dtype=np.uint8)
    for at in range(0, len(images), 1024):
        pixels = torch.tensor(images[at : at + 1024]).float()
        pixels = F.interpolate(pixels, (size, size), mode="bilinear", antialias=True)
        result[at : at + 1024] = pixels.round_().clamp_(0, 255).byte().numpy()
    return result
