"""The folder of a sweep that is launched: made, removed where nothing came of it, refused where it cannot be used."""

from __future__ import annotations

import errno
import json
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ...spaces import ConfigError, SweepError, read_plain
from ..files import (
    CONFIG,
    INPUTS,
    LARGEST_JSON,
    LOCK,
    LOOKS,
    PROGRESS,
    SPOOL,
    STUDY,
    TRIALS,
    UPLOADED,
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


def refuse_another(config: SweepConfig, *, replace: bool) -> None:
    """Refuses the folder of a sweep to be launched where it holds another sweep or something else.

    Args:
        config: the sweep to be launched.
        replace: whether a sweep that is there may be replaced.

    Raises:
        SweepError: the folder holds a sweep that is not to be replaced, or files that are no sweep, or cannot be read.
    """
    folder = config.sweep_folder
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
    if CONFIG in inside and not _is_a_sweep_s(folder / CONFIG):
        raise SweepError(f"{folder} holds a {CONFIG} that is no sweep's", "Choose another name with `--set name=…`.")
    if CONFIG not in inside and inside - {LOCK, temporary_path(folder / CONFIG).name}:
        raise SweepError(f"{folder} holds something that is no sweep", "Choose another name with `--set name=…`.")


def _is_a_sweep_s(config: Path) -> bool:
    """Whether a config.json has what every sweep's has; a damaged one of a sweep may still say so by its study."""
    try:
        values = json.loads(read_plain(config, LARGEST_JSON))
    except (OSError, ValueError, RecursionError):
        values = None
    whole = isinstance(values, dict) and {"name", "data", "search"} <= values.keys()
    return whole or (config.parent / STUDY).is_file()


def refuse_store(config: SweepConfig) -> None:
    """Refuses an SQLite store that results cannot be kept in. Whether a server answers shows later, and may change.

    Args:
        config: the sweep to be launched.

    Raises:
        SweepError: its file cannot be made or written, or is another program's.
        ConfigError: the sweep's folder would take its place.
    """
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


@contextmanager
def new_folder(config: SweepConfig, *, replace: bool) -> Iterator[None]:
    """A context manager in whose body a new sweep is run: its folder is made and locked, and its config written there.

    Where the body raises before anything was trained all is as it was before: the folder is removed, and a sweep that
    was to be replaced is put back. The folder stays where MLflow has runs that were not sent in full. A sweep that was
    replaced is deleted once the body has ended without an error.

    Args:
        config: the sweep to be launched.
        replace: whether a sweep that is there may be replaced.

    Raises:
        SweepError: the folder holds another sweep or something else, is held by another process, or cannot be written.
    """
    folder = config.sweep_folder
    former = folder.with_name(f".{folder.name}.former")
    ours, made = False, not folder.exists()
    try:
        if (folder / CONFIG).exists():
            with sweep_lock(folder):
                refuse_another(config, replace=replace)  # one may have come while the data was loaded
                if former.exists():
                    left = {path.name for path in former.iterdir()}  # a kill may have left a part of it
                    known = {TRIALS, SPOOL, UPLOADED, PROGRESS, INPUTS, LOCK, LOOKS}
                    if not _is_a_sweep_s(former / CONFIG) and left - known:
                        raise SweepError(f"{former} is in the way, and is no sweep's", "Move it away.")
                    shutil.rmtree(former, ignore_errors=True)
                folder.rename(former)
        folder.mkdir(parents=True, exist_ok=True)
        with sweep_lock(folder):
            refuse_another(config, replace=False)
            ours = True
            write_sealed(folder / CONFIG, config.to_json())
            yield
    except BaseException as error:
        if ours and not (folder / TRIALS).exists() and not in_mlflow(folder):
            shutil.rmtree(folder, ignore_errors=True)
        elif made and not ours:
            with suppress(OSError):  # it is not empty where another sweep has begun there
                folder.rmdir()
        if former.exists() and not folder.exists():
            former.rename(folder)
        if isinstance(error, OSError) and is_fault_of(config.folder.resolve(), error):
            raise unusable(folder, error) from error
        raise
    shutil.rmtree(former, ignore_errors=True)


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
