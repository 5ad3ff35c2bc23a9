"""Opens an experiment of a store of MLflow to read sweeps from it, and says what is wrong where that fails."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...search.config import NAME
from ...search.tracking import (
    connect_store,
    hide,
    search_runs,
    sqlite_file,
    store_error,
    uri_problem,
    without_secrets,
)
from ...spaces import SweepError, nearest, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient

SWEEP, SPOOL, TRIAL = "convscape.sweep", "convscape.spool", "convscape.trial"
"""Tags of the runs: the name of the sweep; what only a sweep's own run has; a trial's number."""
SHOWN = 10
"""Names that an error tells, at most."""


@dataclass(frozen=True, slots=True)
class OpenedExperiment:
    """An experiment of a store that answers."""

    client: MlflowClient
    """Speaks to the store."""
    identity: str
    """MLflow's id of the experiment."""
    name: str
    """What people call it."""
    shown: str
    """The store's URI, without secrets."""

    def sweeps(self) -> dict[str, Any]:
        """The own runs of the sweeps in it, by name, the one that began last first; the last of equal names alone.

        Raises:
            SweepError: no sweep's run is there.
            MlflowException: the store does not answer.
        """
        found: dict[str, Any] = {}
        for run in search_runs(self.client, self.identity, f"tags.`{SPOOL}` != ''"):
            if is_name(name := str(run.data.tags.get(SWEEP, ""))):
                found.pop(name, None)  # the later one takes the later place
                found[name] = run
        if not found:
            raise SweepError(
                f"experiment '{self.name}' in {self.shown} holds no sweep of Convscape",
                "Name the one that a sweep file has as `tracking.experiment`, or send a sweep there: `convscape sync`.",
            )
        return dict(reversed(found.items()))

    def sweep(self, name: str) -> Any:
        """The own run of the sweep called `name` that began last.

        Raises:
            SweepError: no such run is there, or it was deleted in MLflow.
            MlflowException: the store does not answer.
        """
        where = f"tags.`{SWEEP}` = {_quoted(name)} AND tags.`{SPOOL}` != ''"
        writable = not {"'", '"'} <= set(name)  # else MLflow's filters cannot say it
        found = list(search_runs(self.client, self.identity, where)) if writable else []
        if found:
            return found[-1]
        deleted = self._deleted(where) if writable else None
        if deleted is not None:
            raise SweepError(
                f"sweep '{name}' was deleted from experiment '{self.name}' in {self.shown}",
                f"Restore it there: `mlflow runs restore --run-id {deleted:.40}`.",
            )
        known = list(self.sweeps())
        raise SweepError(
            f"{self.shown} has no sweep {name!r:.80} in '{self.name}'",
            f"{nearest(name, known[:SHOWN])} Where it ran, `convscape sync` sends what MLflow lacks.",
        )

    def trials(self, parent: str) -> Iterator[Any]:
        """The runs of a sweep's trials, oldest first, read page by page.

        Args:
            parent: MLflow's id of the sweep's own run.
        """
        return search_runs(self.client, self.identity, f"tags.`mlflow.parentRunId` = '{parent}'")

    def _deleted(self, where: str) -> str | None:
        from mlflow.entities import ViewType

        runs = self.client.search_runs([self.identity], where, ViewType.DELETED_ONLY, max_results=1)
        return runs[0].info.run_id if runs else None


@contextmanager
def opened(uri: str, experiment: str) -> Iterator[OpenedExperiment]:
    """An experiment of a store, while it is read; what MLflow raises meanwhile is told as one error.

    Args:
        uri: MLflow's tracking URI.
        experiment: name of the experiment in MLflow.

    Raises:
        SweepError: the URI is none, the store does not answer or is not there, or has no such experiment.
    """
    uri = hide(uri)
    shown = without_secrets(uri)
    if (problem := uri_problem(uri)) is not None:
        raise SweepError(f"{shown:.200} is no store of MLflow: {problem}", "Give its URI as `tracking.uri` has it.")
    database = sqlite_file(uri)
    if database is not None and not database.exists():  # else it would be made
        raise SweepError(f"there is no store of MLflow at {database}", "Correct the path of its file.")
    from mlflow.exceptions import MlflowException

    try:
        client = connect_store(uri)
        found = client.get_experiment_by_name(experiment)
        if found is None:
            raise SweepError(
                f"{shown} has no experiment {experiment!r:.80}",
                f"{_near(client, experiment)} A sweep file names it as `tracking.experiment`.",
            )
        if found.lifecycle_stage != "active":
            raise SweepError(
                f"experiment '{experiment}' was deleted in {shown}",
                f"Restore it there: `mlflow experiments restore --experiment-id {found.experiment_id:.40}`.",
            )
        yield OpenedExperiment(client, found.experiment_id, experiment, shown)
    except MlflowException as error:
        raise SweepError(
            f"MLflow at {shown} does not answer: {store_error(error)}", "Start it, or correct its URI."
        ) from error


def is_name(name: str) -> bool:
    """Whether a sweep can be called so: a store's text may be anybody's."""
    return re.fullmatch(NAME, name) is not None


def _near(client: MlflowClient, experiment: str) -> str:
    known = [each.name for each in client.search_experiments(max_results=1000)]
    close = nearest(experiment, known)
    return printable(close if close.startswith("Did") else nearest(experiment, known[:SHOWN]))


def _quoted(text: str) -> str:
    """A string of MLflow's filter language, which has no escapes but two kinds of quotes."""
    return f'"{text}"' if "'" in text else f"'{text}'"
