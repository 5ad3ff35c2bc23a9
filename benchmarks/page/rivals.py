"""Pages of others that show the same trials: MLflow's compare page, and optuna-dashboard's page of the study."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from convscape.benchmarks.page.browser import PATIENCE, OurPage, View
from servers import free_port  # whoever runs this has put the tests' folder on the path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser

CHART = ".js-plotly-plot .main-svg"
"""A figure in any of the pages: all are drawn by Plotly."""
QUIET = 1.0
"""Seconds without a request after which a page of a server is taken to be complete."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a page took until a first figure stood there."""

    busy: float
    """Seconds that its main thread worked."""
    scripting: float
    """Seconds of that in scripts, as far as the browser counts them."""
    seconds: float
    """Seconds by the clock; of a server's page those of the server, too."""
    asked: int
    """Requests that were sent."""
    problems: tuple[str, ...] = ()
    """Errors of the page's own scripts."""


def compare_address(server: str, experiment: str, runs: Sequence[str]) -> str:
    """The address of MLflow's page that compares runs.

    Args:
        server: MLflow's address.
        experiment: MLflow's id of the experiment.
        runs: MLflow's ids of the runs.
    """
    asked = {"runs": json.dumps(list(runs)), "experiments": json.dumps([experiment])}
    return f"{server}/#/compare-runs?{urlencode(asked)}&workflowType=machine_learning"


@contextmanager
def optuna_dashboard(study: Path, log: Path) -> Iterator[str]:
    """optuna-dashboard on a copy of a sweep's study. Gives the address of the study's page.

    Args:
        study: the sweep's `study.jsonl`.
        log: a file to be, for what it says; the copy lies beside it.
    """
    copy, port = log.with_suffix(".jsonl"), free_port()
    copyfile(study, copy)
    program = Path(sys.executable).with_name("optuna-dashboard")
    with log.open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - of this environment
            [program, "--host", "127.0.0.1", "--port", str(port), "--quiet", str(copy)],
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        _wait_for(port, process, log)
        yield f"http://127.0.0.1:{port}/dashboard/studies/0"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def others_page(browser: Browser, address: str) -> Drawn:
    """Opens a page and waits until a chart stands there, and for a second no request has begun or ended."""
    with View(browser) as view:
        asked: list[str] = []
        problems: list[str] = []
        latest = 0.0

        def note(_: object) -> None:
            nonlocal latest
            latest = view.seconds

        view.page.on("request", lambda request: asked.append(request.url))
        for event in ("request", "requestfinished", "requestfailed"):
            view.page.on(event, note)
        view.page.on("pageerror", lambda error: problems.append(str(error).splitlines()[0][:200]))
        view.go(address)
        view.page.wait_for_selector(CHART, state="attached")
        note(None)
        while view.seconds - latest < QUIET:
            if view.seconds > PATIENCE / 1000:
                raise AssertionError(f"{address[:80]}: requests do not end, {len(asked)} so far")
            view.page.wait_for_timeout(100)
        return Drawn(
            busy=view.busy,
            scripting=view.scripting,
            seconds=latest,
            asked=len(asked),
            problems=tuple(problems),
        )


def our_page(browser: Browser, address: str) -> Drawn:
    """Opens the page of a sweep, scrolls to its parallel coordinates, and waits until they are drawn."""
    with OurPage(browser) as view:
        view.open(address)
        figures = view.figures()
        view.show("parallel" if "parallel" in figures else figures[0])
        return Drawn(busy=view.busy, scripting=view.scripting, seconds=view.seconds, asked=1)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", "/api/studies")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise AssertionError(f"optuna-dashboard does not start:\n{log.read_text()[-2000:]}")
