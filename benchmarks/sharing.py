"""Memory that each of two Ray workers on a node adds for the same images: our data set, and the same as torch tensors.

Both travel as a sweep's do, by `tune.with_parameters` to a class Trainable. Each worker reads all images once, as a
training does, and waits until the other has. What it adds is the growth of its private memory (USS) and of that plus
its share of common memory (PSS), from /proc/self/smaps_rollup (Linux only), less what it adds for 300 images.

usage: python benchmarks/sharing.py [--quick]
The last line is JSON: `ratio` is the private memory that a worker adds over the bytes of the images, the median over
`n` rounds of the worker that added more; `spread` is its range, `as_tensors` the same for torch tensors.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import ray
import torch
from convscape.search.workers.cluster.settings import TUNE_SETTINGS
from convscape.trainers.data.dataset import Dataset, Part
from convscape.trainers.data.images import Images
from ray import tune

WORKERS = 2
MB = 1_000_000
IMAGE = (3, 64, 64)


def noise(count: int) -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (count, *IMAGE), dtype=np.uint8)
    labels = np.arange(count) % 10
    few = Part(images[:10], labels[:10])
    return Dataset(
        name="noise",
        train=Part(images, labels),
        validation=few,
        test=few,
        classes=tuple("0123456789"),
        mean=(0.5,) * 3,
        std=(0.3,) * 3,
    )


def read_all(dataset: Dataset) -> float:
    """Every batch as a training gets it."""
    images = Images(dataset.train, dataset, torch.device("cpu"))
    count = len(dataset.train)
    return sum(batch.sum().item() for batch, _ in images.epoch(np.split(np.arange(count), range(100, count, 100))))


def memory() -> dict[str, float]:
    """Private and proportional memory of this process, in MB."""
    text = Path("/proc/self/smaps_rollup").read_text()
    size = {name: int(count) * 1024 / MB for name, count in re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE)}
    return {"private": size["Private_Clean"] + size["Private_Dirty"], "pss": size["Pss"]}


class Reader(tune.Trainable):
    def __init__(self, *arguments: Any, **more: Any) -> None:
        torch.set_num_threads(1)
        read_all(noise(300))  # what torch allocates once
        self._before = memory()
        super().__init__(*arguments, **more)  # fetches what `setup` gets

    def setup(  # pyright: ignore[reportIncompatibleMethodOverride] - `tune.with_parameters` adds what follows `config`
        self,
        config: dict[str, Any],  # noqa: ARG002
        data: Any,
        meeting: Path,
    ) -> None:
        self._data, self._meeting = data, meeting

    def step(self) -> dict[str, Any]:
        dataset = self._data
        if not isinstance(dataset, Dataset):
            images, labels = (tensor.numpy() for tensor in dataset)
            dataset = replace(noise(10), train=Part(images, labels))
        read_all(dataset)
        self._meet("read")
        added = {key: value - self._before[key] for key, value in memory().items()}
        self._meet("measured")
        return {**added, "done": True}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing."""

    def _meet(self, what: str) -> None:
        (self._meeting / f"{what}-{os.getpid()}").touch()
        while len(list(self._meeting.glob(f"{what}-*"))) < WORKERS:
            time.sleep(0.05)


def added(data: Any) -> dict[str, float]:
    """What the worker that added more added, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder)
        trainable = tune.with_resources(tune.with_parameters(Reader, data=data, meeting=meeting), {"CPU": 1})
        tuner = tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(num_samples=WORKERS),
            run_config=tune.RunConfig(storage_path=folder, name="ray", verbose=0),
        )
        found = [result.metrics or {} for result in tuner.fit()]
    return {key: max(metrics[key] for metrics in found) for key in ("private", "pss")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few images and one round: shows that it runs")
    rounds, size = (1, 20 * MB) if parser.parse_args().quick else (3, 200 * MB)
    dataset = noise(size // int(np.prod(IMAGE)))
    size = dataset.train.images.shape[0] * int(np.prod(IMAGE))
    tensors = (torch.tensor(dataset.train.images[:]), torch.tensor(dataset.train.labels))
    found: dict[str, list[dict[str, float]]] = {"data set": [], "tensors": []}
    os.environ.update({**TUNE_SETTINGS, "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "0"})
    ray.init(address="local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
    try:
        for _ in range(rounds):
            nearly_none = added(noise(300))
            for name, data in (("data set", dataset), ("tensors", tensors)):
                found[name].append({key: value - nearly_none[key] for key, value in added(data).items()})
    finally:
        ray.shutdown()
    print(f"{size / MB:.0f} MB of images, {WORKERS} workers, {rounds} rounds; a worker adds, in MB:")
    print(f"{'as':<10} {'private':>8} {'with its share of common':>26}")
    for name, rows in found.items():
        private, pss = (statistics.median(row[key] for row in rows) for key in ("private", "pss"))
        print(f"{name:<10} {private:>8.1f} {pss:>26.1f}")
    ratios = {name: [row["private"] * MB / size for row in rows] for name, rows in found.items()}
    result = {
        "ratio": round(statistics.median(ratios["data set"]), 4),
        "n": rounds,
        "spread": [round(min(ratios["data set"]), 4), round(max(ratios["data set"]), 4)],
        "as_tensors": round(statistics.median(ratios["tensors"]), 4),
        "bytes": size,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
