"""The inline runner needs no Ray: a whole sweep runs where it cannot be imported at all."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from convscape.search.driver.launching import launch, resume
from convscape.search.workers import inline_runner, training_job
from convscape.spaces import SweepError
from tiny_sweep import TINY, tiny

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys

class NoRay:
    def find_spec(self, name, path=None, target=None):
        if name == "ray" or name.startswith("ray."):
            raise ImportError("there is no Ray here")

sys.meta_path.insert(0, NoRay())
import json
import convscape
from convscape.search.driver import launching
from convscape.search.tracking import upload_process
for word in ("get_ready", "start", "flush", "stop"):
    setattr(upload_process, word, lambda *_: None)
launching.FLUSH_SECONDS = 0.0
sweep = convscape.launch("tiny.yaml", progress=False)
exported = sweep.export("exported", formats=(), insight=False)
print(json.dumps({"counts": sweep.counts(), "best": sweep.best.accuracy, "files": list(exported.files)}))
assert not [name for name in sys.modules if name.split(".")[0] == "ray"]
"""


def test_a_whole_sweep_runs_where_ray_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    result = json.loads(told.stdout.splitlines()[-1])
    assert result["counts"]["unfinished"] == 0
    assert result["counts"]["completed"] >= 1
    assert result["best"] > 0.1
    assert "model.py" in result["files"]


def setups(monkeypatch: pytest.MonkeyPatch) -> list[training_job.Setup]:
    """How each job is set up; it trains on the CPU, where there is no GPU."""
    seen: list[training_job.Setup] = []

    class OnTheCpu(training_job.TrainingJob):
        def __init__(self, job: Any, dataset: Any, setup: training_job.Setup) -> None:
            seen.append(setup)
            super().__init__(job, dataset, training_job.Setup(threads=setup.threads))

    monkeypatch.setattr(inline_runner, "TrainingJob", OnTheCpu)
    return seen


@pytest.mark.usefixtures("quiet")
def test_a_network_that_will_not_learn_any_more_is_known_from_other_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hot = tiny(tmp_path, "recipe={learning_rate: 100, gradient_clip: null, warmup: 0}", "search.trials=2")
    failed = [record for record in launch(hot, progress=False).trials() if record.failed]
    assert failed
    assert all(record.diverged for record in failed)

    def short_of_memory(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(inline_runner, "TrainingJob", short_of_memory)
    records = launch(tiny(tmp_path, "name=short"), progress=False).trials()
    assert all(record.failed and not record.diverged for record in records)


@pytest.mark.usefixtures("quiet")
def test_a_gpu_is_trained_on_in_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    monkeypatch.setattr("convscape.trainers.device.gpus_here", lambda: 1)
    monkeypatch.setattr(training_job.Setup, "limit_memory", lambda setup: limits.append(setup.share))
    seen = setups(monkeypatch)
    launch(
        tiny(tmp_path, "resources={runner: inline, precision: float32, gpus: 0.5, cuda_graphs: true}"), progress=False
    )
    assert {(setup.device, setup.gpus, setup.cuda_graphs) for setup in seen} == {("cuda", 0.5, True)}
    assert limits == [0.5]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.usefixtures("quiet")
def test_a_gpu_that_is_not_there_is_refused_before_anything_trains(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="a trial needs 1 GPU, and this machine has 0"):
        launch(tiny(tmp_path, "resources={runner: inline, gpus: 1}"), progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quiet")
def test_a_gpu_that_an_error_has_broken_ends_the_sweep_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some of CUDA's errors every call in the process fails: all trials would be the fault's victims."""
    config, epoch, left = tiny(tmp_path), training_job.TrainingJob.epoch, [3]

    def broken(job: training_job.TrainingJob) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return epoch(job)

    monkeypatch.setattr(training_job.TrainingJob, "epoch", broken)
    monkeypatch.setattr(inline_runner, "still_computes", lambda _: False)
    with pytest.raises(SweepError, match="cpu cannot be used in this process any more: trial 1: RuntimeError: CUDA"):
        launch(config, progress=False)
    monkeypatch.setattr(training_job.TrainingJob, "epoch", epoch)
    counts = resume("tiny", tmp_path, progress=False).counts()
    assert (counts["failed"], counts["unfinished"]) == (1, 0)
