"""The columns of the page's table: how each is called, what it holds, and how its values are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...search.frames import TRIAL_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

LABELS = {
    "rank": "place",
    "mean_accuracy": "mean over seeds",
    "std_accuracy": "± seeds",
    "best_epoch": "best epoch",
    "promoted_from": "promoted from",
    "macs": "MACs",
    "run_id": "run in MLflow",
    "pareto": "on the front",
    "reason": "why it ended",
}
FORMATS = {"accuracy": "accuracy", "mean_accuracy": "accuracy", "std_accuracy": "accuracy", "latency": "seconds"}


def page_columns(trials: pd.DataFrame) -> list[dict[str, Any]]:
    """What the page needs to know of each column of a frame of trials, in their order.

    Args:
        trials: a frame of trials of one or several sweeps.
    """
    return [
        {
            "name": name,
            "label": LABELS.get(name, name),
            "kind": _kind(trials[name]),
            "format": FORMATS.get(name, ""),
            "help": TRIAL_COLUMNS.get(name, "a setting that the sampler chose"),
            "setting": name not in TRIAL_COLUMNS,
        }
        for name in map(str, trials.columns)
    ]


def page_values(column: pd.Series[Any]) -> list[Any]:
    """The values of a column as JSON holds them: whole numbers as such, and null for what is not there."""
    return [_plain(value) for value in column.tolist()]


def _kind(column: pd.Series[Any]) -> str:
    values = [value for value in page_values(column) if value is not None]
    if all(isinstance(value, bool) for value in values) and values:
        return "flag"
    return "number" if values and all(isinstance(value, int | float) for value in values) else "text"


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if not isinstance(value, int | float):
        return None if value != value else str(value)
    if value != value or value in (float("inf"), float("-inf")):
        return None
    return int(value) if float(value).is_integer() else value
