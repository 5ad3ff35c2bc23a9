"""Has the report and the summary of a sweep that has ended in MLflow, where they are not there as the sweep is now."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from ...search import folder_option
from ...search.files import CONFIG, STUDY
from ...search.tracking import (
    ANSWER,
    REPORT,
    UploadProgress,
    lacks_report,
    launch_description,
    send_report,
    values_without_secrets,
)
from ...spaces import SweepError
from ..page import page_content, page_html, pictures_of, source_of, usual_places
from ..text import SweepStatus, state
from .summary import summary_markdown

if TYPE_CHECKING:
    from ...search import Sweep


def publish_report(sweep: Sweep) -> bool:
    """Puts the report of a sweep that has ended among the artifacts of its run in MLflow, its summary as description.

    Beside the report of a design question lies its answer as JSON.

    Nothing is sent where the run has both already; where the sweep has not ended, or was interrupted; and where results
    of it wait to be sent, or none ever were: what is sent last is to be the summary.

    Args:
        sweep: the sweep.

    Returns:
        Whether it was sent.

    Raises:
        SweepError: MLflow does not answer, or refuses it; or the sweep's files are damaged.
    """
    delivery = UploadProgress(sweep.folder).refresh()
    run_id = delivery.runs.get(None)
    if run_id is None or delivery.left() or state(sweep) is not SweepStatus.ENDED:
        return False
    uri, launched, made_of = sweep.tracking_uri, launch_description(sweep.folder), _made_of(sweep)
    again = f"Send it later: `{how_to_send(sweep)}`."
    places = (REPORT, ANSWER) if sweep.config.question else (REPORT,)
    if not lacks_report(uri, run_id, places=places, made_of=made_of, launched=launched, again=again):
        return False
    source = source_of(sweep)
    html = page_html(page_content([source], pictures=pictures_of(source.digest, usual_places(sweep.name))))
    answer = {ANSWER: json.dumps(values_without_secrets(source.answer))} if sweep.config.question else {}
    files = {**answer, REPORT: html}  # the report last: where it is, the answer is
    note = summary_markdown(sweep, sweep.trials())
    send_report(uri, run_id, files=files, note=note, made_of=made_of, launched=launched, again=again)
    return True


def how_to_send(sweep: Sweep) -> str:
    """The command that sends a sweep's report to MLflow.

    Args:
        sweep: the sweep.
    """
    return f"convscape sync {sweep.name}{folder_option(sweep.config)}"


def _made_of(sweep: Sweep) -> str:
    """A digest of what a report is made of: the study and the settings."""
    made = hashlib.sha256()
    for name in (STUDY, CONFIG):
        path = sweep.folder / name
        try:
            made.update(path.read_bytes())
        except OSError as error:
            raise SweepError(f"{path} cannot be read: {error.strerror}", "Restore it from a copy.") from None
    return made.hexdigest()[:32]
