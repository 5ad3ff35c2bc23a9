"""The command that serves the page of sweeps."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from ..spaces import SweepError
from .completion import sweep_names
from .options import SWEEPS, Folder
from .printing import echo

LOOPBACK = "127.0.0.1"


def dashboard(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Sweeps to show; all of the folder.", autocompletion=sweep_names),
    ] = None,
    folder: Folder = SWEEPS,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="8050, or a free one where not given.")] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Listen there. Whoever can reach it can read every sweep shown.")
    ] = LOOPBACK,
    open_: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Serve a page that shows what sweeps learnt, and follows those that run; Ctrl-C ends it.

    It changes nothing, loads nothing from elsewhere, and listens on this machine alone unless --host says otherwise:
    then anyone who can reach that address can read it, since it asks for no password.

    \b
      convscape dashboard
      convscape dashboard digits --open
      convscape dashboard digits leaves --port 9000
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    from ..dashboards.page import FolderOfSweeps, is_loopback, serve
    from ..search import Sweep
    from ..search.files import bucket_url, folder_here

    url, here = bucket_url(folder), folder_here(folder)
    for name in names or ():
        Sweep.open(name, folder)  # a mistake is told at once
    if not names and folder != SWEEPS and not url and not here.is_dir():
        raise SweepError(f"--folder: there is no folder {here}", "Name the one that `folder` in the sweep file is.")
    if not is_loopback(host):
        echo(
            f"Anyone who can reach {host} can read this: it asks for no password. Leave --host out for here alone.",
            err=True,
        )

    def ready(address: str) -> None:
        echo(f"{address}\nCtrl-C ends it.", err=True)
        if open_:
            webbrowser.open(address)

    serve(
        FolderOfSweeps(here, tuple(dict.fromkeys(names or ()))),
        host=host,
        port=port,
        ready=ready,
    )
