"""The command that says whether a sweep can run here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .completion import sweep_files
from .options import Output
from .printing import echo, echo_json, loading

CANNOT = 4
"""Exit code where no sweep can run."""
_NO_FILE = "{name: any, data: {name: digits}}"


def doctor(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[SWEEP.yaml]",
            help="The sweep file, whose images, store and resources are looked at, too.",
            autocompletion=sweep_files,
            show_default=False,
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address", metavar="auto|HOST:PORT", help="A running Ray cluster; `resources.address` when not given."
        ),
    ] = None,
    output: Output = "table",
) -> None:
    """Can a sweep run here, or on a cluster? Looks at every node, within a minute.

    What is wrong comes with what to do. Exit code 0 where a sweep can run, 4 where not.

    \b
      convscape doctor
      convscape doctor sweep.yaml
      convscape doctor --address auto -o json
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    from ..search.config import parse_sweep_file, read_sweep_file

    settings = [] if address is None else [f"resources.address={json.dumps(address)}"]
    config = read_sweep_file(file, settings) if file else parse_sweep_file(_NO_FILE, "doctor", settings)
    with loading() as shown:
        from ..dashboards.text import doctor_json, doctor_text
        from ..search.doctor import examine
        from ..search.driver import terminable

        with terminable():
            found = examine(config, shown.enter)
    if output == "json":
        echo_json(doctor_json(found))
    else:
        echo(doctor_text(found))
    if not found.can_run:
        raise typer.Exit(CANNOT)
