"""Commands that run a sweep, or stop it."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..spaces import ConfigError, SweepError
from .options import SWEEPS, Folder, Name, Output, Place, Seconds, Settings, TrustCode
from .printing import echo, echo_json

if TYPE_CHECKING:
    from ..search import Sweep
    from ..search.config import SweepConfig


def launch(
    place: Place,
    set_: Settings = None,
    seconds: Seconds = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the config and three networks; train and write nothing.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Start over where a sweep of that name is there.")] = False,
    resume_: Annotated[
        bool, typer.Option("--resume", help="Go on where a sweep of that name is there, as `resume` does.")
    ] = False,
    export_to: Annotated[
        Path | None, typer.Option("--export", metavar="DIR", help="Export the winner to DIR when done.")
    ] = None,
    trust_code: TrustCode = False,
    output: Output = "table",
) -> None:
    """Run a sweep: sample networks, train them, promote the best, keep every run in MLflow.

    Ctrl-C once ends after the running epochs and can be resumed; twice leaves at once.

    \b
      convscape launch examples/digits.yaml
      convscape launch ~/photos --seconds 600
      convscape launch examples/fashion-mnist.yaml --set data.root=~/data --set search.seconds=600
      convscape launch sweep.yaml --dry-run
      convscape launch sweep.yaml --resume
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    from ..search import driver
    from ..search.config import is_beginning, read_or_begin, remember
    from .dry_run import print_dry_run

    started = time.monotonic()
    settings = [*(set_ or ()), *([] if seconds is None else [f"search.seconds={seconds:.12g}"])]
    if dry_run:
        config = read_or_begin(place, settings, trust="everything" if trust_code else "nothing")
        print_dry_run(config, output)
        if trust_code:
            remember(Path(place), config.named_code, "everything")
        return
    _check_target(export_to)
    if replace and resume_:
        raise ConfigError("--replace and --resume: a sweep is begun anew or gone on with", "Leave one of them out.")
    if is_beginning(place):
        echo(f"Settings as `convscape init {shlex.quote(place)}` would write them into a sweep file.", err=True)
    config = read_or_begin(place, settings) if resume_ else None
    if config and (config.sweep_folder / "config.json").exists():
        if is_beginning(place):
            _refuse_others(config)
        sweep = driver.resume(config.name, config.folder, trust_code=trust_code)
    else:
        sweep = driver.launch(place, overrides=settings, replace=replace, trust_code=trust_code)
    _finish(sweep, started, export_to, output)


def _refuse_others(config: SweepConfig) -> None:
    """Refuses to go on with a sweep that has the name of another folder of images."""
    from ..search import Sweep

    there = Sweep.open(config.name, config.folder).config.data
    if (there.name, there.root) != (config.data.name, config.data.root):
        raise SweepError(
            f"sweep '{config.name}' in {config.folder} is of {there.root or there.name}, not of "
            f"{config.data.root or config.data.name}",
            "Choose another name with `--set name=…`.",
        )


def resume(
    name: Name,
    folder: Folder = SWEEPS,
    export_to: Annotated[
        Path | None, typer.Option("--export", metavar="DIR", help="Export the winner to DIR when done.")
    ] = None,
    trust_code: TrustCode = False,
    output: Output = "table",
) -> None:
    """Go on with a sweep that was interrupted or killed; what ended is not trained again."""
    from ..search import driver

    started = time.monotonic()
    _check_target(export_to)
    _finish(driver.resume(name, folder, trust_code=trust_code), started, export_to, output)


def stop(name: Name, folder: Folder = SWEEPS) -> None:
    """Have a sweep that runs elsewhere save and end after its running epochs, as Ctrl-C there does."""
    from ..search import Sweep, folder_option

    sweep = Sweep.open(name, folder)
    try:
        stopped = sweep.stop()
    except OSError as error:
        raise SweepError(f"{sweep.folder} cannot be written: {error.strerror}", "Make it writable.") from None
    watch = f"convscape status {name}{folder_option(sweep.config)} --watch"
    echo(f"{name} ends after its running epochs: {watch}" if stopped else f"Nothing to stop: {name} does not run.")


def _check_target(export_to: Path | None) -> None:
    """Refuses a folder that cannot be exported to before the sweep, not after it."""
    if export_to is not None:
        from ..trainers.export import refuse_foreign

        refuse_foreign(export_to)


def _finish(sweep: Sweep, started: float, export_to: Path | None, output: str) -> None:
    from ..dashboards.text import ending, export_json, export_lines, mattered_json

    trials = sweep.trials()
    try:
        best = sweep.best_of(trials)
    except SweepError as error:
        echo(f"convscape: {error}", err=True)
        raise typer.Exit(3) from None
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
            echo(f"\n{export_lines(sweep.export(export_to))}")
        echo(f"\nDone in {time.monotonic() - started:.0f} s.")
