"""A disk that takes nothing more, under workers of a real Ray: the sweep ends by name, and a resume goes on."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.config import sweep_file
from convscape.search.driver import launching as sweeps
from convscape.search.driver.launching import launch, resume
from convscape.search.sweep import Sweep
from convscape.spaces.errors import SweepError
from servers import SmallDisk, small_disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from convscape.search.config.schema import SweepConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quiet")]

TINY = """
name: tiny
data: {name: digits, train: 300, validation: 100}
space: {stages: 1, convolutions: 1, filters: [8, 16], kernel: [3, 5], dropout: 0.0, hidden: [0, 8]}
search: {finalists: 0, trials: 6, epochs: 6, reduction: 2, seed: 1, sampler: random}
resources: {workers: 2, precision: float32}
"""


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def tiny(folder: Path) -> SweepConfig:
    return sweep_file.parse_sweep_file(TINY, "tiny.yaml", [f"folder={folder}"])


def trained(sweep: Sweep) -> dict[tuple[int, int], float]:
    return {(r.number, epoch): value for r in sweep.trials() for epoch, value in r.accuracies.items()}


def assert_goes_on(folder: Path) -> None:
    """Nothing failed, and the resumed sweep keeps what was trained and ends whole."""
    halted = Sweep.open("tiny", folder)
    assert halted.counts()["failed"] == 0
    assert halted.counts()["unfinished"] > 0
    sweep = resume("tiny", folder, progress=False)
    assert trained(halted).items() <= trained(sweep).items()
    counts = sweep.counts()
    assert counts["completed"] + counts["stopped"] == 6
    assert counts["failed"] == counts["unfinished"] == 0


def test_a_checkpoint_that_cannot_be_written_halts_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = sweeps._train

    def obstructed(engine: Any, dataset: Any, config: Any, folder: Path, *rest: Any) -> None:
        (folder / "trials").mkdir()
        (folder / "trials" / "00003").write_text("")
        train(engine, dataset, config, folder, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(sweeps, "_train", obstructed)
        with pytest.raises(SweepError, match=r"trials/00003: checkpoints cannot be written: .*exists"):
            launch(tiny(tmp_path), progress=False)
    (tmp_path / "tiny" / "trials" / "00003").unlink()
    assert_goes_on(tmp_path)


def test_a_disk_that_runs_full_halts_the_sweep(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        if disk is None:
            pytest.skip("only root may mount a small disk")
        filler = threading.Thread(target=fill, args=(disk, disk.folder / "tiny" / "study.jsonl"), daemon=True)
        filler.start()
        with pytest.raises(SweepError, match=r"cannot be written: .*No space left on device"):
            launch(tiny(disk.folder), progress=False)
        filler.join()
        with pytest.raises(SweepError, match="No space left on device"):
            resume("tiny", disk.folder, progress=False)
        disk.empty()
        assert_goes_on(disk.folder)


def fill(disk: SmallDisk, study: Path) -> None:
    """After a few epochs."""
    while not study.exists() or study.read_text().count('"step"') < 4:
        time.sleep(0.01)
    disk.fill()


def test_a_disk_that_is_full_before_anything_is_trained_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = sweeps._train
    with small_disk(tmp_path / "disk") as disk:
        if disk is None:
            pytest.skip("only root may mount a small disk")

        def in_vain(*arguments: Any) -> None:
            disk.fill()
            train(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(sweeps, "_train", in_vain)
            with pytest.raises(SweepError, match="cannot be used: No space left on device"):
                launch(tiny(disk.folder), progress=False)
        assert not (disk.folder / "tiny").exists()


@pytest.mark.parametrize("room", [0, 1])
def test_a_launch_onto_a_full_disk_names_it_and_leaves_no_sweep(tmp_path: Path, room: int) -> None:
    with small_disk(tmp_path / "disk") as disk:
        if disk is None:
            pytest.skip("only root may mount a small disk")
        (disk.folder / "tiny").mkdir()
        (disk.folder / "tiny" / "lock").write_text("process 1 on nowhere" * room)  # the lock has its page, or not
        disk.fill()
        with pytest.raises(SweepError, match="cannot be used: No space left on device") as caught:
            launch(tiny(disk.folder), progress=False)
        assert "--set folder=" in caught.value.remedy
        disk.empty()
        assert launch(tiny(disk.folder), progress=False).counts()["unfinished"] == 0


@pytest.mark.parametrize("where", ["__init__", "fit"])
def test_a_tune_that_only_fails_ends_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    from ray import tune

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the head node is gone")

    monkeypatch.setattr(tune.Tuner, where, broken)
    with pytest.raises(SweepError, match=r"Tune ended 3 times before .*RuntimeError: the head node is gone"):
        launch(tiny(tmp_path), progress=False)
