"""What MLflow holds of a sweep, as a pandas frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .opened import TRIAL, opened

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("trial", "run_id", "state", "reason", "accuracy", "parameters", "macs", "notation")
"""Columns that every frame of trials has."""
_TEXTS = ("run_id", "state", "reason", "notation")


def runs(uri: str, experiment: str, sweep: str) -> pd.DataFrame:
    """A sweep's trials as MLflow holds them, one row each, in the order of their numbers.

    Columns: trial, run_id, state, reason, accuracy (best on validation images, 0 to 1), parameters, macs, notation,
    then every param of the runs by its own name; numbers as numbers, and NaN where a trial has no such value. Of
    several sweeps of that name the one launched last is meant.

    Args:
        uri: MLflow's tracking URI.
        experiment: name of the experiment in MLflow.
        sweep: name of the sweep.

    Raises:
        SweepError: the store has no such experiment or sweep, or does not answer.
    """
    import pandas as pd

    with opened(uri, experiment) as store:
        children = list(store.trials(store.sweep(sweep).info.run_id))
    rows = [_row(run) for run in children if TRIAL in run.data.tags]
    names = list(dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)]))
    columns = {name: [row.get(name) for row in rows] for name in names}
    frame = pd.DataFrame({name: values if name in _TEXTS else _numbers(values) for name, values in columns.items()})
    return frame.sort_values(by="trial", ignore_index=True)


def _row(run: Any) -> dict[str, Any]:
    """One trial. Sizes are looked for among metrics, params and tags, in this order."""
    data = run.data
    tags = {key.removeprefix("convscape."): value for key, value in data.tags.items() if key.startswith("convscape.")}
    known = tags | data.params | data.metrics
    row = dict.fromkeys(COLUMNS) | {key: known[key] for key in ("parameters", "macs", "notation") if key in known}
    row |= {"trial": tags["trial"], "run_id": run.info.run_id, "reason": tags.get("reason")}
    row |= {"state": tags.get("state", "running"), "accuracy": data.metrics.get("best_accuracy")}
    return row | {key: value for key, value in data.params.items() if key not in COLUMNS}


def _numbers(values: list[Any]) -> pd.Series:
    """MLflow keeps params as text: numbers again where every value is one."""
    import pandas as pd

    column = pd.Series(values)
    try:
        return pd.Series(pd.to_numeric(column))
    except (ValueError, TypeError):
        return column
