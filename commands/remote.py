"""Commands that run on a cluster's head in place of here: sent as Ray jobs, their output printed as if from here."""

from __future__ import annotations

import json
import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from ..spaces import ConfigError, SweepError, printable
from .options import SWEEPS
from .printing import echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..search.config import SweepConfig
    from ..search.submission import Head, Job, Request

STAY = ("address", "folder", "submit", "detach")
"""Options that say where a command runs; the head gets others of them."""
_BEGINS = ("cpus", "gpus")
_PATHS_THERE = ("data.root", "folder")
"""Settings whose paths are the head's, where `~` is the home there."""


def is_url(address: str) -> bool:
    """Whether an address is that of a cluster's dashboard, not one to join the cluster at."""
    return address.startswith(("http://", "https://"))


def run_there(context: typer.Context, address: str, export_option: str = "") -> NoReturn:
    """Runs the command that was typed on the head of a cluster, prints what it says, and ends with its exit code.

    Args:
        context: the command's, with all that was typed.
        address: the address of the cluster's job API.
        export_option: the option that names the folder an export goes to, which is one here; "" where there is none.

    Raises:
        SweepError: the head, its job API or the job is not there, or refuses.
    """
    from ..search.config import NAME
    from ..search.files import bucket_url
    from ..search.submission import Head, Request, start

    command, name = str(context.info_name), context.params.get("name") or ""
    if name and not re.fullmatch(NAME, name):
        raise SweepError(f"{name!r:.80} is no name of a sweep", "Give the name that `convscape launch --submit` told.")
    target = context.params.get("to") if export_option == "--to" else context.params.get("export_to")
    target = target if export_option else None  # of `sync` it is a store
    folder = context.params.get("folder", SWEEPS)
    request = Request(
        command=command,
        arguments=_typed(context, target and export_option),
        sweep=name or "all",
        folder="" if folder == SWEEPS else bucket_url(folder) or str(folder),
        export_to=target,
        export_option=export_option,
    )
    _refuse_target(target)
    head = Head(address)
    job = start(head, request)
    runs = command == "resume"
    _stream(head, job, request, runs=runs, follow=runs or bool(context.params.get("watch")))


def submit(
    place: str,
    settings: Sequence[str],
    address: str,
    arguments: list[str],
    *,
    detach: bool,
    export_to: Path | None,
    trust_code: bool,
    output: str,
) -> NoReturn:
    """Sends a sweep to the head of a cluster, prints what it says there, and ends with its exit code.

    Args:
        place: a sweep file, a folder of images, or a data set's name.
        settings: "key=value" settings over those of the file.
        address: the address of the cluster's job API.
        arguments: options of `launch` that hold there, too.
        detach: end as soon as the head has taken the job.
        export_to: the folder here that the winner is exported to.
        trust_code: whether code that is named and installed may run, too, not that of the `code` folders alone.
        output: "table" or "json".

    Raises:
        ConfigError: the sweep file, or what was typed, cannot be used so.
        SweepError: the head, its job API or the job is not there, or refuses.
    """
    from ..search.config import is_beginning, read_or_begin, written_setting
    from ..search.submission import Head, Request, pack, start

    if detach and export_to:
        raise ConfigError(
            "--detach and --export: nobody would be here to take the export",
            "Leave --export out, and say `convscape export NAME --address … --to DIR` when the sweep has ended.",
        )
    begins = is_beginning(place)
    config = read_or_begin(place, settings, trust="everything" if trust_code else "folders")
    given = {key.strip(): value.strip() for key, _, value in (setting.partition("=") for setting in settings)}
    written = {key: given.get(key) if begins else written_setting(place, key, settings) for key in _PATHS_THERE}
    parcel = pack(config, written, machine=[key for key in _BEGINS if begins and f"resources.{key}" not in given])
    _refuse_target(export_to)
    head = Head(address)
    for line in [*parcel.notes, *_what_stays(config, parcel.needs)]:
        echo(line, err=True)
    request = Request(
        command="launch",
        arguments=[f"submitted/{config.name}.yaml", *arguments],
        sweep=config.name,
        folder=config.url or parcel.values.get("folder", str(config.folder)),
        parcel=parcel,
        export_to=export_to,
        export_option="--export",
    )
    job = start(head, request)
    about = f"{config.name} --address {head.url}"
    if detach and output == "json":
        echo_json({"name": config.name, "job": job.id, "address": head.url})
    elif detach:
        echo(f"Sweep {config.name} is sent, as job {job.id}. It runs on {head.url} without this machine:")
        echo(f"  convscape status {about} --watch\n  convscape stop {about}\n  convscape compare {about}")
    if detach:
        raise typer.Exit(0)
    echo(f"Sent to {head.url} as job {job.id}. Ctrl-C leaves its output; the sweep goes on.", err=True)
    _stream(head, job, request, runs=True, follow=True)


def _stream(head: Head, job: Job, request: Request, *, runs: bool, follow: bool) -> NoReturn:
    from ..search.submission import finish

    try:
        code = finish(head, job, request, _print, follow=follow)
    except KeyboardInterrupt:
        if not runs:
            _end(head, job)
            raise typer.Exit(130) from None
        about = f"{request.sweep} --address {head.url}"
        echo(f"\nLeft. The sweep goes on, on {head.url}, as job {job.id}:", err=True)
        echo(f"  convscape status {about} --watch   # how it stands", err=True)
        echo(f"  convscape stop {about}             # ends after the running epochs, and saves", err=True)
        if request.export_to is not None:
            echo(
                f"  convscape export {about} --to {shlex.quote(str(request.export_to))}   # when it has ended", err=True
            )
        raise typer.Exit(130) from None
    if not runs:
        with suppress(SweepError):
            head.forget(job.id)
    raise typer.Exit(code)


def _end(head: Head, job: Job) -> None:
    """Ends a command that only looked."""
    with suppress(SweepError):
        head.stop(job.id)


def _print(line: str, error: bool) -> None:
    if not error and line.startswith(("{", "[")):
        with suppress(ValueError, RecursionError):
            echo_json(json.loads(line))
            return
    echo(printable(line), err=error)


def _what_stays(config: SweepConfig, needs: Sequence[str]) -> list[str]:
    """Lines about what of this machine does not travel, where somebody may count on it."""
    import os

    lines = []
    if needs:
        lines.append(f"No password travels: the environment of the head must have {' and '.join(needs)}.")
    there = [name for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME") if name in os.environ]
    if there and config.tracking.uri is None:
        lines.append(
            f"{' and '.join(there)} of this machine does not travel: the head's environment, or `tracking`, says."
        )
    return lines


def _refuse_target(target: Path | None) -> None:
    """Refuses a folder that cannot be exported to before anything is sent."""
    if target is not None:
        from ..trainers.export import BUNDLE

        BUNDLE.refuse_foreign(target.expanduser())


def _typed(context: typer.Context, without: str | None) -> list[str]:
    """The arguments and options that were typed, but for those that say where the command runs."""
    typed: list[str] = []
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name in STAY or value is None or value == parameter.get_default(context):
            continue
        if parameter.param_type_name == "argument":
            typed.append(str(value))
        elif parameter.opts[0] != without:
            typed += _as_option(parameter.opts[0], value)
    return typed


def _as_option(name: str, value: Any) -> Iterable[str]:
    if value is True:
        return [name]
    if isinstance(value, list | tuple):
        return [word for each in value for word in (name, str(each))]
    return [name, str(value)]
