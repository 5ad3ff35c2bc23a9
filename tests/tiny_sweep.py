"""A sweep of four small networks on the digits, trained in this process in a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convscape.search.config import sweep_file
from convscape.search.driver import launching
from convscape.search.tracking import upload_process

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from convscape.search.config.schema import SweepConfig
    from convscape.search.sweep import Sweep

TINY = """
name: tiny
data: {name: digits, train: 200, validation: 100}
space: {stages: 1, convolutions: 1, filters: [4, 8], kernel: 3, dropout: 0.0, hidden: 0}
search: {finalists: 0, trials: 4, epochs: 2, reduction: 2, seed: 1}
resources: {runner: inline, precision: float32}
"""


def tiny(folder: Path | str, *overrides: str) -> SweepConfig:
    return sweep_file.parse_sweep_file(TINY, "tiny.yaml", [f"folder={folder}", *overrides])


def results(sweep: Sweep) -> list[tuple[Any, ...]]:
    return [(r.number, r.design.key, r.state, r.reason, r.accuracies) for r in sweep.trials()]


def send_nothing(patched: pytest.MonkeyPatch) -> None:
    """Has no sweep send anything to MLflow or start the process that would: its store costs seconds."""
    for word in ("get_ready", "start", "flush", "stop"):
        patched.setattr(upload_process, word, lambda *_: None)
    patched.setattr(launching, "FLUSH_SECONDS", 0.0)
