"""Prints the answer of a sweep that asks a design question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from .printing import echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..search import Sweep
    from ..search.records import TrialRecord


NO_WINNER = "Note: a design question seeks no winner; this is the most accurate of its trainings."
"""Said where one is exported all the same."""


def print_answer(sweep: Sweep, trials: Sequence[TrialRecord], output: str = "table") -> None:
    """Prints what an experiment says so far, or at its end.

    Raises:
        typer.Exit: nothing was trained, or every training failed.
    """
    from ..dashboards.text import answer_json, answer_text

    answer = sweep.answer(trials)
    if answer is None or not (answer.pairs or any(trial.accuracies for trial in trials)):
        echo(f"convscape: {sweep.no_result(trials)}", err=True)
        raise typer.Exit(3)
    if output == "json":
        echo_json(answer_json(sweep, answer))
    else:
        echo(answer_text(sweep, answer))
