"""The report of a sweep that has ended: an artifact of its run in MLflow, with a summary as that run's description."""

from __future__ import annotations

import hashlib
import posixpath
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import SPOOL, every_entry
from .delivery import refuse_odd
from .mlflow_store import refuse_place, whole_uri
from .parent_run import as_sweep_error, find_run
from .uploader import LONGEST_TAG

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mlflow.entities import Run

REPORT = "report/report.html"
"""The report's place among the artifacts of a sweep's own run."""
ANSWER = "report/answer.json"
"""The place of a design question's answer, beside the report."""
LONGEST_NOTE = 8000
"""Characters that the description of a run has at most: it is a tag (MLflow's MAX_TAG_VAL_LENGTH)."""
REPORT_MARK = "convscape.report"
"""Tag of the run: what the report that is there was made of, and a digest of the summary."""
_NOTE = "mlflow.note.content"
_WHAT = "the report is not in MLflow"


def launch_description(folder: Path) -> str:
    """The description that a sweep's own run in MLflow was given at the launch, by the spool; "" where none was.

    Args:
        folder: the sweep's folder.

    Raises:
        SweepError: the spool holds what no tracker wrote.
    """
    spool = folder / SPOOL
    for entry in every_entry(spool):
        refuse_odd(entry, spool)
        if entry["event"] == "start":
            return entry.get("tags", {}).get(_NOTE, "")[:LONGEST_TAG]
    return ""


def lacks_report(
    uri: str, run_id: str | None, *, places: Collection[str], made_of: str, launched: str, again: str
) -> bool:
    """Whether a sweep's own run in MLflow lacks a file of the report, or has an earlier one, or not the summary.

    A description that somebody wrote there in place of the summary is left as it is.

    Args:
        uri: MLflow's tracking URI, as `secrets.hide` leaves it.
        run_id: MLflow's id of the sweep's own run; None where nothing was sent yet.
        places: of the files that belong to the report, in one folder of the run's artifacts.
        made_of: a text that is another one when the sweep has changed.
        launched: the description that the run was given at the launch; it comes back where all of a sweep is sent anew.
        again: how to try it again later, as a sentence: it ends the errors.

    Raises:
        SweepError: the run is not there, or the store does not answer.
    """
    with as_sweep_error(_WHAT, again):
        client, run = find_run(uri, run_id, again)
        shown = run.data.tags.get(_NOTE, "")
        if _marks(run)[0] != made_of or not shown or _digest(shown) == _digest(launched):
            return True
        there = {each.path for each in client.list_artifacts(run.info.run_id, posixpath.dirname(REPORT))}
        return not there.issuperset(places)


def send_report(
    uri: str, run_id: str | None, *, files: Mapping[str, str], note: str, made_of: str, launched: str, again: str
) -> None:
    """Puts a report among the artifacts of a sweep's own run in MLflow, and a summary into the run's description.

    What the launch or an earlier report left there is replaced. A description that somebody wrote or added to stays.

    Args:
        uri: MLflow's tracking URI, as `secrets.hide` leaves it.
        run_id: MLflow's id of the sweep's own run; None where nothing was sent yet.
        files: the report and what lies beside it, by place in one folder of the run's artifacts, in the order sent.
        note: the summary as Markdown, LONGEST_NOTE characters at most.
        made_of: a text that is another one when the sweep has changed; `lacks_report` compares it.
        launched: the description that the run was given at the launch.
        again: how to try it again later, as a sentence: it ends the errors.

    Raises:
        SweepError: the run is not there, the store does not answer, or it refuses the report.
    """
    with as_sweep_error(_WHAT, again), tempfile.TemporaryDirectory(prefix="convscape-") as folder:
        client, run = find_run(uri, run_id, again)
        from mlflow.entities import RunTag  # once `find_run` has quietened MLflow
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        address = run.info.artifact_uri or ""
        refuse_place(address, run.info.run_id, list(files))
        store = get_artifact_repository(address, tracking_uri=whole_uri(uri))
        for place, text in files.items():
            at, name = posixpath.split(place)
            file = Path(folder, name)
            file.write_text(text, encoding="utf-8")
            store.log_artifact(str(file), at)  # one by one: a file of a folder is not replaced at once
        # After the report, and in one request: what is marked is there.
        shown, sent = run.data.tags.get(_NOTE, ""), _marks(run)[1]
        ours = not shown or _digest(shown) in (_digest(launched), sent)
        tags = {REPORT_MARK: f"{made_of} {_digest(note) if ours else sent}"} | ({_NOTE: note} if ours else {})
        client.log_batch(run.info.run_id, tags=[RunTag(key, value) for key, value in tags.items()])


def _marks(run: Run) -> tuple[str, str]:
    """What the report that a run has was made of, and a digest of the summary that was sent with it; "" for none."""
    made_of, _, note = run.data.tags.get(REPORT_MARK, "").partition(" ")
    return made_of, note


def _digest(note: str) -> str:
    return hashlib.sha256(note.encode("utf-8", "backslashreplace")).hexdigest()[:16]
