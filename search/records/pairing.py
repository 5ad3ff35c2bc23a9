"""What a training of an experiment is: which base, in which variant, from which seed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """The place of a training in an experiment. Trainings of one base and seed see the same images in the same order.

    >>> Pairing.from_json(Pairing(base=3, variant="stack", seed=1).to_json()).variant
    'stack'
    """

    base: int
    """Which base design, from 0 on."""
    variant: str
    """Name of the variant that it is built in."""
    seed: int
    """Which of the base's seeds, from 1 on; 0 for a training that learning rates are tuned by."""

    @property
    def tunes(self) -> bool:
        """Whether the training is one that learning rates are tuned by, so that it counts in no comparison."""
        return self.seed == 0

    def random_seed(self, seed: int) -> int:
        """The seed of weights, data order and dropout, the same for every variant of a base.

        Args:
            seed: that of the sweep, `search.seed`.
        """
        return (seed * 1_000_003 + 7_919 * (self.base + 1) + 104_729 * self.seed) % 2**31

    @property
    def words(self) -> str:
        """The place in words: "base 3 as stack, seed 1"."""
        return f"base {self.base} as {self.variant}, {'for its learning rate' if self.tunes else f'seed {self.seed}'}"

    def to_json(self) -> dict[str, Any]:
        """Plain values that JSON can hold, from which `Pairing.from_json` makes an equal value."""
        return asdict(self)

    @staticmethod
    def from_json(values: dict[str, Any]) -> Pairing:
        """The pairing from which `Pairing.to_json` made `values`."""
        return Pairing(base=int(values["base"]), variant=str(values["variant"]), seed=int(values["seed"]))
