"""Shows one trial of a sweep whole: its network, recipe, curve, what happened to it, and where its files are."""

from __future__ import annotations

from dataclasses import asdict
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from ...search.files import trial_folder
from ...search.records import epochs_in_words
from ...spaces import SweepError, format_layer_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...search import Sweep
    from ...search.records import TrialRecord

WIDTH = 80
"""Columns of the text, at most."""
BARS = "▁▂▃▄▅▆▇█"
"""From the lowest to the highest value of a sparkline."""
ROLES = {"start": "a design to start from", "baseline": "a baseline", "refit": "the last training of trial {}",
         "repeat": "another seed of trial {}"}  # fmt: skip
"""What trials are that the sampler did not propose, by role."""


def trial_text(sweep: Sweep, number: int | None = None) -> str:
    """One trial, as text.

    Args:
        sweep: the sweep.
        number: the trial's; None for the best.

    Raises:
        SweepError: there is no such trial, or none has a result yet.
    """
    record = _found(sweep, number)
    role = record.pairing.words if record.pairing else ROLES.get(record.role, "").format(record.repeats)
    lines = [f"Trial {record.number} of sweep {sweep.name}{role and f', {role}'}: {record.state}"]
    if record.reason:
        lines.append(f"  {record.reason}")
    lines += ["", *wrap(record.design.notation, WIDTH, subsequent_indent="  ", break_long_words=False)]
    settings = ", ".join(f"{key} {value}" for key, value in asdict(record.design.recipe).items() if value is not None)
    lines += ["", *wrap(f"recipe: {settings}", WIDTH, subsequent_indent="  "), ""]
    lines.append(format_layer_table(record.design.architecture))
    if record.accuracies:
        values = [record.accuracies[epoch] for epoch in sorted(record.accuracies)]
        lines.append(f"validation accuracy: {sparkline(values)}")
        lines.append(
            f"  {values[0]:.4f} after the first epoch, {values[-1]:.4f} after {epochs_in_words(record.epochs)}, "
            f"{max(values):.4f} at best"
        )
    lines += [f"event: {event}" for event in record.events]
    lines.append(f"files: {_files(sweep, record) or 'none'}")
    if run := sweep.run_ids().get(record.number):
        lines.append(f"run in MLflow: {run}")
    return "\n".join(lines)


def trial_json(sweep: Sweep, number: int | None = None) -> dict[str, Any]:
    """One trial, as values for JSON; its `folder` is None where it has no files.

    Args:
        sweep: the sweep.
        number: the trial's; None for the best.

    Raises:
        SweepError: there is no such trial, or none has a result yet.
    """
    record = _found(sweep, number)
    return {
        "trial": record.number,
        "state": record.state,
        "reason": record.reason,
        "role": record.role,
        "repeats": record.repeats,
        **record.design.to_json(),
        "accuracies": {str(epoch): value for epoch, value in sorted(record.accuracies.items())},
        "metrics": record.metrics,
        "events": list(record.events),
        "folder": _files(sweep, record),
        "run": sweep.run_ids().get(record.number),
    }


def sparkline(values: Sequence[float], most: int = 60) -> str:
    """Values as a line of bars, the lowest and the highest of them at its ends of the scale.

    Args:
        values: one or more.
        most: bars, at most; of more values some are left out.

    >>> sparkline([0.1, 0.5, 0.9, 0.8])
    '▁▅█▇'
    """
    kept = [values[round(at * (len(values) - 1) / max(1, most - 1))] for at in range(most)]
    shown = values if len(values) <= most else kept
    low, high = min(shown), max(shown)
    steps = len(BARS) - 1
    return "".join(BARS[round(steps * (value - low) / (high - low)) if high > low else 0] for value in shown)


def _files(sweep: Sweep, record: TrialRecord) -> str | None:
    """The folder of a trial's files; None where there is none, as of one that was not trained."""
    folder = trial_folder(sweep.folder, record.number)
    return str(folder) if folder.is_dir() else None


def _found(sweep: Sweep, number: int | None) -> TrialRecord:
    trials = sweep.trials()
    wanted = sweep.best_of(trials).trial if number is None else number
    found = next((trial for trial in trials if trial.number == wanted), None)
    if found is None:
        known = f"Its trials are 0 to {trials[-1].number}." if trials else "It has none yet."
        raise SweepError(f"sweep {sweep.name} has no trial {wanted}", known)
    return found
