"""Data sets as uint8 arrays in three parts: what is learnt from, what the search sees, what export sees once."""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...spaces import DataError, is_import_path
from ..device import memory_for_images
from . import sources
from .names import known_name
from .originals import originals_of
from .sources import TORCHVISION, Source
from .streaming import Streamed, digest

# What decodes pictures is imported where it is used: a process that is handed its images needs no PIL.
if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .originals import Originals
    from .pixels import Resize, Shape

HELD_OUT = 0.2
"""Share kept for validation, and for the test where a data set has no test part of its own."""
TEST_SEED = 0
"""Seed of the test part, whatever the seed of a run: no search may learn from test images."""
REFIT_SEED = 2
"""Seed of which validation images the last training of the winner does not train on."""
FOLD_SEED = 3
"""Seed of which images the finalists' runs validate on."""
FEW = 1_000
"""Validation images below which finalists are compared on several splits: of so many, one in ten wrong is a share that
is known to within two points (two standard errors)."""
LARGEST_SIZE = 4_096
"""Bound on the height and width that images are resized to, in pixels."""
COUNTED = 2**20
"""Cells that are counted at a time: numpy makes eight bytes of each."""


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a data set. `images` are uint8 (N, C, H, W), `labels` int64 (N,).

    Images are an array in one piece, which Ray's object store shares uncopied between the workers of a node; or, where
    they do not fit into memory, they are read when they are asked for.
    """

    images: NDArray[np.uint8] | Streamed
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if isinstance(self.images, np.ndarray):
            object.__setattr__(self, "images", np.ascontiguousarray(self.images))

    def __len__(self) -> int:
        return len(self.labels)

    def picked(self, indices: NDArray[np.int64]) -> Part:
        """The part that holds the images at `indices`, in their order; copied where images are kept in memory."""
        images = self.images.picked(indices) if isinstance(self.images, Streamed) else self.images[indices]
        return Part(images, self.labels[indices])

    def joined(self, other: Part) -> Part:
        """These images and then those of `other`, a part of the same data set."""
        labels = np.concatenate([self.labels, other.labels])
        if isinstance(self.images, Streamed) and isinstance(other.images, Streamed):
            return Part(self.images.joined(other.images), labels)
        return Part(np.concatenate([self.images[:], other.images[:]]), labels)

    @cached_property
    def digests(self) -> NDArray[np.uint64]:
        """A digest of each image's pixels, (N,), equal whether images are kept or streamed."""
        images = self.images
        return images.digests if isinstance(images, Streamed) else np.array([digest(i) for i in images], np.uint64)

    @cached_property
    def blank(self) -> int:
        """How many of the images have but one colour; each channel of such an image has one value everywhere."""
        images = self.images
        if isinstance(images, Streamed):
            sums, cells = images.sums, images.shape[2] * images.shape[3]
            return int((cells * sums[:, :, 1] == sums[:, :, 0] ** 2).all(axis=1).sum())
        return int((images.min(axis=(2, 3)) == images.max(axis=(2, 3))).all(axis=1).sum())

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the labels and of every image's own digest, equal whether images are kept or streamed."""
        return hashlib.sha256(self.digests.tobytes() + self.labels.tobytes()).digest()


@dataclass(frozen=True)
class Dataset:
    """A data set in three parts. `mean` and `std` are the training part's, a channel, of pixels from 0 to 1."""

    name: str
    train: Part
    validation: Part
    test: Part
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    skipped: tuple[str, ...] = ()
    """Files that could not be read, each with the reason."""
    own: tuple[str, ...] = ()
    """Which of "validation" and "test" were parts of their own; the others were cut off."""
    test_files: tuple[str, ...] = field(default=(), compare=False)
    """The file of each test image, below the folder of the data; () where they come from no files, or are streamed."""

    def test_name(self, index: int) -> str:
        """What a person calls a test image: its file below the folder of the data, or its number where it has none.

        Args:
            index: of the image in the test part, from 0.
        """
        if self.test_files:
            return self.test_files[index]
        if isinstance(images := self.test.images, Streamed):
            return images.pictures.short_name(int(images.where[index]))
        return f"test image {index}"

    originals: Originals | None = None
    """What the images were before they were brought to one size; None where they are as they were."""
    resize: Resize = "crop"
    """How a picture of another size becomes an image."""
    in_two_classes: tuple[str, str] | None = field(default=None, compare=False)
    """Two files of different classes that hold the same image, pixel by pixel; None where none are known."""

    @property
    def input(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    @property
    def streamed(self) -> bool:
        """Whether images are read anew each epoch, since they come to more than the memory there is for them."""
        return isinstance(self.train.images, Streamed)

    def for_refit(self) -> Dataset:
        """The data for a last training of what was chosen: most of the validation images are trained on, too.

        A fifth of them, at least one, with every class's share, still validates, so that what is told is of images
        that were not trained on. Mean and standard deviation stay, and so does the test part.

        >>> digits = load_dataset("digits", train=1000, validation=100)
        >>> refit = digits.for_refit()
        >>> len(refit.train), len(refit.validation), refit.test is digits.test
        (1080, 20, True)
        """
        pool = np.arange(len(self.validation))
        count = max(1, round(HELD_OUT * len(pool)))
        kept = stratified(self.validation.labels, pool, count, np.random.default_rng(REFIT_SEED))
        more = self.validation.picked(np.setdiff1d(pool, kept, assume_unique=True))
        return replace(self, train=self.train.joined(more), validation=self.validation.picked(kept))

    @property
    def splits_again(self) -> bool:
        """Whether `fold` gives other splits: of few validation images that were cut from those to train on."""
        return "validation" not in self.own and len(self.validation) < min(FEW, len(self.train) + 1)

    def fold(self, number: int) -> Dataset:
        """The data in another split, as in k-fold cross-validation: as many images train and validate, but others.

        The first folds validate on images of which none is in another of them nor in this split's validation part, for
        as long as there are such images; later ones draw from all. Every class has its share in each. Mean and standard
        deviation stay, and so does the test part. Where `splits_again` is false this is the data as it is.

        Args:
            number: which fold, from 1 on; 0 is the split that there is.

        >>> digits = load_dataset("digits", train=1000, validation=250)
        >>> again = digits.fold(1)
        >>> len(again.train), len(again.validation), again.test is digits.test
        (1000, 250, True)
        """
        if not number or not self.splits_again:
            return self
        everything, count = self.train.joined(self.validation), len(self.validation)
        pool, folds = np.arange(len(self.train)), len(self.train) // count
        chosen, random = pool[:0], np.random.default_rng(FOLD_SEED)
        for _ in range(min(number, folds)):
            chosen = stratified(everything.labels, pool, count, random)
            pool = np.setdiff1d(pool, chosen, assume_unique=True)
        every = np.arange(len(everything))
        if number > folds:
            chosen = stratified(everything.labels, every, count, np.random.default_rng([FOLD_SEED, number]))
        rest = np.setdiff1d(every, chosen, assume_unique=True)
        if len(np.unique(everything.labels[rest])) < len(np.unique(self.train.labels)):
            return self  # a class whose only image would not be trained on
        return replace(self, train=everything.picked(rest), validation=everything.picked(chosen))

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of the SHA-256 of input, classes and all parts: equal data, equal fingerprint."""
        whole = hashlib.sha256(repr((self.input, self.classes)).encode())
        for part in (self.train, self.validation, self.test):
            whole.update(part.digest)
        return whole.hexdigest()[:16]


def load_dataset(
    name: str,
    root: str | Path | None = None,
    *,
    train: int | float | None = None,
    validation: int | float | None = None,
    seed: int = 0,
    size: int | Sequence[int] | None = None,
    resize: Resize | None = None,
    code: Sequence[Path] = (),
    memory: int | None = None,
) -> Dataset:
    """A data set by name, split so that every class keeps its share in every part.

    Args:
        name: one of `names.DATA_SETS`, or the import path of a function of one's own (see `custom.read_function`).
        root: the folder that torchvision's layout starts in, or of the images ("folder"); not for "digits".
        train: images to train on, a number or a share of all that are not test; None for all that are left.
        validation: images to validate on, a number or a share of all that are not test; None for a fifth of the images
            to train and validate on.
        seed: which images go where. The test part does not depend on it.
        size: height and width to bring images to, in pixels, as one number or as two; None to leave them.
        resize: how they are brought to `size`, "crop", "pad" or "stretch" (see `pixels.Resize`); None for "crop" in a
            folder, for "stretch" elsewhere.
        code: folders in which the module of a function of one's own is looked for first.
        memory: bytes of images that may be kept; None for a share of the machine's memory. A folder or a torch Dataset
            that comes to more is read anew each epoch.

    Raises:
        DataError: unknown name, missing or damaged files, too few images; says what to do.

    >>> digits = load_dataset("digits", train=1000, validation=0.1)
    >>> digits.input, len(digits.train), len(digits.validation), len(digits.test)
    ((1, 8, 8), 1000, 144, 359)
    """
    shape, known = _shape(size), str(name) if is_import_path(name) else known_name(name)
    resize = resize or usual_resize(known)
    source = _read(known, root, shape, resize, code, memory_for_images() if memory is None else memory)
    return replace(split(known, source, train=train, validation=validation, seed=seed), resize=resize)


def usual_resize(name: str) -> Resize:
    """How images of a data set, or of a "folder", are brought to one size where nothing says otherwise."""
    return "crop" if name.strip().lower() == "folder" else "stretch"


def split(
    name: str,
    source: Source,
    *,
    train: int | float | None = None,
    validation: int | float | None = None,
    seed: int = 0,
) -> Dataset:
    """The images of `source` in three parts, in which every class keeps its share.

    Args:
        name: of the data set.
        source: all images and labels; where it has no test part, a fifth of the images becomes one, whatever the seed.
        train: images to train on, a number or a share of all that are not test; None for all that are left.
        validation: images to validate on, a number or a share of all that are not test; None for a fifth of the images
            to train and validate on. Where the source has a validation part of its own they are of that; None for all.
        seed: which images are trained and which validated on.

    Raises:
        DataError: too few images, for the numbers asked for or for each class.
    """
    everything = Part(source.images, source.labels)
    pool = np.arange(len(everything))
    if source.test is None:
        chosen = stratified(everything.labels, pool, round(HELD_OUT * len(pool)), np.random.default_rng(TEST_SEED))
        test, pool = everything.picked(chosen), np.setdiff1d(pool, chosen, assume_unique=True)
        test_files = tuple(source.files[at] for at in chosen) if source.files else ()
    else:
        test, test_files = Part(*source.test), source.files
    random = np.random.default_rng([seed, 1])
    if source.validation is None:
        wanted, held_out = _sizes(len(pool), train, validation, len(source.classes))
        chosen = stratified(everything.labels, pool, held_out, random)
        rest, for_validation = np.setdiff1d(pool, chosen, assume_unique=True), everything.picked(chosen)
    else:
        rest, own = pool, Part(*source.validation)
        wanted = len(rest) if train is None else _count("train", train, len(rest))
        held_out = len(own) if validation is None else _count("validation", validation, len(own))
        for_validation = own.picked(stratified(own.labels, np.arange(len(own)), held_out, random))
    for_training = stratified(everything.labels, rest, wanted, random)
    learnt = everything.picked(for_training)
    without = [
        c
        for c, n in zip(source.classes, np.bincount(learnt.labels, minlength=len(source.classes)), strict=True)
        if not n
    ]
    if without:
        raise DataError(
            f"data.train: no image to train on is left for class {without[0]!r}",
            "Raise data.train, lower data.validation, or give the class more images.",
        )
    if len(learnt) > 1 and (learnt.digests == learnt.digests[0]).all():
        raise DataError(
            f"{name}: all {len(learnt):,} images to train on are the same, pixel by pixel: nothing can be learnt",
            "Look at them; pictures of 16 bits that hold small numbers are black when their upper 8 are taken.",
        )
    mean, std = _normalisation(learnt)
    return Dataset(
        name=name,
        train=learnt,
        validation=for_validation,
        test=test,
        classes=source.classes,
        mean=mean,
        std=std,
        skipped=source.skipped,
        own=tuple(name for name in ("validation", "test") if getattr(source, name) is not None),
        test_files=test_files,
        originals=source.originals,
        in_two_classes=source.in_two_classes,
    )


def stratified(
    labels: NDArray[np.int64], pool: NDArray[np.int64], count: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Draws `count` of the indices in `pool`, so that each class has its share of them to within one image.

    Shares are rounded by the method of the largest remainder.

    Args:
        labels: of all images, (N,).
        pool: indices of the images to draw from.
        count: how many to draw.
        random: what they are drawn by.

    Returns:
        The indices, sorted.
    """
    sizes = np.bincount(labels[pool])
    quotas, remainders = np.divmod(sizes * count, max(len(pool), 1))
    quotas[np.argsort(-remainders, kind="stable")[: count - quotas.sum()]] += 1
    shuffled = random.permutation(pool)
    chosen = [shuffled[labels[shuffled] == label][:quota] for label, quota in enumerate(quotas)]
    return np.sort(np.concatenate([pool[:0], *chosen]))


def _read(
    name: str, root: str | Path | None, shape: Shape | None, resize: Resize, code: Sequence[Path], memory: int
) -> Source:
    if name == "digits":
        return _resized(sources.read_digits(), shape, resize, memory)
    if is_import_path(name):
        from . import custom

        place = None if root is None else _place(root)
        return _resized(custom.read_function(name, place, code, shape, resize, memory), shape, resize, memory)
    if root is None:
        raise DataError(
            f"data.name {name!r} is read from files and data.root is not set",
            "Set data.root to the folder of the images, with one folder a class."
            if name == "folder"
            else f"Set data.root to the folder that holds {TORCHVISION[name].folder}/, in torchvision's layout.",
        )
    base = _place(root)
    if not os.path.isdir(base):  # noqa: PTH112 - False as well where a name is too long
        raise DataError(f"data.root: there is no folder {base}", "Set data.root to the folder that holds the data.")
    if name == "folder":
        from . import folder

        return folder.read_folder(base, shape, resize, memory)
    return _resized(sources.read_torchvision(name, base), shape, resize, memory)


def _place(root: str | Path) -> Path:
    """`root` with the home it may begin with; the home of nobody stays as it is written."""
    return Path(os.path.expanduser(root))  # noqa: PTH111


def _resized(source: Source, shape: Shape | None, resize: Resize, memory: int) -> Source:
    own = {"validation": source.validation, "test": source.test}
    parts = [(source.images, source.labels), *(part for part in own.values() if part)]
    if shape is None or all(images.shape[2:] == shape for images, _ in parts):
        return source
    needed = sum(len(images) * images.shape[1] * math.prod(shape) for images, _ in parts)
    if needed > memory:
        raise DataError(
            f"data.size (={shape[0] if shape[0] == shape[1] else list(shape)}): resized, the images need {needed:,} "
            f"bytes and {memory:,} may be kept",
            "Lower data.size, raise data.memory, or use a folder of images, which is read anew each epoch.",
        )
    from .pixels import scaled

    resized = {name: part and (scaled(part[0][:], shape, resize), part[1]) for name, part in own.items()}
    former = ((images.shape[1], images.shape[2:]) for images, _ in parts for _ in range(len(images)))
    return replace(source, images=scaled(source.images[:], shape, resize), originals=originals_of(former), **resized)


def _shape(size: int | Sequence[int] | None) -> Shape | None:
    """Height and width by what `data.size` says.

    Raises:
        DataError: it is no size.
    """
    if size is None:
        return None
    sides = [size, size] if isinstance(size, int) else list(size) if isinstance(size, list | tuple) else []
    if len(sides) != 2 or not all(type(side) is int and 1 <= side <= LARGEST_SIZE for side in sides):
        raise DataError(
            f"data.size (={size!r}) must be a whole number of pixels from 1 to {LARGEST_SIZE:,}, or two: height, width"
        )
    return sides[0], sides[1]


def _sizes(available: int, train: int | float | None, validation: int | float | None, classes: int) -> tuple[int, int]:
    """How many images to train and to validate on."""
    wanted = None if train is None else _count("train", train, available)
    if validation is not None:
        held_out = _count("validation", validation, available)
    elif wanted is not None:
        held_out = min(round(wanted * HELD_OUT / (1 - HELD_OUT)), available - wanted)
    else:
        held_out = round(HELD_OUT * available)
    wanted = available - held_out if wanted is None else wanted
    if wanted + held_out > available:
        raise DataError(
            f"data.train and data.validation ask for {wanted:,} + {held_out:,} images and {available:,} are not test",
            f"Lower them to {available:,} together.",
        )
    if wanted < classes or held_out < 1:
        raise DataError(
            f"{wanted:,} images to train on and {held_out:,} to validate on are too few for {classes} classes",
            f"Of {available:,} images that are not test, data.train must have at least {classes}, data.validation 1.",
        )
    return wanted, held_out


def _count(field: str, value: int | float, available: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"data.{field} (={value!r}) must be a number of images or a share between 0 and 1")
    if isinstance(value, float) and 0 < value < 1:
        return round(value * available)
    if value != int(value) or value < 1:
        raise DataError(f"data.{field} (={value!r}) must be a whole number of images or a share between 0 and 1")
    if value > available:
        raise DataError(
            f"data.{field} (={value:,}) is more than the {available:,} images there are",
            "Ask for fewer, for a share such as 0.8, or leave it out.",
        )
    return int(value)


def _normalisation(part: Part) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation a channel of values 0..1; a channel without spread gets 1.

    From sums in whole numbers, so that images that are kept and images that are streamed give the very same.
    """
    images = part.images
    values = np.arange(256)
    if isinstance(images, Streamed):
        sums = images.sums.sum(axis=0)
    else:
        sums = np.array([(count @ values, count @ values**2) for count in _counts(images)])
    cells = len(part) * images.shape[2] * images.shape[3]
    means = [int(first) / (255 * cells) for first, _ in sums]
    variances = [(cells * int(second) - int(first) ** 2) / (255 * cells) ** 2 for first, second in sums]
    return tuple(means), tuple(math.sqrt(variance) or 1.0 for variance in variances)


def _counts(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each channel has each value, (C, 256)."""
    _, channels, height, width = images.shape
    counts = np.zeros((channels, 256), dtype=np.int64)
    step = max(1, COUNTED // (height * width))
    for first in range(0, len(images), step):
        for channel in range(channels):
            counts[channel] += np.bincount(images[first : first + step, channel].ravel(), minlength=256)
    return counts
