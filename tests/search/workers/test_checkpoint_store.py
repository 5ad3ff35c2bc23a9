"""Checkpoints handed back by workers: written whole or not at all, by the latest job alone, and equal to local ones."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.files import MARK
from convscape.search.records.trial import Design
from convscape.search.scheduling import Job
from convscape.search.workers import checkpoint_store
from convscape.search.workers.checkpoint_store import CheckpointStore, HandedCheckpoints, StoreAccess
from convscape.search.workers.training_job import Setup, TrainingJob, describe_failure
from convscape.spaces.errors import CheckpointError, SweepError, TrainingError
from convscape.spaces.parsing import parse_notation
from convscape.trainers.checkpoint import pack, read_checkpoint
from convscape.trainers.checkpoint_files import PackedCheckpoint, packed
from convscape.trainers.checkpoints import Checkpoints
from convscape.trainers.data.dataset import load_dataset
from convscape.trainers.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.trainers.data.dataset import Dataset

NETWORK = parse_notation("INPUT[8x8x1] -> CONV3-4 -> BN -> RELU -> FC-10")


def trial(sweep: Path, serial: int = 1, **settings: Any) -> Job:
    values: dict[str, Any] = {"start": 0, "epochs": 5, "rungs": (), "seed": 0, "best": -1.0}
    design = Design.of(NETWORK, Recipe(batch_size=64))
    return Job(number=7, design=design, checkpoints=sweep / "trials" / "00007", serial=serial, **values | settings)


def files(epoch: int, what: str = "") -> PackedCheckpoint:
    return pack({}, {"epoch": epoch, "what": what})


class Direct:
    """The store as Ray's handle shows it, called in this process."""

    def __init__(self, store: CheckpointStore) -> None:
        self._store = store

    def __getattr__(self, method: str) -> Any:
        return SimpleNamespace(remote=lambda *given, **more: lambda: getattr(self._store, method)(*given, **more))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Direct:
    def get(call: Any) -> Any:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - as Ray does
            raise checkpoint_store.RayTaskError("call", "", error) from None

    here = SimpleNamespace(get_node_id=lambda: "here")
    monkeypatch.setattr(checkpoint_store, "ray", SimpleNamespace(get=get, get_runtime_context=lambda: here))
    return Direct(CheckpointStore(tmp_path))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits", train=200, validation=100)


def test_training_with_the_store_comes_to_the_same_as_without(tmp_path: Path, store: Direct, digits: Dataset) -> None:
    job, setup = trial(tmp_path), Setup(threads=1)
    alone = TrainingJob(replace(job, checkpoints=tmp_path / "alone"), digits, setup)
    handed = TrainingJob(job, digits, setup, HandedCheckpoints(store, job))
    kept = Checkpoints(job.checkpoints)
    for epoch in range(1, 6):
        assert replace(handed.epoch(), seconds=0, images_per_second=0) == replace(
            alone.epoch(), seconds=0, images_per_second=0
        )
        alone.reported()
        handed.reported()
        assert kept.epochs() == Checkpoints(tmp_path / "alone").epochs()
        assert kept.epochs()[0] == epoch
    assert kept.best() == kept.at(int(Checkpoints(tmp_path / "alone").best().name[-4:]))  # pyright: ignore[reportOptionalMemberAccess]
    assert kept.read(5)[0].keys() == read_checkpoint(tmp_path / "alone" / "epoch-0005")[0].keys()


def test_the_next_worker_goes_on_and_tells_what_the_first_did_not(
    tmp_path: Path, store: Direct, digits: Dataset
) -> None:
    setup, first = Setup(threads=1), trial(tmp_path)
    dead = TrainingJob(first, digits, setup, HandedCheckpoints(store, first))
    curve = [dead.epoch().validation_accuracy for _ in range(3)]
    again = trial(tmp_path, serial=2, start=1)
    second = TrainingJob(again, digits, setup, HandedCheckpoints(store, again))
    assert second.replays
    assert [second.epoch().validation_accuracy for _ in range(2)] == curve[1:]
    assert not second.replays
    assert second.epoch().epoch == 4
    with pytest.raises(TrainingError, match="trial 7 was given to another worker"):
        dead.epoch()
    assert Checkpoints(first.checkpoints).epochs()[0] == 4


def test_damage_in_the_newest_is_passed_over(tmp_path: Path, store: Direct, digits: Dataset) -> None:
    setup, first = Setup(threads=1), trial(tmp_path)
    one = TrainingJob(first, digits, setup, HandedCheckpoints(store, first))
    for _ in range(3):
        one.epoch()
    (first.checkpoints / "epoch-0003" / "tensors.safetensors").write_bytes(b"")
    again = trial(tmp_path, serial=2, start=3)
    second = TrainingJob(again, digits, setup, HandedCheckpoints(store, again))
    assert second.epoch().epoch == 3
    assert "epoch-0003" in second.epoch().events[0]


@pytest.mark.parametrize(
    ("handed", "says"),
    [
        (files(4), "its epoch is 4"),
        (packed(b"", {}), "its epoch is None"),
        (packed(b"", {"epoch": 3.5}), "its epoch is 3.5"),
        (packed(b"", {"epoch": -1}), "its epoch is -1"),
        (PackedCheckpoint(b"", b"{" * 100_000), "not JSON"),
        (PackedCheckpoint(files(3).tensors + b"1", files(3).record), "SHA-256"),
        (b"PK", "it is a bytes"),
    ],
)
def test_what_is_no_checkpoint_of_that_epoch_is_refused(tmp_path: Path, handed: Any, says: str) -> None:
    store = CheckpointStore(tmp_path)
    store.keep(7, 1, 2, files(2), best=True)
    with pytest.raises(CheckpointError, match=f"checkpoint of trial 7 after epoch 3, handed back by a worker.*{says}"):
        store.keep(7, 1, 3, handed, best=True)
    assert sorted(path.name for path in (tmp_path / "trials" / "00007").iterdir()) == ["best.json", "epoch-0002"]


@pytest.mark.parametrize(("name", "text"), [("../stop", ""), ("epoch-0001", ""), ("best.json", "{}")])
def test_no_other_file_is_written_for_a_worker(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(TrainingError, match="which is none of"):
        CheckpointStore(tmp_path).keep_text(7, 1, name, text)
    assert list(tmp_path.iterdir()) == []


def test_a_late_job_is_not_listened_to_and_its_checkpoint_not_kept(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    store.keep(7, 1, 1, files(1, "first"), best=True)
    assert store.epochs(7, 2, "there") == [1]
    for late in (
        lambda: store.keep(7, 1, 2, files(2, "first"), best=True),
        lambda: store.mark_best(7, 1, 1),
        lambda: store.epochs(7, 1, "here"),
        lambda: store.keep_text(7, 1, "failure.txt", ""),
    ):
        with pytest.raises(TrainingError, match="another worker"):
            late()
    assert (Checkpoints(tmp_path / "trials" / "00007").epochs(), store.node_of(7)) == ([1], "there")
    store.keep(8, 1, 1, files(1), best=False)  # another trial's


def test_where_the_disk_is_full_the_sweep_ends_and_says_where(
    tmp_path: Path, store: Direct, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    job = trial(tmp_path)
    one = TrainingJob(job, digits, Setup(threads=1), HandedCheckpoints(store, job))
    one.epoch()
    monkeypatch.setattr(checkpoint_store, "write_packed", full)
    with pytest.raises(SweepError, match=r"trials/00007: checkpoints cannot be written: .*No space left"):
        one.epoch()
    assert Checkpoints(job.checkpoints).epochs() == [1]


def test_the_traceback_of_a_failure_comes_back(tmp_path: Path, store: Direct) -> None:
    job = trial(tmp_path)
    reason = describe_failure(ZeroDivisionError("by zero"), HandedCheckpoints(store, job))
    file = job.checkpoints / "failure.txt"
    assert reason == f"ZeroDivisionError: by zero (see {file})"
    assert file.read_text() == "ZeroDivisionError: by zero\n"


def test_a_folder_is_seen_where_its_mark_is_the_sweeps(tmp_path: Path) -> None:
    access, job = StoreAccess(None, tmp_path, "5" * 32), trial(tmp_path)
    assert isinstance(access.checkpoints(job), HandedCheckpoints), "none is there"
    (tmp_path / MARK).write_text("6" * 32)
    assert isinstance(access.checkpoints(job), HandedCheckpoints), "another sweep's"
    (tmp_path / MARK).write_text("5" * 32)
    assert isinstance(access.checkpoints(job), Checkpoints)
