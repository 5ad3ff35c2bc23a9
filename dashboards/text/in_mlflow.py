"""Says how to look at a sweep in MLflow: what to type, and the address where some server shows it already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...search import folder_option
from ..mlflow_server import MlflowServer
from ..queries import links

if TYPE_CHECKING:
    from ...search import Sweep


def ui_command(sweep: Sweep) -> str:
    """The command that opens a sweep in MLflow's pages, quoted for a shell."""
    return f"convscape ui {sweep.name}{folder_option(sweep.config)}"


def pages(sweep: Sweep) -> list[str]:
    """The command that opens a sweep in MLflow's pages, and their address where a server of MLflow has them."""
    run, uri, experiment = sweep.run_ids().get(None), sweep.tracking_uri, sweep.config.tracking.experiment
    if uri.startswith(("http://", "https://")):
        return [ui_command(sweep), links(uri, experiment, sweep=run)]
    server = MlflowServer.running(sweep.config.folder, run) if run else None
    return [ui_command(sweep), *([] if server is None else [server.page(experiment, run)])]
