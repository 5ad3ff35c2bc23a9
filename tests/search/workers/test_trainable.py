"""What a worker may take of a device's memory, and when it tells of its epochs."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from convscape.search.records.trial import Design
from convscape.search.scheduling import Job, Report
from convscape.search.workers import trainable, training_job
from convscape.search.workers.trainable import WarmWorker
from convscape.search.workers.training_job import Setup, TrainingJob
from convscape.spaces.errors import DivergenceError, SweepError
from convscape.spaces.parsing import parse_notation
from convscape.trainers import checkpoint
from convscape.trainers.checkpoint_files import TENSORS
from convscape.trainers.checkpoints import BEST, Checkpoints
from convscape.trainers.data.dataset import load_dataset
from convscape.trainers.device.memory import training_bytes
from convscape.trainers.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = parse_notation("INPUT[8x8x1] -> CONV3-8 -> BN -> RELU -> FC-10")


def job(folder: Path, recipe: Recipe, **settings: Any) -> Job:
    values: dict[str, Any] = {"number": 0, "start": 0, "epochs": 1, "rungs": (), "seed": 0, "best": -1.0}
    return Job(design=Design.of(NETWORK, recipe), checkpoints=folder, **{**values, **settings})


@pytest.mark.parametrize(
    ("cpus", "gpus", "workers", "share"),
    [
        (None, 0.0, None, 1.0),
        (1.0, 0.0, None, 0.25),
        (8.0, 0.0, None, 1.0),
        (1.0, 0.0, 2, 0.5),
        (1.0, 0.0, 100, 0.25),
        (1.0, 0.5, None, 0.5),
        (1.0, 2.0, 1, 1.0),
    ],
)
def test_a_trials_share_is_its_part_of_what_it_trains_on(
    monkeypatch: pytest.MonkeyPatch, cpus: float | None, gpus: float, workers: int | None, share: float
) -> None:
    monkeypatch.setattr(training_job, "cpus_here", lambda: 4)
    assert Setup(threads=1, cpus=cpus, gpus=gpus, workers=workers).share == share


def test_on_a_node_of_rays_the_cpus_it_counts_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be more than there are: so many trials run there at a time."""
    monkeypatch.setattr(training_job, "cpus_here", lambda: 2)
    assert Setup(threads=1, cpus=1.0, node_cpus=8.0).share == 1 / 8


def test_a_shared_gpu_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=16 * 2**30))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", limits.append)
    for gpus in (0.0, 0.25, 1.0):
        Setup(threads=1, device="cuda", gpus=gpus).limit_memory()
    assert limits == [3.5 / 16]  # half a GiB is CUDA's own


def test_a_batch_goes_in_parts_where_a_trials_share_is_less_than_it_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(training_job, "cpus_here", lambda: 4)
    monkeypatch.setattr(training_job, "device_memory", lambda _, share: int(share * 2 * training_bytes(NETWORK, 64)))
    digits = load_dataset("digits", train=200, validation=100)
    results = [
        TrainingJob(job(tmp_path / str(cpus), Recipe(batch_size=64)), digits, Setup(threads=1, cpus=cpus)).epoch()
        for cpus in (4.0, 1.0)
    ]
    assert [len(result.events) for result in results] == [0, 1]
    assert "batches of 64 now go through the network in 4 parts" in results[1].events[0]


def worker(order: Job, epoch_seconds: float | None = None) -> WarmWorker:
    """One without Ray: nothing here calls what `Trainable.__init__` sets up."""
    made = WarmWorker.__new__(WarmWorker)
    made.setup(
        order.to_json(), load_dataset("digits", train=40, validation=20), Setup(threads=1, epoch_seconds=epoch_seconds)
    )
    return made


def told(result: dict[str, Any]) -> list[int]:
    return [values["epoch"] for values in result["epoch_results"]]


def test_short_epochs_are_told_together_up_to_the_next_rung(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trainable, "GATHERED", 60.0)
    trains = worker(job(tmp_path, Recipe(batch_size=8), epochs=6, rungs=(1, 4)))
    assert [told(trains.step()) for _ in range(3)] == [[1], [2, 3, 4], [5, 6]]


def test_a_job_that_cannot_be_read_fails_its_trial_alone(tmp_path: Path) -> None:
    order = job(tmp_path, Recipe(batch_size=8), epochs=1)
    trains = worker(order)
    assert trains.reset_config({**order.to_json(), "design": {"of": "another release"}}), "the worker is lost"
    report = Report.from_json(trains.step())
    assert report.number == order.number
    assert report.failure.startswith("a worker cannot read its job (KeyError: 'architecture'")
    assert trains.reset_config(order.to_json())
    assert told(trains.step()) == [1]


def run(folder: Path, **settings: Any) -> TrainingJob:
    """A job of nine epochs taken up by a new process."""
    return TrainingJob(
        job(folder, Recipe(batch_size=8), epochs=9, **settings),
        load_dataset("digits", train=40, validation=20),
        Setup(threads=1),
    )


@pytest.mark.parametrize("known", range(8))
def test_what_was_trained_but_not_told_is_told_and_not_trained_again(tmp_path: Path, known: int) -> None:
    """The driver may die while a worker is epochs ahead of what it was told."""
    first = run(tmp_path)
    given = [first.epoch() for _ in range(min(known, 2))]
    first.reported()
    given += [first.epoch() for _ in range(7 - len(given))]
    again = run(tmp_path, start=known)
    assert again._training.epoch == 7
    results = [again.epoch() for _ in range(9 - known)]
    assert [result.epoch for result in results] == list(range(known + 1, 10))
    assert [result.seconds for result in results[: 7 - known]] == [result.seconds for result in given[known:]]
    unbroken = run(tmp_path / "unbroken")
    curve = [unbroken.epoch().validation_accuracy for _ in range(9)]
    assert [result.validation_accuracy for result in results] == curve[known:]


def test_a_process_that_dies_while_it_tells_leaves_the_rest_to_tell(tmp_path: Path) -> None:
    first = run(tmp_path)
    given = [first.epoch() for _ in range(4)]
    second = run(tmp_path)
    assert second.epoch().seconds == given[0].seconds
    second.reported()
    third = run(tmp_path, start=1)
    assert [third.epoch().seconds for _ in range(3)] == [result.seconds for result in given[1:]]
    assert third.epoch().epoch == 5
    fourth = run(tmp_path, start=4)
    assert (fourth._training.epoch, fourth.epoch().epoch) == (5, 5)


def test_a_damaged_checkpoint_of_what_was_not_told_costs_only_its_epoch(tmp_path: Path) -> None:
    first = run(tmp_path)
    for _ in range(3):
        first.epoch()
    (tmp_path / "epoch-0003" / TENSORS).write_bytes(b"")
    again = run(tmp_path)
    assert again._training.epoch == 2
    assert [again.epoch().epoch for _ in range(4)] == [1, 2, 3, 4]
    assert again._training.events == []


def test_a_checkpoint_that_does_not_tell_of_all_before_it_is_left(tmp_path: Path) -> None:
    """As where the power failed, and the study lost what the checkpoints have."""
    first = run(tmp_path)
    for _ in range(4):
        first.epoch()
        first.reported()
    again = run(tmp_path)
    assert [again.epoch().epoch for _ in range(2)] == [1, 2]
    assert not (tmp_path / "epoch-0004").exists()


def test_a_checkpoint_that_was_not_marked_as_the_best_before_a_kill_is_afterwards(tmp_path: Path) -> None:
    run(tmp_path).epoch()
    (tmp_path / BEST).unlink()
    again = run(tmp_path)
    curve = [again.epoch().validation_accuracy for _ in range(9)]
    best = Checkpoints(tmp_path).best()
    assert best == Checkpoints(tmp_path).at(curve.index(max(curve)) + 1)


def test_a_full_disk_halts_a_sweep_that_takes_up_what_was_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would fail the trial for good otherwise."""
    run(tmp_path).epoch()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Checkpoints, "mark_best", full)
    with pytest.raises(SweepError, match="checkpoints cannot be written"):
        run(tmp_path)


@pytest.mark.parametrize("known", [1, 5])
def test_checkpoints_of_another_training_halt_the_sweep(tmp_path: Path, known: int) -> None:
    first = run(tmp_path)
    for epoch in range(1, 6):
        first.epoch()
        if epoch == 1:
            first.reported()
    assert not (tmp_path / "epoch-0001").exists() or known == 5
    order = job(tmp_path, Recipe(batch_size=8), epochs=9, start=known, seed=1)
    with pytest.raises(SweepError, match="its seed is 0, not 1"):
        TrainingJob(order, load_dataset("digits", train=40, validation=20), Setup(threads=1))


def test_checkpoints_of_another_design_do_not_hinder_a_trial_that_told_nothing(tmp_path: Path) -> None:
    """As where the power failed, and the number was given to another design."""
    run(tmp_path).epoch()
    order = job(tmp_path, Recipe(batch_size=8), epochs=9, seed=1)
    assert TrainingJob(order, load_dataset("digits", train=40, validation=20), Setup(threads=1)).epoch().epoch == 1


def test_what_was_trained_before_is_told_before_anything_trains(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(trainable, "GATHERED", 60.0)
    first = run(tmp_path)
    for _ in range(3):
        first.epoch()
    trains = worker(job(tmp_path, Recipe(batch_size=8), epochs=9, rungs=(2,)))
    assert told(trains.step()) == [1, 2]
    trains._job = replace(trains._job, until=time.time())  # telling takes no time
    result = trains.step()
    assert (told(result), result["late"]) == ([3], False)
    assert trains.step()["late"]


def test_what_was_measured_but_not_told_is_not_measured_again(tmp_path: Path) -> None:
    first = run(tmp_path, latency=True)
    measured = first.epoch().latency
    first.epoch()
    again = run(tmp_path, latency=True)
    assert [again.epoch().latency for _ in range(3)] == [measured, None, None]


@pytest.mark.parametrize(("gathered", "limit"), [(0.0, None), (60.0, 60.0)], ids=["long", "limited"])
def test_epochs_that_are_long_or_limited_are_told_one_by_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gathered: float, limit: float | None
) -> None:
    monkeypatch.setattr(trainable, "GATHERED", gathered)
    trains = worker(job(tmp_path, Recipe(batch_size=8), epochs=3), limit)
    assert [told(trains.step()) for _ in range(3)] == [[1], [2], [3]]


def test_no_epoch_is_begun_past_the_deadline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trainable, "GATHERED", 60.0)
    trains = worker(job(tmp_path, Recipe(batch_size=8), epochs=9, until=time.time() + 3600))
    run = TrainingJob.epoch

    def the_second_is_the_last(self: TrainingJob) -> Any:
        result = run(self)
        if result.epoch == 2:
            trains._job = replace(trains._job, until=time.time())
        return result

    monkeypatch.setattr(TrainingJob, "epoch", the_second_is_the_last)
    first, second = trains.step(), trains.step()
    assert (told(first), first["late"]) == ([1, 2], False)
    assert (told(second), second["late"]) == ([], True)


@pytest.mark.parametrize(
    ("error", "told_of", "diverged"),
    [(ValueError("it broke"), "ValueError: it broke", False), (DivergenceError("it is dead"), "it is dead", True)],
)
def test_epochs_before_a_failure_are_told_with_it(
    error: Exception, told_of: str, diverged: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(trainable, "GATHERED", 60.0)
    trains = worker(job(tmp_path, Recipe(batch_size=8), epochs=9))
    run = TrainingJob.epoch

    def the_third_fails(self: TrainingJob) -> Any:
        if self._training.epoch == 2:
            raise error
        return run(self)

    monkeypatch.setattr(TrainingJob, "epoch", the_third_fails)
    result = trains.step()
    assert told(result) == [1, 2]
    assert result["failure"].startswith(told_of)
    assert result["diverged"] is diverged


def trained(order: Job, epochs: int) -> list[dict[str, Any]]:
    """What so many epochs of a job tell; the newest two leave their checkpoints on the disk."""
    run = TrainingJob(replace(order, start=0), load_dataset("digits", train=40, validation=20), Setup(threads=1))
    return [curve(run.epoch().to_json()) for _ in range(epochs)]


def curve(result: dict[str, Any]) -> dict[str, Any]:
    return {key: result[key] for key in ("epoch", "train_loss", "validation_loss")}


def rewrite(folder: Path, *, without: str = "", **changed: Any) -> None:
    """Keeps the checkpoint whole by its SHA-256, as another version might have written it."""
    tensors, values = checkpoint.read_checkpoint(folder)
    tensors = {name: value for name, value in tensors.items() if name != without}
    checkpoint.write(folder, tensors, {**values, **changed})


@pytest.mark.parametrize(("unfit", "first"), [((2,), 2), ((1, 2), 1)])
def test_a_checkpoint_that_does_not_fit_is_gone_round(tmp_path: Path, unfit: tuple[int, ...], first: int) -> None:
    """To the one before it, and where that does not fit either to the start."""
    whole = trained(job(tmp_path / "whole", Recipe(batch_size=8), epochs=3), 3)
    order = job(tmp_path / "one", Recipe(batch_size=8), epochs=3, start=2)
    trained(order, 2)
    for epoch in unfit:
        rewrite(tmp_path / "one" / f"epoch-000{epoch}", without="averaged.0.weight")
    run = TrainingJob(order, load_dataset("digits", train=40, validation=20), Setup(threads=1))
    assert [curve(run.epoch().to_json()) for _ in range(first, 4)] == whole[first - 1 :]


def test_a_checkpoint_of_another_training_halts_the_sweep(tmp_path: Path) -> None:
    """Every trial that goes on would start over: somebody has changed what the sweep trains with."""
    order = job(tmp_path, Recipe(batch_size=8), epochs=3, start=2)
    trained(order, 2)
    result = worker(replace(order, seed=4)).step()
    assert result["halt"][0].endswith(f"epoch-0002: its seed is {order.seed}, not 4")
    assert "config.json" in result["halt"][1]
    (tmp_path / "epoch-0002" / "tensors.safetensors").write_bytes(b"cut")
    assert f"epoch-0001: its seed is {order.seed}, not 4" in worker(replace(order, seed=4)).step()["halt"][0]


def test_a_trial_past_where_its_rate_should_have_gone_down_trains_again_and_ends_nothing(tmp_path: Path) -> None:
    """The length was chosen while it trained: it goes on from a checkpoint before the decay, or from the start."""
    order = job(tmp_path, Recipe(batch_size=8, schedule="wsd"), epochs=1_000_000, start=0)
    trained(order, 4)
    report = Report.from_json(worker(replace(order, start=4, epochs=5)).step())
    assert report.halt is None
    assert not report.failure
    assert report.results[0].epoch <= 4


def test_on_a_node_that_does_not_fit_the_sweep_ends_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainable, "problem_on_this_node", lambda check: ("node 10.0.0.2 has " + check, "Mend it."))
    made = WarmWorker.__new__(WarmWorker)
    digits = load_dataset("digits", train=40, validation=20)
    made.setup(job(tmp_path, Recipe()).to_json(), digits, Setup(threads=1), check="no torch")  # pyright: ignore[reportArgumentType]
    report = Report.from_json(made.step())
    assert report.halt == ("node 10.0.0.2 has no torch", "Mend it.")
    assert not list(tmp_path.iterdir())
