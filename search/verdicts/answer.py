"""The answer of an experiment: its contrasts with their verdicts, and what they rest on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .contrast import Compared, Contrast, contrasts
from .costs import mean_costs
from .intervals import mean_interval
from .learning_rates import TunedRate, tuned_rates
from .pairs import counts, is_over, pairs_of, trained_bases
from .stopping import final_level, interim_looks, level_after

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..records import Experiment, TrialRecord
    from .pairs import Bases, Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an experiment says so far, or at its end."""

    experiment: Experiment
    contrasts: tuple[Contrast, ...]
    bases: int
    """How many bases are counted: those that were over, in their order, up to where the experiment ended."""
    early: bool
    """Whether every contrast was settled before all bases were trained, so that the experiment ended."""
    rates: Mapping[str, TunedRate] | None
    """The learning rate of each variant; None while they are being tuned."""
    unlearnt: tuple[int, ...]
    """Bases on which no variant learnt anything. They count."""
    failed: tuple[str, ...]
    """Why bases that were trained make no pair, a sentence for each training that failed by no fault of its design."""
    diverged: Mapping[str, int]
    """For each variant how many of its trainings diverged; they count as guessing."""

    def __str__(self) -> str:
        return "; ".join(f"{each.a} less {each.b}: {each.verdict}" for each in self.contrasts)

    @property
    def ended(self) -> bool:
        """Whether nothing is left to train."""
        return self.early or self.bases == len(self.experiment.bases)

    @property
    def pairs(self) -> int:
        """How many pairs the contrasts rest on, the fewest of any."""
        return min((len(contrast.pairs) for contrast in self.contrasts), default=0)


def answer_of(experiment: Experiment, records: Sequence[TrialRecord]) -> Answer:
    """What an experiment says, of the bases that are over; more is not looked at, also where workers were ahead.

    Args:
        experiment: what is trained.
        records: all trials so far.
    """
    over = bases_over(experiment, records)
    early = ends_early(experiment, records)
    counted = early or over
    trained = trained_bases(experiment, records)
    bases = {number: base for number, base in trained.items() if number < counted}
    found = _contrasts(experiment, bases, counted)
    trials = [trial for base in bases.values() for seeds in base.values() for trial in seeds.values()]
    learnt = {pair.base: pair.learnt for contrast in found for pair in contrast.pairs}
    return Answer(
        experiment=experiment,
        contrasts=tuple(found),
        bases=counted,
        early=early is not None,
        rates=tuned_rates(experiment, records),
        diverged=Counter(trial.pairing.variant for trial in trials if trial.diverged and trial.pairing),
        unlearnt=tuple(sorted(base for base, known in learnt.items() if not known)),
        failed=tuple(
            f"{trial.pairing.words}: {trial.reason}" for trial in trials if trial.pairing and not counts(trial)
        ),
    )


def bases_over(experiment: Experiment, records: Sequence[TrialRecord]) -> int:
    """How many bases are over, counted from the first on: one that is not ends the count."""
    trained = trained_bases(experiment, records)
    return next((number for number, base in trained.items() if not is_over(experiment, base)), len(trained))


def ends_early(experiment: Experiment, records: Sequence[TrialRecord]) -> int | None:
    """After how many bases every contrast was settled, so that the experiment ended there; None where that is not so.

    Args:
        experiment: what is trained.
        records: all trials so far.
    """
    over, trained = bases_over(experiment, records), trained_bases(experiment, records)
    for count in interim_looks(len(experiment.bases), len(experiment.contrasts)):
        if count > over:
            return None
        bases = {number: base for number, base in trained.items() if number < count}
        if not all(_beside_zero(pairs_of(a, b, experiment, bases)) for a, b in experiment.contrasts):
            continue  # p takes longer, and would not change that
        if all(contrast.settled for contrast in _contrasts(experiment, bases, count)):
            return count
    return None


def _beside_zero(pairs: Sequence[Pair]) -> bool:
    interval = mean_interval([pair.difference for pair in pairs])
    return interval is not None and interval.without_zero


def _contrasts(experiment: Experiment, bases: Bases, counted: int) -> list[Contrast]:
    """The contrasts of the bases that are counted, so many with those that make no pair."""
    planned, several = len(experiment.bases), len(experiment.contrasts)
    compared: list[Compared] = []
    for a, b in experiment.contrasts:
        pairs = tuple(pairs_of(a, b, experiment, bases))
        costs = (
            mean_costs([trial for pair in pairs for trial in pair.a]),
            mean_costs([trial for pair in pairs for trial in pair.b]),
        )
        compared.append(Compared(a=a, b=b, pairs=pairs, costs=costs))
    return contrasts(compared, level_after(counted, planned, several), final_level(planned, several))
