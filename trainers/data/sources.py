"""What any source of images gives, and the data sets known by name: scikit-learn's digits, and torchvision's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...spaces import DataError

# scikit-learn and torchvision are imported where they are used: a worker that is handed its images needs neither.
if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .originals import Originals
    from .streaming import Streamed


@dataclass(frozen=True)
class Source:
    """All images and labels of a data set.

    `images` are uint8 (N, C, H, W), `labels` int64 (N,), from 0 in the order of `classes`. `validation` and `test` are
    pairs of images and labels, or None where there is no such part of its own. `skipped` names the files that could not
    be read.
    """

    images: NDArray[np.uint8] | Streamed
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    test: tuple[NDArray[np.uint8] | Streamed, NDArray[np.int64]] | None = None
    skipped: tuple[str, ...] = ()
    validation: tuple[NDArray[np.uint8] | Streamed, NDArray[np.int64]] | None = None
    files: tuple[str, ...] = ()
    """The file of each image that may be tested on: of `test`, or of `images` where there is no such part. Below the
    folder of the data; () where they come from no files, or are streamed, which know their files."""
    originals: Originals | None = None
    """What the images were before they were brought to one size; None where they are as they were."""
    in_two_classes: tuple[str, str] | None = None
    """Two files of different classes that hold the same image, pixel by pixel; None where none are known."""


DIGIT_NAMES = tuple("0123456789")
"""Names of the classes of data sets of digits."""


def read_digits() -> Source:
    """scikit-learn's 1,797 handwritten digits, 8x8 grey, their 0..16 spread over 0..255.

    Raises:
        DataError: scikit-learn is not installed.
    """
    package = find_spec("sklearn")  # its file is read without importing it, which would take seconds
    if package is None or package.origin is None:
        raise DataError("the digits come with scikit-learn, which is not installed", "pip install scikit-learn")
    rows = np.loadtxt(Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    images = np.rint(rows[:, :-1].reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    return Source(images, rows[:, -1].astype(np.int64), DIGIT_NAMES)


@dataclass(frozen=True)
class _Files:
    """What torchvision reads of one data set below `root`."""

    reader: str
    folder: str
    names: tuple[str, ...]


_IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
TORCHVISION: dict[str, _Files] = {
    "mnist": _Files("MNIST", "MNIST/raw", _IDX),
    "fashion-mnist": _Files("FashionMNIST", "FashionMNIST/raw", _IDX),
    "kmnist": _Files("KMNIST", "KMNIST/raw", _IDX),
    "cifar10": _Files(
        "CIFAR10",
        "cifar-10-batches-py",
        (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"),
    ),
    "cifar100": _Files("CIFAR100", "cifar-100-python", ("train", "test", "meta")),
    "svhn": _Files("SVHN", ".", ("train_32x32.mat", "test_32x32.mat")),
    "stl10": _Files(
        "STL10", "stl10_binary", ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", "class_names.txt")
    ),
}
"""Every data set known by name, in torchvision's layout."""


def files_of(name: str, root: Path) -> list[Path]:
    """The files below `root` that a data set consists of: all of them where it is none of TORCHVISION.

    Args:
        name: a data set's name, or the import path of a function that reads images.
        root: the folder that `data.root` names.
    """
    if name not in TORCHVISION:
        return [Path(here, file) for here, _, files in os.walk(root, followlinks=True) for file in sorted(files)]
    files = TORCHVISION[name]
    return [root / files.folder / file for file in files.names if (root / files.folder / file).is_file()]


def read_torchvision(name: str, root: Path) -> Source:
    """The data set `name` of TORCHVISION from its files below `root`; nothing is downloaded.

    Raises:
        DataError: a file is missing or damaged; names it.
    """
    files = TORCHVISION[name]
    where = root / files.folder
    for file in files.names:
        if not (where / file).is_file():
            fetch = f"torchvision.datasets.{files.reader}({str(root)!r}, download=True)"
            raise DataError(
                f"data.name {name!r}: there is no file {where / file}",
                f"Unpack {where / file}.gz with gunzip."
                if (where / f"{file}.gz").is_file()
                else f"Set data.root to the folder that holds {files.folder}/, in torchvision's layout, "
                f"or fetch it once with {fetch}.",
            )
    try:
        train, test = _parts(files.reader, root)
    except Exception as error:
        raise DataError(
            f"data.name {name!r}: the files in {where} cannot be read: {error!s:.200}",
            "A file is damaged or cut short: fetch it anew.",
        ) from error
    classes = tuple(getattr(train, "classes", DIGIT_NAMES))
    images, labels = _arrays(name, train, len(classes))
    return Source(images, labels, classes, test=_arrays(name, test, len(classes)))


def _parts(reader: str, root: Path) -> tuple[Any, Any]:
    """Torchvision's data set of that name, training part and test part."""
    from torchvision import datasets

    read = getattr(datasets, reader)
    if reader == "STL10":
        # Without its 2.6 GB of unlabelled images, which torchvision would ask for and checksum.
        read = type("STL10", (read,), {"train_list": read.train_list[:2]})
    if reader in ("STL10", "SVHN"):
        return read(root, split="train"), read(root, split="test")
    return read(root, train=True), read(root, train=False)


def _arrays(name: str, part: Any, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """A torchvision data set's images as uint8 (N, C, H, W) and its labels."""
    images = np.asarray(part.data)
    labels = np.asarray(part.targets if hasattr(part, "targets") else part.labels)
    if images.ndim == 3:
        images = images[:, None]
    elif images.shape[3] == 3 and images.shape[1] != 3:
        images = images.transpose(0, 3, 1, 2)
    if len(images) != len(labels) or (len(labels) and not 0 <= labels.min() <= labels.max() < classes):
        raise DataError(
            f"data.name {name!r}: {len(images):,} images and {len(labels):,} labels of {classes} classes do not belong "
            "together",
            "A file is damaged or of another data set: fetch it anew.",
        )
    return np.ascontiguousarray(images), labels.astype(np.int64)


def check_classes(labels: NDArray[np.int64], classes: Sequence[str], where: str, skipped: Sequence[str] = ()) -> None:
    """Refuses labels that leave a class without an image: a network would have an output for it that nothing teaches.

    Args:
        labels: of all images, (N,).
        classes: their names, in the order of the labels.
        where: the images come from, for the error.
        skipped: files that were not read, each with the reason: the error names the first in a folder of the class.

    Raises:
        DataError: a class has no image.
    """
    empty = np.flatnonzero(np.bincount(labels, minlength=len(classes)) == 0)
    if len(empty):
        others = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
        of_it = [said for said in skipped if classes[empty[0]] in Path(said.split(": ")[0]).parts]
        hint = f"; {len(of_it)} could not be read, first {of_it[0]}" if of_it else ""
        raise DataError(
            f"{where}: class {classes[empty[0]]!r}{others} has no image that can be read{hint}",
            "Add images of it, or remove the class.",
        )
