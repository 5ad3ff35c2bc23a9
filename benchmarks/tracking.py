"""What troubles of the MLflow server cost a sweep, which should be nothing, and whether all is there once afterwards.

The same sweep (digits, inline, a fixed number of small trials) runs with a good server and with one that

  late     is down when the sweep starts, and comes when it has ended
  away     is down for the middle of it: a minute, or two fifths of the sweep where that is less
  slow     takes two seconds for each request
  500      answers 500 to everything
  full     has its disk full: database and artifacts lie on a small tmpfs, filled to the last byte (needs root)
  none     is not there, and nothing is sent: what sending itself costs a machine on which the server runs too

by turns. A sweep's work is from its first trial's start to its last trial's end, in seconds by the clock and in CPU
seconds of its own process. Start and end, where the sweep waits for MLflow at most 15 s, are shown apart. When the
trouble is over `sync` sends the rest; then lost and doubled runs, points and artifacts are counted.

usage: python benchmarks/tracking.py [--quick] [--rounds N] [--trials N] [--only TROUBLE ...]
The last line is JSON: `ratio` is the worst trouble's median over the rounds of (its seconds / the good server's, same
round), `spread` the range of that trouble's ratios over the `n` rounds.
"""

from __future__ import annotations

import argparse
import json
import signal
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
SWEEP = """
import json, sys, time
from pathlib import Path
import convscape
from convscape.search import courier, tracking
from convscape.search.config import SweepConfig
folder, uri, name, trials, epochs = sys.argv[1:6]
marks = []

def marked(method):
    def call(*arguments, **more):
        marks.append((time.monotonic(), time.process_time()))
        return method(*arguments, **more)
    return call

for name_of in ("trial_started", "trial_ended"):
    setattr(tracking.Tracker, name_of, marked(getattr(tracking.Tracker, name_of)))
if uri == "none":
    uri = "http://127.0.0.1:9"
    for word in ("carry", "hurry", "leave"):
        setattr(courier, word, lambda *_: None)
started = time.monotonic()
convscape.launch(SweepConfig.model_validate({
    "name": name, "folder": folder, "data": {"name": "digits"},
    "space": {"stages": 2, "convolutions": 1, "filters": [8, 12, 16], "kernel": [3, 5], "dropout": 0.0,
              "hidden": [0, 16]},
    "recipe": {"batch_size": 64},
    "search": {"trials": int(trials), "epochs": int(epochs), "sampler": "random", "promotion": "none"},
    "resources": {"runner": "inline", "precision": "float32"},
    "tracking": {"uri": uri, "experiment": "tracking"},
}), progress=False)
(begun, cpu_begun), (ended, cpu_ended) = marks[0], marks[-1]
print(json.dumps({"seconds": ended - begun, "cpu": cpu_ended - cpu_begun, "start": begun - started,
                  "wait": time.monotonic() - ended}))
"""


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
        code = [sys.executable, "-c", SWEEP, str(self.folder), uri, name, str(trials), str(EPOCHS)]
        spool = self.folder / name / "spool.jsonl"
        with (self.folder / "sweeps.log").open("ab") as log:
            child = subprocess.Popen(code, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603 - our own code
            timers = self.timers(trouble, expected, spool)
            said, _ = child.communicate()
        for timer in timers:
            timer.cancel()
        self.end()
        result = json.loads(said.splitlines()[-1])
        entries = [json.loads(line) for line in spool.read_bytes().splitlines()]
        return result | ({} if trouble == "none" else self.faults(spool.parent, entries))

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
        away = min(AWAY, expected * 0.4)
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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that server and disk are taken down
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
    show(measured)


def show(measured: dict[str, list[dict[str, Any]]]) -> None:
    def ratios(trouble: str, key: str, to: str = "good") -> list[float]:
        pairs = zip(measured[trouble], measured[to], strict=True)
        return [result[key] / usual[key] for result, usual in pairs]

    def total(key: str) -> int:
        return sum(result.get(key, 0) for results in measured.values() for result in results)

    columns = ("seconds", "ratio", "from", "to", "CPU s", "ratio", "start s", "wait s", "lost", "twice")
    print("\nserver " + " ".join(f"{column:>8}" for column in columns))
    for trouble, results in measured.items():
        keys = ("seconds", "cpu", "start", "wait")
        middle = {key: statistics.median(result[key] for result in results) for key in keys}
        those, cpu = ratios(trouble, "seconds"), statistics.median(ratios(trouble, "cpu"))
        figures = [middle["seconds"], statistics.median(those), min(those), max(those), middle["cpu"], cpu]
        faults = [sum(result.get(key, 0) for result in results) for key in ("lost", "twice")]
        print(
            f"{trouble:>6} "
            + " ".join(f"{figure:>8.3f}" for figure in [*figures, middle["start"], middle["wait"]])
            + "".join(f" {fault:>8}" for fault in faults)
        )
    medians = {key: statistics.median(ratios(key, "seconds")) for key in measured if key not in ("good", "none")}
    worst = max(medians, key=lambda key: medians[key])
    spread = ratios(worst, "seconds")
    good = [result["seconds"] for result in measured["good"]]
    summary: dict[str, Any] = {
        "ratio": round(medians[worst], 3),
        "n": len(good),
        "spread": [round(min(spread), 3), round(max(spread), 3)],
        "worst": worst,
        "ratios": {key: round(value, 3) for key, value in medians.items()},
        "cpu_ratios": {key: round(statistics.median(ratios(key, "cpu")), 3) for key in medians},
        "ratios_to_none": {key: round(statistics.median(ratios(key, "seconds", "none")), 3) for key in medians}
        if "none" in measured
        else {},
        "good_seconds": [round(min(good), 2), round(max(good), 2)],
        "lost": total("lost"),
        "twice": total("twice"),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
