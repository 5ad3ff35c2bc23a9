"""`ui`: a sweep in MLflow's own pages."""

from __future__ import annotations

import os
import signal
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ..spaces import SweepError
from .completion import sweep_names
from .options import SWEEPS, Folder
from .printing import echo

if TYPE_CHECKING:
    from ..search import Sweep


def ui(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="The sweep's name; all of the folder when not given.", autocompletion=sweep_names
        ),
    ] = None,
    folder: Folder = SWEEPS,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Where MLflow is to listen; a free one when not given.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
) -> None:
    """Look at a sweep in MLflow: its trials, best first. Starts MLflow's server where none runs; Ctrl-C ends it.

    \b
      convscape ui
      convscape ui digits
      convscape ui digits --no-open --port 5000
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    from ..dashboards import MlflowServer, links
    from ..search import Sweep, folder_option
    from ..search.files import folder_here

    folder = folder_here(folder)
    sweep = _latest(folder) if name is None else Sweep.open(name, folder)
    parent = sweep.run_ids().get(None)
    if parent is None:
        option = folder_option(sweep.config)
        raise SweepError(
            f"MLflow has nothing of sweep {sweep.name} yet",
            f"Look again in a moment if it runs; else `convscape sync {sweep.name}{option}` sends its results.",
        )
    uri, experiment = sweep.tracking_uri, sweep.config.tracking.experiment
    trials_of = parent if name is not None else None
    if uri.startswith(("http://", "https://")):
        page = links(uri, experiment, sweep=trials_of)
        if "#" not in page:
            echo(f"It does not answer now, or has no experiment '{experiment}':", err=True)
        _show(page, open_=open_)
        return
    running = MlflowServer.running(folder, parent) if port is None else None
    if running is not None:
        _show(running.page(experiment, trials_of), open_=open_)
        return
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C, so that no server is left
        signal.signal(number, _interrupt)
    try:
        echo("Starting MLflow's server …", err=True)
        with MlflowServer.start(folder, uri, parent, port) as server:
            _show(server.page(experiment, trials_of), open_=open_)
            echo("Ctrl-C ends it.", err=True)
            server.wait()
    except KeyboardInterrupt:
        return


def _latest(folder: Path) -> Sweep:
    """The sweep of a folder that was written last, of those that MLflow has if there are any."""
    from ..dashboards.text import sweep_lines
    from ..search import Sweep

    lines = [line for line in sweep_lines(folder) if not line.problem]
    sweeps = [Sweep.open(line.name, folder) for line in lines]
    if not sweeps:
        raise SweepError(f"no sweep in {folder.resolve()}", "Give the folder that sweeps live in with --folder.")
    return next((sweep for sweep in sweeps if None in sweep.run_ids()), sweeps[0])


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _show(address: str, *, open_: bool) -> None:
    """Prints an address and opens it, where there is a screen: a browser of text would take over the terminal."""
    echo(address)
    graphic = sys.platform in ("darwin", "win32") or os.environ.keys() & {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"}
    if open_ and graphic:
        webbrowser.open(address)
