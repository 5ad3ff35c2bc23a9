"""Reads a person's own images, from a function that is named by its import path."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ...spaces import DataError, describe_exception, import_object
from .originals import originals_of
from .pixels import Picture, pixels_of, scaled
from .sources import Source, check_classes
from .streaming import Look, digest, look_through, streamed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from .originals import Originals
    from .pixels import Resize, Shape
    from .streaming import Streamed

RETURNS = (
    "It must return (images, labels), a torch Dataset of (image, label), or a convscape.trainers.Source: "
    "images uint8 of shape (N, C, H, W) or (N, H, W), labels whole numbers from 0."
)
"""Remedy of errors about what the function returns."""


def read_function(
    path: str,
    root: Path | None,
    folders: Sequence[Path] = (),
    shape: Shape | None = None,
    resize: Resize = "stretch",
    memory: float = math.inf,
) -> Source:
    """All images and labels that a person's own function returns.

    It may return arrays `(images, labels)`, a map-style torch Dataset of `(image, label)` with uint8 tensors (C, H, W)
    or PIL images of any mode, or a `Source`, which can name classes and bring a validation and a test part of its own.

    A Dataset gives one image at each index, call after call: chance belongs into the recipe. Images that raise OSError
    are skipped and named. When all come to more than `memory` bytes, brought to `shape`, each is read anew whenever it
    is needed, and every worker calls the function once.

    Args:
        path: import path of the function, "package.module.function".
        root: what the function is called with (data.root), or None.
        folders: where its module is looked for first.
        shape: height and width that images of a Dataset are brought to, in pixels; None to leave them.
        resize: how they are brought to `shape`.
        memory: bytes of images of a Dataset that may be kept.

    Raises:
        DataError: no such function, or what it returns cannot be used.
    """
    found = _called(path, root, folders)
    if isinstance(found, Source):
        own = [part for part in (found.validation, found.test) if part is not None]
        for images, labels in ((found.images, found.labels), *own):
            _check(path, images, labels, len(found.classes))
        check_classes(found.labels, found.classes, f"data.name: {path}")
        return found
    if isinstance(found, tuple) and len(found) == 2:
        images, labels, names, skipped = np.asarray(found[0]), np.asarray(found[1]), None, ()
        originals = None
    elif hasattr(found, "__getitem__") and hasattr(found, "__len__"):
        pictures = CustomPictures(path, root, folders, shape, resize, found)
        images, labels, skipped, originals = _read_all(path, pictures, memory)
        names = getattr(found, "classes", None)
    else:
        raise DataError(f"data.name: {path} returned {type(found).__name__}", RETURNS)
    if isinstance(images, np.ndarray):
        images = images[:, None] if images.ndim == 3 else images
    highest = int(labels.max(initial=0)) if labels.dtype.kind in "iu" else 0  # `_check` says what else they are
    classes = tuple(map(str, names)) if names else tuple(map(str, range(highest + 1)))
    _check(path, images, labels, len(classes))
    check_classes(labels, classes, f"data.name: {path}")
    return Source(images, labels.astype(np.int64), classes, skipped=skipped, originals=originals)


class CustomPictures:
    """`Pictures` of a torch Dataset that a person's own function returned; each process makes it anew by calling that.

    Args:
        path: import path of the function.
        root: what the function is called with, or None.
        folders: where its module is looked for first.
        shape: height and width that pictures are brought to, in pixels; None to leave them.
        resize: how they are brought to `shape`.
        dataset: what the function returned in this process.
    """

    def __init__(
        self,
        path: str,
        root: Path | None,
        folders: Sequence[Path],
        shape: Shape | None,
        resize: Resize,
        dataset: Any,
    ) -> None:
        self._path, self._root, self._folders, self._shape = path, root, tuple(folders), shape
        self._resize: Resize = resize
        self._dataset, self._count = dataset, len(dataset)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_dataset": None}

    def __len__(self) -> int:
        return self._count

    def open(self) -> None:
        """Calls the function that returns the Dataset, once a process."""
        if self._dataset is None:
            self._dataset = _called(self._path, self._root, self._folders)

    def name(self, index: int) -> str:
        """What an error calls the image: the function's path and the index."""
        return f"data.name: {self._path}: image {index}"

    def short_name(self, index: int) -> str:
        """What a report calls the image: its number in the Dataset."""
        return f"image {index}"

    def mark(self, index: int) -> int:
        """64 bits of the picture's pixels, since nothing tells where a Dataset reads them from.

        Raises:
            DataError: it cannot be read.
        """
        picture, _ = self.read(index)
        if isinstance(picture, str):
            raise DataError(f"{self.name(index)}: {picture}")
        return digest(picture.pixels)

    def read(self, index: int) -> tuple[Picture | str, int]:
        """The picture, resized where that was asked for, or why it cannot be read; and its label.

        Raises:
            DataError: what the Dataset gives is no uint8 image and label.
        """
        self.open()
        try:
            image, label = self._dataset[index]
            pixels = pixels_of(image) if isinstance(image, Image.Image) else np.asarray(image)
            label = int(label)
        except OSError as error:  # as PIL says it of a damaged file
            return str(error).split("\n")[0][:200], -1
        except Exception as error:
            raise DataError(f"{self.name(index)}: {describe_exception(error)}", RETURNS) from error
        pixels = pixels[None] if pixels.ndim == 2 else pixels
        if pixels.dtype != np.uint8 or pixels.ndim != 3:
            raise DataError(f"{self.name(index)} is of type {pixels.dtype} and shape {pixels.shape}", RETURNS)
        original = pixels.shape[1], pixels.shape[2]
        if self._shape and original != self._shape:
            pixels = scaled(pixels[None], self._shape, self._resize)[0]
        return Picture(pixels, original), label


def _called(path: str, root: Path | None, folders: Sequence[Path]) -> Any:
    function = import_object(path, "function", folders, lambda text, remedy: DataError(f"data.name: {text}", remedy))
    if not callable(function):
        raise DataError(f"data.name: {path} is no function", "Name a function that takes data.root and returns images.")
    try:
        return function(root)
    except DataError:
        raise
    except (Exception, SystemExit) as error:
        raise DataError(
            f"data.name: {path} failed: {describe_exception(error)}", "Mend the function, and try again."
        ) from error


def _read_all(
    path: str, pictures: CustomPictures, memory: float
) -> tuple[NDArray[np.uint8] | Streamed, NDArray[np.int64], tuple[str, ...], Originals]:
    """Images, kept or streamed, their labels, what was skipped with the reason, and what the images were before."""
    first = next((image for at in range(len(pictures)) if not isinstance(image := pictures.read(at)[0], str)), None)
    if first is None:
        raise DataError(f"data.name: {path}: none of {len(pictures)} images can be read", RETURNS)
    looks = look_through(pictures) if first.pixels.nbytes * len(pictures) > memory else None
    seen = looks or [pictures.read(at) for at in range(len(pictures))]
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    skipped: list[str] = []
    before: list[tuple[int, Shape]] = []
    for at, found in enumerate(seen):
        picture, label = found if isinstance(found, tuple) else (found, -1)
        if isinstance(picture, str):
            skipped.append(f"image {at}: {picture}")
            continue
        if picture.shape != first.shape:
            raise DataError(
                f"data.name: {path}: image 0 has shape {first.shape} and image {at} {picture.shape}",
                "Give all images one number of channels, and one size or set data.size.",
            )
        before.append((picture.shape[0], picture.original))
        if not isinstance(picture, Look):
            images.append(picture.pixels)
            labels.append(label)
    originals = originals_of(before)
    if looks:
        return *streamed(pictures, looks, first.shape[0]), tuple(skipped), originals
    return np.stack(images), np.array(labels, dtype=np.int64), tuple(skipped), originals


def _check_channels(path: str, shape: tuple[int, ...]) -> None:
    """Refuses images of (C, H, W) that look as if their channels came last."""
    if shape[-1] in (1, 3, 4) and shape[0] not in (1, 3, 4):
        raise DataError(
            f"data.name: {path} gives images of shape {shape}, which look as if their channels came last",
            "Put them first: `images.transpose(0, 3, 1, 2)`.",
        )


def _check(path: str, images: NDArray[Any] | Streamed, labels: NDArray[Any], classes: int) -> None:
    if isinstance(images, np.ndarray) and (images.dtype != np.uint8 or images.ndim != 4):
        raise DataError(f"data.name: {path} gives images of type {images.dtype} and shape {images.shape}", RETURNS)
    _check_channels(path, images.shape[1:])
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise DataError(
            f"data.name: {path} gives {len(images):,} images and labels of type {labels.dtype} "
            f"and shape {labels.shape}",
            RETURNS,
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise DataError(
            f"data.name: {path} gives labels from {labels.min()} to {labels.max()} and {classes} classes", RETURNS
        )
