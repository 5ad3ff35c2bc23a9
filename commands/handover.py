"""Commands that hand results over: the winner as files, the runs to MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import SWEEPS, Dashboard, Folder, Name, Output, TrustCode, typed_path
from .printing import echo, echo_json
from .remote import run_there


def export(
    context: typer.Context,
    name: Name,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", parser=typed_path, help="Where the files go.")],
    folder: Folder = SWEEPS,
    trial: Annotated[int | None, typer.Option(min=0, help="A trial's number; the best when not given.")] = None,
    trust_code: TrustCode = False,
    address: Dashboard = None,
    output: Output = "table",
) -> None:
    """Write the best network as weights, JSON and a PyTorch file that needs only torch, and prove that they agree.

    The images held back as a test are looked at here and nowhere else, and how often is counted: choosing between
    several exports by their accuracy on them makes it optimistic.

    \b
      convscape export digits --to exported/digits
      convscape export digits --to exported/small --trial 7
      convscape export digits --to exported/digits --address http://10.0.0.1:8265
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    if address is not None:
        run_there(context, address, "--to")
    from ..dashboards.text import export_json, export_lines
    from ..search import Sweep

    exported = Sweep.open(name, folder, trust_code=trust_code).export(to, trial)
    if output == "json":
        echo_json(export_json(exported))
    else:
        echo(export_lines(exported))


def sync(
    context: typer.Context,
    name: Name,
    folder: Folder = SWEEPS,
    address: Dashboard = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="URI", help="Send all of it to another store, now and from now on.")
    ] = None,
) -> None:
    """Send to MLflow what has not reached it yet, for instance because its server was down.

    \b
      convscape sync digits
      convscape sync digits --to http://127.0.0.1:5000
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    if address is not None:
        run_there(context, address)
    from ..search import Sweep
    from ..search.driver import send_results

    left = send_results(Sweep.open(name, folder), to)
    echo(f"{left} results left to send." if left else "MLflow has everything.")
