"""How well an early look says how a network ends: the default recipe against a cosine schedule cut off half way.

Sampled networks and rates are trained for 9 epochs twice: with the default recipe (constant rate, averaged weights for
validation) and with a cosine over 9 epochs without averaging. The table gives Spearman's rank correlation, over the
networks, of the validation accuracy after 1 and 3 epochs with that after 9, with the 90 % range of 2,000 bootstrap
draws.

usage: python benchmarks/low_fidelity.py DATA_ROOT [--quick]
DATA_ROOT holds FashionMNIST/raw; without it the embedded digits are used. The last line is JSON: `ratio` is the default
recipe's correlation at 1 epoch over the cosine's, `spread` the bootstrap's 90 % range of it; likewise at 3.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import optuna
import torch
from convscape.spaces.conv_space.space import ConvSpace
from convscape.spaces.cost import cost_table
from convscape.spaces.errors import TrainingError
from convscape.trainers.data.dataset import Dataset, load_dataset
from convscape.trainers.recipe import Recipe
from convscape.trainers.training import Training

EPOCHS, RUNGS = 9, (1, 3)
LARGEST = 4_000_000
"""MACs of one image: larger networks are passed over, to keep the benchmark within the quarter hour."""
RECIPES = {
    "default": {},
    "cosine cut off": {"schedule": "cosine", "averaging": 0.0},
}


def designs(dataset: Dataset, count: int, seed: int):
    """Networks and recipe values, drawn at random."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    space, found = ConvSpace(), []
    while len(found) < count:
        trial = study.ask()
        architecture = space.sample(trial, dataset.input, len(dataset.classes))
        values = {
            "learning_rate": trial.suggest_float("learning_rate", 0.003, 0.3, log=True),
            "weight_decay": trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True),
            "batch_size": trial.suggest_categorical("batch_size", [64, 128]),
        }
        if cost_table(architecture).totals.macs <= LARGEST:
            found.append((architecture, values))
    return found


def curve(architecture, recipe: Recipe, dataset: Dataset, precision) -> list[float]:
    """Validation accuracy after each epoch; a network that fails keeps the accuracy of guessing from there."""
    training = Training(architecture, recipe, dataset, seed=0, epochs=EPOCHS, precision=precision)
    accuracies: list[float] = []
    try:
        while training.epoch < EPOCHS:
            accuracies.append(training.run_epoch().validation_accuracy)
    except TrainingError:
        accuracies += [1 / len(dataset.classes)] * (EPOCHS - len(accuracies))
    return accuracies


def ranks(values: np.ndarray) -> np.ndarray:
    """1 for the smallest; equal values share the mean of their ranks."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[where]


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation."""
    return float(np.corrcoef(ranks(first), ranks(second))[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?")
    parser.add_argument("--quick", action="store_true", help="six networks on a few images: shows that it runs")
    parser.add_argument("--networks", type=int, default=32)
    parser.add_argument("--precision", default="bfloat16")
    options = parser.parse_args()
    torch.set_num_threads(1)
    count = 6 if options.quick else options.networks
    if options.root:
        few = (500, 300) if options.quick else (3000, 2000)
        dataset = load_dataset("fashion-mnist", options.root, train=few[0], validation=few[1])
    else:
        dataset = load_dataset("digits")
    curves: dict[str, list[list[float]]] = {name: [] for name in RECIPES}
    start = time.perf_counter()
    for number, (architecture, values) in enumerate(designs(dataset, count, seed=0), start=1):
        for name, changes in RECIPES.items():
            curves[name].append(curve(architecture, Recipe(**values, **changes), dataset, options.precision))
        ends = ", ".join(f"{name} {rows[-1][0]:.3f} -> {rows[-1][-1]:.3f}" for name, rows in curves.items())
        print(f"{number}/{count}  {time.perf_counter() - start:4.0f} s  {ends}", flush=True)

    random = np.random.default_rng(0)
    draws = random.integers(0, count, (2000, count))
    rows = {name: np.array(values) for name, values in curves.items()}

    def drawn(name: str, rung: int) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.array([correlation(rows[name][d, rung - 1], rows[name][d, -1]) for d in draws])

    print(f"\n{'recipe':<16} {'epochs':>6} {'correlation with the end':>26} {'90 % range':>16} {'mean end':>9}")
    summary: dict[str, float] = {}
    for name, values in rows.items():
        for rung in RUNGS:
            low, high = np.nanpercentile(drawn(name, rung), [5, 95])
            found = correlation(values[:, rung - 1], values[:, -1])
            summary[f"{name} at {rung}"] = round(found, 3)
            print(f"{name:<16} {rung:>6} {found:>26.3f} {low:>8.3f}-{high:.3f} {values[:, -1].mean():>9.3f}")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = {rung: drawn("default", rung) / drawn("cosine cut off", rung) for rung in RUNGS}
    spreads = {rung: np.nanpercentile(values, [5, 95]).round(3).tolist() for rung, values in ratios.items()}
    found = {rung: round(summary[f"default at {rung}"] / summary[f"cosine cut off at {rung}"], 3) for rung in RUNGS}
    result = {
        "ratio": found[RUNGS[0]],
        "n": count,
        "spread": spreads[RUNGS[0]],
        "ratio_at_3": found[RUNGS[1]],
        "spread_at_3": spreads[RUNGS[1]],
        "correlations": summary,
        "mean_final_accuracy": {name: round(float(values[:, -1].mean()), 4) for name, values in rows.items()},
        "data": dataset.name,
        "train": len(dataset.train),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
