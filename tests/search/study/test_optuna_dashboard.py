"""A sweep's study in optuna-dashboard, as docs/optuna.md has it: a copy of the journal, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.driver.launching import launch
from servers import free_port
from tiny_sweep import tiny

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convscape.search.sweep import Sweep

pytestmark = pytest.mark.slow


@pytest.fixture
def sweep(tmp_path: Path, quiet: None) -> Sweep:
    return launch(tiny(tmp_path), progress=False)


@pytest.fixture
def address(sweep: Sweep, tmp_path: Path) -> Iterator[str]:
    """Of a dashboard of the sweep's journal."""
    shutil.copy(sweep.folder / "study.jsonl", tmp_path / "digits.jsonl")
    dashboard, port = Path(sys.executable).with_name("optuna-dashboard"), free_port()
    process = subprocess.Popen(
        [dashboard, "--port", str(port), "--server", "wsgiref", "digits.jsonl"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def test_it_shows_the_sweep_s_trials(sweep: Sweep, address: str) -> None:
    (study,) = get(f"{address}/api/studies", patience=60)["study_summaries"]
    assert (study["study_name"], study["directions"]) == ("sweep", ["maximize"])
    trials = get(f"{address}/api/studies/{study['study_id']}")["trials"]
    ours = {record.number: record for record in sweep.trials()}
    assert {trial["number"]: [value["value"] for value in trial["intermediate_values"]] for trial in trials} == {
        number: pytest.approx(list(record.accuracies.values())) for number, record in ours.items()
    }


def get(url: str, patience: float = 5.0) -> dict[str, Any]:
    """What an address answers with, in JSON; waits for a server that is about to start."""
    deadline = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own server
                return json.load(answer)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
