"""How large a sweep can be: nodes that are killed under it, and what one driver takes in.

  trials  1,000 short trials on 8 local raylets, without kills and with a node killed every 20 s while another joins:
          all finish, nothing is told twice, and the time of one over the other's
  sleep   the same with trials that sleep 10 s in place of computing: the share of the held slots' time, from each
          node's joining to its removal, that was training, and where the rest went
  driver  results a second that one driver takes in, with 100, 1,000 and 10,000 simulated workers: engine, study and
          tracker are real, MLflow in SQLite and behind a server, and nothing is trained; its memory; and where its time
          goes, by cProfile
  tune    the same through Ray Tune, with workers of Ray's that sleep

usage: python benchmarks/scale.py trials|sleep [--quick] [--trials N] [--nodes N] [--seeds N]
       python benchmarks/scale.py driver|tune [--quick] [--workers N ...]
The last line is JSON with `ratio`, `n` and `spread`. trials: seconds with kills over those without, a pair for each of
the `n` seeds. sleep: share with kills over that without. driver: results a second with the most workers over those with
the fewest, `n` parts of the time each. tune: results a second through Tune over those of the driver alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convscape.benchmarks.scale import cluster
from convscape.benchmarks.scale.driver import Load
from servers import Server  # `cluster` has put the tests' folder on the path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convscape.benchmarks.scale.cluster import Outcome

NODES, EPOCHS = 8, 5
ASLEEP = 10.0
"""Seconds that a trial sleeps."""
SERVED = 1_000
"""Simulated workers whose results go to a server of MLflow's, too."""
PATIENCE = 900.0
"""Seconds that all workers' first jobs may take."""


def trials(count: int, nodes: int, seconds: float, seeds: int) -> dict[str, Any]:
    """Sweeps without kills and with them; each trial takes `seconds`, 0 for as long as it computes."""
    pairs: list[tuple[Outcome, Outcome]] = []
    for pair in cluster.rounds(count, EPOCHS, seconds / EPOCHS, nodes, range(seeds)):
        for outcome in pair:
            print(json.dumps(cluster.as_json(outcome)), flush=True)
        pairs.append(pair)
    of = "share" if seconds else "seconds"
    still, killed = ([_figure(outcome, of) for outcome in each] for each in zip(*pairs, strict=True))
    ratios = [after / before for before, after in zip(still, killed, strict=True)]
    everything = [outcome for pair in pairs for outcome in pair]
    return {
        **_summary(statistics.median(ratios), ratios),
        "still": {"n": len(still), of: [round(figure, 3) for figure in still]},
        "killed": {"n": len(killed), of: [round(figure, 3) for figure in killed]},
        "kills": sum(outcome.kills for outcome in everything),
        "trials": count,
        "not_completed": sum(len(outcome.not_completed) for outcome in everything),
        "lost": sum(outcome.study.lost + outcome.mlflow.lost for outcome in everything),
        "twice": sum(outcome.study.twice + outcome.mlflow.twice for outcome in everything),
    }


def _figure(outcome: Outcome, of: str) -> float:
    return outcome.held.share if of == "share" else outcome.seconds


def driver(sizes: list[int], seconds: float) -> dict[str, Any]:
    """What one driver takes in, with each number of simulated workers; with SERVED of them by a server, too."""
    rows: list[dict[str, Any]] = []
    print(f"{'workers':>7} {'store':>6} {'first/s':>7} {'results/s':>9} {'ms/result':>9} {'ms/job':>7} ", end="")
    print(f"{'sent/s':>6} {'unsent':>6} {'MB':>5}")
    for size in sizes:
        for store in ("SQLite", "server") if size == min(SERVED, max(sizes)) else ("SQLite",):
            row = {"store": store, **_taken("driver", size, seconds, store)}
            rows.append(row)
            print(
                f"{row['workers']:>7} {store:>6} {row['first_jobs']:>7.1f} {statistics.median(row['rates']):>9.1f} "
                f"{row['result_ms']:>9.2f} {row['job_ms']:>7.1f} {row['sent']:>6.1f} {row['unsent']:>6.0%} "
                f"{row['memory']:>5.0f}",
                flush=True,
            )
    print(f"with {sizes[-1]:,}, own time of")
    for where, part in rows[-1]["profile"]:
        print(f"{part:>6.1%} {where}")
    fewest, last = statistics.median(rows[0]["rates"]), rows[-1]["rates"]
    return {
        **_summary(statistics.median(last) / fewest, [rate / fewest for rate in last]),
        "rows": [{key: value for key, value in row.items() if key != "profile"} for row in rows],
        "lost": sum(row["study"]["lost"] for row in rows),
        "twice": sum(row["study"]["twice"] for row in rows),
    }  # fmt: skip


def tune(sizes: list[int], seconds: float) -> dict[str, Any]:
    """What one driver takes in through Ray Tune, beside what it takes in alone; no trial is stopped early."""
    rows: list[dict[str, Any]] = []
    for size in sizes:
        alone = _taken("driver", size, seconds, "SQLite", promotion="none")
        through = _taken("through_tune", size, seconds, "SQLite", promotion="none")
        rows.append({"alone": alone["rates"], "cpu_ms_alone": _cpu_ms(alone), **through})
        print(
            f"{through['workers']:>5} workers: {statistics.median(through['rates']):.1f} results a second, "
            f"{through['cpu_ms']:.1f} ms of the driver's CPU each; alone {statistics.median(alone['rates']):.1f}, "
            f"{_cpu_ms(alone):.1f} ms",
            flush=True,
        )
    by = statistics.median(rows[-1]["alone"])
    return {
        **_summary(statistics.median(rows[-1]["rates"]) / by, [rate / by for rate in rows[-1]["rates"]]),
        "rows": rows,
    }


def _cpu_ms(row: dict[str, Any]) -> float:
    return (row["results"] * row["result_ms"] + row["jobs"] * row["job_ms"]) / max(1, row["results"])


def _summary(ratio: float, ratios: list[float]) -> dict[str, Any]:
    return {"ratio": round(ratio, 3), "n": len(ratios), "spread": [round(min(ratios), 3), round(max(ratios), 3)]}


def _taken(part: str, workers: int, seconds: float, store: str, promotion: str = "halving") -> dict[str, Any]:
    """What a process of its own measures, as plain values."""
    with tempfile.TemporaryDirectory() as name, _store(Path(name), store) as uri:
        load = Load(
            folder=name, uri=uri, workers=workers, seconds=seconds, patience=PATIENCE, promotion=promotion
        )  # fmt: skip
        words = [sys.executable, "-m", f"convscape.benchmarks.scale.{part}", json.dumps(asdict(load))]
        said = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603 - our own code
    return json.loads(said.splitlines()[-1])


@contextlib.contextmanager
def _store(folder: Path, kind: str) -> Iterator[str]:
    """MLflow's store in `folder`, its SQLite file or a server before one. Gives its URI."""
    database = f"sqlite:///{folder}/mlflow.db"
    if kind != "server":
        yield database
        return
    (folder / "files").mkdir()
    server = Server(database, folder / "files")
    server.start()
    try:
        yield server.uri
    finally:
        server.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("trials", "sleep", "driver", "tune"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--trials", type=int, help="of each sweep (trials: 1,000; sleep: 1,000)")
    parser.add_argument("--nodes", type=int, help="raylets (trials and sleep: 8)")
    parser.add_argument("--seeds", type=int, default=1, help="pairs of sweeps (trials, sleep)")
    parser.add_argument("--workers", type=int, nargs="+", help="simulated workers (driver), or Ray's (tune)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that raylets and servers are taken down
    quick = arguments.quick
    nodes = arguments.nodes or (2 if quick else NODES)
    match arguments.part:
        case "trials":
            found = trials(arguments.trials or (60 if quick else 1_000), nodes, 0.0, arguments.seeds)
        case "sleep":
            found = trials(arguments.trials or (6 if quick else 1_000), nodes, ASLEEP, arguments.seeds)
        case "driver":
            sizes = arguments.workers or ([20, 100] if quick else [100, 1_000, 10_000])
            found = driver(sizes, 6.0 if quick else 30.0)
        case _:
            found = tune(arguments.workers or ([4] if quick else [16, 64]), 6.0 if quick else 20.0)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
