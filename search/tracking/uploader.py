"""Sends a sweep's spool to MLflow, each thing exactly once.

MLflow has no "create this run unless it is there", so a run whose creation may have been attempted before (by a
process that was killed, or by a request whose answer was lost) is looked up first, and a second copy is deleted.
All else is safe to repeat: params, tags, artifacts and the end of a run overwrite themselves, and a metric is kept
once for equal (key, step, timestamp, value), all four of which come from the spool.
"""

from __future__ import annotations

import getpass
import os
import re
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...spaces import SweepError
from ..files import PLAIN, SPOOL, Entry, Spool, copied_up, hold_file, lock_file, read_entries, tell_once
from .datasets import dataset_inputs
from .delivery import COPIED, UploadProgress, is_copy, refuse_odd, spool_place
from .mlflow_store import (
    connect_store,
    file_problem,
    refuse_place,
    search_runs,
    sqlite_file,
    store_error,
    uri_problem,
    whole_uri,
)
from .secrets import hide, without_secrets
from .view import view_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow import MlflowClient


# MLflow's own limits (mlflow.utils.validation) and, for metrics, room left for the params and tags of a call.
_PARAMS, _METRICS, _KEY = 100, 800, 250
LONGEST_PARAM, LONGEST_TAG = 6000, 8000
"""Characters of a param's and of a tag's value that MLflow takes; what is longer is cut off there."""
_LOCK = "upload.lock"
_BATCH = 1 << 18  # bytes of the spool
_NOT_HERE = ("ENDPOINT_NOT_FOUND", "PERMISSION_DENIED")  # of what a sweep can do without
_KIND = {"mlflow.experimentKind": "custom_model_development"}  # else MLflow shows its pages for language models


def hold(folder: Path) -> int | None:
    """The right to upload a sweep's folder, as an open file descriptor; None while another process has it.

    Closing the descriptor gives the right back.

    Raises:
        SweepError: its file system has no locks.
    """
    path = folder / _LOCK
    lock = os.open(path, os.O_RDWR | os.O_CREAT | PLAIN, 0o666)
    try:
        held = hold_file(lock, path)
    except SweepError:
        os.close(lock)
        raise
    if held:
        return lock
    os.close(lock)
    return None


def upload_problem(progress: UploadProgress) -> str | None:
    """Why results of a sweep's folder do not reach MLflow, as words; None where nothing is known to be wrong.

    Args:
        progress: what was sent of the folder, read just now.
    """
    path = progress.path.with_name(_LOCK)
    if progress.problem is not None:
        return progress.problem
    try:  # who cannot read the file cannot tell why
        with os.fdopen(os.open(path, os.O_RDONLY | PLAIN)) as file:
            lock_file(file.fileno(), path, shared=True)  # shared, for who sends at this moment wants it alone
    except SweepError as error:
        return error.message.removeprefix(f"{path.parent}{os.sep}")
    except OSError:  # such as a file that is not there
        return None
    return None


@dataclass
class _Work:
    """All that one batch holds for one run; `trial` is None for the parent."""

    trial: int | None
    time: int
    params: dict[str, str] = field(default_factory=dict, init=False)
    tags: dict[str, str] = field(default_factory=dict, init=False)
    artifacts: dict[str, str] = field(default_factory=dict, init=False)
    datasets: list[dict[str, str]] = field(default_factory=list, init=False)
    metrics: list[tuple[str, float, int, int]] = field(default_factory=list, init=False)
    status: str | None = field(default=None, init=False)
    ended: int | None = field(default=None, init=False)

    def add(self, entry: Entry) -> None:
        time = entry["time"]
        self.params |= _encodable(entry.get("params", {}))
        self.tags |= _encodable(entry.get("tags", {}))
        self.artifacts |= _encodable(entry.get("artifacts", {}))
        self.datasets += entry.get("datasets", [])
        step = entry.get("step", 0)
        self.metrics += [(key, value, time, step) for key, value in entry.get("metrics", {}).items()]
        if "status" in entry:
            self.status, self.ended = entry["status"], time


class Uploader:
    """Sends the spool of one sweep's folder to MLflow; `step` sends one batch and writes down that it did.

    The journal beside the spool holds the run id of each trial and how far the spool was sent. Delete it and everything
    is sent again. Only one process at a time uploads a folder: in other processes `step` does nothing.

    Args:
        folder: the sweep's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: int | None = None
        self._journal: Spool | None = None
        self._progress = UploadProgress(folder)
        self._header: Entry = {}
        self._client: MlflowClient | None = None
        self._experiment = ""
        self._uri = ""
        self._stores: dict[str, str] = {}
        self._batch: dict[int | None, _Work] = {}
        self._end = 0
        self._look_first = False
        self._goes_on = False

    def step(self) -> bool:
        """Sends one batch. False when there is nothing to send, or another process is sending.

        Raises:
            Exception: whatever MLflow raised; the batch is sent again by the next call.
        """
        if not self._hold():
            return False
        try:
            sent = bool(self._batch or self._next_batch())
            if sent:
                self._send_batch()
            elif self._progress.unsure is not None:
                # A request given up as lost may have created its run after it was looked up: look once more.
                self._connect()
                self._adopt()
                self._note({"unsure": None})
        except Exception as error:
            self._client = None
            self._look_first = True
            self._doubt(work.time for work in self._batch.values())
            if self._progress.problem is None:
                self._note({"problem": store_error(error)})
            raise
        if self._progress.problem is not None:
            self._note({"problem": None})
        return sent

    def send_all_to(self, uri: str) -> None:
        """Has all of the spool sent to another store, from its beginning, if that answers now.

        Args:
            uri: MLflow's tracking URI, with secrets or as `secrets.hide` leaves it; a relative SQLite path is made
                absolute.

        Raises:
            SweepError: another process is sending it, or it is no URI of a store that can be used.
            Exception: whatever MLflow raised; then all stays as it was.
        """
        database = None if (problem := uri_problem(uri)) else sqlite_file(uri)
        if database is not None and not problem:
            folder = self._folder.absolute()
            uri = f"sqlite:///{database}"
            inside = folder == database or folder in database.parents
            problem = f"{database} is in the sweep's own folder" if inside else file_problem(database)
        if problem:
            raise SweepError(f"--to {without_secrets(uri):.200}: {problem}", "Nothing was sent, and nothing changed.")
        if not self._hold():
            raise SweepError(f"{self._folder}: another process sends its results", "Wait until the sweep has ended.")
        uri = hide(uri)
        if database is not None:
            database.parent.mkdir(parents=True, exist_ok=True)
        connect_store(uri).search_experiments(max_results=1)
        self._note({"store": uri})
        self._note({"unsure": 0})  # all may have been sent there before
        self._look_first = True
        self._client = None

    def is_there(self) -> bool:
        """Whether MLflow has the sweep's run, as the journal says. It is asked.

        Raises:
            Exception: whatever MLflow raised.
        """
        from mlflow.exceptions import MlflowException

        if not self._hold() or None not in self._progress.runs:
            return True  # another process sends; or nothing was ever sent
        uri = self._store()
        database = sqlite_file(uri)
        if database is not None and not database.exists():
            return False
        try:
            return bool(connect_store(uri).get_run(self._progress.runs[None]))
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise

    def left(self) -> int:
        """Entries of the spool that are not known to be in MLflow, plus one while a run may be there twice."""
        return self._progress.refresh().left() if self._lock is None else self._progress.left()

    def release(self) -> None:
        """Lets another process upload this folder."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        self._goes_on = False
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _hold(self) -> bool:
        if self._lock is None and self._progress.spool.exists() and (lock := hold(self._folder)) is not None:
            self._lock = lock
            try:
                self._journal = Spool(self._progress.path)
                self._read_journal()
            except BaseException:
                self.release()
                raise
        return self._lock is not None

    def _read_journal(self) -> None:
        """Read what earlier processes sent; they may have sent some of the rest as well."""
        self._progress.refresh()
        if self._progress.sent != self._progress.offset():
            self._note({"sent": 0})
        first = next(iter(read_entries(self._progress.spool, limit=1)[0]), {})
        unsent, _ = read_entries(self._progress.spool, self._progress.sent)
        self._look_first = bool(unsent)
        for entry in [*([first] if first else []), *unsent]:
            refuse_odd(entry, self._progress.spool)
        # A spool whose first line is lost is sent under the folder's name.
        lost = {"id": f"{self._folder.name}-{first.get('time', 0)}", "sweep": self._folder.name, "time": 0}
        self._header = lost | {"experiment": "convscape"} | first
        if self._progress.copy is not None:
            self._header["id"] = self._progress.copy
        self._doubt(entry["time"] for entry in unsent)

    def _leave_runs_of_another(self) -> None:
        """Has all sent to runs of its own where this folder is a copy of one that is still there."""
        spool = self._progress.spool
        if copied_up(self._folder, SPOOL) is not None:  # one folder at a time is that sweep's, on whatever machine
            return
        known, here = self._progress.place, spool_place(spool)
        if known is not None and is_copy(spool, known):
            tell_once(self._folder, COPIED)
            self._note({"copy": uuid.uuid4().hex, "place": here})
            self._header["id"] = self._progress.copy
        elif known != here:
            self._note({"place": here})

    def _note(self, line: Entry) -> None:
        assert self._journal is not None
        self._journal.append(line)
        self._progress.take(line)

    def _doubt(self, times: Iterator[int]) -> None:
        earliest, known = min(times, default=None), self._progress.unsure
        if earliest is not None and (known is None or earliest < known):
            self._note({"unsure": earliest})

    def _next_batch(self) -> bool:
        if not self._goes_on and self._progress.left():  # before that a copy may be looked at
            self._goes_on = True
            self._leave_runs_of_another()
        limit = _BATCH
        if (there := copied_up(self._folder, SPOOL)) is not None:  # else it might be told again by another machine
            limit = min(limit, there - self._progress.sent)
            if limit <= 0:
                return False
        entries, self._end = read_entries(self._progress.spool, self._progress.sent, limit=limit)
        for entry in entries:
            refuse_odd(entry, self._progress.spool)
        for entry in entries:
            trial = entry.get("trial")
            self._batch.setdefault(trial, _Work(trial, entry["time"])).add(entry)
        return self._end > self._progress.sent  # also where every line was passed over

    def _send_batch(self) -> None:
        self._connect()
        if self._look_first:
            self._adopt()
            self._look_first = False
        for trial in list(self._batch):
            self._send(self._batch[trial])
            del self._batch[trial]
        self._stores.clear()
        self._note({"sent": self._end})

    def _connect(self) -> None:
        if self._client is None:
            self._uri = self._store()
            client = connect_store(self._uri)
            self._experiment = _experiment(client, self._uri, self._header["experiment"], self._folder)
            self._client = client

    def _store(self) -> str:
        uri = self._progress.uri
        assert uri is not None, "there is a spool"
        return uri

    def _adopt(self) -> None:
        """Learn of the children that are in MLflow since the doubt began; delete second copies."""
        assert self._client is not None
        since = self._progress.unsure or 0
        children = f"tags.`mlflow.parentRunId` = '{self._parent()}' AND attributes.start_time >= {since}"
        for run in search_runs(self._client, self._experiment, children):
            trial = int(run.data.tags.get("convscape.trial", -1))
            if trial < 0:
                continue
            if trial not in self._progress.runs:
                self._note({"trial": trial, "run": run.info.run_id})
            elif self._progress.runs[trial] != run.info.run_id:
                self._client.delete_run(run.info.run_id)

    def _parent(self) -> str:
        if None not in self._progress.runs:
            assert self._client is not None
            known = search_runs(self._client, self._experiment, f"tags.`convscape.spool` = '{self._header['id']}'")
            run_id = next((run.info.run_id for run in known), None)
            if run_id is None:
                tags = {"convscape.sweep": self._header["sweep"], "convscape.spool": self._header["id"]}
                run_id = self._create(self._header["sweep"], self._header["time"], tags)
            self._keep_view(run_id)
            self._note({"trial": None, "run": run_id})
        return self._progress.runs[None]

    def _keep_view(self, parent: str) -> None:
        """Has MLflow's pages know the columns of the sweep's view, where this user may tag the experiment."""
        from mlflow.exceptions import MlflowException

        assert self._client is not None
        try:
            self._client.set_experiment_tag(self._experiment, *view_of(parent))
        except MlflowException as error:
            if error.error_code not in (*_NOT_HERE, "INVALID_PARAMETER_VALUE"):
                raise

    def _create(self, name: str, time: int, tags: dict[str, str]) -> str:
        assert self._client is not None
        tags = {"mlflow.user": _user(), "mlflow.source.name": "convscape"} | tags
        run = self._client.create_run(self._experiment, start_time=time, run_name=name, tags=tags)
        self._stores[run.info.run_id] = run.info.artifact_uri or ""
        return run.info.run_id

    def _send(self, work: _Work) -> None:
        from mlflow.exceptions import MlflowException

        parent = self._parent()
        if work.trial not in self._progress.runs:
            sweep = self._header["sweep"]
            tags = {"mlflow.parentRunId": parent, "convscape.sweep": sweep, "convscape.trial": str(work.trial)}
            run_id = self._create(f"{sweep}/{work.trial:04d}", work.time, _fitting(work.tags) | tags)
            self._note({"trial": work.trial, "run": run_id})
            work.tags = {}
        run_id = self._progress.runs[work.trial]
        for part in (self._values, self._inputs, self._files, self._status):
            try:
                part(run_id, work)
            except MlflowException as error:
                if not self._hopeless(error, work):
                    raise
                self._note({"refused": work.trial, "reason": store_error(error)})

    def _values(self, run_id: str, work: _Work) -> None:
        from mlflow.entities import Metric, Param, RunTag

        client = self._client
        assert client is not None
        params = [Param(_name(key), value[:LONGEST_PARAM]) for key, value in work.params.items()]
        metrics = [Metric(_name(key), value, time, step) for key, value, time, step in work.metrics]
        marks = [RunTag(key, value) for key, value in _fitting(work.tags).items()]
        while params or metrics or marks:
            client.log_batch(run_id, metrics=metrics[:_METRICS], params=params[:_PARAMS], tags=marks[:_PARAMS])
            params, metrics, marks = params[_PARAMS:], metrics[_METRICS:], marks[_PARAMS:]

    def _inputs(self, run_id: str, work: _Work) -> None:
        from mlflow.exceptions import MlflowException

        assert self._client is not None
        if work.datasets:
            try:
                self._client.log_inputs(run_id, dataset_inputs(work.datasets))
            except MlflowException as error:
                if error.error_code not in _NOT_HERE:
                    raise

    def _files(self, run_id: str, work: _Work) -> None:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        if not work.artifacts:
            return
        assert self._client is not None
        with tempfile.TemporaryDirectory(prefix="convscape-") as folder:
            for name, text in work.artifacts.items():
                file = Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            # The client's own log_artifacts reads the whole run each time: a third of a trial's cost.
            if run_id not in self._stores:
                self._stores[run_id] = self._client.get_run(run_id).info.artifact_uri or ""
            address = self._stores[run_id]
            refuse_place(address, run_id, work.artifacts)
            get_artifact_repository(address, tracking_uri=whole_uri(self._uri)).log_artifacts(folder)

    def _status(self, run_id: str, work: _Work) -> None:
        assert self._client is not None
        if work.status in ("RUNNING", "SCHEDULED"):  # a run that has not ended
            self._client.update_run(run_id, status=work.status)
        elif work.status is not None:
            self._client.set_terminated(run_id, status=work.status, end_time=work.ended)

    def _hopeless(self, error: Any, work: _Work) -> bool:
        """True when repeating cannot help: a value MLflow never takes, or a run that someone deleted."""
        if error.error_code == "INVALID_PARAMETER_VALUE":
            return True
        if error.error_code != "RESOURCE_DOES_NOT_EXIST" or work.trial is None:
            return False
        # The parent is there, so this is the right store and only the one run is gone.
        assert self._client is not None
        return bool(self._client.get_run(self._progress.runs[None]))


def _experiment(client: MlflowClient, uri: str, name: str, folder: Path) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name, _artifacts(uri, name, folder), _KIND)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)
            assert found is not None
    if found.lifecycle_stage != "active":
        client.restore_experiment(found.experiment_id)
    return found.experiment_id


def _artifacts(uri: str, experiment: str, folder: Path) -> str | None:
    """Beside the database; without this MLflow would put them in ./mlruns. A server decides for itself."""
    if uri.startswith(("http://", "https://")):
        return None
    database = sqlite_file(uri)
    beside = folder.absolute().parent if database is None else database.parent
    return (beside / "mlartifacts" / re.sub(r"[^\w.-]", "_", experiment)).as_uri()


def _encodable(texts: dict[str, str]) -> dict[str, str]:
    """The texts by key, with the bytes written out of a file's name that is no UTF-8: no store takes them."""
    return {key: text.encode("utf-8", "backslashreplace").decode() for key, text in texts.items()}


def _fitting(tags: dict[str, str]) -> dict[str, str]:
    return {_name(key): value[:LONGEST_TAG] for key, value in tags.items()}


def _name(key: str) -> str:
    """A key MLflow takes: letters, digits, `_ - . : /` and spaces."""
    return re.sub(r"[^\w\-./: ]", "_", key)[:_KEY]


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
