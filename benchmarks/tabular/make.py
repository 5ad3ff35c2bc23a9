"""Makes a table of trained networks to learn on: designs of one wide space, each with what it reaches at every epoch.

    python benchmarks/tabular/make.py sample FILE             draws the designs
    python benchmarks/tabular/make.py train FILE DATA_ROOT    trains what FILE does not have yet; goes on when killed
    python benchmarks/tabular/make.py time FILE DATA_ROOT     measures the seconds of an epoch on one thread of this CPU

FILE is JSON lines, compressed where its name ends in .gz: a design each, then the results, each with its design's
number. `--data digits` takes scikit-learn's 8x8 digits in place of Fashion-MNIST. The images of the official test part
are never looked at: training, validation and test images of the table all come from the training part.

A design is trained twice for each seed: for LENGTHS[0] and for LENGTHS[1] epochs, with the schedule "wsd". While the
rate is constant, a longer training is at each epoch what a shorter one was; the last three tenths of each show what the
decay brings. On the few images of the digits an epoch is nothing: there, ten of them count as one.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import os
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import torch
from convscape.spaces import Architecture, TrainingError
from convscape.trainers import Recipe, Training
from convscape.trainers.data import Dataset, Part

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTHS = (9, 27)
MACS = 20_000_000
SPACE: dict[str, Any] = {
    "stages": [1, 2, 3], "convolutions": [1, 2, 3], "filters": [8, 16, 24, 32], "growth": [1, 1.5, 2],
    "kernel": [3, 5, 7], "large_filters": ["single", "stack"], "stride": [1, 2], "padding": ["same", "valid"],
    "downsampling": ["max", "average", "strided", "convolution"], "norm": ["batch", "none"],
    "dropout": {"low": 0.0, "high": 0.5}, "head": ["fc", "global_average"], "hidden": [0, 128],
}  # fmt: skip
RECIPE: dict[str, Any] = {
    "learning_rate": {"low": 0.01, "high": 0.5, "log": True}, "weight_decay": {"low": 1e-5, "high": 1e-2, "log": True},
    "batch_size": [64, 128], "label_smoothing": [0.0, 0.1], "flip": [False, True],
}  # fmt: skip
SHIFTS = {"fashion-mnist": {"crop": [0, 1, 2], "cutout": [0, 8]}, "digits": {"crop": [0, 1], "cutout": [0]}}
IMAGES = {"fashion-mnist": (1, 28, 28), "digits": (1, 8, 8)}
PARTS = {"fashion-mnist": (2500, 2500, 10_000), "digits": (150, 500, 1147)}
"""Images to train on, to validate on, and to test the table on."""
AN_EPOCH = {"fashion-mnist": 1, "digits": 10}
"""Times that the training images are seen in what the table calls an epoch."""
KEPT = {"fashion-mnist": ((0.95, 40), (0.7, 120), (0.0, 160)), "digits": ((0.95, 20), (0.7, 60), (0.0, 80))}
"""How much of the textbook designs keep, and how many such designs there are."""


def sample(data: str) -> Iterator[dict[str, Any]]:
    """Designs of the space, the textbook's first, then more and more at random; each once."""
    from convscape.search.config import DataConfig, SweepConfig
    from convscape.search.config.recipe_space import TEXTBOOK
    from convscape.search.proposals import DesignSpace
    from convscape.search.proposals.scripted_trials import LeaningTrial
    from convscape.search.records import Design
    from convscape.spaces.conv_space import advice

    config = SweepConfig(name="table", data=DataConfig(name="digits"), space=SPACE, recipe={**RECIPE, **SHIFTS[data]})
    designs, chance, seen = DesignSpace.of(config, IMAGES[data], 10), Random(1), set[str]()  # noqa: S311
    leanings = [(1.0, filters) for filters in (8, 16, 24, 32)]
    leanings += [(keep, chance.choice([8, 16, 24, 32])) for keep, count in KEPT[data] for _ in range(count)]
    for keep, filters in leanings:
        while True:
            trial = LeaningTrial({**TEXTBOOK, **advice(IMAGES[data], filters)}, chance, keep)
            design = Design.of(*designs.choose(trial))
            if design.macs <= MACS and design.key not in seen:
                break
            if keep == 1.0:
                design = None
                break
        if design is not None:
            seen.add(design.key)
            yield {"design": len(seen) - 1, "params": trial.given, **design.to_json()}


def raw(root: Path, name: str) -> np.ndarray:
    """One of MNIST's files as an array: two bytes of nothing, a type, the number of axes, their lengths, the values."""
    content = (root / "FashionMNIST" / "raw" / name).read_bytes()
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def dataset(data: str, root: Path) -> Dataset:
    """The table's images. Nothing but numpy is needed for it."""
    if data == "digits":
        from sklearn.datasets import load_digits

        found = load_digits()
        images, labels = np.round(found.images * (255 / 16)).astype(np.uint8)[:, None], found.target.astype(np.int64)
    else:
        images = raw(root, "train-images-idx3-ubyte")[:, None]
        labels = raw(root, "train-labels-idx1-ubyte").astype(np.int64)
    order, at = np.random.default_rng(7_777).permutation(len(labels)), np.cumsum((0, *PARTS[data]))
    parts = [Part(images[order[a:b]], labels[order[a:b]]) for a, b in pairwise(at)]
    pixels = parts[0].images / 255
    return Dataset(
        name=data, train=parts[0], validation=parts[1], test=parts[2], classes=tuple("0123456789"),
        mean=(float(pixels.mean()),), std=(float(pixels.std()),),
    )  # fmt: skip


def train(task: tuple[dict[str, Any], int, int, str, str, str]) -> dict[str, Any]:
    """One design from one seed to one length: validation accuracy of each epoch, test accuracy of the last."""
    design, seed, length, data, root, device = task
    torch.set_num_threads(1)
    images, passes = dataset(data, Path(root)), AN_EPOCH[data]
    found: dict[str, Any] = {"design": design["design"], "seed": seed, "length": length}
    recipe = replace(Recipe.from_json(design["recipe"]), schedule="wsd")
    curve: list[float] = []
    try:
        training = Training(
            Architecture.from_json(design["architecture"]), recipe, images, seed=seed, epochs=length * passes,
            device=device,
        )  # fmt: skip
        for _ in range(length):
            results = [training.run_epoch() for _ in range(passes)]
            curve.append(round(results[-1].validation_accuracy, 5))
        whole = Training(
            training.architecture, recipe, replace(images, validation=images.test), seed=seed, epochs=length * passes,
            device=device,
        )  # fmt: skip
        found["test"] = round(whole._validation(training.averaged, length * passes).accuracy, 5)  # noqa: SLF001
    except TrainingError as error:
        found["failed"] = error.message
    return {**found, "curve": curve}


def seconds(design: dict[str, Any], data: str, root: str) -> dict[str, Any]:
    """Seconds of the second epoch of a training on one thread, validation included."""
    torch.set_num_threads(1)
    recipe = Recipe.from_json(design["recipe"])
    training = Training(
        Architecture.from_json(design["architecture"]), recipe, dataset(data, Path(root)), seed=0, epochs=2
    )
    try:
        training.run_epoch()
        seconds = AN_EPOCH[data] * training.run_epoch().seconds
        return {"design": design["design"], "seconds": round(seconds, 4)}
    except TrainingError:
        return {"design": design["design"], "seconds": None}


def opened(file: Path, mode: str) -> IO[str]:
    return gzip.open(file, f"{mode}t") if file.suffix == ".gz" else file.open(mode)  # pyright: ignore[reportReturnType]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sample", "train", "time"])
    parser.add_argument("file", type=Path)
    parser.add_argument("root", nargs="?", default="")
    parser.add_argument("--data", choices=sorted(IMAGES), default="fashion-mnist")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--seeds", type=int, default=1, help="seeds of every design")
    parser.add_argument("--again", type=int, default=4, help="one design in so many gets three seeds more")
    parser.add_argument("--limit", type=float, default=1e6, help="seconds after which to stop")
    arguments = parser.parse_args()
    begun = time.monotonic()
    if arguments.what == "sample":
        with opened(arguments.file, "x") as file:
            file.writelines(json.dumps(design) + "\n" for design in sample(arguments.data))
        return
    with opened(arguments.file, "r") as file:
        lines = [json.loads(line) for line in file]
    designs = [line for line in lines if "architecture" in line]
    with opened(arguments.file, "a") as file:
        if arguments.what == "time":
            known = {line["design"] for line in lines if "seconds" in line}
            for design in (design for design in designs if design["design"] not in known):
                file.write(json.dumps(seconds(design, arguments.data, arguments.root)) + "\n")
                file.flush()
            return
        known = {(line["design"], line["seed"], line["length"]) for line in lines if "curve" in line}
        tasks = [
            (design, seed, length, arguments.data, arguments.root, arguments.device)
            for seed in range(arguments.seeds + 3)
            for length in reversed(LENGTHS)
            for design in designs
            if (design["design"], seed, length) not in known
            and (seed < arguments.seeds or design["design"] % arguments.again == 0)
        ]
        with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
            results = pool.imap_unordered(train, tasks)
            for count in range(len(tasks)):
                try:
                    result = results.next(timeout=max(0.1, arguments.limit - (time.monotonic() - begun)))
                except multiprocessing.TimeoutError:
                    print(f"stopped with {len(tasks) - count} of {len(tasks)} left", flush=True)
                    break
                file.write(json.dumps(result) + "\n")
                file.flush()
            pool.terminate()


if __name__ == "__main__":
    main()
