"""The `question` section of a sweep file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from .section import Section

Match = Literal["parameters", "macs", "memory", "none"]


Rates = Annotated[
    Annotated[tuple[Annotated[float, Field(gt=0, le=100)], ...], Field(min_length=1, max_length=20)],
    BeforeValidator(
        lambda rates: (rates,) if isinstance(rates, int | float) else rates,
        json_schema_input_type=Annotated[float, Field(gt=0, le=100)]
        | Annotated[list[Annotated[float, Field(gt=0, le=100)]], Field(min_length=1, max_length=20)],
    ),
]
"""Learning rates, 1 to 20; a single one may stand without brackets."""


class QuestionConfig(Section):
    """The `question` section of a sweep file: a design question that is to be settled, in place of a search."""

    ask: str
    """Which question, as `convscape ask --list` names them, or "mine" for the `variants` of the sweep file."""
    pairs: int = Field(default=20, ge=2, le=10_000)
    """Base designs, each of which is trained in every variant; fewer where all is settled before."""
    seeds: int = Field(default=2, ge=1, le=100)
    """Trainings of a base in each variant, from seeds and in data orders that all variants share."""
    match: Match = "parameters"
    """What every variant of a base costs alike, within 2 %, by other widths: parameters, macs (of an image's forward
    pass), memory (of a training step) or none."""
    rates: Rates | None = None
    """Learning rates that are tried, of which the best for all variants together is taken, or a variant's own where it
    is clearly better; when not given three of those that `recipe.learning_rate` allows (a fiftieth of its default for
    adamw alone), or a third, one and three times the one it is."""
    tuned: int | None = Field(default=None, ge=1, le=10_000)
    """Base designs that learning rates are tuned on, from one seed; a quarter of `pairs` when not given."""
