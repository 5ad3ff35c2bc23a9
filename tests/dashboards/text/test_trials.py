"""One trial, whole, as text and as JSON."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from convscape import cli
from convscape.dashboards.text.trials import sparkline
from convscape.search import Sweep, launch
from convscape.tests.tiny_sweep import tiny
from hypothesis import given, strategies as st

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweeps")
    launch(tiny(folder, "search.trials=2", "search.epochs=3"), progress=False)
    return folder


def typed(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[Any, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(["show", "tiny", "--folder", str(folder), *arguments])
    return caught.value.code or 0, *capsys.readouterr()


def test_the_best_is_shown_where_none_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = Sweep.open("tiny", folder)
    best, trials = sweep.best, sweep.trials()
    code, out, _ = typed(capsys, folder)
    assert code == 0
    assert f"Trial {best.trial} of sweep tiny" in out
    assert "".join(trials[best.trial].design.notation.split()) in "".join(out.split())
    assert f"learning_rate {trials[best.trial].design.recipe.learning_rate}" in " ".join(out.split())
    assert str(sweep.folder / "trials") in out
    shown = json.loads(typed(capsys, folder, "--trial", "1", "-o", "json")[1])
    assert (shown["trial"], shown["notation"]) == (1, trials[1].design.notation)
    assert shown["accuracies"] == {str(epoch): value for epoch, value in trials[1].accuracies.items()}


def test_a_trial_that_is_not_there_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, error = typed(capsys, folder, "--trial", "99")
    assert code == 4
    assert "sweep tiny has no trial 99\n  Its trials are 0 to" in error


def test_one_that_was_not_trained_has_no_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ("search.trials=1", "search.epochs=1", "budget.parameters=150", "search.start=[]")
    sweep = launch(tiny(tmp_path, *few), progress=False)
    untrained = next(trial.number for trial in sweep.trials() if not trial.trained)
    assert "files: none\n" in typed(capsys, tmp_path, f"--trial={untrained}")[1]
    assert json.loads(typed(capsys, tmp_path, f"--trial={untrained}", "-o", "json")[1])["folder"] is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_a_sparkline_is_as_long_as_its_values_and_as_high(values: list[float]) -> None:
    line = sparkline(values)
    assert len(line) == min(60, len(values))
    if len(values) <= 60 and not math.isclose(max(values), min(values)):
        assert line[values.index(max(values))] == "█"
        assert line[values.index(min(values))] == "▁"
