"""Commands that show sweeps and change nothing in them."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ..spaces import SweepError
from .options import SWEEPS, Dashboard, Folder, Name, Output
from .printing import echo, echo_json
from .remote import run_there

if TYPE_CHECKING:
    from ..search import Sweep

WATCHED_EVERY = 2.0
"""Seconds between two looks at a sweep that is watched."""


def status(
    context: typer.Context,
    name: Name,
    folder: Folder = SWEEPS,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds until it ends.")] = False,
    address: Dashboard = None,
    output: Output = "table",
) -> None:
    """How a sweep stands, also one that runs elsewhere or has died.

    \b
      convscape status digits
      convscape status digits --watch
      convscape status digits --address http://10.0.0.1:8265
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    if address is not None:
        run_there(context, address)
    from ..dashboards.text import status_json, status_text
    from ..search import Sweep

    sweep = Sweep.open(name, folder)
    if watch and output == "table" and sys.stdout.isatty():
        _watch(sweep)
    while True:
        if output == "json":
            echo_json(status_json(sweep))
        else:
            echo(status_text(sweep))
        if not watch or not sweep.running:
            return
        time.sleep(WATCHED_EVERY)
        sweep.refresh()


def _watch(sweep: Sweep) -> None:
    """Shows how a sweep stands, in its place on the terminal, until it ends."""
    from rich.console import Console
    from rich.live import Live

    from ..dashboards.text import status_view

    console = Console(highlight=False)
    with Live(console=console, transient=True, auto_refresh=False) as live:
        console.show_cursor(True)  # a process that is killed cannot bring it back
        while sweep.running:
            live.update(status_view(sweep, console.width - 1), refresh=True)
            time.sleep(WATCHED_EVERY)
            sweep.refresh()


def show(
    context: typer.Context,
    name: Name,
    folder: Folder = SWEEPS,
    trial: Annotated[int | None, typer.Option(min=0, help="A trial's number; the best when not given.")] = None,
    address: Dashboard = None,
    output: Output = "table",
) -> None:
    """One trial whole: network, recipe, curve, events, files.

    \b
      convscape show digits
      convscape show digits --trial 7
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    if address is not None:
        run_there(context, address)
    from ..dashboards.text import trial_json, trial_text
    from ..search import Sweep

    sweep = Sweep.open(name, folder)
    if output == "json":
        echo_json(trial_json(sweep, trial))
    else:
        echo(trial_text(sweep, trial))


def list_(context: typer.Context, folder: Folder = SWEEPS, address: Dashboard = None, output: Output = "table") -> None:
    """The sweeps of a folder, the latest first: how each stands, and the best that it has.

    \b
      convscape list
      convscape list --folder ~/sweeps
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    if address is not None:
        run_there(context, address)
    from ..dashboards.text import sweep_lines, sweeps_table
    from ..search.files import bucket_url, folder_here

    url, folder = bucket_url(folder), folder_here(folder)
    if folder != SWEEPS and not url and not folder.is_dir():
        raise SweepError(f"--folder: there is no folder {folder}", "Name the one that `folder` in the sweep file is.")
    found = sweep_lines(folder)
    if output == "json":
        echo_json([asdict(line) for line in found])
    else:
        echo(sweeps_table(found) if found else f"No sweep in {url or folder.resolve()}.")
