"""What a trial costs beside its training: a sweep of trials that hardly train, MLflow on, five epochs reported.

  ours   convscape.launch: warm workers, the study on disk, halving off, TPE, MLflow through the upload process
  recipe as the documentation of Ray Tune has it: a function trainable, OptunaSearch, MLflowLoggerCallback

Both run here, two workers, MLflow in SQLite. Seconds a trial are those between the ends of trials, so that neither is
charged its start. `--growth` runs ours alone, to 5,000 trials, and prints seconds a trial and the driver's memory along
the way.

usage: python benchmarks/overhead.py [--quick] [--growth [TRIALS]]
The last line is JSON: `ratio` is the recipe's seconds a trial over ours (medians of the rounds), `spread` its range
over the `n` rounds; with `--growth`, `ratio` is the cost around the last trial over that around the hundredth.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
EPOCHS = 5
WORKERS = 2
WINDOW = 100
"""Trials over which `--growth` takes a mean."""


def ours(trials: int, folder: Path, *, watch: bool = False) -> tuple[list[float], list[tuple[int, float, float]]]:
    """When each trial ended, and along the way (trials, seconds, MB of the driver)."""
    import convscape
    from convscape.search.config.schema import SweepConfig

    config = SweepConfig.model_validate(
        {
            "name": "overhead",
            "folder": str(folder),
            "data": {"name": "digits", "train": 32, "validation": 32},
            "space": {"stages": [0, 1, 2], "filters": [1, 2, 3, 4], "kernel": [1, 3, 5], "hidden": [0, 4, 8]},
            "recipe": {"batch_size": [64, 128]},  # a step an epoch: what is measured is not training
            "search": {"trials": trials, "epochs": EPOCHS, "promotion": "none", "finalists": 0, "start": []},
            "resources": {"runner": "ray", "workers": WORKERS},
            "tracking": {"uri": f"sqlite:///{folder}/mlflow.db", "experiment": "overhead"},  # whatever MLFLOW_… says
        }
    )
    ends: list[float] = []
    memory: list[tuple[int, float, float]] = []
    over = threading.Event()
    study = config.sweep_folder / "study.jsonl"
    watcher = threading.Thread(target=_watch, args=(study, ends, memory if watch else None, over), daemon=True)
    watcher.start()
    convscape.launch(config, progress=False)
    over.set()
    watcher.join()
    return ends, memory


def _watch(
    study: Path, ends: list[float], memory: list[tuple[int, float, float]] | None, over: threading.Event
) -> None:
    """Notes when lines of the study say that trials ended."""
    position, started = 0, time.perf_counter()
    while not over.is_set():
        time.sleep(0.02)
        if not study.exists():
            continue
        with study.open("rb") as file:
            file.seek(position)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        position += len(whole)
        now = time.perf_counter()
        ended = whole.count(b'{"state":"completed"}') + whole.count(b'{"state":"failed"}')  # some networks are dead
        ends += [now] * ended
        if memory is not None and ended and (not memory or len(ends) - memory[-1][0] >= 100):
            memory.append((len(ends), now - started, _resident()))
            print(f"{len(ends):>6} trials {now - started:8.1f} s {memory[-1][2]:7.0f} MB", flush=True)


def _resident() -> float:
    """MB of memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def design(trial) -> None:
    stages = trial.suggest_categorical("stages", [0, 1, 2])
    trial.suggest_categorical("hidden", [0, 4, 8])
    trial.suggest_float("learning_rate", 0.003, 0.3, log=True)
    for stage in range(stages):
        trial.suggest_categorical(f"kernel{stage}", [1, 3, 5])
        trial.suggest_categorical(f"filters{stage}", [1, 2, 3, 4])


def hardly(config) -> None:
    from ray import tune

    for epoch in range(EPOCHS):
        tune.report({"accuracy": config["learning_rate"], "loss": 1.0 / (epoch + 1)})


def recipe(trials: int, folder: Path) -> list[float]:
    """When each trial ended."""
    import ray
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback
    from ray.tune.search.optuna import OptunaSearch

    ends: list[float] = []

    class Ends(tune.Callback):
        def on_trial_complete(self, *_, **__) -> None:
            ends.append(time.perf_counter())

    ray.init(address="local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        tune.Tuner(
            tune.with_resources(hardly, {"cpu": 1}),
            tune_config=tune.TuneConfig(
                metric="accuracy",
                mode="max",
                num_samples=trials,
                max_concurrent_trials=WORKERS,
                search_alg=OptunaSearch(design, metric="accuracy", mode="max"),
            ),
            run_config=tune.RunConfig(
                storage_path=str(folder),
                verbose=0,
                callbacks=[
                    MLflowLoggerCallback(tracking_uri=f"sqlite:///{folder}/mlflow.db", experiment_name="recipe"),
                    Ends(),
                ],
            ),
        ).fit()
    finally:
        ray.shutdown()
    return ends


def a_trial(ends: list[float]) -> float:
    """Seconds between the ends of trials, the first few left out: then all workers run."""
    start = min(2 * WORKERS, len(ends) // 2)
    return (ends[-1] - ends[start]) / (len(ends) - 1 - start)


def growth(trials: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        ends, memory = ours(trials, Path(folder), watch=True)
    costs: dict[int, float] = {}
    for mark in dict.fromkeys(mark for mark in (100, 1_000, 5_000, trials) if mark <= len(ends)):
        last = min(mark + WINDOW // 2, len(ends) - 1)
        costs[mark] = (ends[last] - ends[last - WINDOW]) / WINDOW
    for mark, cost in costs.items():
        held = next((mb for count, _, mb in memory if count >= mark), memory[-1][2])
        print(f"around trial {mark:>5}: {cost:.3f} s a trial, driver {held:.0f} MB")
    first, *_, last = costs.values()
    return {
        "ratio": round(last / first, 2),
        "n": len(ends),
        "spread": [round(min(costs.values()), 4), round(max(costs.values()), 4)],
        "seconds_a_trial": {str(mark): round(cost, 4) for mark, cost in costs.items()},
        "driver_mb": {str(count): round(mb) for count, _, mb in memory[:: max(1, len(memory) // 6)]},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--growth", nargs="?", type=int, const=5_000)
    arguments = parser.parse_args()
    if arguments.growth:
        print(json.dumps(growth(arguments.growth)))
        return
    rounds, (many, few) = (1, (40, 8)) if arguments.quick else (3, (150, 15))
    measured: dict[str, list[float]] = {"ours": [], "recipe": []}
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            measured["ours"].append(a_trial(ours(many, Path(folder))[0]))
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None):
            measured["recipe"].append(a_trial(recipe(few, Path(folder))))
        print(f"round {number + 1}: ours {measured['ours'][-1]:.3f} s a trial, recipe {measured['recipe'][-1]:.2f} s")
    ratios = [recipe / ours for ours, recipe in zip(measured["ours"], measured["recipe"], strict=True)]
    print(
        json.dumps(
            {
                "ratio": round(statistics.median(measured["recipe"]) / statistics.median(measured["ours"]), 1),
                "n": rounds,
                "spread": [round(min(ratios), 1), round(max(ratios), 1)],
                "ours_seconds_a_trial": round(statistics.median(measured["ours"]), 4),
                "recipe_seconds_a_trial": round(statistics.median(measured["recipe"]), 3),
                "trials": {"ours": many, "recipe": few},
            }
        )
    )


if __name__ == "__main__":
    main()
