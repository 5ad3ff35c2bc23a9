"""The `search` section of a sweep file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from ...records import Objective
from ..initial_designs import Entries, Start  # noqa: TC001 - pydantic reads it
from .section import Section, whole_or_auto

LONGEST = 1e9
"""The most that `search.seconds` may be: thirty years."""
UNLIMITED = 1_000_000
"""The most that `search.trials` may be, and what it is where only the time limits a sweep."""


class SearchConfig(Section):
    """The `search` section of a sweep file: how many trials, how they are proposed, promoted and compared."""

    seconds: float | None = Field(default=None, gt=0, le=LONGEST)
    """Time budget of one launch or resume, in seconds: past it nothing new starts and what runs ends with its epoch."""
    trials: int = Field(default=None, ge=1, le=UNLIMITED, validate_default=True)  # pyright: ignore[reportAssignmentType] - see `_until_the_time_is_up`
    """Networks to train; duplicates and designs over budget do not count. When not given, 50, or as many as
    `search.seconds` allow where that is given."""
    epochs: Annotated[int | Literal["auto"], whole_or_auto(1, 100_000)] = "auto"
    """Epochs of a trial that is promoted to the end; "auto" chooses them by the time there is and what an epoch takes,
    or, without a time budget, by the number of images."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the sampler, of every initialisation and of the data split."""
    sampler: str | dict[str, Any] = "tpe"
    """How designs are proposed: tpe, random, qmc, gp, cmaes, nsga2 or an import path; with settings: {class: …, …}."""
    promotion: Literal["halving", "stopping", "none"] = "halving"
    """Which trials go on: "halving" pauses them at rungs and resumes the best (asynchronous successive halving);
    "stopping" ends at once those not among the best so far; "none" runs all to the end."""
    first_rung: Annotated[int | Literal["auto"], whole_or_auto(1, 100_000)] = "auto"
    """Epochs after which a trial is first judged; "auto" is 1, and more with `epochs: auto` where epochs are short."""
    reduction: int = Field(default=3, ge=2, le=100)
    """Reduction factor of successive halving: one in so many trials of a rung is promoted to the next, which is so many
    times longer."""
    brackets: int = Field(default=1, ge=1, le=17)
    """Groups of trials, each first judged `reduction` times later than the one before, as in Hyperband."""
    objectives: tuple[Objective, ...] = ("accuracy",)
    """What is optimised: accuracy, or with it costs that are to be small: parameters, macs, memory, latency."""
    finalists: int = Field(default=3, ge=0, le=100)
    """At the end so many of the best trials are trained again from other seeds, and the best of the textbook's starts;
    the winner is the best on average. 0 leaves it out."""
    seeds: int = Field(default=3, ge=1, le=100)
    """Trainings of each finalist, each from another seed; the one in the search is among them, but counts in no mean.
    """
    cross_validate: bool = True
    """Where fewer than 1,000 validation images were cut from those to train on, each of a finalist's trainings trains
    and validates on another split of them, as in k-fold cross-validation: the mean counts more images."""
    refit: bool = True
    """Train the winner for the last time, on four fifths of the validation images, too, and hand that over. With
    `finalists: 0` there is no last time."""
    start: Start = "auto"
    """Designs trained before the sampler proposes its own: "auto" for the textbook's, or classics, notation, files, a
    former sweep's best; [] for none."""
    baselines: Entries = ()
    """Designs to compare with: classics, notation, files, a former sweep's best. They are trained first and to the full
    length, whatever promotion says, and are not counted in `trials`."""

    @field_validator("trials", mode="before")
    @classmethod
    def _until_the_time_is_up(cls, trials: object, info: ValidationInfo) -> object:
        return (UNLIMITED if info.data.get("seconds") else 50) if trials is None else trials

    @field_validator("sampler", mode="before")
    @classmethod
    def _named(cls, sampler: object) -> object:
        named = sampler.get("class") if isinstance(sampler, dict) else sampler
        if not isinstance(named, str):
            raise ValueError("a name, an import path, or {class: either, and settings}")
        return sampler

    @field_validator("objectives", mode="before", json_schema_input_type=Objective | list[Objective])
    @classmethod
    def _one_or_several(cls, objectives: object) -> object:
        return (objectives,) if isinstance(objectives, str) else objectives

    @property
    def sampler_name(self) -> str:
        """The name or import path of the sampler, without the settings that the sweep file may give it."""
        return self.sampler if isinstance(self.sampler, str) else self.sampler["class"]

    @field_validator("objectives")
    @classmethod
    def _accuracy_first(cls, objectives: tuple[Objective, ...]) -> tuple[Objective, ...]:
        if objectives[:1] != ("accuracy",) or len(set(objectives)) < len(objectives):
            raise ValueError("begin with accuracy, then name each cost once, as in [accuracy, macs]")
        return objectives

    @field_validator("first_rung")
    @classmethod
    def _within_the_epochs(cls, first_rung: int | str, info: ValidationInfo) -> int | str:
        epochs = info.data.get("epochs", first_rung)
        if "auto" not in (first_rung, epochs) and int(first_rung) > epochs and info.data.get("promotion") != "none":
            raise ValueError(f"trials end after {epochs} epochs: use at most {epochs}, or raise search.epochs")
        return first_rung

    @field_validator("brackets")
    @classmethod
    def _begin_within_the_epochs(cls, brackets: int, info: ValidationInfo) -> int:
        epochs, first, reduction = (info.data.get(key) for key in ("epochs", "first_rung", "reduction"))
        first = 1 if first == "auto" else first
        if epochs and epochs != "auto" and first and reduction and info.data.get("promotion") != "none":
            most = sum(first * reduction**bracket <= epochs for bracket in range(brackets))
            if most < brackets:
                raise ValueError(
                    f"bracket {most + 1} would first judge after {first * reduction**most} epochs, and trials end "
                    f"after {epochs}: use at most {most}, or raise search.epochs"
                )
        return brackets
