"""The files of an export, beside the results of the sweep that they come from: artifacts of its run in MLflow."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from ...spaces import ExportError
from .mlflow_store import refuse_place, whole_uri
from .parent_run import as_sweep_error, find_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlflow.store.artifact.artifact_repo import ArtifactRepository

PLACE = "export"
"""Folder of a run's artifacts that holds exports, each in a folder of its own."""
_CACHE = "__pycache__"


def log_bundle(uri: str, run_id: str | None, folder: Path, *, trial: int, again: str) -> str:
    """Adds all files of an exported bundle to a sweep's own run in MLflow, as artifacts under `export/0007` of trial 7.

    What an earlier export of that trial left there is replaced: its files that the new one lacks are removed, once the
    new ones are there. Exports of other trials stay.

    Args:
        uri: MLflow's tracking URI, as `secrets.hide` leaves it.
        run_id: MLflow's id of the sweep's own run; None where nothing was sent yet.
        folder: the bundle, as `export_bundle` wrote it.
        trial: number of the trial that was exported, as its own run in MLflow has it.
        again: how to do it again later, as a sentence: it ends the errors.

    Returns:
        The folder among the run's artifacts.

    Raises:
        ExportError: `folder` holds no file.
        SweepError: the run is not there, the store does not answer, or it refuses a file. The bundle stays as it is.
    """
    files = files_of(folder)
    if not files:
        raise ExportError(f"{folder} holds no export", "Export again: `convscape export NAME --to DIR`.")
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    place = f"{PLACE}/{trial:04d}"
    with as_sweep_error(f"{folder} is not in MLflow", again):
        _, run = find_run(uri, run_id, again)
        address = run.info.artifact_uri or ""
        refuse_place(address, run.info.run_id, [f"{place}/{name}" for name in files])
        store = get_artifact_repository(address, tracking_uri=whole_uri(uri))
        for name, file in files.items():
            store.log_artifact(str(file), posixpath.dirname(f"{place}/{name}"))
        for left in set(_files_in(store, place)) - {f"{place}/{name}" for name in files}:
            store.delete_artifacts(left)
    return place


def files_of(folder: Path) -> dict[str, Path]:
    """The files of a bundle by their names in it, "/" between folders, without what Python leaves where it imports.

    Args:
        folder: the bundle. Links in it are passed over.
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    named = {path.relative_to(folder): path for path in found}
    return {name.as_posix(): path for name, path in named.items() if _CACHE not in name.parts}


def _files_in(store: ArtifactRepository, place: str) -> Iterator[str]:
    """Paths of all artifacts in a folder, and in those inside it."""
    for each in store.list_artifacts(place):
        if each.is_dir:
            yield from _files_in(store, each.path)
        else:
            yield each.path
