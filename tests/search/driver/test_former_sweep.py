"""A sweep that the release before the rooms had begun, and that was killed: it opens, compares, resumes and exports.

Made by commit 66bb61c: `before` in `golden/sweep_before_rooms` is the folder after a SIGKILL, `expected.json` what that
commit's own `resume` and `export` made of a copy. Floats may differ from processor to processor, so what a resume
trains anew is compared with some room.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import convscape
import pytest
from convscape import Sweep, SweepConfig, cli, launch, resume
from convscape.search.files import INPUTS, is_locked

GOLDEN = Path(__file__).parents[2] / "golden" / "sweep_before_rooms"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())


@pytest.fixture
def sweep(tmp_path: Path, quiet: None) -> Sweep:
    shutil.copytree(GOLDEN / "before", tmp_path / "sweeps" / "before")
    return Sweep.open("before", tmp_path / "sweeps")


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        cli.main([*arguments])
    assert not ended.value.code
    return capsys.readouterr().out


def test_it_opens_and_compares(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep.counts() == {
        "completed": 3, "stopped": 0, "failed": 0, "duplicate": 0, "infeasible": 0, "unfinished": 7,
    }  # fmt: skip
    assert [trial.role for trial in sweep.trials()] == ["baseline", "start", *["sampled"] * 8]
    for trial, expected in zip(sweep.trials(), EXPECTED["trials"], strict=False):
        assert trial.design.key == expected["key"], "a design is read as another"
        assert {str(e): a for e, a in trial.accuracies.items()}.items() <= expected["accuracies"].items()
    assert (sweep.config.search.refit, sweep.config.search.cross_validate) == (False, False), "it goes on as it began"
    where = ("--folder", str(sweep.folder.parent))
    assert "the winner" not in typed(capsys, "status", "before", *where)
    table = json.loads(typed(capsys, "compare", "before", *where, "-o", "json"))
    best = EXPECTED["summaries"][0]
    apart = {"run_id", "seeds", "mean_accuracy", "std_accuracy"}  # the seeds come at the end of the sweep
    assert {key: table["trials"][0][key] for key in best.keys() - apart} == {
        key: best[key] for key in best.keys() - apart
    }
    assert table["trials"][0].keys() == {*best, "run"}
    assert json.loads(typed(capsys, "status", "before", *where, "-o", "json"))["state"] == "died"


def test_it_resumes_and_exports_as_the_release_before_did(
    sweep: Sweep, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {trial.number: (trial.design.key, trial.accuracies) for trial in sweep.trials()}
    inputs = (sweep.folder / INPUTS).read_text()
    resumed = resume("before", tmp_path / "sweeps", progress=False)
    assert not is_locked(resumed.folder)
    assert (resumed.folder / INPUTS).read_text() == inputs
    trials = resumed.trials()
    for number, (key, accuracies) in known.items():
        assert trials[number].design.key == key
        assert {epoch: trials[number].accuracies[epoch] for epoch in accuracies} == accuracies
    assert [(t.number, t.role, t.repeats is None) for t in trials] == [
        (each["number"], each["role"], each["repeats"] is None) for each in EXPECTED["trials"]
    ]
    assert all(trial.ended for trial in trials)
    reached = [{str(epoch): accuracy for epoch, accuracy in trial.accuracies.items()} for trial in trials]
    if reached == [each["accuracies"] for each in EXPECTED["trials"]]:  # else this processor rounds otherwise
        for trial, expected in zip(trials, EXPECTED["trials"], strict=True):
            assert (trial.state, trial.reason) == (expected["state"], expected["reason"])
            assert (trial.design.key, trial.repeats) == (expected["key"], expected["repeats"])
    for trial, expected in zip(trials, EXPECTED["trials"], strict=True):
        for epoch, accuracy in expected["accuracies"].items():
            assert trial.accuracies.get(int(epoch), accuracy) == pytest.approx(accuracy, abs=0.1)
    assert resumed.counts()["completed"] == EXPECTED["counts"]["completed"]
    best: dict[str, Any] = EXPECTED["summaries"][0]
    assert (resumed.best.trial, resumed.best.notation) == (best["trial"], best["notation"])
    # The release before counted the run that the finalist was chosen by; this one does not.
    again = [each["accuracies"]["4"] for each in EXPECTED["trials"] if each["repeats"] == best["trial"]]
    assert resumed.best.mean_accuracy == pytest.approx(again[0], abs=0.05)
    told = json.loads(
        typed(
            capsys,
            "export",
            "before",
            "--folder",
            str(tmp_path / "sweeps"),
            "--to",
            str(tmp_path / "out"),
            "-o",
            "json",
        )
    )
    assert set(EXPECTED["export"]["files"]) < set(told["files"])
    assert told["test_images"] == EXPECTED["export"]["test_images"]
    assert told["test_accuracy"] == pytest.approx(EXPECTED["export"]["test_accuracy"], abs=0.05)


def test_what_is_written_now_is_written_as_then(sweep: Sweep, tmp_path: Path) -> None:
    """Keys of the study and the spool: nothing of a former name is gone, and what is new is known."""

    def keys(folder: Path) -> tuple[set[str], set[str]]:
        study = [json.loads(line) for line in (folder / "study.jsonl").read_text().splitlines()]
        spool = [json.loads(line) for line in (folder / "spool.jsonl").read_text().splitlines()]
        metrics = {key for entry in spool for part in ("metrics", "tags", "params") for key in entry.get(part, {})}
        return {key for event in study for key in event.get("user_attr", {})}, metrics

    attributes, reported = keys(sweep.folder)
    continued = resume("before", tmp_path / "sweeps", progress=False)
    assert attributes <= keys(continued.folder)[0]
    assert reported <= keys(continued.folder)[1]
    again = sweep.config.to_json() | {"name": "again", "folder": str(tmp_path / "sweeps")}
    launched = launch(SweepConfig.model_validate(again), progress=False)
    now_attributes, now_reported = keys(launched.folder)
    assert attributes - {"events"} <= now_attributes
    assert now_attributes - attributes <= {"metrics", "events", "repeats", "latency", "reason", "state"}
    if not (Path(convscape.__file__).parent / ".git").exists():  # an archive knows no commit
        reported -= {"convscape.commit", "mlflow.source.git.commit"}
    assert reported <= now_reported
