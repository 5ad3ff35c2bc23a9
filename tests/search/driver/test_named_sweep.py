"""A real sweep with a baseline and starts: what it trains, and where people see which is which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from convscape.dashboards.text.leaderboard import ending, leaderboard_table
from convscape.search.config import sweep_file
from convscape.search.driver.launching import launch
from convscape.search.tracking.mlflow_store import connect_store, search_runs
from convscape.spaces.errors import ConfigError
from tiny_sweep import send_nothing

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.sweep import Sweep


LINE = "INPUT[8x8x1] -> CONV3-4 -> RELU -> POOL2 -> FC-10"
TINY = f"""
name: tiny
data: {{name: digits, train: 200, validation: 100}}
space: {{stages: 1, convolutions: 1, filters: [4, 8], kernel: 3, dropout: 0.0, hidden: 0}}
search:
  finalists: 0
  trials: 3
  epochs: 3
  reduction: 3
  start: ["{LINE}"]
  baselines: [lenet5]
resources: {{runner: inline, precision: float32}}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, database: str) -> Sweep:
    folder = tmp_path_factory.mktemp("sweeps")
    sets = [f"folder={folder}", f"tracking.uri={database}", "tracking.experiment=starts"]
    return launch(sweep_file.parse_sweep_file(TINY, "tiny.yaml", sets), progress=False)


def test_a_real_sweep_trains_its_baseline_to_the_end(finished: Sweep) -> None:
    baseline, start, *others = finished.trials()
    assert (baseline.role, baseline.state, baseline.epochs) == ("baseline", "completed", 3)
    assert (start.role, start.design.notation) == ("start", LINE)
    assert sum(record.state in ("completed", "stopped") for record in [start, *others]) == 3


def test_the_leaderboard_marks_them(finished: Sweep) -> None:
    board = finished.leaderboard()
    assert dict(zip(board["trial"], board["role"], strict=True)) == {
        0: "baseline",
        1: "start",
        2: "sampled",
        3: "sampled",
    }
    lines = leaderboard_table(finished.summaries(), 10).splitlines()
    assert max(map(len, lines)) <= 80
    marked = {line.split()[1]: line.split("  ")[-1] for line in lines[2::2]}
    assert marked["0"] == "completed, baseline"
    assert marked["1"] in ("completed, start", "stopped, start")
    assert marked["2"] in ("completed", "stopped")


def test_the_end_says_how_far_the_winner_is_ahead_of_the_baseline(finished: Sweep) -> None:
    best, baseline = finished.best, next(row for row in finished.summaries() if row.role == "baseline")
    if best.role == "baseline":
        assert "It is a baseline: nothing that was searched is better." in ending(finished)
    else:
        lead = best.accuracy - baseline.accuracy
        assert f"{lead:.4f} above the best baseline, trial 0: {baseline.accuracy:.4f} in 3 epochs" in ending(finished)


def test_mlflow_finds_them_by_a_tag(finished: Sweep) -> None:
    client = connect_store(finished.tracking_uri)
    experiment = client.get_experiment_by_name("starts")
    assert experiment is not None

    def trials(role: str) -> set[str]:
        found = search_runs(client, experiment.experiment_id, f"tags.`convscape.role` = '{role}'")
        return {run.data.tags["convscape.trial"] for run in found}

    assert (trials("baseline"), trials("start"), trials("sampled")) == ({"0"}, {"1"}, {"2", "3"})
    (parent,) = search_runs(
        client, experiment.experiment_id, "tags.`convscape.sweep` = 'tiny' AND tags.`convscape.spool` != ''"
    )
    assert "lenet5" in parent.data.params["search.baselines"]


def test_a_launch_with_a_wrong_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    send_nothing(monkeypatch)
    wrong = sweep_file.parse_sweep_file(TINY.replace("FC-10", "FC-12"), "tiny.yaml", [f"folder={tmp_path}"])
    with pytest.raises(ConfigError, match=r"search\.start\[0\]"):
        launch(wrong, progress=False)
    assert list(tmp_path.iterdir()) == []
