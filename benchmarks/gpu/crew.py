"""Processes that train on one GPU at the same time, as several trials of a sweep do; started once, for all figures."""

from __future__ import annotations

import gc
import multiprocessing
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch
from convscape.trainers.device import cpus_here, device_memory, empty_cache

from .networks import NETWORKS
from .ours import Ours
from .report import one_line
from .steps import BareStep
from .timing import Measured

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from convscape.trainers.device import Precision

STARTED = 120.0
"""Seconds that a process may take to import torch and to open the device."""
PREPARED = 60.0
"""Seconds that it may take to be ready to train, and to come back after the time was up."""

ENDED = 5.0
"""Seconds that all of them may take to end by themselves."""
FEWEST_STEPS = 20
"""Of an epoch, where it has so many: what else an epoch has should not count."""
ROUNDS = 3
"""Slices of the time, each with a figure of its own."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What each process trains."""

    network: str
    """Name of one of NETWORKS."""
    precision: Precision
    way: Literal["ours", "bare"]
    """`Training`, with its share of the memory, or the bare step."""
    steps: int
    """Of an epoch: the clock is looked at after each."""
    seconds: float
    """Of training, all slices together."""
    share: float = 1.0
    """Of the device's memory."""


def steps_of_each(steps: int, count: int) -> int:
    """Steps of an epoch of each of several trials, so that an epoch lasts about as long as one trial's alone.

    Args:
        steps: of an epoch where one trial has the device for itself.
        count: of trials.
    """
    return max(min(steps, FEWEST_STEPS), steps // count)


class Crew:
    """Processes that train the same network, each from its own weights, on one device.

    Args:
        count: of processes.
        device: as torch names it.

    Raises:
        RuntimeError: a process did not start.
    """

    def __init__(self, count: int, device: str) -> None:
        context = multiprocessing.get_context("spawn")  # a forked process cannot use CUDA
        self._pipes: list[Any] = []
        self._processes: list[Any] = []
        self.lost = False
        """Whether a process ended or hangs, so that another crew is needed."""
        for number in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, device, number), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        try:
            self._answers(self._pipes, STARTED)
        except BaseException:
            self.close()
            raise

    def train(self, task: Task, count: int) -> Measured:
        """Images a second that `count` of the processes come to together, in each of ROUNDS slices of the time.

        All begin at a time, once all are ready; each trains for as many epochs as it takes.

        Args:
            task: what each of them trains.
            count: of processes that do.

        Raises:
            RuntimeError: one of them failed; says how.
        """
        pipes = self._pipes[:count]
        try:
            speeds = self._speeds(pipes, task)
        except RuntimeError:
            raise
        except BaseException:  # somebody ended this half way: what they say later is an answer to this
            self.lost = True
            raise
        return Measured(tuple(map(sum, zip(*speeds, strict=True))))

    def close(self) -> None:
        """Ends the processes."""
        _tell(self._pipes, END)
        end = time.monotonic() + ENDED
        for process in self._processes:
            process.join(timeout=max(0.0, end - time.monotonic()))
        for process in self._processes:
            if process.is_alive():
                process.kill()
            process.join()
        for pipe in self._pipes:
            pipe.close()

    def _speeds(self, pipes: list[Connection], task: Task) -> list[list[float]]:
        """What each process trained, a slice of the time after the other."""
        _tell(pipes, task)
        try:
            self._answers(pipes, PREPARED)
        except RuntimeError:
            _tell(pipes, REST)
            raise
        _tell(pipes, GO)
        return self._answers(pipes, task.seconds + PREPARED)

    def _answers(self, pipes: list[Connection], seconds: float) -> list[Any]:
        """What all of them say; where some failed, once all have spoken, what the first of these says is raised."""
        end = time.monotonic() + seconds
        said: list[Any] = []
        for pipe in pipes:
            try:
                heard = pipe.poll(max(0.0, end - time.monotonic()))
                said.append(pipe.recv() if heard else _Failed(f"it said nothing for {seconds:.0f} s"))
                self.lost = self.lost or not heard
            except (EOFError, OSError):
                said.append(_Failed("it ended"))
                self.lost = True
        for number, words in enumerate(said):
            if isinstance(words, _Failed):
                raise RuntimeError(f"process {number + 1} of {len(pipes)}: {words.why}")
        return said


GO, REST, END = "go", "rest", "end"


@dataclass(frozen=True)
class _Failed:
    why: str


def _tell(pipes: list[Connection], words: object) -> None:
    for pipe in pipes:
        with suppress(OSError):  # it ended; `_answers` says so
            pipe.send(words)


def _work(pipe: Connection, device: str, number: int) -> None:
    """A process of the crew: takes tasks until it is told to end."""
    with suppress(EOFError, OSError):  # whoever asked has ended
        if device.startswith("cuda"):
            torch.cuda.set_device(device)
        pipe.send(_tried(lambda: torch.zeros(1, device=device).item()))
        while (task := pipe.recv()) != END:
            if isinstance(task, Task):
                _do(task, pipe, torch.device(device), number)
                gc.collect()
                empty_cache(torch.device(device))


def _do(task: Task, pipe: Connection, device: torch.device, number: int) -> None:
    """Gets ready, says so, and trains once it is told to."""
    ready = _tried(lambda: _trainer(task, device, number))
    pipe.send(ready if isinstance(ready, _Failed) else "ready")
    if not isinstance(ready, _Failed) and pipe.recv() == GO:
        epoch, images = ready
        pipe.send(_tried(lambda: _speeds(epoch, images, task.seconds)))


def _tried(action: Callable[[], Any]) -> Any:
    """What `action` gives, or how it failed."""
    try:
        return action()
    except Exception as error:  # noqa: BLE001 - whatever it is, who asked is told
        return _Failed(one_line(error))


def _trainer(task: Task, device: torch.device, number: int) -> tuple[Callable[[], object], int]:
    """An epoch of the task, run once already, and the images it trains on."""
    network = next(each for each in NETWORKS if each.name == task.network)
    images = task.steps * network.batch
    if device.type == "cuda":  # as a sweep's workers have it: one's trial cannot take what is its neighbour's
        memory = device_memory(device, task.share)
        torch.cuda.set_per_process_memory_fraction(memory / torch.cuda.get_device_properties(device).total_memory)
    else:
        torch.set_num_threads(max(1, int(cpus_here() * task.share)))
    epoch: Callable[[], object]
    if task.way == "bare":
        epoch = partial(BareStep(network, task.precision, device, seed=number).seconds, task.steps)
    else:
        memory = device_memory(device, task.share)
        epoch = Ours(network, network.dataset(task.steps), task.precision, device, memory=memory).epoch
    epoch()
    return epoch, images


def _speeds(epoch: Callable[[], object], images: int, seconds: float) -> list[float]:
    """Images a second in each of ROUNDS slices of the time; no epoch begins after a slice's end."""
    speeds: list[float] = []
    for _ in range(ROUNDS):
        start, done = time.perf_counter(), 0
        while not done or time.perf_counter() - start < seconds / ROUNDS:
            epoch()
            done += images
        speeds.append(done / (time.perf_counter() - start))
    return speeds
