"""A sweep whose epochs sleep in place of computing, on a Ray cluster; all else of it is real.

A process of its own, since Ray sends the worker's class as it stands here:
`python -m convscape.benchmarks.scale.sleeping JSON`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import convscape
import ray
from convscape.search.config import SweepConfig
from convscape.search.workers import ray_runner
from convscape.search.workers.trainable import WarmWorker
from ray import tune

LOOK_EVERY = 0.2
"""Seconds between two looks at the cluster's nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepingSweep:
    """What to launch."""

    folder: str
    """Where the sweep is kept."""
    address: str
    """Of the Ray cluster, whose nodes see `log`."""
    log: str
    """File that nodes' joining and the beginnings and ends of epochs are written to, a line each."""
    trials: int
    epochs: int
    """Of each trial: none is stopped early."""
    seconds: float
    """That an epoch takes; 0 for as long as it computes."""
    workers: int
    """Trials at a time."""

    def config(self) -> SweepConfig:
        """Its sweep file: small networks on few digits, an epoch a step or two."""
        return SweepConfig.model_validate(
            {
                "name": "sleeping",
                "folder": self.folder,
                "data": {"name": "digits", "train": 32, "validation": 32},
                "space": {"stages": [1, 2], "filters": [4, 6, 8], "kernel": [3, 5], "norm": "batch", "hidden": [0, 8]},
                "recipe": {"batch_size": [64, 128]},
                "search": {
                    "trials": self.trials, "epochs": self.epochs, "promotion": "none", "finalists": 0, "start": [],
                },
                "resources": {"address": self.address, "workers": self.workers, "precision": "float32"},
                "tracking": {"uri": f"sqlite:///{self.folder}/mlflow.db", "experiment": "scale"},
            }
        )  # fmt: skip


class SleepingWorker(WarmWorker):
    """A worker each of whose epochs takes a number of seconds, and is written down when it begins and when it ends."""

    seconds = 0.0
    """That an epoch takes, at least."""
    log = ""
    """The file that it is written to."""

    def setup(self, config: dict[str, Any], dataset: Any, setup: Any, check: Any = None) -> None:
        super().setup(config, dataset, setup, check)
        from convscape.trainers import Training

        trained, node = Training.run_epoch, ray.get_runtime_context().get_node_id()

        def run_epoch(training: Training) -> Any:
            of = f"{node} {self._given['number']} {training.epoch + 1}"
            begun = time.time()
            note(self.log, f"begin {of}")
            try:
                result = trained(training)
                time.sleep(max(0.0, self.seconds - (time.time() - begun)))
            finally:
                note(self.log, f"end {of}")
            return result

        Training.run_epoch = run_epoch  # this process is this worker's alone


def note(log: str, words: str) -> None:
    """Appends a line with the time, whole, whoever else writes."""
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, f"{words} {time.time():.3f}\n".encode())
    finally:
        os.close(file)


def _watch_nodes(log: str, over: threading.Event) -> None:
    """Writes down when Ray first knows of a node."""
    known: set[str] = set()
    while not over.wait(LOOK_EVERY):
        if not ray.is_initialized():
            continue
        for node in ray.nodes():
            if node["Alive"] and node["NodeID"] not in known:
                known.add(node["NodeID"])
                note(log, f"join {node['NodeID']} {node['NodeName']} {node['Resources'].get('CPU', 0.0):g}")


def _sharing(dataset: Any, setup: Any, check: Any) -> Any:
    return tune.with_parameters(SleepingWorker, dataset=dataset, setup=setup, check=check)


def run(sweep: SleepingSweep) -> None:
    """Launches it, and returns when it has ended."""
    SleepingWorker.seconds, SleepingWorker.log = sweep.seconds, sweep.log
    setattr(ray_runner, "_sharing", _sharing)  # noqa: B010 - the one thing that is not as in any sweep
    over = threading.Event()
    watcher = threading.Thread(target=_watch_nodes, args=(sweep.log, over), daemon=True)
    watcher.start()
    note(sweep.log, "launch")
    convscape.launch(sweep.config(), progress=False)
    over.set()
    watcher.join()


if __name__ == "__main__":
    run(SleepingSweep(**json.loads(sys.argv[1])))
