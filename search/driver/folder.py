"""The folder of a sweep that is launched: made, removed where nothing came of it, refused where it cannot be used."""

from __future__ import annotations

import errno
import shutil
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from ...spaces import ConfigError, SweepError
from ..bucket import refuse_there
from ..files import (
    CONFIG,
    LOCK,
    TRIALS,
    discard,
    former_sweeps,
    how_to_put_back,
    is_locked,
    is_sweep,
    make_local_copy,
    put_aside,
    put_back,
    refuse_links,
    sweep_lock,
    temporary_path,
    write_sealed,
)
from ..sweep import folder_option
from ..tracking import UploadProgress, file_problem, sqlite_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..config import SweepConfig
    from ..sweep import Sweep


def refuse_another(config: SweepConfig, *, replace: bool) -> None:
    """Refuses the folder of a sweep to be launched where it holds another sweep or something else.

    Args:
        config: the sweep to be launched.
        replace: whether a sweep that is there may be replaced.

    Raises:
        SweepError: the folder holds a sweep that is not to be replaced, or files that are no sweep, or cannot be read.
    """
    folder = config.sweep_folder
    if config.url:
        if replace:
            raise SweepError(
                f"--replace: {config.url} is object storage, where no sweep is replaced",
                f"Choose another name with `--set name=…`, or delete the former sweep there, and here in {folder}.",
            )
        refuse_there(config.url, config.name, folder)
    refuse_links(folder, deep=False)
    try:
        inside = {path.name for path in folder.iterdir()} if folder.exists() else set()
    except OSError as error:
        raise unusable(folder, error) from None
    if CONFIG in inside and not replace:
        raise SweepError(
            f"sweep '{config.name}' is already in {folder.parent}",
            f"Go on with `convscape resume {config.name}{folder_option(config)}`, choose another name with "
            "`--set name=…`, or start over with `--replace`.",
        )
    if CONFIG in inside and not is_sweep(folder):
        raise SweepError(f"{folder} holds a {CONFIG} that is no sweep's", "Choose another name with `--set name=…`.")
    if CONFIG not in inside and inside - _of_no_sweep_yet(folder):
        raise SweepError(f"{folder} holds something that is no sweep", "Choose another name with `--set name=…`.")


def refuse_store(config: SweepConfig) -> None:
    """Refuses an SQLite store that results cannot be kept in. Whether a server answers shows later, and may change.

    Args:
        config: the sweep to be launched.

    Raises:
        SweepError: its file cannot be made or written, or is another program's.
        ConfigError: the sweep's folder would take its place.
    """
    if config.url and config.tracking.uri is None:
        raise ConfigError(
            f"tracking.uri: the sweep's folder is {config.url}, and without a store of its own MLflow's results would "
            "lie in an SQLite file on this machine alone",
            "Name a server that other machines see: `--set tracking.uri=http://…`, or MLFLOW_TRACKING_URI.",
            key="tracking.uri",
        )
    database = sqlite_file(config.tracking_uri)
    if database is None:
        return
    if database == config.sweep_folder or config.sweep_folder in database.parents:
        raise ConfigError(
            f"name: the sweep's folder {config.sweep_folder} is where MLflow's store is to be",
            "Choose another.",
            key="name",
        )
    problem = file_problem(database)
    if problem and config.tracking.uri is None:
        raise SweepError(
            f"folder: {config.folder} cannot be used: {problem.rpartition(' cannot be written: ')[2]}",
            "Choose another with `--set folder=…`, or make it writable.",
        )
    if problem:
        raise SweepError(
            f"tracking.uri: {problem}", "Name another file, as in sqlite:////home/me/mlflow.db, or leave it out."
        )


def put_back_where_killed(config: SweepConfig) -> str:
    """Puts a former sweep back where a `--replace` was killed after it had put that aside and before it had begun.

    Args:
        config: of a sweep that is to be launched or resumed.

    Returns:
        What was done, as a line; "" for nothing.

    Raises:
        SweepError: the folder of the sweep cannot be looked into or written.
    """
    folder = config.sweep_folder
    try:
        former = former_sweeps(folder)
        if not former or is_locked(former[-1]):  # else it is being replaced now
            return ""
        inside = {path.name for path in folder.iterdir()} if folder.exists() else set()
        if inside - _of_no_sweep_yet(folder):
            return ""
        if folder.exists():
            discard(folder)
        put_back(folder)
    except OSError as error:
        raise unusable(folder, error) from None
    return f"A `--replace` that was killed had put sweep '{config.name}' aside: it is back."


def _of_no_sweep_yet(folder: Path) -> set[str]:
    """What may be in the folder of a sweep before its config is."""
    return {LOCK, temporary_path(folder / CONFIG).name}


@contextmanager
def new_folder(config: SweepConfig, *, replace: bool) -> Iterator[None]:
    """A context manager in whose body a new sweep is run: its folder is made and locked, and its config written there.

    Where the body raises before anything was trained all is as it was before: the folder is removed, and a sweep that
    was to be replaced is put back. Where there was none the folder stays if MLflow has runs that were not sent in full.
    A sweep that is replaced is put aside, and locked; `let_former_go` deletes it.

    Args:
        config: the sweep to be launched.
        replace: whether a sweep that is there may be replaced.

    Raises:
        SweepError: the folder holds another sweep or something else, is held by another process, or cannot be written.
    """
    folder = config.sweep_folder
    ours, made = False, not folder.exists()
    with ExitStack() as locks:
        try:
            if (folder / CONFIG).exists():
                locks.enter_context(sweep_lock(folder))
                refuse_another(config, replace=replace)  # one may have come while the data was loaded
                made = True
                if former_sweeps(folder) and not (folder / TRIALS).exists():
                    discard(folder)  # by a `--replace` that was killed: no former sweep is to make room for that
                else:
                    put_aside(folder)
            if config.url:
                make_local_copy(config.url)
            folder.mkdir(parents=True, exist_ok=True)
            with sweep_lock(folder):
                refuse_another(config, replace=False)
                ours = True
                write_sealed(folder / CONFIG, config.to_json())
                yield
        except BaseException as error:
            former = former_sweeps(folder)
            if ours and not (folder / TRIALS).exists() and (former or not in_mlflow(folder)):
                (discard if former else shutil.rmtree)(folder)
            elif made and not ours:
                with suppress(OSError):  # it is not empty where another sweep has begun there
                    folder.rmdir()
            if former and not folder.exists():
                put_back(folder)
            if isinstance(error, OSError) and is_fault_of(config.folder.resolve(), error):
                raise unusable(folder, error) from error
            raise


def let_former_go(sweep: Sweep) -> str:
    """Deletes what a sweep that has ended replaced, if the sweep has a result: else the former one stays.

    Args:
        sweep: one that has ended.

    Returns:
        That it stays, and how to put it back, as a line; "" where there is nothing to say.
    """
    former = former_sweeps(sweep.folder)
    if not former:
        return ""
    if not sweep.summaries():
        return former_stays(sweep.folder)
    for each in former:
        with suppress(OSError):
            discard(each)
    return ""


def former_stays(folder: Path) -> str:
    """That the sweep which the one in `folder` is to replace is still there, and how to put it back, as a line.

    Returns:
        "" where there is none.
    """
    former = former_sweeps(folder)
    if not former:
        return ""
    return (
        f"The sweep that it was to replace is kept, in {former[-1].name}, until it has ended with a result. "
        f"To put that back: {how_to_put_back(folder)}"
    )


def in_mlflow(folder: Path) -> bool:
    """Whether MLflow has runs of the sweep in `folder`, and not yet all that was written down for them."""
    uploads = UploadProgress(folder).refresh()
    return bool(uploads.runs) and uploads.left() > 0


def is_fault_of(folder: Path, error: OSError) -> bool:
    """Whether `folder` is at fault for an error. An error of a full disk, unlike one of opening, names no file."""
    return str(error.filename).startswith(str(folder)) or error.errno in (errno.ENOSPC, errno.EDQUOT)


def unusable(folder: Path, error: OSError) -> SweepError:
    """The error that says that a sweep's folder cannot be used, and why.

    Args:
        folder: named where `error` names no file.
        error: what the operating system said.
    """
    return SweepError(
        f"folder: {error.filename or folder} cannot be used: {error.strerror}",
        "Choose another with `--set folder=…`, or make it writable, with some space on its disk.",
    )
