"""A sweep on a real local Ray with two workers: the same trials, warm workers, and a worker that is killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.config import sweep_file
from convscape.search.driver import preflight
from convscape.search.driver.launching import launch, resume
from convscape.search.sweep import Sweep
from convscape.search.workers import trainable as trials
from convscape.search.workers.ray_runner import TUNE_LOGGERS
from convscape.spaces.errors import SweepError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quiet")]

TINY = """
name: tiny
data: {name: digits, train: 300, validation: 100}
space: {stages: 1, convolutions: 1, filters: [4, 8], kernel: [3, 5], dropout: 0.0, hidden: [0, 8]}
search: {finalists: 0, trials: 12, epochs: 4, reduction: 2, seed: 1, sampler: random}
resources: {runner: ray, workers: 2, precision: float32}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def run(folder: Path, *overrides: str) -> Sweep:
    return launch(sweep_file.parse_sweep_file(TINY, "tiny.yaml", [f"folder={folder}", *overrides]), progress=False)


def test_a_halted_sweep_ends_where_no_worker_ever_came(
    cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(preflight, "refuse_too_short", lambda *_: None)  # on a busy machine an epoch takes as long
    sweep = run(tmp_path, "resources.cpus=64", "resources.workers=1", "search.seconds=12")
    (record,) = sweep.trials()
    assert (record.state, record.epochs) == ("stopped", 0)
    assert "Last result" not in "".join(capfd.readouterr()), "Tune tells of it in its own way"


def test_a_local_ray_without_room_for_a_trial_is_refused_whatever_the_workers(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    sets = ["--set=resources.gpus=64", "--set=resources.workers=1"]
    driver = subprocess.run(
        [sys.executable, "-m", "convscape", "launch", "tiny.yaml", *sets],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert driver.returncode == 4
    assert re.search(r"resources.gpus: a trial needs 64 GPU, and this machine has \d", driver.stderr)
    assert not (tmp_path / "sweeps" / "tiny").exists()


def workers() -> dict[int, str]:
    """This test's processes that train, by id, with the titles Ray gives them."""
    found: dict[int, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title = (process / "cmdline").read_bytes().decode(errors="replace").strip("\0")
            if title.startswith(("ray::ResourceTrainable", "ray::WarmWorker")) and parent(parent(process)) == OURS:
                found[int(process.name)] = title
        except OSError:
            continue
    return found


OURS = Path("/proc", str(os.getpid()))


def parent(process: Path) -> Path:
    """A worker's is the raylet, whose is the driver."""
    return Path("/proc", (process / "stat").read_text().rpartition(")")[2].split()[1])


class Watch(threading.Thread):
    """Collects the ids of the processes that train, and may kill the first one in the middle of a trial."""

    def __init__(self, study: Path, kill_after: int | None = None) -> None:
        super().__init__(daemon=True)
        self.study, self.kill_after = study, kill_after
        self.seen: set[int] = set()
        self.before = set(workers())
        """Those of an earlier sweep on the same cluster that have not left yet."""
        self.killed: int | None = None
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            now = {pid: title for pid, title in workers().items() if pid not in self.before}
            self.seen |= set(now)
            reports = self.study.read_text().count('"step"') if self.study.exists() else 0
            training = [pid for pid, title in now.items() if title.endswith(".train")]
            if self.kill_after is not None and self.killed is None and reports >= self.kill_after and training:
                self.killed = training[0]
                os.kill(self.killed, signal.SIGKILL)

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.over.set()
        self.join()


def reports(sweep: Sweep) -> list[tuple[int, int]]:
    events = [json.loads(line) for line in (sweep.folder / "study.jsonl").read_text().splitlines()]
    duplicates = {record.number for record in sweep.trials() if record.state == "duplicate"}
    return [(e["trial_id"], e["step"]) for e in events if "step" in e and e["trial_id"] not in duplicates]


def test_a_sweep_on_warm_workers(cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TUNE_LOGGERS, raising=False)
    with Watch(tmp_path / "tiny" / "study.jsonl") as watch:
        sweep = run(tmp_path)
    counts = sweep.counts()
    assert counts["completed"] + counts["stopped"] == 12
    assert counts["completed"] >= 1
    assert counts["failed"] == counts["unfinished"] == 0
    assert len(set(reports(sweep))) == len(reports(sweep)), "an epoch was trained twice"
    assert 1 <= len(watch.seen) <= 3, "workers were started anew between trials"
    assert not list((sweep.folder / "ray").rglob("result.json")), "Tune's own loggers write"
    assert TUNE_LOGGERS not in os.environ


def test_without_promotion_ray_and_this_process_reach_the_same(cluster: None, tmp_path: Path) -> None:
    # Which trial is promoted depends on which ends first; what a design reaches does not.
    def reached(runner: str) -> dict[str, dict[int, float]]:
        settings = ("search.trials=6", "search.epochs=2", "search.promotion=none", f"resources.runner={runner}")
        return {r.design.key: r.accuracies for r in run(tmp_path, f"name={runner}", *settings).trials()}

    assert reached("ray") == reached("inline")


def test_a_killed_worker_does_not_end_the_sweep(cluster: None, tmp_path: Path) -> None:
    with Watch(tmp_path / "tiny" / "study.jsonl", kill_after=4) as watch:
        larger = ("data.train=1300", "space.filters=[16, 32]", "space.convolutions=2")
        sweep = run(tmp_path, "search.trials=5", "search.epochs=8", *larger)
    assert watch.killed is not None
    counts = sweep.counts()
    assert counts["completed"] + counts["stopped"] == 5
    assert counts["failed"] == 0
    assert sum(record.attempts for record in sweep.trials()) == 1
    assert len(set(reports(sweep))) == len(reports(sweep)), "an epoch was told twice"


def test_a_trial_that_fails_keeps_its_worker(cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TUNE_LOGGERS, "1")  # as a user may say who wants none of Tune's own
    with Watch(tmp_path / "tiny" / "study.jsonl") as watch:
        sweep = run(tmp_path, "recipe.learning_rate=[0.05, 100]", "recipe.gradient_clip=1000000", "recipe.warmup=0")
    counts = sweep.counts()
    assert counts["completed"] + counts["stopped"] + counts["failed"] == 12
    assert counts["failed"] >= 1
    assert len(watch.seen) <= 3
    assert not list((sweep.folder / "ray").rglob("result.json"))
    assert os.environ[TUNE_LOGGERS] == "1"


def test_a_trial_that_hangs_fails_and_the_others_do_not(
    cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "WarmWorker", hanging(number=2, epoch=2))
    sweep = run(tmp_path, "search.promotion=none", "search.trials=4", "resources.epoch_seconds=10")
    failed = sweep.trials()[2]
    assert (failed.state, failed.epochs, failed.attempts) == ("failed", 1, 3)
    where = sweep.folder / "trials" / "00002" / "hung.txt"
    assert failed.reason == (
        "3 workers lost; the last: an epoch did not end within the 10 s of resources.epoch_seconds; raise it, or see "
        f"in {where} where it hung"
    )
    assert "in epoch" in where.read_text()
    assert (sweep.counts()["completed"], sweep.counts()["failed"]) == (3, 1)
    assert len(set(reports(sweep))) == len(reports(sweep)), "an epoch was told twice"


def hanging(number: int, epoch: int) -> type[trials.WarmWorker]:
    """A worker that hangs in one trial's epoch, where nothing but the end of its process ends it."""

    class Hanging(trials.WarmWorker):  # in a function, so that it reaches the workers
        def setup(self, config: dict[str, Any], dataset: Any, setup: Any, check: Any = None) -> None:
            import ctypes

            from convscape.search.workers import trainable

            class Hangs(trainable.TrainingJob):
                def epoch(self) -> Any:
                    if self._checkpoints.folder.name == f"{number:05d}" and self._training.epoch == epoch - 1:
                        ctypes.PyDLL(None).sleep(100_000)  # holding the interpreter's lock
                    return super().epoch()

            if trainable.TrainingJob.__name__ != "Hangs":
                trainable.TrainingJob = Hangs
            super().setup(config, dataset, setup, check)

    return Hanging


def test_more_than_the_cluster_has_is_refused(cluster: None, tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(SweepError, match=r"a trial needs 64 CPU and 0 GPU, .* the most on one is 2 CPU"):
        run(tmp_path, "resources.workers=null", "resources.cpus=64")
    assert time.monotonic() - started < 60
    assert not (tmp_path / "tiny").exists()


def test_a_sweep_stopped_by_the_clock_can_go_on(cluster: None, tmp_path: Path) -> None:
    sweep = run(tmp_path, "search.trials=1000", "search.seconds=3", "search.epochs=30")
    counts = sweep.counts()
    assert counts["unfinished"] == 0
    assert counts["completed"] + counts["stopped"] < 1000
    before = len(sweep.trials())
    assert len(resume("tiny", tmp_path, progress=False).trials()) > before


def test_tunes_own_loggers_write_where_a_user_asks_for_them(
    cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TUNE_LOGGERS, "0")
    sweep = run(tmp_path, "search.trials=2")
    assert sweep.counts()["failed"] == sweep.counts()["unfinished"] == 0
    assert list((sweep.folder / "ray").rglob("result.json"))
    assert os.environ[TUNE_LOGGERS] == "0"


def test_ctrl_c_once_saves_and_the_resumed_sweep_ends_whole(tmp_path: Path) -> None:
    """As a terminal does it: the signal goes to the driver, its upload process and Ray's processes alike."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    command = [sys.executable, "-m", "convscape", "launch", "tiny.yaml", "--set", "search.trials=16"]
    driver = subprocess.Popen(
        command, cwd=tmp_path, start_new_session=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    study = tmp_path / "sweeps" / "tiny" / "study.jsonl"
    try:
        until = time.monotonic() + 120
        while not (study.exists() and '"step":1' in study.read_text()):
            assert driver.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        os.killpg(driver.pid, signal.SIGINT)
        said = driver.communicate(timeout=120)[1]
    finally:
        driver.kill()
    assert driver.returncode == 130, said
    assert "Traceback" not in said
    assert "convscape resume tiny" in said
    before = Sweep.open("tiny", tmp_path / "sweeps")
    assert before.counts()["unfinished"] > 0
    assert before.counts()["stopped"] == before.counts()["failed"] == 0
    ended = {trial.number: trial.accuracies for trial in before.trials() if trial.state == "completed"}
    sweep = resume("tiny", tmp_path / "sweeps", progress=False)
    assert sweep.counts()["unfinished"] == sweep.counts()["failed"] == 0
    assert sum(trial.state in ("completed", "stopped") for trial in sweep.trials()) == 16
    assert {number: sweep.trials()[number].accuracies for number in ended} == ended
