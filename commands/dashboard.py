"""The command that serves the page of sweeps."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from ..dashboards import LOOPBACK, is_loopback
from ..spaces import SweepError, nearest
from .completion import sweep_names
from .options import SWEEPS, Experiment, Folder, Store, check_store
from .printing import echo

if TYPE_CHECKING:
    from pathlib import Path

    from ..dashboards.page import Sweeps


def dashboard(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Sweeps to show; all of the folder.", autocompletion=sweep_names),
    ] = None,
    folder: Folder = SWEEPS,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="8050, or a free one where not given.")] = None,
    uri: Store = None,
    experiment: Experiment = None,
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
      convscape dashboard --uri http://127.0.0.1:5000 --experiment convscape
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    check_store(uri, experiment)
    only = tuple(dict.fromkeys(names or ()))
    sweeps = _of_folder(folder, only) if uri is None else _of_store(uri, experiment, only)
    from ..dashboards.page import serve

    if not is_loopback(host):
        echo(
            f"Anyone who can reach {host} can read this: it asks for no password. Leave --host out for here alone.",
            err=True,
        )

    def ready(address: str) -> None:
        echo(f"{address}\nCtrl-C ends it.", err=True)
        if open_:
            webbrowser.open(address)

    serve(sweeps, host=host, port=port, ready=ready)


def _of_folder(folder: Path, only: tuple[str, ...]) -> Sweeps:
    from ..dashboards.page import FolderOfSweeps
    from ..search import Sweep
    from ..search.files import bucket_url, folder_here

    here = folder_here(folder)
    for name in only:
        Sweep.open(name, folder)  # a mistake is told at once
    if not only and folder != SWEEPS and not bucket_url(folder) and not here.is_dir():
        raise SweepError(f"--folder: there is no folder {here}", "Name the one that `folder` in the sweep file is.")
    return FolderOfSweeps(here, only)


def _of_store(uri: str, experiment: str | None, only: tuple[str, ...]) -> Sweeps:
    from ..dashboards.page import EXPERIMENT, StoreOfSweeps

    sweeps = StoreOfSweeps(uri=uri, experiment=experiment or EXPERIMENT, only=only)
    known = [line.name for line in sweeps.lines()]  # a store that does not answer is told at once
    for name in only:
        if name not in known:
            raise SweepError(f"{sweeps.place} has no sweep '{name:.80}'", nearest(name, known))
    return sweeps
