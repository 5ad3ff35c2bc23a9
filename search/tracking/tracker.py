"""What a sweep reports, written to a spool at once and sent to MLflow from the background.

No call here waits for MLflow or raises because of it: results reach the disk in microseconds, and a process beside
the sweep's sends them whenever the store answers. What is left after the end is sent by `sync`.
"""

from __future__ import annotations

import logging
import math
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...spaces import SweepError
from ..files import SPOOL, Entry, Spool, command_about, every_entry, refuse_links, tell_once
from . import upload_process
from .delivery import COPIED, UploadProgress, refuse_odd
from .mlflow_store import sqlite_file, store_error
from .secrets import hide, without_secrets
from .uploader import Uploader, upload_problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .datasets import TrackedDataset

_CHECK = 2.0  # seconds
_STATUS = {
    "completed": "FINISHED",
    "finished": "FINISHED",
    "duplicate": "FINISHED",
    "failed": "FAILED",
    "stopped": "FINISHED",
    "infeasible": "KILLED",
    "interrupted": "KILLED",
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrialStart:
    """What MLflow is sent of a trial before it trains."""

    number: int
    """The trial's number."""
    params: dict[str, object]
    """MLflow params of the trial's run, by name."""
    tags: dict[str, str] = field(default_factory=dict)
    """MLflow tags of the trial's run, by name."""
    artifacts: dict[str, str] = field(default_factory=dict)
    """Files of the trial's run, text by file name: "architecture.json", "layers.txt"."""


class Tracker:
    """Reports a sweep to MLflow: a parent run, and a child run for each trial.

    The spool lies in the sweep's folder. A tracker opened on it again goes on where it ended, with the parent run it
    had; what was reported before is not reported twice, so a resumed sweep may repeat itself.

    Args:
        folder: the sweep's folder.
        uri: MLflow's tracking URI; a relative SQLite path is made absolute.
        experiment: MLflow's experiment, made when it is not there.
        sweep: name of the sweep and of the parent run.
        at_once: send what is reported as it comes; else only from the first epoch, or end of a trial, on, so that a
            sweep of which nothing came leaves nothing in MLflow.

    Raises:
        SweepError: the folder cannot be written, or holds a spool that no tracker wrote. After that no method raises.
    """

    def __init__(self, folder: Path, *, uri: str, experiment: str, sweep: str, at_once: bool = True) -> None:
        path = folder / SPOOL
        try:
            self._spool = Spool(path)
        except OSError as error:
            raise SweepError(
                f"{path}: the sweep's results cannot be written: {error.strerror}.",
                "Make the folder writable, or choose another with `folder:` in the sweep file.",
            ) from error
        self._time = 0
        self._steps: dict[int | None, int] = {}
        self._standing: dict[str, tuple[int, float]] = {}
        self._seen: set[tuple[object, ...]] = set()
        self._paused: set[object] = set()
        for entry in every_entry(path):
            refuse_odd(entry, path)
            self._remember(entry)
        if (database := sqlite_file(uri)) is not None:
            uri = f"sqlite:///{database}"
            if not self._seen:
                _make_folder_of(database)
        lost = UploadProgress(folder).lost_lines()
        if not self._seen:
            self._append(
                {"event": "spool", "version": 1, "id": uuid.uuid4().hex}
                | {"uri": uri, "experiment": experiment, "sweep": sweep}
            )
        self._progress = UploadProgress(folder).refresh()
        if lost:
            tell_once(path, f": {lost} lines at its end are gone, at least: MLflow may lack results that the study has")
        self._uri = self._progress.uri or uri
        if hide(self._uri) != hide(uri):
            _log.warning("This sweep's results go on to %s, where they began.", without_secrets(self._uri))
        self._folder = folder
        self._warned = False
        self._checked = 0.0
        self._sends = at_once or bool(self._progress.runs)
        if self._sends:
            upload_process.start(folder)
        else:
            upload_process.get_ready()

    @property
    def parent_run_id(self) -> str | None:
        """MLflow's id of the sweep's own run, None until it is there."""
        return self._progress.refresh().runs.get(None)

    @property
    def problem(self) -> str | None:
        """Why results are waiting, in a sentence; None while MLflow takes them."""
        problem = upload_problem(self._progress.refresh())
        return problem and f"MLflow at {without_secrets(self._uri)} does not take results: {problem}"

    def run_id(self, number: int) -> str | None:
        """MLflow's id of a trial's run, None until it is there."""
        return self._progress.refresh().runs.get(number)

    def start(
        self,
        *,
        params: Mapping[str, object],
        tags: Mapping[str, str],
        artifacts: Mapping[str, str] | None = None,
        datasets: Sequence[TrackedDataset] = (),
    ) -> None:
        """Describes the sweep, on the parent run. Again after a resume is harmless, and opens a finished run again.

        Args:
            params: the sweep's config, under dotted keys.
            tags: code version, data fingerprint, machine.
            artifacts: text by file name, such as the environment.
            datasets: the images. Trials have none of their own: a request more for each would add a fifth to its cost.
        """
        self._report(
            {"event": "start", "params": _texts(params), "tags": _texts(tags), "artifacts": _texts(artifacts or {})}
            | ({"datasets": [each.to_json() for each in datasets]} if datasets else {})
        )
        if ("finish", None, 0) in self._seen:
            self._seen -= {("finish", None, 0), ("resume", None, 0)}
            self._report({"event": "resume", "status": "RUNNING"})

    def trial_started(self, start: TrialStart) -> None:
        """Reports a trial that is to be trained, by params, tags and artifacts of its run."""
        self._report(
            {"event": "trial", "trial": start.number, "params": _texts(start.params)}
            | {"tags": _texts(start.tags), "artifacts": _texts(start.artifacts)}
        )

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        """Reports one epoch's results. A value that is no finite number is left out and named in a tag.

        Args:
            number: the trial's number.
            epoch: epochs trained, from 1.
            metrics: metrics of the epoch by name.
        """
        self._report({"event": "epoch", "trial": number, "step": epoch} | _metrics(metrics, f"epoch {epoch}"))

    def trial_ended(self, number: int, *, state: str, reason: str, metrics: Mapping[str, float]) -> None:
        """Reports how a trial ended.

        Args:
            number: the trial's number.
            state: completed, stopped, failed, duplicate, infeasible or interrupted; MLflow calls an infeasible or
                interrupted run KILLED, a failed one FAILED, all others FINISHED.
            reason: why, in a sentence.
            metrics: what sums the trial up: `best_accuracy`, 0 to 1, and `best_epoch`.
        """
        fields = _metrics(metrics, "the end")
        fields["tags"] = {"convscape.state": state, "convscape.reason": reason} | fields.get("tags", {})
        status = _STATUS.get(state, "KILLED")
        self._report({"event": "end", "trial": number, "status": status, "step": self._step(number)} | fields)

    def trial_paused(self, number: int) -> None:
        """Reports that a trial waits for the sweep to be resumed: its run in MLflow is SCHEDULED until it trains again.

        Of a trial that was not reported as trained, has ended or is paused nothing is reported.
        """
        begun = ("trial", number, 0) in self._seen and ("end", number, 0) not in self._seen
        if begun and number not in self._paused:
            self._toggle("pause", number, "SCHEDULED", "paused")

    def trial_resumed(self, number: int) -> None:
        """Reports that a trial trains again, where `trial_paused` said before that it waits."""
        if number in self._paused:
            self._toggle("go on", number, "RUNNING", "running")

    def note(self, tags: Mapping[str, str], number: int | None = None) -> None:
        """Sets tags on a run.

        Args:
            tags: text by name.
            number: of the trial whose run it is; None for the sweep's own run.
        """
        self._report({"event": "note", "trial": number, "tags": _texts(tags)})

    def summary(self, metrics: Mapping[str, float], step: int) -> None:
        """Reports how far the sweep is, on the parent run; one point a step.

        Args:
            metrics: numbers by name.
            step: MLflow's step; a second summary of one step is ignored.
        """
        self._report({"event": "summary", "step": step} | _metrics(metrics, f"step {step}"))

    def finish(self, *, status: str, metrics: Mapping[str, float]) -> None:
        """Reports how the sweep ended. A later `start` opens it again.

        A metric that stands at this value already, from a summary or from the end before a resume, is one point still.

        Args:
            status: completed, failed or interrupted.
            metrics: what sums the sweep up, by name.
        """
        step = self._step(None)
        fields = _metrics(metrics, "the end")
        fields["metrics"] = {k: v for k, v in fields["metrics"].items() if self._standing.get(k) != (step, v)}
        self._report({"event": "finish", "status": _STATUS.get(status, "KILLED"), "step": step} | fields)

    def flushed_lines(self) -> int:
        """How many lines the spool is sure to have from now on, whatever dies."""
        return self._spool.flushed_lines()

    def flush(self, timeout: float) -> int:
        """Waits until MLflow has everything, at most `timeout` seconds. Gives the number of entries left."""
        deadline = time.monotonic() + (timeout if self._sends else 0.0)
        if self._sends:
            upload_process.flush(self._folder, timeout)
        while left := self._spool.drain() + self._progress.refresh().left():
            wait = deadline - time.monotonic()
            if wait <= 0:
                break
            self._watch()
            time.sleep(min(wait, 0.05))
        return left

    def close(self, *, wait: bool = True) -> None:
        """Stops sending. What is left stays in the spool for `sync` or the next tracker.

        Args:
            wait: let what is being sent end first, for two seconds.
        """
        upload_process.stop(self._folder, *([] if wait else [0.0]))
        self._spool.close()

    def _step(self, number: int | None) -> int:
        return self._steps.get(number, 0)

    def _toggle(self, event: str, number: int, status: str, state: str) -> None:
        """Reports what may happen to a trial again and again, unlike all else: who calls knows that it is news."""
        self._seen.discard((event, number, 0))
        self._report({"event": event, "trial": number, "status": status, "tags": {"convscape.state": state}})

    def _report(self, entry: Entry) -> None:
        try:
            if _identity(entry) not in self._seen:
                self._append(entry)
            self._sends |= entry["event"] in ("epoch", "end")
            self._watch()
        except Exception:  # noqa: BLE001 - the sweep goes on whatever a report holds
            _log.exception("A result could not be written down and will be missing in MLflow")

    def _append(self, entry: Entry) -> None:
        # Never backwards: the uploader looks lost runs up by the time of the first of them.
        entry["time"] = max(self._time, time.time_ns() // 1_000_000)
        self._spool.append(entry)
        self._remember(entry)

    def _watch(self) -> None:
        """Now and then: the upload process is kept alive, and said when MLflow begins to refuse or take results."""
        if not self._sends or time.monotonic() - self._checked < _CHECK:
            return
        self._checked = time.monotonic()
        upload_process.start(self._folder)
        problem = self.problem
        if self._progress.copy is not None:
            tell_once(self._folder, COPIED)
        if problem and not self._warned:
            _log.warning("%s. They wait in %s and are sent when it does.", problem, self._spool.path)
        elif self._warned and not problem:
            _log.warning("MLflow takes results again.")
        self._warned = bool(problem)

    def _remember(self, entry: Entry) -> None:
        if entry.get("event") == "resume":
            self._seen.discard(("finish", None, 0))
        if entry.get("event") == "pause":
            self._paused.add(entry.get("trial"))
        elif entry.get("event") in ("go on", "end"):
            self._paused.discard(entry.get("trial"))
        self._seen.add(_identity(entry))
        self._time = max(self._time, int(entry.get("time", 0)))
        trial, step = entry.get("trial"), int(entry.get("step", 0))
        self._steps[trial] = max(self._step(trial), step)
        if trial is None:
            self._standing |= {key: (step, value) for key, value in entry.get("metrics", {}).items()}


def sync(folder: Path, to: str | None = None) -> int:
    """Sends to MLflow what a sweep's folder still holds. Gives the number of entries left (0: all is there).

    Ends at the first error, or at once when a running sweep is sending this folder itself.

    Args:
        folder: the sweep's folder.
        to: MLflow's tracking URI of another store, to which all is sent, now and from now on; None for the sweep's.

    Raises:
        SweepError: there is no spool in the folder, MLflow does not take the results, what it had is gone, or lines of
            the spool were changed.
    """
    refuse_links(folder, deep=False)
    if not (folder / SPOOL).exists():
        raise SweepError(f"{folder} holds no results of a sweep.", "Name the folder of a sweep that was launched.")
    uploader = Uploader(folder)
    try:
        if to is not None:
            uploader.send_all_to(to)
        elif not uploader.is_there():
            raise SweepError(
                f"MLflow had the results in {folder}, and has them no longer",
                f"Send them again, there or to another store: `{command_about(folder, 'sync')} --to URI`.",
            )
        while uploader.step():
            pass
        left = uploader.left()
        if not left:
            UploadProgress(folder).check_whole()
        return left
    except SweepError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and Path(str(error.filename)).parent == folder:
            raise SweepError(f"{error.filename} cannot be written: {error.strerror}", "Make it writable.") from error
        raise SweepError(
            f"MLflow did not take the results in {folder}: {store_error(error)}.",
            "Nothing is lost. Start the MLflow server (or free the database) and sync again.",
        ) from error
    finally:
        uploader.release()


def _make_folder_of(database: Path) -> None:
    with suppress(OSError):  # results wait until it is there
        database.parent.mkdir(parents=True, exist_ok=True)


def _identity(entry: Entry) -> tuple[object, ...]:
    if entry["event"] == "note":
        return "note", entry.get("trial"), *sorted(entry.get("tags", {}).items())
    step = entry.get("step", 0) if entry["event"] in ("epoch", "summary") else 0
    return entry["event"], entry.get("trial"), step


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {str(key): str(value) for key, value in values.items()}


def _metrics(metrics: Mapping[str, float], when: str) -> dict[str, dict[str, Any]]:
    finite: dict[str, float] = {}
    odd: list[str] = []
    for key, value in metrics.items():
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            finite[str(key)] = number
        else:
            odd.append(f"{key} = {value}")
    noted = {"tags": {"convscape.nonfinite": f"{', '.join(odd)} at {when}"}} if odd else {}
    return {"metrics": finite} | noted
