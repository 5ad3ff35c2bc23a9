"""How good a network is after how many seconds: a sweep that is told the images and the time, and the textbook alone.

  ours      `launch` with only data and seconds
  textbook  [[CONV3-K, BN, RELU]x2, POOL2]x3 with K = 32, 64, 128, dropout 0.2; SGD 0.1, weight decay 0.001, batch 64,
            crop 1, flip, label smoothing 0.1, a cosine over as many epochs as the time allows, on all cores

Both train 5,000 images of Fashion-MNIST and validate on 2,500; the 10,000 test images are looked at once, at the end,
by `export`. The sides run by turns on the same cores, a turn for each seed; every run is appended to RESULTS, and the
next call goes on where the last one ended. Not here yet: the plain recipe of Ray Tune, and the second data set.

usage: python benchmarks/time_to_accuracy.py DATA_ROOT RESULTS [--seconds 600] [--seeds 5]
The last line is JSON: `ratio` is ours over the textbook's test error (the median of the turns), `spread` its range over
the `n` turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import convscape
from convscape.search.config import SweepConfig
from convscape.search.files import read_all_entries

MARKS = (0.88, 0.90, 0.91, 0.92)
"""Validation accuracies whose seconds are told."""
MOMENTS = (60, 180, 600)
"""Seconds after which the best validation accuracy so far is told."""
STAGES = " -> ".join(f"[CONV3-{filters} -> BN -> RELU]*2 -> POOL2" for filters in (32, 64, 128))
TEXTBOOK = f"INPUT[28x28x1] -> {STAGES} -> GAP -> FLATTEN -> DROPOUT0.2 -> FC-10"
RECIPE = {
    "learning_rate": 0.1, "weight_decay": 0.001, "batch_size": 64, "flip": True, "crop": 1, "cutout": 0,
    "label_smoothing": 0.1, "schedule": "cosine",
}  # fmt: skip


def ours(images: dict[str, Any], folder: Path, seconds: float, seed: int) -> SweepConfig:
    return SweepConfig.model_validate(
        {"name": "ours", "folder": folder, "data": images, "search": {"seconds": seconds, "seed": seed}}
    )


def textbook(images: dict[str, Any], folder: Path, seed: int, epochs: int, name: str = "textbook") -> SweepConfig:
    start = [{"network": TEXTBOOK, "recipe": RECIPE}]
    search = {"trials": 1, "epochs": epochs, "finalists": 0, "promotion": "none", "seed": seed, "start": start}
    resources = {"cpus": os.cpu_count(), "runner": "inline"}
    return SweepConfig.model_validate(
        {"name": name, "folder": folder, "data": images, "search": search, "resources": resources}
    )


def epochs_within(images: dict[str, Any], folder: Path, seconds: float, seed: int) -> int:
    """Epochs of the textbook's network that fit into so many seconds, by how long a third one takes."""
    convscape.launch(textbook(images, folder, seed, 3, "look"), progress=False)
    told = [entry.get("metrics", {}) for entry in read_all_entries(folder / "look" / "spool.jsonl")]
    an_epoch = [metrics["epoch_seconds"] for metrics in told if "epoch_seconds" in metrics][-1]
    return max(3, int(0.97 * seconds / an_epoch))


def run(side: str, images: dict[str, Any], seconds: float, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        config = (
            ours(images, folder, seconds, seed)
            if side == "ours"
            else textbook(images, folder, seed, epochs_within(images, folder, seconds, seed))
        )
        begun = time.time()
        sweep = convscape.launch(config, progress=False)
        took = time.time() - begun
        best, curve = 0.0, []
        for entry in read_all_entries(sweep.folder / "spool.jsonl"):
            accuracy = entry.get("metrics", {}).get("accuracy", 0.0)
            if "epoch_seconds" in entry.get("metrics", {}) and accuracy > best:
                best = accuracy
                curve.append((round(entry["time"] / 1000 - begun, 1), accuracy))
        winner = sweep.best
        test = sweep.export(folder / "out").test_accuracy
    validation = winner.accuracy if winner.mean_accuracy is None else winner.mean_accuracy
    return {
        "side": side, "seed": seed, "seconds": seconds, "took": round(took, 1), "validation": round(validation, 4),
        "test": round(test, 4), "notation": winner.notation, "curve": curve,
    }  # fmt: skip


def reached(curve: list[tuple[float, float]], mark: float) -> float:
    """Seconds until the best so far was at least `mark`; infinite for never."""
    return next((at for at, accuracy in curve if accuracy >= mark), float("inf"))


def table(results: list[dict[str, Any]]) -> None:
    for side in ("ours", "textbook"):
        runs = [result for result in results if result["side"] == side]
        if not runs:
            continue
        seconds = [statistics.median(reached(run["curve"], mark) for run in runs) for mark in MARKS]
        best = [
            statistics.fmean(max((a for at, a in run["curve"] if at <= moment), default=0.0) for run in runs)
            for moment in MOMENTS
        ]
        tests = [run["test"] for run in runs]
        spread = f"±{statistics.stdev(tests):.4f}" if len(tests) > 1 else ""
        longest = max(run["took"] for run in runs)
        print(f"{side:<9} n = {len(runs)}  test {statistics.fmean(tests):.4f}{spread}  took {longest:.0f} s")
        print("          seconds to " + ", ".join(f"{m}: {s:.0f}" for m, s in zip(MARKS, seconds, strict=True)))
        print("          best after " + ", ".join(f"{m} s: {b:.4f}" for m, b in zip(MOMENTS, best, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    images = {"name": "fashion-mnist", "train": 5000, "validation": 2500, "root": str(arguments.root)}

    def known() -> list[dict[str, Any]]:
        lines = arguments.results.read_text().splitlines() if arguments.results.exists() else []
        return [result for result in map(json.loads, lines) if result["seconds"] == arguments.seconds]

    for seed in range(arguments.seeds):
        for side in ("ours", "textbook"):
            if not any((result["side"], result["seed"]) == (side, seed) for result in known()):
                with arguments.results.open("a") as file:
                    file.write(json.dumps(run(side, images, arguments.seconds, seed)) + "\n")
    results = known()
    table(results)
    tests = {(result["side"], result["seed"]): result["test"] for result in results}
    turns = [seed for seed in range(arguments.seeds) if {("ours", seed), ("textbook", seed)} <= tests.keys()]
    ratios = [(1 - tests["ours", seed]) / (1 - tests["textbook", seed]) for seed in turns]
    print(
        json.dumps(
            {
                "ratio": round(statistics.median(ratios), 3),
                "n": len(ratios),
                "spread": [round(min(ratios), 3), round(max(ratios), 3)],
                "better_in": sum(ratio < 1 for ratio in ratios),
                "seconds": arguments.seconds,
            }
        )
    )


if __name__ == "__main__":
    main()
