"""What a sweep file asks, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...spaces.conv_space import DEFAULTS
from .sections import UNLIMITED

if TYPE_CHECKING:
    from .schema import SweepConfig


def asked_in_words(config: SweepConfig) -> dict[str, str]:
    """What a sweep file asks: search, time, budget and space, a line each; "" where it says nothing of one.

    Args:
        config: the sweep file.
    """
    search = config.search
    epochs = "epochs chosen by the sweep" if search.epochs == "auto" else f"up to {search.epochs:,} epochs"
    trials = "as many trials as there is time for" if search.trials == UNLIMITED else f"{search.trials:,} trials"
    asked = f"{trials}, {epochs}, sampler {search.sampler_name}, promotion {search.promotion}"
    limits = config.budget.model_dump(exclude_none=True, exclude={"over_budget"})
    question = config.question
    if question:
        matched = "nothing matched" if question.match == "none" else f"{question.match} matched within 2 %"
        asked = f"{question.ask}: {question.pairs} pairs from {question.seeds} seeds each, {matched}, {epochs}"
        found = {"question": asked}
    else:
        found = {"search": f"{asked}; {' and '.join(search.objectives)}"}
    chosen = [f"{key} {value}" for key, value in config.space.items() if value != DEFAULTS.get(key)]
    return {
        **found,
        "time": f"{search.seconds:,.0f} s" if search.seconds else "no limit",
        "budget": ", ".join(f"{key.replace('_', ' ')} ≤ {value:,}" for key, value in limits.items()) or "no limit",
        "space": f"{', '.join(chosen)}, all else as by default" if chosen else "",
    }
