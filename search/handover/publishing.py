"""Puts an export into MLflow: beside the sweep's results, and into the registry of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...spaces import ExportError, SweepError
from ...trainers.export import BUNDLE
from ..tracking import Registered, log_bundle, register_bundle

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Published:
    """Where an export is in MLflow."""

    place: str
    """Folder among the artifacts of the sweep's run; "" where it did not come there."""
    problem: str
    """Why it did not come there, with what to do; "" where it did."""
    registered: Registered | None
    """The version of a registered model that it is; None where none was asked for."""

    def to_json(self) -> dict[str, Any]:
        """All of it as values for JSON."""
        made = self.registered
        version = None if made is None else {"name": made.name, "version": made.version, "uri": made.uri}
        return {"place": self.place, "problem": self.problem, "registered": version}


def publish(
    folder: Path,
    *,
    sweep: str,
    uri: str,
    run_id: str | None,
    register: str | None,
    alias: str | None,
    again: str,
) -> Published:
    """Adds an export's files to the sweep's run in MLflow, and registers it where a name is given.

    Args:
        folder: the export's.
        sweep: name of the sweep that it is of.
        uri: MLflow's tracking URI of the sweep.
        run_id: MLflow's id of the sweep's own run; None where nothing was sent yet.
        register: name of the registered model; None to register nothing.
        alias: that is to lead to the new version; None for none.
        again: the command that does it again.

    Raises:
        SweepError: it is to be registered, and MLflow does not answer or refuses it. The export stays as it is.
        ConfigError: MLflow does not take the name or the alias.
        ExportError: `folder` is no export of that sweep.
    """
    run = run_of(folder, sweep)
    remedy, place, problem = f"Do it later: `{again}`.", "", ""
    try:
        place = log_bundle(uri, run_id, folder, trial=run, again=remedy)
    except SweepError as error:
        if register is not None:
            raise
        problem = str(error)
    registered = None
    if register is not None:
        registered = register_bundle(uri, run_id, folder, name=register, alias=alias, again=remedy)
    return Published(place=place, problem=problem, registered=registered)


def run_of(folder: Path, sweep: str) -> int:
    """Number of the run that an export of a sweep is of, as its proof says.

    Args:
        folder: the export's.
        sweep: name of the sweep.

    Raises:
        ExportError: it is no export of that sweep.
    """
    try:
        details = BUNDLE.read_manifest(folder)["details"]
        found, run = str(details["sweep"]), int(details["run"])
    except (OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError):
        raise ExportError(f"{folder} is no export of a sweep", "Name what `convscape export` wrote.") from None
    if found != sweep:
        raise ExportError(f"{folder} is an export of sweep {found:.60}, not of {sweep}", "Name that sweep.")
    return run
