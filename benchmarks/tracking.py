"""What troubles of the MLflow server cost a sweep, which should be nothing, and whether all is there once afterwards.

The same sweep (digits, inline, a fixed number of small trials) runs with a good server and with one that

  late     is down when the sweep starts, and comes when it has ended
  away     is down for the middle of it: a minute, or two fifths of the sweep where that is less
  slow     takes two seconds for each request
  500      answers 500 to everything
  full     has its disk full: database and artifacts lie on a small tmpfs, filled to the last byte (needs root)
  none     is not there, and nothing is sent: what sending itself costs a machine on which the server runs too

each beside one with a good server, now before and now after it: the machine's own speed drifts by more than a trouble
may cost. A sweep's work is from its first report of a trial to its last one, by the clock. `tracked` is the share
of it that the sweep spends in the tracker's calls, all that a trouble could hold up in its own process. Start and end,
where the sweep waits for MLflow at most 15 s, are shown apart. When the trouble is over `sync` sends the rest; then
lost and doubled runs, points and artifacts are counted.

usage: python benchmarks/tracking.py [--quick] [--rounds N] [--trials N] [--only TROUBLE ...]
The last line is JSON: `ratio` is the worst trouble's median over the rounds of (its seconds / those of the sweep with a
good server beside it), `spread` the range of that trouble's ratios over the `n` rounds.
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
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from servers import Proxy, Server, SmallDisk, small_disk

TROUBLES = ("late", "away", "slow", "500", "full", "none")
AWAY = 60.0  # seconds
EPOCHS = 9
SWEEP = """
import json, sys, time
from pathlib import Path
import convscape
from convscape.search.tracking import tracker, upload_process
from convscape.search.config.schema import SweepConfig
folder, uri, name, trials, epochs = sys.argv[1:6]
calls = []  # of the tracker: from when to when

def timed(method):
    def call(*arguments, **more):
        begun = time.monotonic()
        try:
            return method(*arguments, **more)
        finally:
            calls.append((begun, time.monotonic()))
    return call

for name_of in ("trial_started", "epoch", "note", "trial_ended"):
    setattr(tracker.Tracker, name_of, timed(getattr(tracker.Tracker, name_of)))
if uri == "none":
    uri = "http://127.0.0.1:9"
    for word in ("start", "flush", "stop"):
        setattr(upload_process, word, lambda *_: None)
started = time.monotonic()
convscape.launch(SweepConfig.model_validate({
    "name": name, "folder": folder, "data": {"name": "digits"},
    "space": {"stages": 2, "convolutions": 1, "filters": [8, 12, 16], "kernel": [3, 5], "dropout": 0.0,
              "hidden": [0, 16]},
    "recipe": {"batch_size": 64},
    "search": {"trials": int(trials), "epochs": int(epochs), "sampler": "random", "promotion": "none", "start": []},
    "resources": {"runner": "inline", "precision": "float32"},
    "tracking": {"uri": uri, "experiment": "tracking"},
}), progress=False)
begun, ended = calls[0][0], calls[-1][1]
tracked = sum(until - since for since, until in calls) / (ended - begun)
print(json.dumps({"seconds": ended - begun, "tracked": tracked, "start": begun - started,
                  "wait": time.monotonic() - ended}))
"""

Pair: TypeAlias = dict[str, dict[str, Any]]
"""What a sweep with a trouble and one with a good server measured."""


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
        from convscape.search.tracking.delivery import UploadProgress
        from convscape.search.tracking.mlflow_store import connect_store, search_runs
        from convscape.search.tracking.tracker import sync
        from convscape.spaces.errors import SweepError

        left, deadline = 1, time.monotonic() + 60
        while left and time.monotonic() < deadline:
            with suppress(SweepError):  # SQLite behind the server may be locked for the moment
                left = sync(folder)
            time.sleep(0.2 if left else 0.0)
        client = connect_store(self.proxy.uri)
        found = client.get_experiment_by_name("tracking")
        assert found is not None
        parent = UploadProgress(folder).refresh().runs[None]
        runs = list(search_runs(client, found.experiment_id, f"tags.`mlflow.parentRunId` = '{parent}'"))
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
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--only", nargs="+", choices=TROUBLES, default=TROUBLES)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that server and disk are taken down
    rounds, trials = (1, 10) if arguments.quick else (arguments.rounds, arguments.trials)
    pairs: dict[str, list[Pair]] = {}
    with tempfile.TemporaryDirectory() as name, small_disk(Path(name) / "disk") as disk:
        if disk is None and arguments.only == ["full"]:
            parser.error("a disk that can be filled takes root")
        bench = Bench(Path(name), disk)
        try:
            expected = bench.sweep("good", "warm", trials, None)["seconds"]
            for number in range(rounds):
                for index, trouble in enumerate(arguments.only):
                    if trouble == "full" and disk is None:
                        continue
                    pair: Pair = {}
                    for each in ("good", trouble) if (number + index) % 2 else (trouble, "good"):
                        pair[each] = bench.sweep(each, f"{trouble}{number}{each}", trials, expected)
                    pairs.setdefault(trouble, []).append(pair)
                    expected = pair["good"]["seconds"]
                    for which, result in pair.items():
                        figures = ", ".join(f"{key} {value:.3f}".removesuffix(".000") for key, value in result.items())
                        print(f"round {number + 1}, {trouble}: {which:>5}: {figures}", flush=True)
        finally:
            bench.proxy.down()
            bench.server.kill()
    show(pairs)


def show(pairs: dict[str, list[Pair]]) -> None:
    ratios = {
        trouble: [pair[trouble]["seconds"] / pair["good"]["seconds"] for pair in measured]
        for trouble, measured in pairs.items()
    }
    columns = ("seconds", "ratio", "from", "to", "tracked", "start s", "wait s", "lost", "twice")
    print("\nserver " + " ".join(f"{column:>8}" for column in columns))
    for trouble, measured in pairs.items():
        own = [pair[trouble] for pair in measured]
        seconds, tracked, start, wait = (
            statistics.median(result[key] for result in own) for key in ("seconds", "tracked", "start", "wait")
        )
        those = ratios[trouble]
        figures = [seconds, statistics.median(those), min(those), max(those), tracked, start, wait]
        faults = [sum(result.get(key, 0) for result in own) for key in ("lost", "twice")]
        print(
            f"{trouble:>6} "
            + " ".join(f"{figure:>8.3f}" for figure in figures)
            + "".join(f" {fault:>8}" for fault in faults)
        )
    medians = {trouble: statistics.median(those) for trouble, those in ratios.items()}
    worst = max((trouble for trouble in medians if trouble != "none"), key=lambda key: medians[key], default="none")
    every = [result for measured in pairs.values() for pair in measured for result in pair.values()]
    good = [pair["good"] for measured in pairs.values() for pair in measured]
    summary: dict[str, Any] = {
        "ratio": round(medians[worst], 3),
        "n": len(ratios[worst]),
        "spread": [round(min(ratios[worst]), 3), round(max(ratios[worst]), 3)],
        "worst": worst,
        "ratios": {trouble: round(value, 3) for trouble, value in medians.items()},
        "good_seconds": [round(pick(result["seconds"] for result in good), 2) for pick in (min, max)],
        "tracked": {
            "good": round(max(result["tracked"] for result in good), 4),
            **{trouble: round(max(p[trouble]["tracked"] for p in those), 4) for trouble, those in pairs.items()},
        },
        "lost": sum(result.get("lost", 0) for result in every),
        "twice": sum(result.get("twice", 0) for result in every),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
