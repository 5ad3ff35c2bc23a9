"""Checkpoints of workers that do not see the sweep's folder come to the driver, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.sweep import Sweep
from convscape.search.workers.address import refuse_unreachable
from convscape.search.workers.checkpoint_store import SEEN, CheckpointStore, StoreAccess
from convscape.spaces import CheckpointError, SweepError, parse_notation
from convscape.trainers import Checkpoints, Recipe, Training, load_dataset, pack, read_checkpoint
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

NETWORK = parse_notation("INPUT[8x8x1] -> CONV3-4 -> RELU -> GAP -> FLATTEN -> FC-10")


@pytest.fixture(scope="module")
def came(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, bytes]]:
    """The files of three checkpoints, after one epoch, two and three."""
    digits = load_dataset("digits", train=100, validation=50)
    training = Training(NETWORK, Recipe(batch_size=32), digits, seed=0, epochs=3)
    found = []
    for epoch in (1, 2, 3):
        training.run_epoch()
        training.save(folder := tmp_path_factory.mktemp("came") / str(epoch))
        found.append(pack(folder))
    return found


def test_what_comes_is_kept_as_a_training_beside_it_would_keep_it(tmp_path: Path, came: list[dict[str, bytes]]) -> None:
    store = CheckpointStore(tmp_path)
    for epoch, files in enumerate(came, 1):
        store.keep(7, epoch, files, best=epoch == 1)
    kept = Checkpoints(tmp_path / "trials" / "00007")
    assert [epoch for epoch, _ in kept.all()] == [3, 2, 1]
    assert kept.best() == kept.at(1)
    assert read_checkpoint(kept.at(3))[1]["epoch"] == 3
    assert store.fetch(7) == {1: came[0], 2: came[1], 3: came[2]}
    store.mark_best(7, 3)
    assert kept.best() == kept.at(3)
    store.keep(7, 3, came[2], best=True)  # a call that Ray repeats
    assert [epoch for epoch, _ in kept.all()] == [3, 2]
    assert store.fetch(8) == {}


@pytest.mark.parametrize("wrong", ["cut", "altered", "a name", "no bytes", "none"])
def test_what_is_no_whole_checkpoint_is_refused_and_leaves_what_was_there(
    tmp_path: Path, came: list[dict[str, bytes]], wrong: str
) -> None:
    tensors, values = came[1]["tensors.safetensors"], came[1]["checkpoint.json"]
    files: dict[str, Any] = {
        "cut": {**came[1], "tensors.safetensors": tensors[:-1]},
        "altered": {**came[1], "checkpoint.json": values.replace(b'"epoch": 2', b'"epoch": 1')},
        "a name": {**came[1], "../../study.jsonl": b"{}"},
        "no bytes": {**came[1], "checkpoint.json": "text"},
        "none": {},
    }[wrong]
    store = CheckpointStore(tmp_path)
    store.keep(0, 1, came[0], best=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CheckpointError, match="epoch-0002"):
        store.keep(0, 2, files, best=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_texts_stay_beside_their_trial(tmp_path: Path) -> None:
    file = CheckpointStore(tmp_path).keep_text(3, "../../../failure.txt", "x" * 2_000_000)
    assert file == str(tmp_path / "trials" / "00003" / "failure.txt")
    assert len(Path(file).read_text()) == 1_000_000


def test_a_worker_that_sees_the_folder_needs_no_store(tmp_path: Path) -> None:
    access = StoreAccess(tmp_path, "one", None)
    assert access.needed, "another folder under the same path"
    (tmp_path / SEEN).write_text("another")
    assert access.needed
    (tmp_path / SEEN).write_text("one")
    assert not access.needed


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A head without CPUs and a node that has another folder at the path of sweeps; its address, and that path."""
    if os.geteuid():
        pytest.skip("only root may give a process its own mounts")
    sweeps, home, port = tmp_path_factory.mktemp("sweeps"), tmp_path_factory.mktemp("home"), free_port()
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").write_text("5" * 64)
    (home / ".ray" / "auth_token").chmod(0o600)
    short = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # its sockets' paths have a limit
    ray = f"exec {sys.executable} -m ray.scripts.scripts start --block"
    head = f"{ray} --head --port={port} --num-cpus=0 --include-dashboard=false --temp-dir={short}"
    node = f"mount -t tmpfs tmpfs {sweeps} && {ray} --address=127.0.0.1:{port} --num-cpus=2"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HOME", str(home))
        patched.setenv("RAY_AUTH_MODE", "token")
        started = [started_shell(head)]
        try:
            wait_for(f"127.0.0.1:{port}")
            started.append(started_shell(node, "unshare", "--mount", "--propagation=private"))
            yield f"127.0.0.1:{port}", sweeps
        finally:
            for process in reversed(started):
                process.send_signal(signal.SIGTERM)
                process.wait(60)
            shutil.rmtree(short, ignore_errors=True)


def started_shell(command: str, *before: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*before, "sh", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def wait_for(address: str) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        try:
            return refuse_unreachable(address)
        except SweepError:
            time.sleep(1)
    raise AssertionError("the cluster does not start")


def launched(sweeps: Path, name: str, *more: str) -> None:
    text = (
        f"name: {name}\nfolder: {sweeps}\ndata: {{name: digits, train: 200, validation: 100}}\n"
        "space: {stages: 1, convolutions: 1, filters: [4, 8], kernel: 3, hidden: 0}\n"
        "search: {trials: 5, epochs: 4, reduction: 2, finalists: 2, seeds: 2, seed: 1, sampler: random}\n"
        "resources: {runner: inline, workers: 2, precision: float32}\n"
    )
    (sweeps / f"{name}.yaml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "convscape", "launch", f"{name}.yaml", *more],
        cwd=sweeps, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_nothing_shared_is_needed(cluster: tuple[str, Path], tmp_path: Path) -> None:
    """Promoted trials, finals and the last training start from checkpoints that another process handed back."""
    address, sweeps = cluster
    launched(sweeps, "apart", "--set=resources.runner=ray", f"--set=resources.address={address}")
    apart = Sweep.open("apart", sweeps)
    folders = {int(path.name) for path in (apart.folder / "trials").iterdir()}
    assert folders == {record.number for record in apart.trials() if record.epochs}
    for record in apart.trials():
        if record.epochs:
            (epoch, newest), *_ = Checkpoints(apart.folder / "trials" / f"{record.number:05d}").all()
            assert (epoch, read_checkpoint(newest)[1]["epoch"]) == (record.epochs, record.epochs)
    assert apart.export(tmp_path / "winner").test_accuracy > 0
    assert not (apart.folder / SEEN).exists()
    launched(sweeps, "beside")
    fates = [
        [(r.number, r.design.key, r.state, r.accuracies) for r in Sweep.open(name, sweeps).trials() if not r.repeats]
        for name in ("apart", "beside")
    ]
    assert json.dumps(fates[0], default=str) == json.dumps(fates[1], default=str)
