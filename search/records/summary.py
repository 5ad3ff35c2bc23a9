"""Summaries of trials, best first, as tables and JSON show them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from ...spaces import html_table
from .objectives import inference_memory, objective_values
from .pareto import fronts
from .ranking import last_trainings, ranked, standings
from .trial import Fate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .objectives import Objective
    from .ranking import Standing
    from .trial import Role, State, TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSummary(Fate):
    """One trial in few words, as the leaderboard and JSON show it."""

    trial: int
    """The trial's number."""
    run_id: str | None
    """MLflow's run id; None while the run has not arrived there."""
    state: State
    """How the trial stands, or how it ended."""
    reason: str
    """Why the trial ended, in a sentence; "" before that."""
    accuracy: float
    """Highest validation accuracy, 0 to 1."""
    epochs: int
    """Epochs that the trial was trained for."""
    parameters: int
    """Weights and biases of the network."""
    macs: int
    """Multiply-accumulates of one image's forward pass."""
    notation: str
    """The network as a line of notation."""
    role: Role = "sampled"
    """Where the design comes from: "sampled", "start" or "baseline"."""
    seeds: int = 1
    """Runs from different seeds that `mean_accuracy` is the mean of; the run in the search is none of them."""
    mean_accuracy: float | None = None
    """Mean over the seeds of the validation accuracy after each run's last epoch, 0 to 1; None for a trial that is no
    finalist."""
    run: int | None = None
    """Number of the run after the search whose weights are handed over, a last training or a finalist's; None where the
    trial had none."""
    std_accuracy: float | None = None
    """Sample standard deviation of the accuracies that `mean_accuracy` is the mean of; None for fewer than two."""
    memory: int = 0
    """Bytes that classifying one image takes, in float32."""
    latency: float | None = None
    """Seconds that classifying one image takes, where latency is an objective."""
    pareto: bool = True
    """Whether no other trial of full length is as good in every objective and better in one. Finalists are compared
    with each other, by their means."""

    def __repr__(self) -> str:
        return f"<TrialSummary of {', '.join(f'{name} {value}'.strip() for name, value in self._shown() if value)}>"

    def _repr_html_(self) -> str:
        """The trial for a notebook: its network, and a table of what it reached."""
        shown = [pair for pair in self._shown() if pair[0]]
        names, values = zip(*shown, strict=True)
        return f"<code>{escape(self.notation)}</code>{html_table(names, [values])}"

    def _shown(self) -> list[tuple[str, str]]:
        """What is shown of the trial, as words: the network has no name."""
        spread = "" if self.std_accuracy is None else f"±{self.std_accuracy:.4f}"
        mean = "" if self.mean_accuracy is None else f"{self.mean_accuracy:.4f}{spread} of {self.seeds}"
        return [
            ("trial", str(self.trial)),
            ("accuracy", f"{self.accuracy:.4f}"),
            ("mean", mean),
            ("epochs", f"{self.epochs:,}"),
            ("parameters", f"{self.parameters:,}"),
            ("MACs", f"{self.macs:,}"),
            ("state", self.state),
            ("", self.notation),
        ]


def summaries(
    trials: Sequence[TrialRecord], run_ids: Mapping[int | None, str], objectives: Sequence[Objective]
) -> list[TrialSummary]:
    """One summary for each trial that was trained, best first.

    Args:
        trials: all trials of the sweep.
        run_ids: MLflow's run ids by trial number, of those that arrived there.
        objectives: what the sweep optimises, accuracy first.
    """
    found, last, front = standings(trials), last_trainings(trials), _front(trials, objectives)
    return [
        _summary(
            record,
            run_ids.get(record.number),
            found.get(record.number),
            last.get(record.number),
            pareto=record.number in front,
        )
        for record in ranked(trials)
    ]


def _front(trials: Sequence[TrialRecord], objectives: Sequence[Objective]) -> set[int]:
    """Trials of full length that no other is as good as in every objective and better than in one.

    A mean is compared with means alone: finalists with each other over their seeds, the rest with all by the single
    run that each had in the search. A finalist with a run that failed counts where all have one. So the winner is
    among them.
    """

    def front(accuracies: Mapping[int, float]) -> set[int]:
        values = {
            record.number: objective_values(record, objectives, accuracies[record.number])
            for record in trials
            if record.number in accuracies
        }
        return set(next(iter(fronts(values)), ()))

    ended = [record for record in trials if record.completed and not record.repetition]
    found = standings(trials)
    fewest = min((standing.failed for standing in found.values()), default=0)
    means = {number: standing.mean for number, standing in found.items() if standing.failed == fewest}
    single = front({record.number: record.accuracy or 0.0 for record in ended})
    return front(means) | (single - found.keys())


def _summary(
    record: TrialRecord, run_id: str | None, standing: Standing | None, last: int | None, *, pareto: bool
) -> TrialSummary:
    return TrialSummary(
        trial=record.number,
        run_id=run_id,
        state=record.state,
        reason=record.reason,
        accuracy=record.accuracy or 0.0,
        epochs=record.epochs,
        parameters=record.design.parameters,
        macs=record.design.macs,
        notation=record.design.notation,
        role=record.role,
        seeds=len(standing.accuracies) if standing else 1,
        mean_accuracy=standing.mean if standing else None,
        std_accuracy=standing.std if standing else None,
        run=standing.run if standing else last,
        memory=inference_memory(record.design.architecture),
        latency=record.latency,
        pareto=pareto,
    )
