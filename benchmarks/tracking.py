"""What troubles of the MLflow server cost a sweep: nothing, it should be, and at the end all is there exactly once.

The same sweep (digits, in this process's child, a fixed number of small trials) runs with a good server and with one that

  late     is down when the sweep starts, and comes when it has ended
  away     is down for the middle of it: a minute, or a third of the sweep where that is less
  slow     takes two seconds for each request
  500      answers 500 to everything
  full     has its disk full: database and artifacts lie on a small tmpfs, filled to the last byte (needs root)
  none     is not there, and nothing is sent: what sending itself costs a machine on which the server runs too

by turns. Its work is from the first trial's start to the last trial's end; the wait for MLflow at the end of a sweep (at
most 15 s) comes on top and is shown apart. When the trouble is over `sync` sends the rest; lost and doubled are counted.

usage: python benchmarks/tracking.py [--quick] [--rounds N] [--trials N] [--only TROUBLE ...]
The last line is JSON: `ratio` is the worst trouble's median over the rounds of (its seconds / the good server's, same
round), `spread` the range of that trouble's ratios over the `n` rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from servers import Proxy, Server, SmallDisk, small_disk

TROUBLES = ("late", "away", "slow", "500", "full", "none")
AWAY = 60.0  # seconds
EPOCHS = 9
SWEEP = (
    """
import sys
from pathlib import Path
import convscape
from convscape.search import courier
from convscape.search.config import SweepConfig
folder, uri, name, trials = sys.argv[1:5]
if uri == "none":
    uri = "http://127.0.0.1:9"
    for word in ("carry", "hurry", "leave"):
        setattr(courier, word, lambda *_: None)
convscape.launch(SweepConfig.model_validate({
    "name": name, "folder": folder, "data": {"name": "digits"},
    "space": {"stages": 2, "convolutions": 1, "filters": [8, 12, 16], "kernel": [3, 5], "dropout": 0.0, "hidden": [0, 16]},
    "recipe": {"batch_size": 64},
    "search": {"trials": int(trials), "epochs": %d, "sampler": "random", "promotion": "none"},
    "resources": {"runner": "inline", "precision": "float32"},
    "tracking": {"uri": uri, "experiment": "tracking"},
}), progress=False)
"""
    % EPOCHS
)


class Bench:
    """A good server behind a proxy that makes the troubles, on a disk that can be filled where that is possible."""

    def __init__(self, folder: Path, disk: SmallDisk | None) -> None:
        self.folder, self.disk = folder, disk
        home = disk.folder if disk else folder
        (home / "files").mkdir()
        self.server = Server(f"sqlite:///{home}/server.db", home / "files", log=folder / "server.log")
        self.server.start()
        self.proxy = Proxy(self.server.port)

    def sweep(self, trouble: str, name: str, trials: int, expected: float | None) -> dict[str, Any]:
        self.begin(trouble)
        uri = "none" if trouble == "none" else self.proxy.uri
        started = time.monotonic()
        child = subprocess.Popen([sys.executable, "-c", SWEEP, str(self.folder), uri, name, str(trials)])
        timers = self.timers(trouble, expected, self.folder / name / "spool.jsonl")
        assert child.wait() == 0
        total = time.monotonic() - started
        for timer in timers:
            timer.cancel()
        self.end()
        entries = [json.loads(line) for line in (self.folder / name / "spool.jsonl").read_bytes().splitlines()]
        begun = min(entry["time"] for entry in entries if entry["event"] == "trial")
        ended = max(entry["time"] for entry in entries if entry["event"] == "end")
        finished = max(entry["time"] for entry in entries if entry["event"] == "finish")
        waited = total - (finished - entries[0]["time"]) / 1000
        faults = {} if trouble == "none" else self.faults(self.folder / name, entries)
        return {"seconds": (ended - begun) / 1000, "start and wait": waited, **faults}

    def begin(self, trouble: str) -> None:
        if trouble == "late":
            self.proxy.down()
        elif trouble in ("slow", "500"):
            self.proxy.mode = trouble
        elif trouble == "full" and self.disk:
            self.disk.fill()

    def end(self) -> None:
        if self.disk:
            self.disk.empty()
        self.proxy.mode = "pass"
        self.proxy.up()

    def timers(self, trouble: str, expected: float | None, spool: Path) -> list[threading.Timer]:
        """Takes the server away for the middle of the sweep, counted from its first trial."""
        if trouble != "away" or expected is None:
            return []
        while not spool.exists():
            time.sleep(0.05)
        away = min(AWAY, expected / 3)
        begin = (expected - away) / 2
        timers = [threading.Timer(begin, self.proxy.down), threading.Timer(begin + away, self.proxy.up)]
        for timer in timers:
            timer.start()
        return timers

    def faults(self, folder: Path, entries: list[dict[str, Any]]) -> dict[str, int]:
        """What is missing in MLflow after `sync`, and what is there twice: runs, points, artifacts."""
        from convscape.search.journal import Delivery
        from convscape.search.tracking import sync
        from convscape.search.upload import connect, search

        deadline = time.monotonic() + 60
        while sync(folder) and time.monotonic() < deadline:
            time.sleep(0.2)
        client = connect(self.proxy.uri)
        found = client.get_experiment_by_name("tracking")
        assert found is not None
        parent = Delivery(folder).refresh().runs[None]
        runs = list(search(client, found.experiment_id, f"tags.`mlflow.parentRunId` = '{parent}'"))
        numbers = [run.data.tags["convscape.trial"] for run in runs]
        trials = {str(entry["trial"]) for entry in entries if entry["event"] == "trial"}
        lost, twice = len(trials - set(numbers)), len(numbers) - len(set(numbers))
        for run in runs:
            points = client.get_metric_history(run.info.run_id, "accuracy")
            steps = {point.step for point in points}
            lost += EPOCHS - len(steps) + (2 - len(client.list_artifacts(run.info.run_id)))
            twice += len(points) - len(steps)
        return {"lost": lost, "twice": twice}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--only", nargs="+", choices=TROUBLES, default=TROUBLES)
    arguments = parser.parse_args()
    rounds, trials = (1, 10) if arguments.quick else (arguments.rounds, arguments.trials)
    measured: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as name, small_disk(Path(name) / "disk") as disk:
        bench = Bench(Path(name), disk)
        try:
            troubles = ["good", *(trouble for trouble in arguments.only if disk or trouble != "full")]
            expected = None
            bench.sweep("good", "warm", max(4, trials // 10), None)
            for number in range(rounds):
                for trouble in troubles[number % 2 :] + troubles[: number % 2]:
                    result = bench.sweep(trouble, f"{trouble}{number}", trials, expected)
                    measured.setdefault(trouble, []).append(result)
                    expected = result["seconds"]
                    figures = ", ".join(f"{key} {value:.2f}".removesuffix(".00") for key, value in result.items())
                    print(f"round {number + 1}: {trouble:>5}: {figures}", flush=True)
        finally:
            bench.proxy.down()
            bench.server.kill()
    good = [result["seconds"] for result in measured["good"]]
    ratios = {
        trouble: [result["seconds"] / usual for result, usual in zip(results, good, strict=True)]
        for trouble, results in measured.items()
        if trouble != "good"
    }
    print(
        f"\n{'server':>6} {'seconds':>9} {'ratio':>7} {'from':>6} {'to':>6} {'start, wait':>12} {'lost':>5} {'twice':>6}"
    )
    for trouble, results in measured.items():
        those = ratios.get(trouble, [1.0])
        seconds, waits = ([result[key] for result in results] for key in ("seconds", "start and wait"))
        lost, twice = (sum(result.get(key, 0) for result in results) for key in ("lost", "twice"))
        print(
            f"{trouble:>6} {statistics.median(seconds):>9.2f} {statistics.median(those):>7.3f} {min(those):>6.3f} "
            f"{max(those):>6.3f} {statistics.median(waits):>12.1f} {lost:>5} {twice:>6}"
        )
    worst = max((key for key in ratios if key != "none"), key=lambda key: statistics.median(ratios[key]))
    print(
        json.dumps(
            {
                "ratio": round(statistics.median(ratios[worst]), 3),
                "n": rounds,
                "spread": [round(min(ratios[worst]), 3), round(max(ratios[worst]), 3)],
                "worst": worst,
                "ratios": {key: round(statistics.median(values), 3) for key, values in ratios.items()},
                "lost": sum(r.get("lost", 0) for results in measured.values() for r in results),
                "twice": sum(r.get("twice", 0) for results in measured.values() for r in results),
                "good_server_spread": [
                    round(min(good) / statistics.median(good), 3),
                    round(max(good) / statistics.median(good), 3),
                ],
            }
        )
    )


if __name__ == "__main__":
    main()
