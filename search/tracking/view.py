"""The page of MLflow that shows a sweep: its trials in a table, the best first, with the columns wanted first."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

VIEW = "mlflow.sharedViewState."
"""How an experiment's tag is called in which MLflow keeps a view of its runs; the view's key follows."""
TRAINING = {"workflowType": "machine_learning"}
"""What an address says besides: MLflow 3 opens its pages for language models otherwise (mlflow/mlflow#24498)."""
COLUMNS = (
    "metrics.`best_accuracy`",
    "params.`parameters`",
    "params.`macs`",
    "params.`notation`",
    "tags.`convscape.state`",
    "tags.`convscape.role`",
    "metrics.`best_epoch`",
    "params.`optimizer`",
    "params.`learning_rate`",
    "params.`batch_size`",
)
"""Columns beside a trial's name, time and duration; what no trial of a sweep has takes no place."""
WIDTHS = {"metrics.`best_accuracy`": 115, "params.`notation`": 320, "tags.`convscape.state`": 115}
"""Pixels of those columns that would be cut."""


def view_of(parent: str) -> tuple[str, str]:
    """The view of a sweep's trials, as key and value of a tag of the experiment: columns can be given in no other way.

    Args:
        parent: MLflow's id of the sweep's own run.
    """
    state = {
        **_search(parent),
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": COLUMNS,
        "columnOrder": COLUMNS,
        "columnWidths": WIDTHS,
    }
    return f"{VIEW}{parent}", json.dumps(state)


def runs_address(base: str, experiment: str, parent: str | None = None, *, view: bool = False) -> str:
    """The address of an experiment's training runs.

    Args:
        base: the server's address.
        experiment: MLflow's id of the experiment.
        parent: the id of a sweep's own run, to see its trials, best first; None for all runs.
        view: whether the experiment has the tag of `view_of(parent)`, which brings columns, too.
    """
    shown = dict(TRAINING)
    if parent is not None:
        shown["compareRunsMode"] = "TABLE"
        shown |= {"viewStateShareKey": parent} if view else {**_search(parent), "orderByAsc": "false"}
    return f"{base}/#/experiments/{quote(experiment, safe='')}/runs?{urlencode(shown, quote_via=quote)}"


def _search(parent: str) -> dict[str, str]:
    return {"searchFilter": f"tags.`mlflow.parentRunId` = '{parent}'", "orderByKey": "metrics.`best_accuracy`"}
