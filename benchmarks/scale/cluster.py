"""Sweeps on a cluster of raylets on this machine, whose nodes stay, or are killed while others join."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from convscape.search.driver import read_progress
from convscape.search.files import STUDY
from convscape.search.sweep import Sweep
from convscape.search.tracking import sync
from convscape.search.workers.cluster.settings import TUNE_LOGGERS, TUNE_SETTINGS

from .held import Held, held, slots
from .once import Faults, faults, in_mlflow, in_study
from .sleeping import SleepingSweep

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from raylets import Raylets, raylets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

KILL_EVERY = 20.0
"""Seconds from one node's end to the next one's."""
LIMIT = 3_600.0
"""Seconds that a sweep may take."""
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a sweep."""

    kills: int
    """Nodes that were killed."""
    seconds: float
    """From the moment that workers were asked for to the last trial's end."""
    completed: int
    """Trials that were trained to their end."""
    not_completed: list[str]
    """Why the others were not."""
    attempts: int
    """Workers that trials lost."""
    study: Faults
    mlflow: Faults
    held: Held | None
    """Where the slots' time went; None where nobody looked."""


class Killer:
    """Kills one node of a cluster after the other and has another join each time.

    Args:
        cluster: the nodes, of one CPU each.
        nodes: those that are there, index and name.
        seed: decides which node is next.
    """

    def __init__(self, cluster: Raylets, nodes: list[tuple[int, str]], seed: int) -> None:
        self._cluster, self._nodes, self._chance = cluster, nodes, random.Random(seed)  # noqa: S311 - a benchmark
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.killed: dict[str, float] = {}
        """When nodes were killed, as `time.time()`, by name."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the node that joins has joined."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over.wait(max(0.0, (due := due + KILL_EVERY) - time.monotonic())):
            index, name = self._nodes.pop(self._chance.randrange(len(self._nodes)))
            self.killed[name] = time.time()
            self._cluster.kill(index)
            self._nodes.append(add_node(self._cluster))


def add_node(cluster: Raylets) -> tuple[int, str]:
    """Has a node with one CPU join, and another where that one does not in time. Gives its index and name."""
    while True:
        name = f"n{next(_NUMBERS)}"
        try:
            return cluster.node(1, f"--node-name={name}"), name
        except AssertionError as problem:
            print(f"node {name} does not join: {str(problem).splitlines()[-1]}", file=sys.stderr, flush=True)


def run(cluster: Raylets, nodes: list[tuple[int, str]], sweep: SleepingSweep, *, kills: bool, seed: int) -> Outcome:
    """Runs a sweep on the cluster, and says what became of it.

    Args:
        cluster: the cluster.
        nodes: its nodes, index and name; those that are killed are replaced in it.
        sweep: what to launch.
        kills: whether nodes are killed.
        seed: decides which.
    """
    Path(sweep.folder).mkdir(parents=True)
    folder = sweep.config().sweep_folder
    killer = Killer(cluster, nodes, seed)
    environment = {**cluster.environment, **TUNE_SETTINGS, TUNE_LOGGERS: "1"}
    words = [sys.executable, "-m", f"{__package__}.sleeping", json.dumps(asdict(sweep))]
    with Path(sweep.folder, "said.txt").open("wb") as said:
        driver = subprocess.Popen(words, env=environment, stdout=said, stderr=said)  # noqa: S603 - our own code
        try:
            if kills:
                while driver.poll() is None and '"step"' not in _text(folder / STUDY):
                    time.sleep(0.2)
                killer.start()
            driver.wait(LIMIT)
        finally:
            killer.stop()
            driver.kill()
            driver.wait()
    if driver.returncode:
        raise RuntimeError(Path(sweep.folder, "said.txt").read_text()[-3_000:])
    return _outcome(sweep, folder, killer.killed)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _outcome(sweep: SleepingSweep, folder: Path, killed: dict[str, float]) -> Outcome:
    while sync(folder):
        time.sleep(0.2)
    records = [record for record in Sweep.open(folder.name, folder.parent).trials() if record.trained]
    told = {(record.number, epoch) for record in records for epoch in record.accuracies}
    lines = Path(sweep.log).read_text().splitlines()
    begun, ended = _work(folder, float(lines[0].split()[-1]))
    study = in_study(folder)
    of_them = {record.number for record in records}
    for pair in [pair for pair in study if pair[0] not in of_them]:  # duplicates, which have another's epochs
        del study[pair]
    return Outcome(
        kills=len(killed),
        seconds=ended - begun,
        completed=sum(record.completed for record in records),
        not_completed=[f"{record.state}: {record.reason}" for record in records if not record.completed],
        attempts=sum(record.attempts for record in records),
        study=faults(study, told),
        mlflow=faults(in_mlflow(Path(sweep.folder, "mlflow.db")), told),
        held=held(slots(lines, killed, begun, ended)),
    )


def _work(folder: Path, launched: float) -> tuple[float, float]:
    """When workers were asked for, and when nothing was left to train, as `time.time()`."""
    progress = read_progress(folder)
    assert progress is not None
    names = [phase.name for phase in progress.phases]
    seconds = [phase.seconds for phase in progress.phases]
    first, last = names.index("starting workers"), names.index("leaving the Ray cluster")
    return launched + sum(seconds[:first]), launched + sum(seconds[:last])


def rounds(trials: int, epochs: int, seconds: float, nodes: int, seeds: range) -> Iterator[tuple[Outcome, Outcome]]:
    """Sweeps on one cluster, without kills and with them, a pair for each of the seeds.

    Args:
        trials: of each sweep.
        epochs: of each trial.
        seconds: that an epoch sleeps; 0 for real ones.
        nodes: of the cluster, each with room for one trial.
        seeds: decide which nodes are killed.
    """
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        with raylets(home) as cluster:
            there = [add_node(cluster) for _ in range(nodes)]
            for seed in seeds:
                pair = []
                for kills in (False, True) if seed % 2 == 0 else (True, False):
                    folder = home / f"{seed}-{'killed' if kills else 'still'}"
                    sweep = SleepingSweep(
                        folder=str(folder),
                        address=cluster.address,
                        log=f"{folder}.log",
                        trials=trials,
                        epochs=epochs,
                        seconds=seconds,
                        workers=nodes,
                    )
                    pair.append(run(cluster, there, sweep, kills=kills, seed=seed))
                still, killed = sorted(pair, key=lambda outcome: outcome.kills)
                yield still, killed


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain values, its seconds rounded."""
    values = asdict(outcome)
    if outcome.held:
        values["held"] = {key: round(value, 1) for key, value in asdict(outcome.held).items()}
    return {**values, "seconds": round(outcome.seconds, 1)}
