"""How much of a GPU's memory trainings take: predicted from their cost, and corrected by what was measured."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....trainers.device import IMAGES, USABLE, WORKSPACE, batch_bytes, training_bytes
from ...files import read_or_tell, write_sealed
from .shares import EIGHTHS, WHOLE, memory_of

if TYPE_CHECKING:
    from pathlib import Path

    from ....trainers.device import Precision
    from ...records import Design
    from .shares import GpuNode

REMEMBERED = 64
"""Measured trainings that are remembered: what was measured long ago, of other networks, says little of the next."""
ALIKE = 2.0
"""Trainings of which one is predicted to take up to so many times what the other is are alike."""
SAME_CARD = 0.99
"""GPUs of one make differ in memory by no more than this leaves."""
MOST = 4.0
"""A prediction is taken to be wrong by this factor at most: past it a single odd network would have all GPUs whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a training is predicted to take of a GPU's memory, in bytes."""

    step: int
    """Of a step on a whole batch, with all that the training keeps between steps."""
    batch: int
    """Of the place that a recorded step has for its batch; 0 where steps are not recorded."""
    images: int
    """Of all images that it trains and validates on, which stay on the GPU where they are a small part."""

    def resident(self, memory: int) -> int:
        """Bytes of images that stay on the GPU.

        Args:
            memory: bytes that the training may take.
        """
        return self.images if self.images <= memory // IMAGES else 0

    def fits(self, memory: int, factor: float = 1.0) -> bool:
        """Whether a step on a whole batch fits into so much memory, as trainings plan it.

        Args:
            memory: bytes that the training may take.
            factor: by which trainings alike took more than was predicted, at least 1.
        """
        free = memory - self.resident(memory) - self.batch
        return self.step * factor + WORKSPACE * USABLE <= free * USABLE


class Needs:
    """What the trainings of a sweep take of a GPU's memory, and what is learnt of that while it runs.

    Args:
        images: bytes of all images to train and validate on; 0 where they never stay on a GPU.
        train: how many images are trained on.
        precision: of the layers' arithmetic.
        graphs: whether training steps are recorded as CUDA graphs.
        file: keeps what is learnt, for a sweep that is resumed; None to keep nothing.
    """

    def __init__(
        self, *, images: int, train: int, precision: Precision, graphs: bool = False, file: Path | None = None
    ) -> None:
        self._images, self._train, self._graphs, self._file = images, train, graphs, file
        self._precision: Precision = precision
        self._ratios: deque[tuple[int, float]] = deque(maxlen=REMEMBERED)
        self._outgrown: dict[int, int] = {}
        """Bytes that were not enough, by number of the trial."""
        if file is not None:
            self._read(file)

    def of(self, design: Design) -> Need:
        """What training a design is predicted to take.

        Args:
            design: network and recipe.
        """
        network, batch = design.architecture, min(design.recipe.batch_size, self._train)
        step = training_bytes(network, batch, precision=self._precision, optimizer=design.recipe.optimizer)
        return Need(step=step, batch=batch_bytes(network, batch) if self._graphs else 0, images=self._images)

    def factor(self, need: Need) -> float:
        """By how much trainings like it took more than was predicted: the largest ratio of those measured of late, 1 to
        MOST.

        That a training took less does not count: how it plans its batch and its validation goes by the prediction.

        Args:
            need: what the training is predicted to take.
        """
        alike = (ratio for step, ratio in self._ratios if step <= ALIKE * need.step and need.step <= ALIKE * step)
        return min(MOST, max(alike, default=1.0))

    def share_on(self, node: GpuNode, number: int, need: Need) -> int:
        """Eighths of one of a node's GPUs that a trial is to get there; 0 where even a whole one is too small.

        Args:
            node: that has the GPUs.
            number: the trial's number.
            need: what it is predicted to take.
        """
        factor, too_small = self.factor(need), self._outgrown.get(number, -1)
        for eighths in EIGHTHS:
            memory = memory_of(node, eighths)
            if memory > too_small and need.fits(memory, factor):
                return eighths
        return 0

    def share_wherever(self, nodes: list[GpuNode], number: int, need: Need) -> dict[str, int]:
        """Eighths of a GPU that a trial is to get on each node where it may be trained, by the node's id.

        Where no GPU holds it, it may have one of the largest whole: there its batches go through in parts.

        Args:
            nodes: that have GPUs.
            number: the trial's number.
            need: what it is predicted to take.
        """
        found = {node.id: eighths for node in nodes if (eighths := self.share_on(node, number, need))}
        largest = max((node.memory for node in nodes), default=0)
        return found or {node.id: WHOLE for node in nodes if node.memory >= SAME_CARD * largest}

    def measured(self, need: Need, peak: int, memory: int) -> None:
        """Takes in what a training took.

        Args:
            need: what it was predicted to take.
            peak: bytes that it held at once, at most, its images included.
            memory: bytes that it might take.
        """
        self._learn(need, peak - need.resident(memory) - need.batch - WORKSPACE)

    def outgrew(self, number: int, need: Need, memory: int) -> None:
        """Takes in that a training had too little memory: it and those like it get more.

        Args:
            number: the trial's number.
            need: what it was predicted to take.
            memory: bytes that it might take.
        """
        self._outgrown[number] = max(memory, self._outgrown.get(number, 0))
        self._learn(need, int((memory - need.resident(memory) - need.batch) * USABLE) - int(WORKSPACE * USABLE) + 1)
        self._write()

    def _learn(self, need: Need, taken: int) -> None:
        ratio = taken / need.step
        if ratio > self.factor(need):
            self._ratios.append((need.step, ratio))
            self._write()
        elif ratio > 0:
            self._ratios.append((need.step, ratio))

    def _read(self, file: Path) -> None:
        # Without it all is learnt again: the first networks of each kind train in too small a share once more.
        values = read_or_tell(file)
        with suppress(ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
            ratios = [(int(step), float(ratio)) for step, ratio in (values or {})["ratios"]]
            outgrown = {int(number): int(memory) for number, memory in (values or {})["outgrown"].items()}
            self._ratios.extend((step, ratio) for step, ratio in ratios if step > 0 and 0 < ratio <= MOST)
            self._outgrown.update(outgrown)

    def _write(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                write_sealed(self._file, {"ratios": list(self._ratios), "outgrown": self._outgrown})
