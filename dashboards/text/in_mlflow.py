"""Says how to look at a sweep in MLflow: what to type, and the address where some server shows it already."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ...search.files import REACHED_BY, option_for
from ..mlflow_server import MlflowServer
from ..queries import links

if TYPE_CHECKING:
    from ...search import Sweep


def ui_command(sweep: Sweep) -> str:
    """The command that opens a sweep in MLflow's pages, quoted for a shell."""
    command = f"convscape ui {sweep.name}{option_for(sweep.config.folder, reached=False)}"
    return command if REACHED_BY not in os.environ else f"on the head, in ~/convscape: {command}"


def pages(sweep: Sweep) -> list[str]:
    """The command that opens a sweep in MLflow's pages, and their address where a server of MLflow has them."""
    run, uri, experiment = sweep.run_ids().get(None), sweep.tracking_uri, sweep.config.tracking.experiment
    if uri.startswith(("http://", "https://")):
        return [ui_command(sweep), links(uri, experiment, sweep=run)]
    server = MlflowServer.running(sweep.config.folder, run) if run else None
    return [ui_command(sweep), *([] if server is None else [server.page(experiment, run)])]
