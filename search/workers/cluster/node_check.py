"""What a node of a cluster must have and see for trials to be trained on it as on the driver's machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ....spaces import DataError, SweepError
from ....trainers import weights_digest
from ....trainers.data import Streamed
from ...bucket import bring_as
from .versions import misfit, versions_here

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ....trainers.data import Dataset, Pictures
    from ...bucket import Brought

COMPARED = 16
"""Pictures of a part of the data that are compared, spread over all."""
INSTALL = (
    "Install there what Convscape needs, into the Python that runs Ray: `pip install convscape`, with the driver's "
    "constraints.txt. Convscape itself is sent."
)
"""Remedy where a worker's code cannot be loaded."""
_SEE_IMAGES = (
    "Images that come to more than data.memory are read from files on each node: have every node see them under the "
    "same path, as on a shared file system. Or raise data.memory, where the driver and each node have room for all: "
    "what is kept is sent to the nodes."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What the driver sees of some pictures that workers read from files."""

    pictures: Pictures
    indices: tuple[int, ...]
    marks: tuple[int, ...]
    """`Pictures.mark` of each."""

    def difference(self) -> str:
        """The first picture that is not here as it is on the driver's machine, and how; "" where all are."""
        try:
            self.pictures.open()
            for index, mark in zip(self.indices, self.marks, strict=True):
                try:
                    if self.pictures.mark(index) != mark:
                        return f"{self.pictures.name(index)} is not what it is there"
                except OSError as error:
                    return f"{self.pictures.name(index)}: {error.strerror}"
        except DataError as error:  # a function of one's own that cannot be imported, or fails
            return error.message
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCheck:
    """What is compared between the driver's machine and a node."""

    versions: Mapping[str, str]
    """The driver's, as `versions_here` gives them."""
    images: tuple[Marks, ...]
    """Some of the images that are read anew each epoch; () where all go through Ray's object store."""
    weights: Mapping[str, str]
    """Digests of the weights that recipes start from, by their source."""
    brought: Brought | None = None
    """What each node brings from object storage for those images; None where they lie on it."""
    asked: frozenset[str] = frozenset()
    """Ray's ids of the nodes that fit."""

    @staticmethod
    def of(dataset: Dataset, weights: Iterable[str], brought: Brought | None = None) -> NodeCheck:
        """What this machine has and sees.

        Args:
            dataset: the images.
            weights: sources of weights, as `recipe.weights` names them.
            brought: what was brought here from object storage, and is to be brought there.

        Raises:
            DataError, OSError: images or weights are gone since they were read.
        """
        images = tuple(
            _marks(part.images) for part in (dataset.train, dataset.validation) if isinstance(part.images, Streamed)
        )
        return NodeCheck(
            versions=versions_here(),
            images=images,
            weights={source: weights_digest(source) for source in weights},
            brought=brought if images else None,
        )

    @property
    def reads_files(self) -> bool:
        """Whether workers read images or weights from files of their node."""
        return bool(self.images or self.weights)

    def problem_here(self) -> tuple[str, str] | None:
        """Why trials of the sweep cannot be trained on this node, as words that follow its name, and what to do."""
        return misfit(self.versions, versions_here()) or self.unseen()

    def unseen(self) -> tuple[str, str] | None:
        """What of the images and weights this node does not see as the driver does, and what to do.

        Images in object storage are brought to the node first, which may take long.
        """
        if self.brought:
            try:
                bring_as(self.brought)
            except SweepError as error:
                return f"cannot bring the images: {error.message}", error.remedy
        for marks in self.images:
            if difference := marks.difference():
                return (
                    f"does not see the images as the driver does: {difference}",
                    _SEE_IMAGES,
                )
        for source, digest in self.weights.items():
            try:
                here = weights_digest(source)
            except DataError as error:
                difference = error.message
            else:
                difference = "" if here == digest else f"recipe.weights: {source} is not what it is there"
            if difference:
                return (
                    f"does not see the weights as the driver does: {difference}",
                    "Put the same weights there under the same path; those of torchvision must be downloaded there.",
                )
        return None


def _marks(images: Streamed) -> Marks:
    some = np.unique(np.linspace(0, len(images) - 1, min(COMPARED, len(images)), dtype=np.int64))
    indices = tuple(int(images.where[at]) for at in some)
    images.pictures.open()
    return Marks(
        pictures=images.pictures, indices=indices, marks=tuple(images.pictures.mark(index) for index in indices)
    )
