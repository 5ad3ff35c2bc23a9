"""Images that a network is looked at with: some of a data set's part, or of a folder's files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ...spaces import DataError, nearest
from ..data import images_below, load_dataset, prepare, read_image, stratified
from .places import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ..data import Part
    from ..predicting import Classifier

MOST_IMAGES = 1_000
"""Images of a sample, at most."""
SAMPLE_SEED = 0
"""Seed of which images of a larger part a sample holds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Images as they are stored, and what is known of them.

    Raises:
        DataError: the pixels are no uint8 (N, C, H, W), or there is not one label or name for each image.
    """

    pixels: NDArray[np.uint8]
    """0 to 255, (N, C, H, W)."""
    labels: NDArray[np.int64] | None = None
    """The class of each image, (N,), in the order of the network's classes; None where nobody knows."""
    names: tuple[str, ...] = ()
    """What a person calls each image, such as its file; () where they have no names."""
    kind: str = "images"
    """What the images are, in the plural, such as "validation images"."""
    of: int | None = None
    """How many images there are of which these are some; None where these are all."""
    note: str = ""
    """A sentence on what is to be kept in mind, such as that some were trained on."""
    skipped: tuple[str, ...] = field(default=(), repr=False)
    """Files that could not be read, each with the reason."""

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 4 or not len(self.pixels):
            raise DataError(
                f"`pixels` (={self.pixels.dtype} {self.pixels.shape}) must be uint8 (N, C, H, W), N at least 1",
                "Give images as they are stored, 0 to 255.",
            )
        for what, given in (("labels", self.labels), ("names", self.names or None)):
            if given is not None and len(given) != len(self.pixels):
                raise DataError(
                    f"{len(given):,} {what} for {len(self.pixels):,} images", f"Give each image one, or no {what}."
                )

    def __len__(self) -> int:
        return len(self.pixels)

    def check(self, classifier: Classifier) -> None:
        """Refuses images that a network cannot look at.

        Raises:
            DataError: they have another shape than the network's input, or a label is no class of its.
        """
        if self.pixels.shape[1:] != classifier.input:
            raise DataError(
                f"the {self.kind} are {self.pixels.shape[1:]} (C, H, W), and the network takes {classifier.input}",
                "Bring them to that shape.",
            )
        classes = len(classifier.classes)
        if self.labels is not None and not 0 <= self.labels.min() <= self.labels.max() < classes:
            raise DataError(
                f"the {self.kind} have labels from {self.labels.min()} to {self.labels.max()}, and the network has "
                f"{classes} classes",
                "Give images of these classes, or leave the labels out.",
            )

    def at_most(self, most: int) -> Sample:
        """At most `most` of the images, spread over all."""
        if most >= len(self):
            return self
        chosen = spread(len(self), most)
        return replace(
            self,
            pixels=self.pixels[chosen],
            labels=None if self.labels is None else self.labels[chosen],
            names=tuple(self.names[at] for at in chosen) if self.names else (),
            of=self.of or len(self),
        )

    def label(self, at: int, classes: Sequence[str]) -> str:
        """Name of the class that the image of that number is of; its own name, or number, where nobody knows."""
        if self.labels is not None:
            return classes[int(self.labels[at])]
        return self.names[at] if self.names else f"image {at}"

    @property
    def described(self) -> str:
        """How many images of what kind, such as "1,000 of 2,400 validation images"."""
        kind = self.kind if len(self) > 1 or self.of else self.kind.removesuffix("s")
        return f"{len(self):,} of {self.of:,} {kind}" if self.of and self.of > len(self) else f"{len(self):,} {kind}"


def sample_of_part(
    part: Part,
    kind: str,
    *,
    most: int = MOST_IMAGES,
    name: Callable[[int], str] | None = None,
    note: str = "",
) -> Sample:
    """Images of one part of a data set, every class with its share.

    Args:
        part: of the data set; of one that is streamed only these images are read.
        kind: what the images are, in the plural.
        most: images to take, at most; which ones is always the same.
        name: what a person calls an image, by its number in the part; not given where they have no names.
        note: what is to be kept in mind.

    Raises:
        DataError: the part is empty, or a streamed file is gone or was changed since it was looked at.
    """
    chosen = _chosen(part.labels, most)
    return Sample(
        pixels=np.asarray(part.images[chosen]),
        labels=part.labels[chosen],
        names=tuple(name(int(at)) for at in chosen) if name else (),
        kind=kind,
        of=len(part),
        note=note,
    )


def sample_of_files(folder: Path, classifier: Classifier, *, most: int = MOST_IMAGES, note: str = "") -> Sample:
    """Pictures of a folder, brought to the network's input as for `Classifier.predict`.

    Where the folders in `folder` are called as the network's classes they say what is in the pictures; otherwise, and
    of loose pictures, nobody knows.

    Args:
        folder: of the pictures; those in folders below it count.
        classifier: the network that is to look at them.
        most: pictures to take, at most, every class with its share; which ones is always the same.
        note: what is to be kept in mind.

    Raises:
        DataError: there is no picture that can be read, or only some of the folders are called as a class.
    """
    files = images_below(folder)
    labels = _labels(folder, files, classifier.classes)
    chosen = _chosen(labels, most) if labels is not None else np.array(spread(len(files), most))
    channels, *size = classifier.input
    prepare()
    read = [read_image(files[at], (size[0], size[1]), classifier.resize, channels) for at in chosen]
    good = [at for at, picture in enumerate(read) if not isinstance(picture, str)]
    skipped = tuple(f"{files[at]}: {said}" for at, said in zip(chosen, read, strict=True) if isinstance(said, str))
    if not good:
        raise DataError(f"{folder}: no picture can be read, first {skipped[0]}", "Name a folder of pictures.")
    if classifier.input[0] not in (1, 3):
        raise DataError(
            f"{folder}: pictures have 1 or 3 channels, and the network takes {classifier.input[0]}",
            "Name a data set of such images.",
        )
    return Sample(
        pixels=np.stack([picture.pixels for picture in read if not isinstance(picture, str)]),
        labels=None if labels is None else labels[chosen[good]],
        names=tuple(str(files[at].relative_to(folder)) for at in chosen[good]),
        kind="pictures",
        of=len(files),
        note=note,
        skipped=skipped,
    )


def sample_of_data_set(name: str, root: Path | None, classifier: Classifier, *, most: int = MOST_IMAGES) -> Sample:
    """Validation images of a data set that is known by name, brought to the network's input; no test images.

    Args:
        name: one of `data.DATA_SETS`, but for "folder".
        root: the folder that its files are in; not for "digits".
        classifier: the network that is to look at them.
        most: images to take, at most, every class with its share; which ones is always the same.

    Raises:
        DataError: the name is not known, files are missing or damaged, or the classes are not the network's.
    """
    dataset = load_dataset(name, root, size=classifier.input[1:], resize=classifier.resize)
    if dataset.classes != classifier.classes:
        theirs, ours = (", ".join(classes[:3]) for classes in (dataset.classes, classifier.classes))
        raise DataError(
            f"{name} has the classes {theirs}, …, and the network was trained on {ours}, …",
            "Name the data set that it was trained on, or a folder of pictures.",
        )
    note = "The network may have learnt from some of these."
    return sample_of_part(dataset.validation, f"validation images of {dataset.name}", most=most, note=note)


def _chosen(labels: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    every = np.arange(len(labels))
    return every if len(every) <= most else stratified(labels, every, most, np.random.default_rng(SAMPLE_SEED))


def _labels(folder: Path, files: Sequence[Path], classes: Sequence[str]) -> NDArray[np.int64] | None:
    """The class of each file by the folder it lies in; None where none of the folders is called as a class.

    Raises:
        DataError: some are and some are not.
    """
    inside = [file.relative_to(folder).parts for file in files]
    known = {name: at for at, name in enumerate(classes)}
    called = [known.get(parts[0], -1) if len(parts) > 1 else -1 for parts in inside]
    if max(called) < 0:
        return None
    if min(called) < 0:
        file = files[called.index(-1)]
        raise DataError(
            f"{folder}: {file} lies in no folder that is called as one of the network's classes, and others do",
            f"Take it out, or rename its folder. {nearest(inside[called.index(-1)][0], classes)}",
        )
    return np.array(called, dtype=np.int64)
