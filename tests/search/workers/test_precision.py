"""Which precision a sweep trains in: measured once, kept, and the same for every job and every resume."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from convscape.search.config import sweep_file
from convscape.search.config.data import load_data
from convscape.search.config.schema import ResourcesConfig
from convscape.search.driver.launching import launch, resume
from convscape.search.files import PRECISION
from convscape.search.files.append_only import every_entry
from convscape.search.proposals import DesignSpace
from convscape.search.proposals.design_space import DRAWN
from convscape.search.workers import ray_runner, training_job
from convscape.spaces.errors import ConfigError, SweepError
from convscape.trainers import measuring
from convscape.trainers.measuring.precision import Measured

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.sweep import Sweep

pytestmark = pytest.mark.usefixtures("quiet")

TINY = """
name: tiny
data: {name: digits, train: 200, validation: 100}
space: {stages: 1, convolutions: 1, filters: [4, 8], kernel: 3, dropout: 0.0, hidden: 0}
search: {finalists: 0, trials: 3, epochs: 2, reduction: 2, seed: 1}
resources: {runner: inline}
"""


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The devices that were measured; bfloat16 always wins."""
    devices: list[str] = []

    def fake(architecture: Any, recipe: Any, device: str) -> Measured:
        devices.append(device)
        return Measured("bfloat16", 1.5, (1.4, 1.6), 9)

    monkeypatch.setattr(measuring, "has_bfloat16", lambda _: True)
    monkeypatch.setattr(measuring, "faster_precision", fake)
    return devices


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The precision of each training that is made."""
    precisions: list[str] = []

    class Watched(training_job.Training):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            precisions.append(self.precision)

    monkeypatch.setattr(training_job, "Training", Watched)
    return precisions


def run(folder: Path, *overrides: str) -> Sweep:
    return launch(sweep_file.parse_sweep_file(TINY, "tiny.yaml", [f"folder={folder}", *overrides]), progress=False)


def tags(sweep: Sweep) -> dict[str, str]:
    """The tags of the sweep's own run."""
    entries = [entry for entry in every_entry(sweep.folder / "spool.jsonl") if entry.get("trial") is None]
    return {key: value for entry in entries for key, value in entry.get("tags", {}).items()}


def interrupted(folder: Path, monkeypatch: pytest.MonkeyPatch, *overrides: str) -> None:
    """A sweep of which one trial was trained for an epoch."""
    whole = training_job.TrainingJob.epoch

    def once(self: training_job.TrainingJob) -> Any:
        monkeypatch.setattr(training_job.TrainingJob, "epoch", _stop)
        return whole(self)

    def _stop(_: training_job.TrainingJob) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(training_job.TrainingJob, "epoch", once)
    with pytest.raises(KeyboardInterrupt):
        run(folder, *overrides)
    monkeypatch.setattr(training_job.TrainingJob, "epoch", whole)


def test_it_is_measured_once_and_every_job_carries_it(tmp_path: Path, measured: list[str], jobs: list[str]) -> None:
    sweep = run(tmp_path)
    assert measured == ["cpu"]
    assert len(jobs) >= 3
    assert set(jobs) == {"bfloat16"}
    kept = json.loads((sweep.folder / PRECISION).read_text())
    assert kept["precision"] == "bfloat16"
    assert kept["reason"] == "bfloat16 trains 1.50 times as fast as float32 (1.40 to 1.60, n = 9)"
    assert tags(sweep)["convscape.precision"] == "bfloat16"
    assert tags(sweep)["convscape.precision_reason"] == kept["reason"]
    assert not (sweep.folder / ".precision.json").exists()


def test_a_resume_keeps_to_what_was_measured(
    tmp_path: Path, measured: list[str], jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path, monkeypatch)
    assert measured == ["cpu"]
    monkeypatch.setattr(measuring, "has_bfloat16", lambda _: False)  # another machine now
    sweep = resume("tiny", tmp_path, progress=False)
    assert measured == ["cpu"]
    assert set(jobs) == {"bfloat16"}
    assert sweep.counts()["failed"] == sweep.counts()["unfinished"] == 0


def test_an_export_says_which_it_was(tmp_path: Path, measured: list[str]) -> None:
    sweep = run(tmp_path / "sweeps")
    sweep.export(tmp_path / "winner", formats=(), insight=False)
    assert json.loads((tmp_path / "winner" / "proof.json").read_text())["trained"]["precision"] == "bfloat16"


@pytest.mark.parametrize("asked", ["float32", "bfloat16"])
def test_what_is_asked_for_is_not_measured(tmp_path: Path, measured: list[str], jobs: list[str], asked: str) -> None:
    sweep = run(tmp_path, f"resources.precision={asked}")
    assert measured == []
    assert set(jobs) == {asked}
    assert tags(sweep)["convscape.precision"] == asked


def test_bfloat16_learns_and_repeats_itself(tmp_path: Path) -> None:
    curves = []
    for name in ("first", "second"):
        sweep = run(tmp_path, "resources.precision=bfloat16", f"name={name}", "space.head=fc", "search.epochs=9")
        curves.append([record.accuracies for record in sweep.trials()])
    assert curves[0] == curves[1]
    assert sweep.best.accuracy > 0.3


def test_without_the_instructions_nothing_is_measured(
    tmp_path: Path, measured: list[str], jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "has_bfloat16", lambda _: False)
    sweep = run(tmp_path)
    assert (measured, set(jobs)) == ([], {"float32"})
    assert "no bfloat16 instructions" in tags(sweep)["convscape.precision_reason"]


def test_a_measurement_that_fails_costs_the_sweep_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Measured:
        raise RuntimeError("no room")

    monkeypatch.setattr(measuring, "has_bfloat16", lambda _: True)
    monkeypatch.setattr(measuring, "faster_precision", broken)
    sweep = run(tmp_path)
    assert tags(sweep)["convscape.precision_reason"] == "not measured: RuntimeError: no room"
    assert sweep.counts()["failed"] == 0


def test_a_sweep_from_before_precision_was_measured_stays_in_float32(
    tmp_path: Path, measured: list[str], jobs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path, monkeypatch, "resources.precision=float32")
    config = tmp_path / "tiny" / "config.json"
    values = json.loads(config.read_text())
    del values["resources"]["precision"]
    config.write_text(json.dumps(values))
    resume("tiny", tmp_path, progress=False)
    assert (measured, set(jobs)) == ([], {"float32"})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"precision": "float16"}'])
def test_a_damaged_record_is_named(
    tmp_path: Path, measured: list[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    interrupted(tmp_path, monkeypatch)
    (tmp_path / "tiny" / PRECISION).write_text(text)
    with pytest.raises(SweepError, match=r"precision.json cannot be read"):
        resume("tiny", tmp_path, progress=False)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"resources.precision: 'float16'"):
        sweep_file.parse_sweep_file(TINY, "tiny.yaml", ["resources.precision=float16"])


def test_the_network_measured_is_in_the_middle_of_the_space_and_within_budget() -> None:
    config = sweep_file.parse_sweep_file(TINY, "tiny.yaml", ["space.filters=[4,8,16,32,64]", "budget.macs=10000"])
    designs = DesignSpace.for_images(config, load_data(config))
    macs = sorted(design.macs for design in designs.draw(DRAWN, 1))
    within = [each for each in macs if each <= 10_000]
    assert len(within) < len(macs)
    assert designs.in_the_middle(1).macs == within[len(within) // 2] != macs[len(macs) // 2]


@pytest.mark.slow
def test_under_ray_it_is_measured_on_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def here(_: str) -> bool:
        raise AssertionError("asked of the driver")

    monkeypatch.setattr(measuring, "has_bfloat16", here)
    sweep = run(tmp_path, "resources.runner=ray", "resources.workers=2")
    assert sweep.counts()["failed"] == 0
    assert "not measured" not in tags(sweep)["convscape.precision_reason"]
    assert json.loads((sweep.folder / PRECISION).read_text())["precision"] == tags(sweep)["convscape.precision"]


@pytest.mark.slow
def test_a_halted_sweep_does_not_wait_for_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster may have no room for long, or ever."""
    import ray

    class Halting:
        asked = 0

        @property
        def halted(self) -> str:
            self.asked += 1
            return "interrupted" if self.asked > 2 else ""

    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        needs = ResourcesConfig(cpus=64)
        run_there = ray_runner._on_a_worker(Halting(), needs, lambda _: None)  # pyright: ignore[reportArgumentType]
        assert run_there(lambda: {"precision": "float32"}) is None
    finally:
        ray.shutdown()


def test_jobs_are_compiled_only_if_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(torch, "compile", lambda network, mode: (compiled.append(mode), network)[1])
    run(tmp_path, "resources.precision=float32")
    assert compiled == []
    run(tmp_path, "resources.precision=float32", "resources.compile=true", "name=compiled")
    assert set(compiled) == {"default"}
