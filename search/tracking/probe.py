"""Whether MLflow's store takes what a sweep would send to it, found out without leaving anything that shows there."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from ...spaces import SweepError
from .mlflow_store import connect_store, file_problem, sqlite_file, store_error

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow import MlflowClient

EXPERIMENT = "convscape-doctor"
"""The experiment of a server that is written to and deleted again; one for all, since MLflow keeps what is deleted."""
_BUSY = 5.0
"""Seconds that another who writes an SQLite file is waited for."""


class StoreProbe:
    """Asks a store in a thread of its own, for loading MLflow and waiting for a server take seconds.

    Args:
        uri: MLflow's tracking URI, as `secrets.hide` leaves it.
    """

    def __init__(self, uri: str) -> None:
        self._uri, self._problem = uri, ""
        self._started = time.monotonic()
        self._asking = threading.Thread(target=self._ask, name="mlflow", daemon=True)
        self._asking.start()

    def problem(self, seconds: float) -> str:
        """Why the store does not take a sweep's results, as words without secrets; "" where it takes them.

        Args:
            seconds: since the probe began, after which a store that has not answered is given up.
        """
        self._asking.join(max(0.0, self._started + seconds - time.monotonic()))
        return f"no answer within {seconds:g} s" if self._asking.is_alive() else self._problem

    def _ask(self) -> None:
        try:
            self._problem = _problem(self._uri)
        except SweepError as error:
            self._problem = error.message
        except Exception as error:  # noqa: BLE001 - MLflow raises whatever its store does
            self._problem = store_error(error)


def _problem(uri: str) -> str:
    database = sqlite_file(uri)
    if database is not None:
        return file_problem(database) or (_locked(uri, database) if database.exists() else "")
    client = connect_store(uri, patience=10)
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        experiment = client.create_experiment(EXPERIMENT)
    else:
        experiment = found.experiment_id
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(experiment)
    problem = _artifacts(client, experiment)
    client.delete_experiment(experiment)
    return problem


def _artifacts(client: MlflowClient, experiment: str) -> str:
    """Why what a sweep has as files cannot be kept there; "" where it can. The run that was made for it is deleted."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    info, problem = client.create_run(experiment).info, ""
    try:
        client.log_text(info.run_id, "try", "tried.txt")
    except Exception as error:  # noqa: BLE001 - whatever the storage behind it raises
        problem = f"its artifacts cannot be written: {store_error(error)}"
    with suppress(Exception):  # a sweep deletes none, and needs no right to
        get_artifact_repository(info.artifact_uri or "", client.tracking_uri).delete_artifacts()
    client.delete_run(info.run_id)
    return problem


def _locked(uri: str, database: Path) -> str:
    """Why an MLflow that is there in an SQLite file cannot be read or written; "" where it can."""
    if database.stat().st_size:
        connect_store(uri).search_experiments(max_results=1)
    try:
        with closing(sqlite3.connect(database, timeout=_BUSY, isolation_level=None)) as opened:
            opened.execute("BEGIN IMMEDIATE")
            opened.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return f"{database} cannot be written: {error}"
    return ""
