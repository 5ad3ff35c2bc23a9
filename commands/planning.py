"""Prints what would be trained to settle a design question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .printing import echo, echo_json, loading

if TYPE_CHECKING:
    from ..search.config import SweepConfig


def print_plan(place: SweepConfig | str, settings: list[str], output: str, *, trust_code: bool = False) -> None:
    """Prints the experiment of a question: bases, variants, what is left out; nothing is trained or written."""
    with loading() as shown:
        from ..dashboards.text import experiment_text
        from ..search import driver

        config, experiment = driver.plan(place, settings, shown, trust_code=trust_code)
    if output == "json":
        echo_json({"config": config.to_json(), "experiment": experiment.to_json()})
    else:
        echo(experiment_text(config, experiment))
