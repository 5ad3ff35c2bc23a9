"""What a network costs, as figures name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

COSTS = {
    "parameters": "parameters",
    "macs": "MACs of one image",
    "memory": "bytes to classify one image",
    "latency": "seconds to classify one image",
}
"""Columns of a frame of trials that hold a cost, and what an axis says of each."""


def known_costs(trials: pd.DataFrame) -> list[str]:
    """The costs that some trial has, of which latency is not always measured."""
    return [name for name in COSTS if trials[name].notna().any()]
