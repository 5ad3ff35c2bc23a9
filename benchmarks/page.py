"""What the page of a large sweep takes: to make it, to open it, to filter it; beside the pages of others.

  made    seconds to read a study of 10,000 trials, whose results are made up, and to make the page of it, each time in
          a fresh process; the file's size
  opened  in Chromium: until the page is ready, the draw of each figure, and from an event in a filter until table and
          count are on the screen, and until the figure in view is redrawn, each figure in its turn
  stored  seconds to read a sweep back from MLflow, out of an SQLite file and from a server
  beside  the same 1,000 trials on our page (until its parallel coordinates are drawn), on MLflow's compare page and on
          optuna-dashboard's page of the study (until a chart stands there and no request has come for a second), in
          the same browser, by turns

Of a page that is opened, `busy` is the time that its main thread worked: scripts, styles, layout and painting.
`scripting` is what Chromium counts as scripts; it leaves out what runs after an `await`, which is most of these pages.
Needs Chromium (Debian: chromium), and the packages of `pip install convscape[test]`.

usage: python benchmarks/page.py [--quick] [--trials N] [--stored N] [--rounds N]
The last line is JSON: `ratio` is the busy time of MLflow's compare page over that of ours with the same trials, the
median of `n` pairs by turns, and `spread` their range.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from convscape.benchmarks.page.browser import CHROMIUM, OurPage, chromium
from convscape.benchmarks.page.large_sweep import make_sweep
from convscape.benchmarks.page.making import anew, make_page, read_store
from convscape.benchmarks.page.rivals import Drawn, compare_address, optuna_dashboard, others_page, our_page
from convscape.search import Sweep
from convscape.search.tracking import sync
from servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser

COMPARED = 1_000
"""Trials that are shown beside the pages of others, at most."""
EXPERIMENT = "page"
OURS, MLFLOW, OPTUNA = "our page", "MLflow, compare page", "optuna-dashboard"
FILTER, WORDS = '[data-focus="filter accuracy"]', "#words"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--trials", type=int, help="of the page that is made and opened")
    parser.add_argument("--stored", type=int, help="that are sent to MLflow and read back, 34 ms each")
    parser.add_argument("--rounds", type=int)
    arguments = parser.parse_args()
    if CHROMIUM is None:
        parser.error("no Chromium is here (Debian: chromium)")
    trials, stored, rounds = (200, 200, 1) if arguments.quick else (10_000, 1_000, 5)
    trials, stored, rounds = arguments.trials or trials, arguments.stored or stored, arguments.rounds or rounds
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and browser are taken down
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        path, size = made(folder, trials, rounds)
        opened(browser, folder, path, trials, rounds)
        compared = min(stored, COMPARED)
        make_sweep(folder, compared, name="compared")
        sync(folder / "compared")
        with _server(folder) as server:
            if stored > compared:
                make_sweep(folder, stored, name="stored")
                sync(folder / "stored")
            read_back(folder, server, "stored" if stored > compared else "compared", stored, rounds)
            pages = beside(browser, folder, server, rounds)
    ratios = [other.busy / ours.busy for other, ours in zip(pages[MLFLOW], pages[OURS], strict=True)]
    summary = {
        "ratio": round(statistics.median(ratios), 1),
        "n": len(ratios),
        "spread": [round(min(ratios), 1), round(max(ratios), 1)],
        "compared_trials": compared,
        "busy_seconds": {who: round(statistics.median(each.busy for each in drawn), 2) for who, drawn in pages.items()},
        "page_trials": trials,
        "page_mb": round(size, 1),
    }
    print(json.dumps(summary))


def made(folder: Path, trials: int, rounds: int) -> tuple[Path, float]:
    """Makes a sweep, and the page of it a few times. Gives the page's file, and its size in MB."""
    make_sweep(folder, trials)
    path = folder / "page.html"
    found = [anew(make_page, folder, "large", path) for _ in range(rounds)]
    size = path.stat().st_size / 1e6
    print(f"\nmade: the page of {trials:,} trials, {size:.1f} MB")
    for part in found[0]:
        _row(part, [each[part] for each in found], "s")
    return path, size


def opened(browser: Browser, folder: Path, path: Path, trials: int, rounds: int) -> None:
    """Opens the page a few times and uses it."""
    ready: list[Drawn] = []
    draws: dict[str, list[float]] = {}
    updated: dict[str, list[float]] = {}
    redrawn: dict[str, list[float]] = {}
    records = Sweep.open("large", folder).trials()
    accuracies = sorted(record.accuracy for record in records if record.accuracy is not None)
    for number in range(rounds):
        with OurPage(browser) as view:
            view.open(path.as_uri())
            ready.append(Drawn(busy=view.busy, scripting=view.scripting, seconds=view.seconds, asked=1))
            figures = view.figures()
            for figure in figures:
                view.see(figure)
            for figure, took in view.draws().items():
                draws.setdefault(figure, []).append(took)
            least = accuracies[len(accuracies) * (number + 1) // (rounds + 2)]
            for figure in figures:
                view.see(figure)
                table, figured = view.filter(FILTER, "change", f">= {least}", figure)
                updated.setdefault("bound on accuracy", []).append(table)
                redrawn.setdefault(figure, []).append(figured)
            table, _ = view.filter(WORDS, "input", str(number + 1), figures[-1])
            updated.setdefault("words, typed", []).append(table)
    print(f"\nopened: the page of {trials:,} trials")
    _row("ready, busy", [each.busy for each in ready], "s")
    _row("ready, scripting", [each.scripting for each in ready], "s")
    _row("ready, by the clock", [each.seconds for each in ready], "s")
    for what, unit in ((draws, "first draw"), (updated, "filter to table and count"), (redrawn, "filter to redrawn")):
        for name, values in what.items():
            _row(f"{unit}: {name}", values, "ms")


def read_back(folder: Path, server: str, name: str, trials: int, rounds: int) -> None:
    """Reads a sweep back from MLflow, by turns from the file and from a server of it."""
    stores = {"SQLite": f"sqlite:///{folder}/mlflow.db", "server": server}
    found: dict[str, list[dict[str, float]]] = {store: [] for store in stores}
    for _ in range(rounds):
        for store, uri in stores.items():
            found[store].append(anew(read_store, uri, EXPERIMENT, name))
    print(f"\nstored: {trials:,} trials in MLflow, {found['server'][0]['trials']:,.0f} of them trained and read back")
    for query in ("stored_sweeps", "stored_records"):
        for store, those in found.items():
            _row(f"{query}, {store}", [each[query] for each in those], "s")


def beside(browser: Browser, folder: Path, server: str, rounds: int) -> dict[str, list[Drawn]]:
    """Opens our page and those of others of the same trials, by turns."""
    sweep, path = Sweep.open("compared", folder), folder / "compared.html"
    make_page(folder, "compared", path)
    identity = str(_experiment(server))
    runs = [run for number, run in sweep.run_ids().items() if number is not None]
    addresses = {OURS: path.as_uri(), MLFLOW: compare_address(server, identity, runs)}
    pages: dict[str, list[Drawn]] = {}
    with optuna_dashboard(sweep.folder / "study.jsonl", folder / "dashboard.log") as dashboard:
        addresses[OPTUNA] = dashboard
        for number in range(rounds):
            for who in list(addresses) if number % 2 else list(addresses)[::-1]:
                look = our_page if who == OURS else others_page
                pages.setdefault(who, []).append(look(browser, addresses[who]))
    print(f"\nbeside: {len(runs):,} runs")
    for who, drawn in pages.items():
        _row(f"{who}: busy", [each.busy for each in drawn], "s")
        _row(f"{who}: scripting", [each.scripting for each in drawn], "s")
        _row(f"{who}: by the clock", [each.seconds for each in drawn], "s")
        print(f"{'':38}{drawn[0].asked:,} requests", *{text for each in drawn for text in each.problems}, sep="; ")
    return pages


def _row(name: str, values: Sequence[float], unit: str) -> None:
    figures = (statistics.median(values), min(values), max(values))
    places = 2 if unit == "s" else 0
    print(
        f"{name:<38}" + " ".join(f"{value:9,.{places}f}" for value in figures) + f" {unit}, n={len(values)}", flush=True
    )


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """A server of MLflow over the file to which sweeps were sent. Gives its address."""
    (folder / "files").mkdir()
    server = Server(f"sqlite:///{folder}/mlflow.db", folder / "files", log=folder / "server.log")
    try:
        server.start()
        yield server.uri
    finally:
        server.kill()


def _experiment(server: str) -> Any:
    """MLflow's id of the experiment."""
    from mlflow import MlflowClient

    found = MlflowClient(server).get_experiment_by_name(EXPERIMENT)
    assert found is not None
    return found.experiment_id


if __name__ == "__main__":
    main()
