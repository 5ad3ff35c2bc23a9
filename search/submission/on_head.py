"""What a submitted job runs on the cluster's head: Convscape's commands, whose output is told apart in the job's log.

A Ray job has one log for output and errors. Each line of the command is written there with a mark before it, so that
who reads it gives each back where it belongs. Lines without a mark are Ray's own.

It runs before anything is known of the head, and needs next to nothing beside Python's standard library.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from ..files import REACHED_BY

OUT, ERR, FILE = "1 ", "2 ", "3 "
"""Marks of a line of the output, of one of the errors, and of one that brings a part of a file."""
HOME = "~/convscape"
"""The folder on the head in which submitted commands run: a relative `folder` of a sweep lies below it."""
SENT, SUBMITTED = "sent", "submitted"
"""Folders in it: of the files that came with sweeps, and of the sweep files themselves."""
PIECE = "convscape_sent_"
"""How the folders begin in which Ray brings the pieces of what was sent."""
SWEEP_FILE, PART = "sweep.yaml", "part"
"""The file in such a folder: the sweep file, or a part of the archive of all that came with it."""
READ = 12_288
"""Bytes of a file that one line of the log brings: what Ray hands out of a log at a time is 20,000 letters."""
NEEDED = (
    "ray",
    "torch",
    "torchvision",
    "optuna",
    "mlflow",
    "pandas",
    "pydantic",
    "yaml",
    "rich",
    "safetensors",
    "typer",
)
"""Modules without which no sweep runs."""
_JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"
_CANNOT = 4


def main(arguments: list[str]) -> int:
    """Runs a command of Convscape's in the folder HOME, once what was sent with it lies there.

    Args:
        arguments: the values of this job, as JSON; then the command's arguments.

    Returns:
        The command's exit code; 4 where it cannot be run on this machine.
    """
    job, command = json.loads(arguments[0]), arguments[1:]
    problem = _problem(job.get("needs", []))
    if problem:
        return _refuse(*problem)
    home = Path(HOME).expanduser()
    try:
        home.mkdir(parents=True, exist_ok=True)
        os.chdir(home)
        _take_in(job)
    except (OSError, tarfile.TarError, ValueError) as error:
        return _refuse(
            f"{home} on the cluster's head cannot take what was sent: {error}", "Make room there, or rights."
        )
    code = _run(command, job)
    brought = Path(job["bring"]) if job.get("bring") else None
    if brought is not None and brought.is_dir():
        if code == 0:
            _bring(brought)
        shutil.rmtree(brought, ignore_errors=True)
    return code


def _problem(needs: list[str]) -> tuple[str, str] | None:
    """Why no command can be run on this machine, and what to do; None where nothing is in the way."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        return (
            f"the cluster's head has no {', '.join(missing)} for {sys.executable}",
            "Install there what Convscape needs, and on every node: pip install convscape, or the packages by name.",
        )
    unset = [name for name in needs if name not in os.environ]
    if unset:
        return (
            f"tracking.uri needs {' and '.join(unset)} in the environment of the cluster's head, where it is not set",
            "No password travels with a job. Set it where the head is started: export NAME=…; ray start --head",
        )
    return None


def _refuse(problem: str, remedy: str) -> int:
    _mark_all(ERR, [f"convscape: {problem}\n", f"  {remedy}\n"])
    return _CANNOT


def _take_in(job: dict[str, str]) -> None:
    """Puts the files that came with the job where they stay: a resumed sweep needs them, too, when the job is gone."""
    folders = [Path(place) for place in sys.path if Path(place).is_dir()]
    digest, name = job.get("digest"), job.get("sweep")
    if digest:
        pieces = {path.name: path for folder in folders for path in folder.glob(f"{PIECE}{digest}_*")}
        _unpack(digest, [pieces[key] / PART for key in sorted(pieces)], job)
    if name:
        found = [path for folder in folders for path in folder.glob(f"{PIECE}file/{SWEEP_FILE}")]
        if not found:
            raise ValueError("the sweep file did not arrive")
        Path(SUBMITTED).mkdir(exist_ok=True)
        shutil.copyfile(found[0], Path(SUBMITTED, f"{name}.yaml"))


def _unpack(digest: str, parts: list[Path], job: dict[str, str]) -> None:
    """Unpacks the archive that came in parts into SENT/digest, which is there whole or not at all."""
    target = Path(SENT, digest)
    if target.is_dir():
        return
    if len(parts) != int(job["parts"]):
        raise ValueError(f"{len(parts)} of {job['parts']} parts arrived")
    temporary = Path(SENT, f".{digest}-{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        reader, writer = os.pipe()
        thread = threading.Thread(target=_join, args=(parts, writer))
        thread.start()
        try:
            with os.fdopen(reader, "rb") as joined, tarfile.open(fileobj=joined, mode="r|") as archive:
                archive.extractall(temporary, filter="data")
        finally:
            thread.join()
        temporary.rename(target)
    except OSError:
        if not target.is_dir():  # else another job was faster with the same
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _join(parts: list[Path], writer: int) -> None:
    try:
        with os.fdopen(writer, "wb") as joined:
            for part in parts:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, joined)
    except OSError:  # the reader has given up, and says why
        return


def _run(command: list[str], job: dict[str, str]) -> int:
    """Runs the command and marks its lines; ends when it does, also where a signal is meant to end the whole job."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # Ray sends it to every process of a job: the command's own saves
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-P", "-m", "convscape", *command],
        env={**os.environ, **_without_pieces(), REACHED_BY: job["address"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as running:
        pairs = ((OUT, running.stdout), (ERR, running.stderr))
        bring = job.get("bring", "")
        threads = [threading.Thread(target=_mark_all, args=(*pair, bring)) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        code = running.wait()
    return code if code >= 0 else 128 - code


def _without_pieces() -> dict[str, str]:
    """The job's environment without what was sent to the head.

    Ray would bring the pieces to every node that trains. Convscape goes there with the command itself, when it joins
    the cluster, and Ray takes no modules twice.
    """
    changed = {}
    if _JOB_CONFIG in os.environ:
        config = json.loads(os.environ[_JOB_CONFIG])
        config.get("runtime_env", {}).pop("py_modules", None)
        changed[_JOB_CONFIG] = json.dumps(config)
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    kept = [place for place in places if place and not list(Path(place).glob(f"{PIECE}*"))]
    return {**changed, "PYTHONPATH": os.pathsep.join(kept)}


_writing = threading.Lock()


def _mark_all(mark: str, lines: IO[str] | list[str], bring: str = "") -> None:
    """Writes lines to the log; the folder that is to be brought is told as it was asked for, not as it lies here."""
    for line in lines:
        if bring:
            line = line.replace(str(Path(bring).resolve()), bring).replace(str(Path(bring).absolute()), bring)
        with _writing:
            sys.stdout.write(f"{mark}{line.rstrip(chr(10))}\n")
            sys.stdout.flush()


def _bring(folder: Path) -> None:
    """Writes the files of an export to the log: first their names, sizes and SHA-256, then what they hold."""
    from ...trainers.export import bundle_files

    names = bundle_files(folder)
    paths = [folder / name for name in names]
    listed = [
        {"name": name, "size": path.stat().st_size, "sha256": _sha256(path)}
        for name, path in zip(names, paths, strict=True)
    ]
    _mark_all(FILE, [json.dumps(listed)])
    for path in paths:
        with path.open("rb") as file:
            while part := file.read(READ):
                _mark_all(FILE, [base64.b64encode(part).decode()])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
