"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..spaces import ConfigError
from .completion import sweep_files, sweep_names

SWEEPS = Path("sweeps")


def typed_path(text: str | Path) -> Path:
    """A path that was typed, with `~` written out: a shell leaves it in `--folder=~/runs`."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise typer.BadParameter(f"{text}: no such user's home folder") from None


Output = Annotated[Literal["table", "json"], typer.Option("--output", "-o", help="A table for people, or JSON.")]
SweepFile = Annotated[
    Path, typer.Argument(metavar="SWEEP.yaml", help="The sweep file; see examples/.", autocompletion=sweep_files)
]
Place = Annotated[
    str,
    typer.Argument(
        metavar="SWEEP.yaml|FOLDER|DATASET",
        help="The sweep file; or a folder of images, or a data set's name, for a sweep as `init` would write it.",
        autocompletion=sweep_files,
    ),
]
Seconds = Annotated[float | None, typer.Option(min=1, max=1e9, help="Time for the search: `search.seconds`.")]
Address = Annotated[
    str | None,
    typer.Option(metavar="auto|HOST:PORT", help="Join the Ray cluster there: `resources.address`; auto on its nodes."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting over that of the file: --set search.trials=20"),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The sweep's name.", autocompletion=sweep_names)]
Folder = Annotated[
    Path,
    typer.Option("--folder", metavar="DIR", parser=typed_path, help="Where sweeps live: `folder` in the sweep file."),
]
Dashboard = Annotated[
    str | None,
    typer.Option("--address", metavar="URL", help="Of a sweep on a cluster: its dashboard, http://HEAD:8265."),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="auto|HOST:PORT|URL",
        help="Join that Ray cluster; or, by its dashboard http://HEAD:8265, go on there with a sweep that was sent.",
    ),
]
TrustCode = Annotated[
    bool, typer.Option("--trust-code", help="Let the code run that the sweep names; from now on, if unchanged.")
]
Store = Annotated[
    str | None,
    typer.Option("--uri", metavar="URI", help="Read sweeps from that store of MLflow; no folder is needed."),
]
Experiment = Annotated[
    str | None, typer.Option(metavar="NAME", help="With --uri: the experiment; convscape where not given.")
]


def check_store(uri: str | None, experiment: str | None) -> None:
    """Refuses an experiment without the store that it is in, and a store's address that cannot be one."""
    if experiment is not None and uri is None:
        raise ConfigError("--experiment: it is in a store of MLflow", "Name that: --uri URI.")
    if uri is not None:
        from ..search.tracking import uri_problem

        if problem := uri_problem(uri):
            raise ConfigError(f"--uri {uri:.80}: {problem}", "For example --uri http://127.0.0.1:5000.")
