"""Ranks trials: the best first, finalists by what they reached over several seeds."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .trial import epochs_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .trial import TrialRecord


GONE_WRONG, LEEWAY = 2.0, 0.15
"""A refit has gone wrong where its error is more than so many times that of the run in the search, and so much. One
that was cut off is better where its error is lower by so much."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a finalist reached over its seeds: the runs after the search, since the search chose it by the one there."""

    accuracies: tuple[float, ...]
    """Validation accuracy, 0 to 1, after the last epoch of each of the finalist's runs that came to the end. Where none
    did, that of the run in the search."""
    failed: int = 0
    """How many of the finalist's runs failed."""
    run: int | None = None
    """Number of the run whose weights are handed over: the refit, else the first that came to the end; None where none
    did."""

    @property
    def mean(self) -> float:
        """The mean of the finalist's accuracies, 0 to 1."""
        return statistics.fmean(self.accuracies)

    @property
    def std(self) -> float | None:
        """The sample standard deviation of the accuracies, n - 1 in its denominator; None for a single run."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None


def finalists(records: Iterable[TrialRecord], most: int) -> list[TrialRecord]:
    """The trials of the search that are to be trained again, best first: the best, and the best of the textbook's.

    Where trials were cut off before their end, those that came at least half as far as the farthest are compared with
    each other, the others come after them. Ties in validation accuracy go to the smaller network, then to the lower
    number.

    Args:
        records: trials of the sweep; runs that repeat a finalist are left out, and those that failed.
        most: how many trials are given, at most, one more where the best of the textbook's is not among them.
    """
    trained = [r for r in records if r.accuracies and r.trained and not (r.repetition or r.failed)]
    farthest = max((record.epochs for record in trained), default=0)
    ordered = sorted(trained, key=lambda record: (2 * record.epochs < farthest, *_by_accuracy(record)))
    chosen = ordered[:most]
    textbook = [record for record in ordered if record.textbook]
    return chosen if not chosen or chosen[0] in textbook or not textbook else _with(chosen, textbook[0])


def _with(chosen: list[TrialRecord], one: TrialRecord) -> list[TrialRecord]:
    return chosen if one in chosen else [*chosen, one]


def leads_the_textbook(record: TrialRecord, records: Iterable[TrialRecord]) -> bool:
    """Whether a trial is the best of the textbook's designs: none is better after the last epoch that both have.

    Args:
        record: the trial.
        records: all trials of the sweep.
    """
    others = (other for other in records if other.textbook and other.accuracies and not other.failed)
    last = ((other, min(other.epochs, record.epochs)) for other in others)
    return record.textbook and all(other.accuracies[at] <= record.accuracies[at] for other, at in last)


def standings(records: Iterable[TrialRecord]) -> dict[int, Standing]:
    """What each finalist that was trained again reached over its seeds, by trial number.

    Args:
        records: all trials of the sweep.
    """
    known = {record.number: record for record in records}
    runs: dict[int, list[TrialRecord]] = {}
    for run in known.values():
        if run.repeats is not None and not run.refit:
            runs.setdefault(run.repeats, []).append(run)
    last = last_trainings(known.values())
    found: dict[int, Standing] = {}
    for number, its in runs.items():
        ended = [run for run in its if run.completed and run.accuracies]
        reached = tuple(run.accuracies[run.epochs] for run in ended) or (known[number].accuracy or 0.0,)
        handed_over = last.get(number) or next((run.number for run in ended), None)
        found[number] = Standing(reached, sum(run.failed for run in its), handed_over)
    return found


def last_trainings(records: Iterable[TrialRecord]) -> dict[int, int]:
    """The last training of each design that had one, the latest that went well, by the number of the trial it is of.

    Args:
        records: all trials of the sweep.
    """
    known = {record.number: record for record in records}
    return {
        run.repeats: run.number
        for run in known.values()
        if run.refit and run.repeats is not None and not why_refused(run, known[run.repeats])
    }


def why_refused(refit: TrialRecord, winner: TrialRecord) -> str:
    """Why a last training is not handed over, as words; "" where it is.

    It has fewer images to be judged by than the trial in the search. It is trusted where it came to its end, had half
    as many epochs as that one or more, and is not far worse; and where it was cut off and is far better all the same.

    Args:
        refit: the last training.
        winner: the trial in the search of which it is.
    """
    if not refit.accuracies:
        return "no epoch of it ended"
    if 2 * refit.epochs < winner.epochs:
        return f"it had {epochs_in_words(refit.epochs)}, and the search {winner.epochs}"
    error, before = 1 - refit.accuracies[refit.epochs], 1 - (winner.accuracy or 0.0)
    if not refit.completed and error > before - LEEWAY:
        return "it was cut off before its rate had come down"
    if error > GONE_WRONG * before + LEEWAY:
        return f"it ended at {1 - error:.4f}, far below the search"
    return ""


def ranked(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Trials that were trained, best first; ties go to the smaller network.

    Finalists that were trained again come first, by the mean over their seeds; one with a run that failed comes after
    those without. A run that repeats a finalist is not listed: it counts in the finalist's mean.

    Args:
        records: all trials of the sweep.
    """
    known = list(records)
    found = standings(known)
    trained = [record for record in known if record.accuracies and record.trained]
    first = sorted(
        (record for record in trained if record.number in found),
        key=lambda record: (*_place(found[record.number]), *_by_accuracy(record)),
    )
    rest = (record for record in trained if record.number not in found and not record.repetition)
    return first + sorted(rest, key=_by_accuracy)


def _place(standing: Standing) -> tuple[int, bool, float]:
    """Finalists with a run that failed come after those without, then those of which no run came to its end."""
    return standing.failed, standing.run is None, -standing.mean


def _by_accuracy(record: TrialRecord) -> tuple[float, int, int]:
    return -(record.accuracy or 0.0), record.design.parameters, record.number
