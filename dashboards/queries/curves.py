"""Learning curves out of MLflow, those of many runs with each request: one a run would take minutes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlflow import MlflowClient

KEYS = ("accuracy", "epoch_seconds")
"""Metrics that are read: what pages are made of. Each further one would cost as much again, a third of a second for a
thousand runs."""
BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
"""What MLflow's own pages ask a server for: curves of several runs."""
RUNS_OF_A_SERVER, POINTS_OF_A_SERVER = 100, 25_000
"""Runs that a server takes in one request, and points that it answers with at most."""
RUNS_OF_A_DATABASE, POINTS_OF_A_DATABASE = 500, 1_000_000
"""Runs of one query of a database, which bounds its variables (SQL Server: 2,100), and points held at a time."""
LAST_EPOCH, LARGEST_VALUE = 1_000_000, 1e9
"""Bounds on a step and on a value: beyond them nobody trained."""

Curves = dict[str, dict[int, dict[str, float]]]
"""Metrics by run id and epoch; "time" among them, when the epoch ended in seconds since 1970."""


class _Point(NamedTuple):
    run: str
    step: int
    value: float
    time: int


def read_curves(client: MlflowClient, runs: Sequence[str]) -> tuple[Curves, bool]:
    """The metrics KEYS of each epoch of runs, and whether the store gave them many runs at a time.

    A store that does not is asked once a run, for the accuracy alone.

    Args:
        client: of the store.
        runs: MLflow's ids of the runs.

    Raises:
        MlflowException: the store does not answer.
    """
    store = client._tracking_client.store  # noqa: SLF001 - MLflow's client itself has no such request
    curves: Curves = {run: {} for run in runs}
    if hasattr(store, "get_metric_history_bulk"):
        for key in KEYS:
            for some in _parts(runs, RUNS_OF_A_DATABASE):
                _take(key, _of_database(store, some, key), curves)
        return curves, True
    if not hasattr(store, "get_host_creds") or not _server_has_bulk(store, runs):
        for run in runs:
            _take(
                KEYS[0],
                (_Point(run, p.step, p.value, p.timestamp) for p in client.get_metric_history(run, KEYS[0])),
                curves,
            )
        return curves, False
    for key in KEYS:
        for some in _parts(runs, RUNS_OF_A_SERVER):
            _take(key, _of_server(store, some, key), curves)
    return curves, True


def _parts(runs: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for at in range(0, len(runs), size):
        yield runs[at : at + size]


def _take(key: str, points: Iterable[_Point], curves: Curves) -> None:
    """Keeps points that can be an epoch's; of several of one epoch the last."""
    for point in sorted(points, key=lambda each: each.time):
        if point.run not in curves or not 0 < point.step <= LAST_EPOCH or not abs(point.value) <= LARGEST_VALUE:
            continue
        epoch = curves[point.run].setdefault(point.step, {})
        epoch[key] = point.value
        if key == KEYS[0] and 0 < point.time < 1e14:
            epoch["time"] = point.time / 1000


def _of_database(store: Any, runs: Sequence[str], key: str) -> list[_Point]:
    found = store.get_metric_history_bulk(list(runs), key, POINTS_OF_A_DATABASE)
    if len(found) >= POINTS_OF_A_DATABASE and len(runs) > 1:  # there may be more
        half = len(runs) // 2
        return [*_of_database(store, runs[:half], key), *_of_database(store, runs[half:], key)]
    return [_Point(p.run_id, p.step, p.value, p.timestamp) for p in found]


def _of_server(store: Any, runs: Sequence[str], key: str) -> list[_Point]:
    found = _asked(store, runs, key)
    if found is None:
        from mlflow.exceptions import MlflowException

        raise MlflowException(f"{BULK} answered before, and does so no more")
    if len(found) >= POINTS_OF_A_SERVER and len(runs) > 1:  # there may be more
        half = len(runs) // 2
        return [*_of_server(store, runs[:half], key), *_of_server(store, runs[half:], key)]
    return found


def _server_has_bulk(store: Any, runs: Sequence[str]) -> bool:
    return bool(runs) and _asked(store, runs[:1], KEYS[0]) is not None


def _asked(store: Any, runs: Sequence[str], key: str) -> list[_Point] | None:
    """What a server answers for a metric of some runs; None where it knows no such request, as Databricks."""
    from mlflow.utils.rest_utils import http_request, verify_rest_response

    query = [*(("run_id", run) for run in runs), ("metric_key", key), ("max_results", str(POINTS_OF_A_SERVER))]
    response = http_request(store.get_host_creds(), BULK, "GET", params=query)
    assert response is not None, "MLflow's function lacks a type"
    if response.status_code in (404, 405, 501):
        return None
    verify_rest_response(response, BULK)
    try:
        points = json.loads(response.text)["metrics"]
        return [_Point(str(p["run_id"]), int(p["step"]), float(p["value"]), int(p["timestamp"])) for p in points]
    except (ValueError, LookupError, TypeError, OverflowError):  # a page of something in between
        return None
