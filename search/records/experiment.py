"""An experiment: base designs, each built in every variant of a design question, and which of them are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .trial import Design

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What is trained to settle a design question, decided before anything trains and kept in the study."""

    variants: tuple[str, ...]
    """Names of the variants, as in ("single", "stack")."""
    contrasts: tuple[tuple[str, str], ...]
    """Pairs of variants that are compared."""
    bases: tuple[Mapping[str, Design], ...]
    """The base designs, each as its design in every variant, at the recipe's own learning rate."""
    left_out: tuple[str, ...]
    """Why bases that were drawn are not among them, a sentence for each."""
    notes: tuple[str, ...] = ()
    """What else bounds the answer, such as numbers of stages that some variant cannot have."""
    rates: tuple[float, ...]
    """Learning rates that are tried; `verdicts.choose_rates` says which one a variant gets."""
    tuned: int
    """The first so many bases are those that learning rates are tuned on; 0 where there is one rate."""
    seeds: int
    """Trainings of a base in each variant, each from another seed."""

    @property
    def trainings(self) -> int:
        """How many trainings there are to be, those that learning rates are tuned by included."""
        return len(self.variants) * (self.tuned * len(self.rates) + len(self.bases) * self.seeds)

    def to_json(self) -> dict[str, Any]:
        """Plain values that JSON can hold, from which `Experiment.from_json` makes an equal experiment."""
        return {
            "variants": list(self.variants),
            "contrasts": [list(names) for names in self.contrasts],
            "bases": [{name: design.to_json() for name, design in base.items()} for base in self.bases],
            "left_out": list(self.left_out),
            "notes": list(self.notes),
            "rates": list(self.rates),
            "tuned": self.tuned,
            "seeds": self.seeds,
        }

    @staticmethod
    def from_json(values: dict[str, Any]) -> Experiment:
        """The experiment from which `Experiment.to_json` made `values`."""
        return Experiment(
            variants=tuple(values["variants"]),
            contrasts=tuple((a, b) for a, b in values["contrasts"]),
            bases=tuple({name: Design.from_json(each) for name, each in base.items()} for base in values["bases"]),
            left_out=tuple(values["left_out"]),
            notes=tuple(values.get("notes", ())),
            rates=tuple(values["rates"]),
            tuned=values["tuned"],
            seeds=values["seeds"],
        )
