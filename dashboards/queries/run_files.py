"""Files of a run in MLflow, whose content may be anybody's: what cannot be read is not there."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...search.tracking import ANSWER, refuse_place
from ...spaces import printable

if TYPE_CHECKING:
    from mlflow import MlflowClient

LARGEST_FILE = 2**20
"""Bound on a file, in bytes."""
DEEPEST = 8
"""Bound on how deep an answer is nested: three times what it is."""
MOST_LINES, LONGEST_LINE = 200, 5_000
"""Bounds on an answer's lines, and on the characters of each."""


def json_of_run(run: Any, client: MlflowClient, place: str) -> Any:
    """What a JSON file of a run says; None where no such file can be read, for whatever reason.

    Args:
        run: MLflow's `Run`.
        client: of the store.
        place: of the file among the run's artifacts.
    """
    try:
        refuse_place(run.info.artifact_uri or "", run.info.run_id, [place])
        with tempfile.TemporaryDirectory(prefix="convscape-") as folder:
            path = Path(client.download_artifacts(run.info.run_id, place, folder))
            return None if path.stat().st_size > LARGEST_FILE else json.loads(path.read_bytes())
    except Exception:  # noqa: BLE001 - whatever its storage raises
        return None


def answer_of_run(run: Any, client: MlflowClient) -> dict[str, Any] | None:
    """The answer of a design question, as `ask -o json` has it, from beside the sweep's report.

    None where there is none, or one that no sweep sends: without lines for people, deeper or longer than an answer is,
    or with a number that JSON has no sign for.

    Args:
        run: MLflow's `Run`, the sweep's own.
        client: of the store.
    """
    answer = json_of_run(run, client, ANSWER)
    lines = answer.get("lines") if isinstance(answer, dict) else None
    if not isinstance(lines, list) or not 0 < len(lines) <= MOST_LINES or not _is_plain(answer, DEEPEST):
        return None
    if not all(isinstance(line, str) and len(line) <= LONGEST_LINE for line in lines):
        return None
    return {**answer, "lines": [printable(line) for line in lines]}


def _is_plain(value: Any, deep: int) -> bool:
    """Whether a value of JSON is nested so deep at most, and all its numbers are finite."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return deep > 0 and all(_is_plain(each, deep - 1) for each in inner)
    return not isinstance(value, float) or math.isfinite(value)
