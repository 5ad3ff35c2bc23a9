"""Decodes pictures from files that anybody may have made: looked at first, and within so much memory at a time."""

from __future__ import annotations

import mmap
import re
import stat
import warnings
from contextlib import closing, contextmanager
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

from .pixels import SIDEWAYS, Picture, is_grey, pixels_of, turn_of
from .room import MOST_BYTES, room

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .pixels import Resize, Shape

FORMATS: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "PPM": (".ppm", ".pgm"),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
"""Formats that are read, by PIL's names, with the endings of their files. PIL goes by what a file holds and starts
another program for some formats: it is to know no others than these, and HEIF where `pillow_heif` is installed."""
HEIF = (".heic", ".heif")
"""Endings of files that are read where `pillow_heif` is installed."""
INSTALL_HEIF = "`pip install pillow-heif` has such files read"
"""Remedy where it is not."""
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1")
"""What follows "ftyp" in a file of HEIF, whatever that is called (ISO/IEC 23008-12, B.4)."""
MOST_SCANS = 100
"""Passes over a JPEG, at most: a progressive one has ten, and each may take as long as the whole picture."""
_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)
"""A marker of a JPEG; in the coded picture FF 00 stands for FF, and D0 to D7 are places to begin again (ITU-T T.81)."""
_SCAN, _END = 0xDA, 0xD9
BYTES_A_PIXEL = {"1": 2, "L": 1, "P": 6, "I;16": 5, "RGB": 4}
"""Memory for each pixel of a picture and of what it is converted to, by PIL's mode; 8 bytes for all others."""
KEPT_A_PIXEL = {"WEBP": 12, "HEIF": 8, "PPM": 6, "BMP": 2}
"""Memory for each pixel that the format's decoder in PIL takes beside the picture, at most."""
BLOCK = 64 * 2**20
"""Bytes that PIL asks for at a time: so large ones go back to the system, those of 16 MB stay with the process."""
_TOO_LARGE = f"needs {{:,}} bytes to be decoded, and no more than {MOST_BYTES:,} are given"
TILE = (322, 323)
"""Tags of a TIFF: width and height of its tiles, which may be larger than the picture."""


def prepare() -> None:
    """Has PIL give back the memory of large pictures, and not warn in this process: there is a bound here.

    Nor does it warn of damaged EXIF data: such a picture is taken to be upright.
    """
    Image.core.set_block_size(BLOCK)
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    warnings.filterwarnings("ignore", "Corrupt EXIF data")


@cache
def formats() -> dict[str, tuple[str, ...]]:
    """Formats that are read here, by PIL's names, with the endings of their files: HEIF where that is installed."""
    if find_spec("pillow_heif") is None:
        return FORMATS
    if "HEIF" not in Image.OPEN:  # a person may have set it up already, with options of their own
        from pillow_heif import register_heif_opener

        # What else a file may hold is not looked at; the CPUs are shared out already.
        register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    return FORMATS | {"HEIF": HEIF}


def read_head(path: Path) -> tuple[int, int] | None:
    """Pixels and channels that a file says it has; None where it says nothing."""
    try:
        with _opened(path) as image:
            return image.width * image.height, 1 if is_grey(image) else 3
    except Exception:  # noqa: BLE001 - of a damaged file PIL raises anything
        return None


def read_image(path: Path, shape: Shape | None, resize: Resize = "crop", channels: int | None = None) -> Picture | str:
    """The picture (1, H, W) or (3, H, W), or why it cannot be read.

    Args:
        path: the file.
        shape: height and width that it is brought to, in pixels; None to take all as it is.
        resize: how it is brought to `shape`.
        channels: 1 to have it grey and 3 to have it in colour, whatever it is; None to leave that.
    """
    try:
        with _opened(path) as image:
            whole = image.size
            if isinstance(image, JpegImageFile) and has_many_scans(path):
                return f"has more than {MOST_SCANS} scans, and no more are decoded"
            kept = _kept(image)
            needed = kept + _decoded(image, shape)
            if needed > MOST_BYTES and shape is not None and isinstance(image, JpegImageFile):
                image.draft(image.mode, (max(shape), max(shape)))  # whichever way it is turned
                needed = kept + _decoded(image, shape)
            if needed > MOST_BYTES:
                return _TOO_LARGE.format(needed)
            with room(needed), closing(image):  # its pixels go before the room is given back
                image.load()
                if kept + _decoded(image, shape) > MOST_BYTES:  # a PNG may say at its end that it is to be turned
                    return _TOO_LARGE.format(kept + _decoded(image, shape))
                width, height = whole if isinstance(image, JpegImageFile) else image.size
                original = (width, height) if turn_of(image) in SIDEWAYS else (height, width)
                return Picture(pixels_of(image, shape, resize, channels), original)
    except UnidentifiedImageError:
        return f"is a HEIC picture: {INSTALL_HEIF}" if _is_heif(path) else "cannot identify what picture it is"
    except Exception as error:  # noqa: BLE001 - of a damaged file PIL raises anything
        said = (isinstance(error, OSError) and error.strerror) or str(error)  # without number and path, which are known
        return said.split("\n")[0][:200] or type(error).__name__


def read_shape(path: Path) -> tuple[int, int, int] | None:
    """(C, H, W) that a file says its picture has once it is upright; None where it says nothing."""
    try:
        with _opened(path) as image:
            width, height = image.size
            # PIL gives a TIFF's size upright, and would load a PNG to look for what is not in its head.
            lies = image.format != "TIFF" and "exif" in image.info and turn_of(image) in SIDEWAYS
            return 1 if is_grey(image) else 3, *((width, height) if lies else (height, width))
    except Exception:  # noqa: BLE001 - of a damaged file PIL raises anything
        return None


def _is_heif(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(12)
    return "HEIF" not in formats() and head[4:8] == b"ftyp" and head[8:] in _HEIF_BRANDS


def has_many_scans(path: Path) -> bool:
    """Whether a JPEG has more than MOST_SCANS scans. What lies in its metadata or behind its end does not count."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at, scans = 2, 0
        while (marker := _MARKER.search(content, at)) and marker[1][0] != _END and scans <= MOST_SCANS:
            scans += marker[1][0] == _SCAN
            at = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")
    return scans > MOST_SCANS


def _decoded(image: Image.Image, shape: Shape | None) -> int:
    """Bytes of the picture and of what is made of it; as an array it is there twice more."""
    # PIL loads a PNG to look for what is not in its head, and does not turn a TIFF that was asked before it is loaded.
    known = image.format != "TIFF" and "exif" in image.info
    turned = 4 if known and turn_of(image) is not None else 0
    return image.width * image.height * (BYTES_A_PIXEL.get(image.mode, 8) + turned + (6 if shape is None else 0))


def _kept(image: Image.Image) -> int:
    """Bytes that the format's decoder takes beside the picture, as large as that is in the file."""
    pixels = image.width * image.height
    if isinstance(image, JpegImageFile):  # the coefficients of all scans, two bytes each
        across, down = (max(layer[axis] for layer in image.layer) for axis in (1, 2))
        return 2 * pixels * sum(layer[1] * layer[2] for layer in image.layer) // (across * down)
    if image.format == "TIFF":
        width, height = (image.tag_v2.get(tag, 0) for tag in TILE)  # pyright: ignore[reportAttributeAccessIssue]
        return 8 * max(width * height, pixels)
    return KEPT_A_PIXEL.get(str(image.format), 0) * pixels


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture, of which nothing but the head is read yet. Only of a file: a pipe would be waited for.

    PIL is handed an open file, not a name: of a TIFF that lies on its side it would map the wrong pixels (Pillow 13.0).
    """
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("it is no file")
    if not about.st_size:
        raise ValueError("it is empty")
    if about.st_size > MOST_BYTES:  # of some formats PIL reads all of it, to look at the head
        raise ValueError(f"has {about.st_size:,} bytes, and no more than {MOST_BYTES:,} are read")
    with path.open("rb") as file, Image.open(file, formats=tuple(formats())) as image:
        yield image
