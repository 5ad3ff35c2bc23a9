"""A real browser, made up sweeps, and a server of pages that runs beside the test."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from convscape.benchmarks.page.large_sweep import make_sweep
from convscape.dashboards.page import FolderOfSweeps, page_content, source_of, write_page
from convscape.dashboards.page.app import make_app
from convscape.search import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from convscape.dashboards.page import Sweeps
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
TRIALS = 60


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian: chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Looked:
    """A page that was opened, and all that went wrong with it or was asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: message.type in ("error", "warning") and self.problems.append(message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, address: str) -> Page:
        self.page.goto(address)
        self.page.wait_for_function("() => document.documentElement.dataset.ready === 'yes'")
        return self.page

    def see(self, plot: str) -> None:
        """Scrolls to a figure and waits until it is drawn as the filters want it."""
        self.page.evaluate("id => document.getElementById(id).scrollIntoView()", plot)
        self.page.wait_for_function(
            "id => { const p = document.getElementById('plot-' + id);"
            " return p && p.data && performance.getEntriesByName('convscape ' + id).length > 0 }",
            arg=plot,
        )
        self.page.wait_for_timeout(250)


@pytest.fixture
def looked(browser: Browser) -> Iterator[Looked]:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    looked = Looked(context.new_page())
    yield looked
    context.close()
    assert looked.problems == []


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two sweeps: "large" and "other"."""
    folder = tmp_path_factory.mktemp("sweeps")
    make_sweep(folder, TRIALS)
    make_sweep(folder, 25, name="other")
    return folder


@pytest.fixture(scope="session")
def page_file(folder: Path) -> str:
    """Address of the page of "large", as a file of its own."""
    path = folder / "page.html"
    write_page(page_content([source_of(Sweep.open("large", folder))]), path)
    return path.as_uri()


@contextmanager
def served(folder: Path, *only: str) -> Iterator[str]:
    """Serves the pages of a folder beside the test. Gives their address."""
    with serving(FolderOfSweeps(folder, only)) as address:
        yield address


@contextmanager
def serving(sweeps: Sweeps) -> Iterator[str]:
    """Serves the pages of sweeps beside the test, which is the machine "desk". Gives their address."""
    import uvicorn

    config = uvicorn.Config(
        make_app(sweeps, {"localhost", "desk"}),
        port=0,
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
