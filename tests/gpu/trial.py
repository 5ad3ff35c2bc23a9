"""A process that trains on the device, alone or beside others, and tells its curve: `python -m gpu.trial`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu.checkout import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convscape.spaces import Architecture

WAIT = 90.0
"""Seconds that a process waits for the others, at most."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What a process is to train."""

    device: str
    network: str
    """Of networks.py, by its name there."""
    folder: str
    """Where checkpoints go, and files by which processes wait for each other."""
    name: str = "trial"
    epochs: int = 3
    batch: int = 32
    images: int = 256
    share: float = 1.0
    """Of the device, as a sweep's `gpus` says it."""
    limit: int | None = None
    """Bytes that the process may take of the device, whatever the training is told that it may; None for no limit."""
    together: int = 1
    """How many processes begin at once."""
    beside: str = ""
    """Name of a process until whose end this one trains on, after its epochs; "" for none."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a process came to."""

    curve: list[tuple[float, float, float]]
    events: list[str]
    reserved: int = 0
    """Bytes that PyTorch took of the GPU, at most."""
    allowed: int = 0
    """Bytes that were its share."""
    refused: bool = False
    """Whether it was refused more than its share when it asked for that."""
    began: float = 0.0
    ended: float = 0.0


def start(spec: Spec) -> subprocess.Popen[str]:
    """Starts a process that trains."""
    command = [sys.executable, "-m", "gpu.trial", json.dumps(asdict(spec))]
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@contextmanager
def started(*specs: Spec) -> Iterator[list[subprocess.Popen[str]]]:
    """A context with processes that train, of which none is left after it."""
    processes: list[subprocess.Popen[str]] = []
    try:
        processes.extend(map(start, specs))
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def told_by(process: subprocess.Popen[str], seconds: float = 100.0) -> Told:
    """What a process came to, once it has ended.

    Raises:
        AssertionError: it failed or took longer; says what it printed.
    """
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        raise AssertionError(f"a process took more than {seconds:.0f} s:\n{errors[-2000:]}") from None
    assert process.returncode == 0, f"a process ended with exit code {process.returncode}:\n{errors[-2000:]}"
    values = json.loads(output.splitlines()[-1])
    return Told(**{**values, "curve": [tuple(epoch) for epoch in values["curve"]]})


def train(spec: Spec) -> Told:
    """Trains in this process, by the code that a sweep's workers run."""
    import torch
    from convscape.search.records import Design
    from convscape.search.scheduling import Job
    from convscape.search.workers.training_job import Setup, TrainingJob
    from convscape.trainers import Recipe
    from gpu import networks
    from gpu.images import dataset

    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    network: Architecture = getattr(networks, spec.network)
    on_gpu = torch.device(spec.device).type == "cuda"
    setup = Setup(threads=1, device=spec.device, gpus=spec.share if on_gpu else 0.0)
    setup.limit_memory()
    if spec.limit is not None:
        _limit(spec.limit, on_gpu=on_gpu)
    job = Job(
        number=0, design=Design.of(network, Recipe(batch_size=spec.batch)), start=0, epochs=spec.epochs, rungs=(),
        seed=0, best=-1.0, checkpoints=Path(spec.folder) / spec.name,
    )  # fmt: skip
    images = dataset(network.input, network.classes, train=spec.images)
    _meet(spec)
    began = time.time()
    training = TrainingJob(job, images, setup)
    results = [training.epoch() for _ in range(spec.epochs)]
    until = time.monotonic() + WAIT
    while spec.beside and not _end_of(spec, spec.beside).exists() and time.monotonic() < until:
        training.epoch()
    ended = time.time()
    _end_of(spec, spec.name).touch()
    told = Told(
        curve=[(each.train_loss, each.validation_loss, each.validation_accuracy) for each in results],
        events=list(results[-1].events),
        began=began,
        ended=ended,
    )
    if not on_gpu:
        return told
    reserved, refused = torch.cuda.max_memory_reserved(), False
    if setup.share < 1:
        try:
            torch.empty(setup.memory + 2**20, dtype=torch.uint8, device=spec.device)
        except torch.OutOfMemoryError:
            refused = True
    return replace(told, reserved=reserved, allowed=setup.memory, refused=refused)


def _limit(bytes: int, *, on_gpu: bool) -> None:
    """Has this process refused more than so many bytes: of the GPU, or of the machine's memory beyond what it has."""
    if on_gpu:
        import torch

        torch.cuda.set_per_process_memory_fraction(bytes / torch.cuda.get_device_properties(0).total_memory)
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _end_of(spec: Spec, name: str) -> Path:
    """The file by which a process tells that it has trained."""
    return Path(spec.folder) / f"{name}.ended"


def _meet(spec: Spec) -> None:
    """Waits until as many processes are here as shall begin together."""
    if spec.together == 1:
        return
    here = Path(spec.folder)
    (here / f"{spec.name}.here").touch()
    until = time.monotonic() + WAIT
    while len(list(here.glob("*.here"))) < spec.together:
        if time.monotonic() > until:
            raise TimeoutError(f"fewer than {spec.together} processes came within {WAIT:.0f} s")
        time.sleep(0.02)


def main(argument: str) -> None:
    spec: dict[str, Any] = json.loads(argument)
    sys.stdout.write(json.dumps(asdict(train(Spec(**spec)))) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
