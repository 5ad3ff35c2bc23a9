"""Where a sweep's runs are to be seen in MLflow: addresses, and the command that serves them where nothing does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from ..search.tracking import TRAINING, experiment_in, runs_address, sqlite_file
from .loopback import LOOPBACK
from .mlflow_server import USUAL_PORT, MlflowServer
from .queries import links
from .text import ui_command

if TYPE_CHECKING:
    from pathlib import Path

    from ..search import Sweep

RUN = "{run}"
"""Stands in an address for the id of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowPages:
    """Addresses of a sweep in MLflow."""

    run: str | None
    """Of a trial's run, with RUN for its id; None where nothing was sent yet, or the store has no address."""
    trials: str | None
    """Of the sweep's trials, best first; None where nothing was sent yet, or the store has no address."""
    command: str | None
    """What serves these addresses, where no server does so now; None where one does."""


def mlflow_pages(sweep: Sweep) -> MlflowPages:
    """The addresses of a sweep in MLflow; of a store without a server those that `convscape ui` serves.

    Args:
        sweep: the sweep.
    """
    parent, uri, experiment = sweep.run_ids().get(None), sweep.tracking_uri, sweep.config.tracking.experiment
    if parent is None:
        return MlflowPages(run=None, trials=None, command=None)
    if uri.startswith(("http://", "https://")):
        return MlflowPages(run=links(uri, experiment, RUN), trials=links(uri, experiment, sweep=parent), command=None)
    server = MlflowServer.running(sweep.config.folder, parent)
    shown, database = None, sqlite_file(uri)
    if database is not None:
        shown = sqlite_pages(database, experiment, parent, command=ui_command(sweep), server=server)
    return MlflowPages(run=None, trials=None, command=ui_command(sweep)) if shown is None else shown


def sqlite_pages(
    database: Path, experiment: str, parent: str, *, command: str, server: MlflowServer | None = None
) -> MlflowPages | None:
    """The addresses of a sweep in an SQLite store of MLflow; None where it has no such experiment, or cannot be read.

    Args:
        database: the store's file.
        experiment: name of the experiment.
        parent: MLflow's id of the sweep's own run.
        command: what serves the store on MLflow's usual port.
        server: one that does so already, wherever; None for none.
    """
    found = experiment_in(database, experiment)
    if found is None:
        return None
    base = f"http://{LOOPBACK}:{USUAL_PORT}" if server is None else server.address
    return MlflowPages(
        run=f"{base}/#/experiments/{quote(found, safe='')}/runs/{RUN}?{urlencode(TRAINING)}",
        trials=runs_address(base, found, parent),
        command=command if server is None else None,
    )
