"""Sends commands of Convscape's to the head of a cluster as Ray jobs, and gives back what they say."""

from __future__ import annotations

import json
import shlex
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...spaces import ConfigError, SweepError
from ..tracking import without_secrets
from ..workers import packaged
from .head import COMMAND, FOLDER, OURS, RUNS, SWEEP, Head, Job
from .output import Bundle, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .parcel import Parcel

EXPORTS = ".exports"
"""Folder on the head, below that in which commands run, in which an export waits to be brought."""
INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A command that is to run on the head."""

    command: str
    """The name of the command, as in "status"."""
    arguments: Sequence[str]
    """All that follows its name; where `export_to` is given, without the option that says where the export goes."""
    sweep: str
    """Name of the sweep that it is about."""
    folder: str = ""
    """`folder` of the sweep as the head reads it; "" for the one that the sweep of that name was last sent with."""
    parcel: Parcel | None = None
    """What travels with it."""
    export_to: Path | None = None
    """The folder here that an export is brought to."""
    export_option: str = "--to"
    """The option by which the command is told where an export goes."""


def start(head: Head, request: Request) -> Job:
    """Sends a command.

    Args:
        head: of the cluster.
        request: the command, and what travels with it.

    Returns:
        Its job, which may not have begun.

    Raises:
        SweepError: the sweep runs there already, or the head does not take the job.
        ConfigError: an argument holds a password.
    """
    before = head.jobs(request.sweep)
    folder = request.folder or next((job.folder for job in before if job.command in RUNS), "")
    if request.command in RUNS:
        _refuse_running(head, request, [job for job in before if job.folder == folder])
    name = f"convscape-{request.sweep}-{uuid.uuid4().hex[:12]}"
    arguments = [request.command, *request.arguments]
    if folder and request.parcel is None:
        arguments += ["--folder", folder]
    values: dict[str, Any] = {"address": head.url}
    if request.export_to is not None:
        values["bring"] = f"{EXPORTS}/{name}"
        arguments += [request.export_option, values["bring"]]
    with packaged(()) as own, tempfile.TemporaryDirectory(prefix="convscape-") as place:
        modules = [own]
        if request.parcel is not None:
            pieces = request.parcel.write(Path(place))
            values |= {"sweep": request.sweep, "needs": request.parcel.needs, "digest": request.parcel.digest}
            values["parts"] = len(pieces) - 1
            modules += pieces
        line = ["python", "-P", "-m", "convscape.search.submission.on_head", json.dumps(values), *arguments]
        entrypoint = shlex.join(line)
        if without_secrets(entrypoint) != entrypoint:
            raise ConfigError(
                "an argument holds a password, and everybody who sees the cluster's dashboard can read it there",
                "Write ${CONVSCAPE_TRACKING_PASSWORD} in its place, and set that variable on the head.",
            )
        metadata = {OURS: __version__, SWEEP: request.sweep, FOLDER: folder, COMMAND: request.command}
        head.submit(name, entrypoint, modules, metadata)
    return head.job(name)


def finish(head: Head, job: Job, request: Request, tell: Callable[[str, bool], None], *, follow: bool) -> int:
    """Waits for a command to end, and hands on what it says; an export is brought.

    Args:
        head: of the cluster.
        job: what `start` gave.
        request: the command.
        tell: gets each line of the command, and whether it is one of the errors.
        follow: hand on each line when it is written; else all at the end, which is sooner known.

    Returns:
        The command's exit code.

    Raises:
        SweepError: it did not begin, it was killed, or the job or the head is not there any more.
        ExportError: what came is no export, or cannot be written.
    """
    bundle = None if request.export_to is None else Bundle(request.export_to)
    waits, goes = f"{EXPORTS}/{job.id}", str(request.export_to)

    def tell_here(line: str, error: bool) -> None:
        tell(line.replace(waits, json.dumps(goes)[1:-1] if line.startswith("{") else goes), error)

    output = Output(tell_here, bundle)
    try:
        if follow or bundle is not None:
            ended = head.follow(job.id, output.take)
        else:
            ended = head.wait(job.id)
            output.take(head.log(job.id))
        output.end()
        code = _code(head, ended, output)
        if bundle is not None and code == 0 and not bundle.finish():
            raise SweepError("the head exported, and sent nothing", f"Look at the log of job {job.id} there.")
        return code
    finally:
        if bundle is not None:
            bundle.discard()


def _code(head: Head, job: Job, output: Output) -> int:
    if job.code is not None and output.ours:
        return job.code
    if job.state == "STOPPED":
        return INTERRUPTED
    if job.state == "SUCCEEDED":
        return 0
    said = " | ".join(line.strip() for line in [*output.others][-3:] if line.strip())
    if output.ours:
        raise SweepError(
            f"job {job.id} on {head.url} ended without an exit code: {job.message or said:.300}",
            "It was killed there, perhaps for want of memory. `convscape status NAME --address …` says what is kept, "
            "`resume` goes on.",
        )
    raise SweepError(
        f"the command did not begin on the head of {head.url}: {said or job.message:.500}",
        "There `python` must be Python 3.11 or newer with what Convscape needs: start the head, `ray start --head`, "
        "with its environment activated, and install the same there.",
    )


def _refuse_running(head: Head, request: Request, jobs: Sequence[Job]) -> None:
    running = next((job for job in jobs if job.command in RUNS and not job.ended), None)
    if running is not None:
        about = f"{request.sweep} --address {head.url}"
        raise SweepError(
            f"sweep '{request.sweep}' runs on {head.url} already, as job {running.id}",
            f"Watch it with `convscape status {about} --watch`, end it with `convscape stop {about}`, or choose "
            "another name with `--set name=…`.",
        )
