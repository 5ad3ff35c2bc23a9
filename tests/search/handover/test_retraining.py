"""The winner trained again before it is handed over: from which seeds, on which images, kept, and what may go wrong."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
from convscape import cli
from convscape.commands import handover
from convscape.search.driver import launch
from convscape.search.files import LOOKS, RETRAINED, hold_path
from convscape.search.handover import exporting, retraining
from convscape.search.sweep import Sweep
from convscape.spaces.errors import ExportError, SweepError, TrainingError
from convscape.trainers.export import Trained
from convscape.trainers.training import Training
from safetensors.torch import load_file
from tiny_sweep import tiny

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, quiet_module: None) -> Path:
    folder = tmp_path_factory.mktemp("sweeps")
    return launch(tiny(folder, "search.trials=2"), progress=False).folder


@pytest.fixture
def sweep(finished: Path, tmp_path: Path) -> Sweep:
    """A finished sweep of its own for each test."""
    shutil.copytree(finished, tmp_path / "sweeps" / "tiny")
    return Sweep.open("tiny", tmp_path / "sweeps")


def exported(sweep: Sweep, to: Path, told: list[str] | None = None, seeds: int = 2) -> dict[str, Any]:
    tell = (told if told is not None else []).append
    sweep.export(to, formats=(), insight=False, seeds=seeds, tell=tell)
    return json.loads((to / "proof.json").read_text())


def test_the_first_seed_is_handed_over_and_the_others_show_the_spread(sweep: Sweep, tmp_path: Path) -> None:
    told: list[str] = []
    proof = exported(sweep, tmp_path / "out", told)
    assert proof["details"]["retrained_from_seeds"] == 2
    assert proof["details"]["images"] == {"trained_on": 280, "validated_on": 20}
    assert proof["details"]["in_the_search"]["epoch"] == 2
    assert "validation_accuracy" not in proof["details"], "these weights have another"
    assert proof["trained"]["seed"] == 0
    first, second = proof["accuracies"]["test"]
    assert first == proof["test"]["accuracy"]
    assert 0 < second <= 1
    assert [line[:6] for line in told] == ["seed 0", "seed 0", "seed 1", "seed 1"]
    assert "on 20 images" in told[0]
    assert "over seeds that it was trained again from" in (tmp_path / "out" / "MODEL_CARD.md").read_text()


def test_no_test_image_is_read_before_all_are_trained(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    run_epoch, scores = Training.run_epoch, Trained.scores
    monkeypatch.setattr(Training, "run_epoch", lambda self: (happened.append("epoch"), run_epoch(self))[1])

    def looked(self: Trained, part: Any, indices: Any) -> Any:
        happened.append("test" if part is self.dataset.test else "validation")
        return scores(self, part, indices)

    monkeypatch.setattr(Trained, "scores", looked)
    exported(sweep, tmp_path / "out")
    assert happened.count("epoch") == 4
    assert happened.index("test") > max(at for at, what in enumerate(happened) if what == "epoch")


def test_what_was_interrupted_goes_on_and_what_is_there_is_not_trained_again(
    sweep: Sweep,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(line: str) -> None:
        if "epoch 1 of 2" in line:
            raise KeyboardInterrupt

    monkeypatch.setattr(handover, "_tell", interrupt)
    with pytest.raises(SystemExit) as caught:
        cli.main(["export", "tiny", "--folder", str(sweep.folder.parent), "--to", str(tmp_path / "out"), "--retrain"])
    assert caught.value.code == 130
    assert "nothing was written. What was trained again is kept" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    told: list[str] = []
    exported(sweep, tmp_path / "out", told, seeds=1)
    assert [re.sub(r",.*", "", line) for line in told] == ["seed 0: epoch 2 of 2"]
    exported(sweep, tmp_path / "again", told, seeds=1)
    assert len(told) == 1
    shutil.copytree(finished, tmp_path / "whole" / "tiny")
    exported(Sweep.open("tiny", tmp_path / "whole"), tmp_path / "straight", seeds=1)
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("out", "straight"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_seed_that_fails_counts_in_no_spread_and_the_first_ends_it(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    retrain = retraining.retrain

    def failing(at: int) -> Any:
        def run(winner: Any, dataset: Any, seed: int, tell: Any) -> Path:
            if seed == at:
                raise TrainingError("the loss is not a number")
            return retrain(winner, dataset, seed, tell)

        return run

    told: list[str] = []
    monkeypatch.setattr(retraining, "retrain", failing(1))
    assert len(exported(sweep, tmp_path / "out", told, seeds=3)["accuracies"]["test"]) == 2
    assert "seed 1: it failed, and counts in no spread: the loss is not a number" in told
    monkeypatch.setattr(retraining, "retrain", failing(0))
    looks = (sweep.folder / LOOKS).read_bytes()
    with pytest.raises(ExportError, match="trained again from seed 0: the loss is not a number") as caught:
        exported(sweep, tmp_path / "none")
    assert "leave --retrain out" in str(caught.value)
    assert (sweep.folder / LOOKS).read_bytes() == looks
    assert not (tmp_path / "none").exists()


def test_two_processes_do_not_train_the_same(sweep: Sweep, tmp_path: Path) -> None:
    exported(sweep, tmp_path / "out", seeds=1)
    (folder,) = (sweep.folder / RETRAINED).iterdir()
    with hold_path(folder / "lock", "holding it"), pytest.raises(SweepError, match="another process does that"):
        exported(sweep, tmp_path / "again", seeds=1)


def test_a_folder_in_use_is_refused_before_anything_is_trained(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "retrain_all", lambda *_: pytest.fail("it trained"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match=r"thesis\.txt"):
        exported(sweep, tmp_path / "mine")
