"""Commands that run a sweep, or stop it."""

from __future__ import annotations

import json
import shlex
import time
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..spaces import ConfigError, ConvscapeError, SweepError
from .answering import NO_WINNER, print_answer
from .handover import publish, refuse_incomplete
from .options import (
    SWEEPS,
    Address,
    Cluster,
    Dashboard,
    Folder,
    Name,
    Output,
    Place,
    Seconds,
    Settings,
    TrustCode,
    typed_path,
)
from .printing import echo, echo_json, loading
from .remote import is_url, run_there, submit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..search import Sweep


def launch(
    place: Place,
    set_: Settings = None,
    seconds: Seconds = None,
    address: Address = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the config and three networks; train and write nothing.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Start over where a sweep of that name is there.")] = False,
    resume_: Annotated[
        bool, typer.Option("--resume", help="Go on where a sweep of that name is there, as `resume` does.")
    ] = False,
    export_to: Annotated[
        Path | None,
        typer.Option("--export", metavar="DIR", parser=typed_path, help="Export the winner to DIR when done."),
    ] = None,
    submit_: Annotated[
        str | None,
        typer.Option("--submit", metavar="URL", help="Send it to a Ray cluster: its dashboard, http://HEAD:8265."),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="With --submit: leave as soon as it is sent.")] = False,
    trust_code: TrustCode = False,
    output: Output = "table",
) -> None:
    """Run a sweep: sample networks, train them, promote the best, keep every run in MLflow.

    Ctrl-C once ends after the running epochs and can be resumed; twice leaves at once.

    \b
      convscape launch examples/digits.yaml
      convscape launch ~/photos --seconds 600
      convscape launch examples/fashion-mnist.yaml --set data.root=~/data
      convscape launch sweep.yaml --set search.seconds=600 --export exported/it
      convscape launch sweep.yaml --dry-run
      convscape launch sweep.yaml --resume
      convscape launch sweep.yaml --address auto
      convscape launch sweep.yaml --submit http://10.0.0.1:8265 --detach
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    started = time.monotonic()
    if address and is_url(address):
        raise ConfigError(
            "--address: that is a dashboard, not a cluster to join", f"Send it there: --submit {address}."
        )
    settings = [*(set_ or ()), *([] if seconds is None else [f"search.seconds={seconds:.12g}"]), *_joining(address)]
    if detach and submit_ is None:
        raise ConfigError("--detach: only a sweep that is sent elsewhere can be left", "Say where: --submit URL.")
    if replace and resume_:
        raise ConfigError("--replace and --resume: a sweep is begun anew or gone on with", "Leave one of them out.")
    if submit_ is not None:
        options = {"--dry-run": dry_run, "--replace": replace, "--resume": resume_, "--trust-code": trust_code}
        submit(
            place,
            settings,
            submit_,
            [*(name for name, given in options.items() if given), *(["-o", "json"] if output == "json" else [])],
            detach=detach,
            export_to=export_to,
            trust_code=trust_code,
            output=output,
        )
    if dry_run:
        from ..search.config import read_or_begin, remember
        from .dry_run import print_dry_run

        config = read_or_begin(place, settings, trust="everything" if trust_code else "nothing")
        print_dry_run(config, output)
        if trust_code:
            remember(Path(place), config.named_code, "everything")
        return
    _check_file(place, settings, trust_code=trust_code)
    with loading() as shown:
        _check_target(export_to)
        from ..search import driver
        from ..search.config import is_beginning

        if is_beginning(place):
            shown.say(f"Settings as `convscape init {shlex.quote(place)}` would write them into a sweep file.")
        sweep = driver.launch(
            place, overrides=settings, replace=replace, resume=resume_, progress=shown, trust_code=trust_code
        )
    with reporting(sweep), _telling_how_to_export(sweep, export_to):
        _finish(sweep, started, export_to, output)


def resume(
    context: typer.Context,
    name: Name,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="From now on: search.trials, .seconds, .finalists, or resources.*"
        ),
    ] = None,
    address: Cluster = None,
    folder: Folder = SWEEPS,
    export_to: Annotated[
        Path | None,
        typer.Option("--export", metavar="DIR", parser=typed_path, help="Export the winner to DIR when done."),
    ] = None,
    trust_code: TrustCode = False,
    output: Output = "table",
) -> None:
    """Go on with a sweep that was interrupted or killed, or has ended and is to have more.

    What ended is not trained again; where better designs are found the finals are held again.

    \b
      convscape resume digits
      convscape resume digits --set search.trials=80
      convscape resume digits --set search.seconds=600 --set resources.workers=4
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    if address and is_url(address):
        run_there(context, address, "--export")
    started = time.monotonic()
    with loading() as shown:
        _check_target(export_to)
        from ..search import driver

        settings = [*(set_ or ()), *_joining(address)]
        sweep = driver.resume(name, folder, overrides=settings, progress=shown, trust_code=trust_code)
    with reporting(sweep), _telling_how_to_export(sweep, export_to):
        _finish(sweep, started, export_to, output)


def stop(context: typer.Context, name: Name, folder: Folder = SWEEPS, address: Dashboard = None) -> None:
    """Have a sweep that runs elsewhere save and end after its running epochs, as Ctrl-C there does.

    \b
      convscape stop digits
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    if address is not None:
        run_there(context, address)
    from ..search import Sweep, folder_option

    sweep = Sweep.open(name, folder)
    try:
        stopped = sweep.stop()
    except OSError as error:
        raise SweepError(f"{sweep.folder} cannot be written: {error.strerror}", "Make it writable.") from None
    watch = f"convscape status {name}{folder_option(sweep.config)} --watch"
    echo(f"{name} ends after its running epochs: {watch}" if stopped else f"Nothing to stop: {name} does not run.")


def _joining(address: str | None) -> list[str]:
    """The setting that --address stands for; in quotes, since YAML reads [::1]:6379 as a list."""
    return [] if address is None else [f"resources.address={json.dumps(address)}"]


def _check_file(place: str, settings: list[str], *, trust_code: bool) -> None:
    """Refuses a sweep file with mistakes before PyTorch is loaded, which takes seconds."""
    from ..search.config import is_beginning, read_or_begin

    if not is_beginning(place):
        read_or_begin(place, settings, trust="everything" if trust_code else "folders")


def _check_target(export_to: Path | None) -> None:
    """Refuses a folder that cannot be exported to before the sweep, not after it."""
    if export_to is None:
        return
    from ..trainers.export import BUNDLE

    BUNDLE.check(export_to)


@contextmanager
def _telling_how_to_export(sweep: Sweep, to: Path | None) -> Iterator[None]:
    """Where it is interrupted before all is done, says how to have the export all the same."""
    from ..search import folder_option

    try:
        yield
    except KeyboardInterrupt:
        if to:
            command = f"convscape export {sweep.name}{folder_option(sweep.config)} --to {shlex.quote(str(to))}"
            echo(f"\nNot exported. The sweep has ended, and is saved: {command}", err=True)
        raise


@contextmanager
def reporting(sweep: Sweep) -> Iterator[None]:
    """Sends the sweep's report to MLflow once all else is done, also where it has no result or was not exported."""
    from ..dashboards.reports import tell_of_report

    def tell() -> None:
        tell_of_report(sweep, partial(echo, err=True), lambda line: echo(f"convscape: {line}", err=True))

    try:
        yield
    except (typer.Exit, ConvscapeError):
        tell()
        raise
    tell()


def _finish(sweep: Sweep, started: float, export_to: Path | None, output: str) -> None:
    from ..dashboards.text import ending, export_json, export_lines, mattered_json
    from ..search.driver import how_to_go_on

    trials = sweep.trials()
    if sweep.config.question:
        print_answer(sweep, trials, output)
        if export_to:
            echo(NO_WINNER, err=True)
            exported = sweep.export(export_to)
            echo(f"\n{export_lines(exported)}", err=output == "json")
            publish(sweep, exported.folder)
            refuse_incomplete(exported)
        return
    try:
        best = sweep.best_of(trials)
    except SweepError as error:
        echo(f"convscape: {error}", err=True)
        raise typer.Exit(3) from None
    exported = None
    if output == "json":
        exported = sweep.export(export_to) if export_to else None
        counts = {key: value for key, value in sweep.counts(trials).items() if key != "unfinished"}
        kept = ("trial", "run_id", "accuracy", "parameters", "macs", "notation")
        result: dict[str, Any] = {
            "name": sweep.name,
            "seconds": round(time.monotonic() - started, 3),
            "tracking_uri": sweep.tracking_uri,
            "counts": counts,
            "best": {key: value for key, value in asdict(best).items() if key in kept},
            **mattered_json(sweep, trials),
        }
        echo_json(result | ({"exported": export_json(exported)} if exported else {}))
    else:
        echo(ending(sweep, trials, exported=bool(export_to)))
        if export_to:
            exported = sweep.export(export_to)
            echo(f"\n{export_lines(exported)}")
        echo(f"\nDone in {time.monotonic() - started:.0f} s.")
        if more := how_to_go_on(sweep, trials):
            echo(more)
    if exported is not None:
        publish(sweep, exported.folder)
        refuse_incomplete(exported)
