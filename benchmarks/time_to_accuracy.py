"""How good a network is after how many seconds: a sweep that is told the images and the time, and what it has to beat.

  ours          `launch` with only data and seconds
  textbook      one network, [CONV3-K, BN, RELU]x2 and a 2x2 pooling a stage, K = 32 doubled from stage to stage, three
                stages (two for the digits), dropout 0.2; SGD 0.1, weight decay 0.001, batch 64, crop 1, flip (not for
                digits), label smoothing 0.1, a cosine over as many epochs as the time allows, on all cores
  textbook-all  the same, trained on four fifths of the validation images, too, as the winner of `ours` is at the end
  plain         only with --plain SCRIPT: a plain recipe of Ray Tune, called as
                SCRIPT DATA_ROOT SECONDS OUT.csv --train N --val N --seed S, writing lines of seconds, trial, epoch,
                accuracy and best accuracy

Fashion-MNIST: 5,000 images to train on, 2,500 to validate. The digits (--data digits, with any DATA_ROOT): 150 and 150
of scikit-learn's, the other 1,497 to test, as a folder of pictures that does not say that they are digits. A seed
decides the split, too. The test images are looked at once, at the end, by `export`. The sides run by turns on the same
cores, a turn for each seed; every run is appended to RESULTS, and the next call goes on where the last one ended.
Validation accuracies are of the search and its finals: the last training of `ours` trains on most of these images.

usage: python benchmarks/time_to_accuracy.py DATA_ROOT RESULTS [--seconds 600] [--seeds 5] [--data digits]
The last line is JSON: `ratio` is ours over the textbook's test error (the median of the turns), `spread` its range over
the `n` turns, `better_by` the mean difference of test accuracies with its 95 % interval (Student's t).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import convscape
import numpy as np
from convscape.search.config import SweepConfig
from convscape.search.files import every_entry
from convscape.trainers.data.dataset import stratified
from convscape.trainers.data.sources import read_digits
from PIL import Image

MARKS = {"fashion-mnist": (0.88, 0.90, 0.91, 0.92), "digits": (0.94, 0.95, 0.96, 0.97)}
"""Validation accuracies whose seconds are told."""
MOMENTS = (60, 180, 600)
"""Seconds after which the best validation accuracy so far is told."""
IMAGES = {"fashion-mnist": (5000, 2500), "digits": (150, 150)}
"""Images to train on and to validate on."""
STAGES = {"fashion-mnist": (28, (32, 64, 128)), "digits": (8, (32, 64))}
"""The images' side, and the filters of the textbook's stages."""
LOOKED_AT = {"fashion-mnist": 4, "folder": 300}
"""Epochs of the textbook's network that are trained to see how long one takes."""
SIDES = ("ours", "textbook", "textbook-all")


def images_of(data: str, root: str, *, refit: bool = False) -> dict[str, Any]:
    """The `data` section of a sweep file; `refit` moves four fifths of the validation images to those to train on."""
    train, validation = IMAGES[data]
    more = validation * 4 // 5 if refit else 0
    name = "folder" if data == "digits" else data
    return {"name": name, "root": root, "train": train + more, "validation": validation - more}


def write_digits(root: Path, seed: int) -> None:
    """scikit-learn's digits as PNG files in train/ and test/, a folder a class; `seed` draws those to train on."""
    found = read_digits()
    random = np.random.default_rng(seed)
    known = stratified(found.labels, np.arange(len(found.labels)), sum(IMAGES["digits"]), random)
    parts = np.where(np.isin(np.arange(len(found.labels)), known), "train", "test")
    for at, (part, label, image) in enumerate(zip(parts, found.labels, found.images[:], strict=True)):
        path = root / part / str(label) / f"{at}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(path)


def ours(images: dict[str, Any], folder: Path, seconds: float, seed: int) -> SweepConfig:
    return SweepConfig.model_validate(
        {"name": "ours", "folder": folder, "data": images, "search": {"seconds": seconds, "seed": seed}}
        | {"tracking": _store(folder)}
    )


def textbook(images: dict[str, Any], folder: Path, seed: int, epochs: int, name: str = "textbook") -> SweepConfig:
    side, widths = STAGES["digits" if images["name"] == "folder" else images["name"]]
    stages = " -> ".join(f"[CONV3-{filters} -> BN -> RELU]*2 -> POOL2" for filters in widths)
    recipe = {
        "learning_rate": 0.1, "weight_decay": 0.001, "batch_size": 64, "flip": side == 28, "crop": 1, "cutout": 0,
        "label_smoothing": 0.1, "schedule": "cosine",
    }  # fmt: skip
    network = f"INPUT[{side}x{side}x1] -> {stages} -> GAP -> FLATTEN -> DROPOUT0.2 -> FC-10"
    start = [{"network": network, "recipe": recipe}]
    search = {"trials": 1, "epochs": epochs, "finalists": 0, "promotion": "none", "seed": seed, "start": start}
    resources = {"cpus": os.cpu_count(), "runner": "inline"}
    return SweepConfig.model_validate(
        {"name": name, "folder": folder, "data": images, "search": search, "resources": resources}
        | {"tracking": _store(folder)}
    )


def _store(folder: Path) -> dict[str, str]:
    """Where a sweep goes by default, whatever MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME say."""
    return {"uri": f"sqlite:///{folder}/mlflow.db", "experiment": "convscape"}


def epochs_within(images: dict[str, Any], folder: Path, seconds: float, seed: int) -> int:
    """Epochs of the textbook's network that fit into so many seconds, by how long those after the first ones take."""
    convscape.launch(textbook(images, folder, seed, LOOKED_AT[images["name"]], "look"), progress=False)
    told = every_entry(folder / "look" / "spool.jsonl")
    at = [entry["time"] / 1000 for entry in told if "epoch_seconds" in entry.get("metrics", {})]
    later = at[len(at) // 3 :]
    return max(3, int(0.97 * seconds / ((later[-1] - later[0]) / (len(later) - 1))))


def run(side: str, data: str, root: str, seconds: float, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if data == "digits":
            root = str(folder / "images")
            write_digits(Path(root), seed)
        images = images_of(data, root, refit=side == "textbook-all")
        config = (
            ours(images, folder, seconds, seed)
            if side == "ours"
            else textbook(images, folder, seed, epochs_within(images, folder, seconds, seed))
        )
        begun = time.time()
        sweep = convscape.launch(config, progress=False)
        took = time.time() - begun
        best, curve = 0.0, []
        on_fewer_images = {record.number for record in sweep.trials() if record.refit}
        for entry in every_entry(sweep.folder / "spool.jsonl"):
            accuracy = entry.get("metrics", {}).get("accuracy", 0.0)
            is_epoch = "epoch_seconds" in entry.get("metrics", {}) and entry["trial"] not in on_fewer_images
            if is_epoch and accuracy > best:
                best = accuracy
                curve.append((round(entry["time"] / 1000 - begun, 1), accuracy))
        winner = sweep.best
        test = sweep.export(folder / "out").test_accuracy
        counts = sweep.counts()
    validation = winner.accuracy if winner.mean_accuracy is None else winner.mean_accuracy
    return {
        "took": round(took, 1), "validation": round(validation, 4), "test": round(test, 4),
        "notation": winner.notation, "role": winner.role, "counts": counts, "curve": curve,
    }  # fmt: skip


def plain(script: str, data: str, root: str, seconds: float, seed: int) -> dict[str, Any]:
    train, validation = IMAGES[data]
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        sizes = ["--train", str(train), "--val", str(validation), "--seed", str(seed)]
        begun = time.time()
        subprocess.run([sys.executable, script, root, str(seconds), file.name, *sizes], check=True)  # noqa: S603
        took = time.time() - begun
        rows = [(float(row[0]), float(row[4])) for row in csv.reader(Path(file.name).read_text().splitlines())]
    curve = [row for at, row in enumerate(rows) if not at or row[1] > rows[at - 1][1]]
    return {"took": round(took, 1), "validation": rows[-1][1], "curve": curve}


def reached(curve: list[tuple[float, float]], mark: float) -> float:
    """Seconds until the best so far was at least `mark`; infinite for never."""
    return next((at for at, accuracy in curve if accuracy >= mark), float("inf"))


def table(results: list[dict[str, Any]], data: str) -> None:
    for side in (*SIDES, "plain"):
        runs = [result for result in results if result["side"] == side]
        if not runs:
            continue
        seconds = [statistics.median(reached(run["curve"], mark) for run in runs) for mark in MARKS[data]]
        best = [
            statistics.fmean(max((a for at, a in run["curve"] if at <= moment), default=0.0) for run in runs)
            for moment in MOMENTS
        ]
        tests = [run["test"] for run in runs if "test" in run]
        spread = f"±{statistics.stdev(tests):.4f}" if len(tests) > 1 else ""
        test = f"test {statistics.fmean(tests):.4f}{spread}" if tests else "no test"
        print(f"{side:<13} n = {len(runs)}  {test}  took {max(run['took'] for run in runs):.0f} s at most")
        print("    median seconds to " + ", ".join(f"{m}: {s:.0f}" for m, s in zip(MARKS[data], seconds, strict=True)))
        print("    best validation after " + ", ".join(f"{m} s: {b:.4f}" for m, b in zip(MOMENTS, best, strict=True)))


def compared(tests: dict[tuple[str, int], float], other: str) -> dict[str, Any]:
    """Ours against another side, over the seeds that both have."""
    from scipy import stats

    turns = sorted(seed for side, seed in tests if side == "ours" and (other, seed) in tests)
    if not turns:
        return {"against": other, "n": 0}
    ratios = [(1 - tests["ours", seed]) / (1 - tests[other, seed]) for seed in turns]
    lead = [tests["ours", seed] - tests[other, seed] for seed in turns]
    error = statistics.stdev(lead) / len(lead) ** 0.5 if len(lead) > 1 else float("inf")
    reach = float(stats.t.ppf(0.975, len(lead) - 1)) * error if len(lead) > 1 else float("inf")
    return {
        "against": other,
        "ratio": round(statistics.median(ratios), 3),
        "n": len(ratios),
        "spread": [round(min(ratios), 3), round(max(ratios), 3)],
        "better_in": sum(each > 0 for each in lead),
        "better_by": [round(statistics.fmean(lead), 4), round(reach, 4)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root")
    parser.add_argument("results", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", choices=sorted(IMAGES), default="fashion-mnist")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--plain", default="", metavar="SCRIPT")
    arguments = parser.parse_args()
    same = {"data": arguments.data, "seconds": arguments.seconds}

    def known() -> list[dict[str, Any]]:
        lines = arguments.results.read_text().splitlines() if arguments.results.exists() else []
        return [result for result in map(json.loads, lines) if same.items() <= result.items()]

    for seed in range(arguments.seeds):
        for side in [*arguments.sides, *(["plain"] if arguments.plain else [])]:
            if any((result["side"], result["seed"]) == (side, seed) for result in known()):
                continue
            where = (arguments.data, arguments.root, arguments.seconds, seed)
            found = plain(arguments.plain, *where) if side == "plain" else run(side, *where)
            with arguments.results.open("a") as file:
                file.write(json.dumps({"side": side, "seed": seed, **same, **found}) + "\n")
    results = known()
    table(results, arguments.data)
    tests = {(result["side"], result["seed"]): result["test"] for result in results if "test" in result}
    print(json.dumps({"seconds": arguments.seconds, **compared(tests, "textbook-all")}))
    print(json.dumps({"seconds": arguments.seconds, **compared(tests, "textbook")}))


if __name__ == "__main__":
    main()
