"""Prints what would be trained to settle a design question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .printing import echo, echo_json, loading

if TYPE_CHECKING:
    from ..search.config import SweepConfig


def print_plan(place: SweepConfig | str, settings: list[str], output: str, *, trust_code: bool = False) -> None:
    """Prints the experiment of a question: bases, variants, what is left out; nothing is kept or written."""
    with loading() as shown:
        from ..dashboards.text import experiment_text
        from ..search import driver

        plan = driver.plan(place, settings, shown, trust_code=trust_code)
    if output == "json":
        echo_json({"config": plan.config.to_json(), "experiment": plan.experiment.to_json(), "seconds": plan.seconds})
    else:
        echo(experiment_text(plan.config, plan.experiment, plan.seconds))
