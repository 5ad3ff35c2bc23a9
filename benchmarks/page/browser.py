"""A real browser that tells how long a page's scripts ran, and how long what a person does there takes."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, CDPSession, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
"""The browser; None where none is installed."""
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
WINDOW = {"width": 1280, "height": 720}
PATIENCE = 300_000
"""Milliseconds that a page may take for anything."""
FILTERED = """([selector, event, text, plot]) => new Promise((resolve, reject) => {
  const count = document.getElementById("count"), field = document.querySelector(selector);
  const begun = performance.now();
  let updated = null;
  const watcher = new MutationObserver(() => {
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => { updated = performance.now() - begun; }));  // it is on the screen
  });
  watcher.observe(count, { childList: true, characterData: true, subtree: true });
  const look = () => {
    const redrawn = performance.getEntriesByName(`convscape ${plot}`).filter((mark) => mark.startTime > begun).at(-1);
    if (updated !== null && redrawn) resolve([updated, redrawn.startTime - begun]);
    else if (performance.now() - begun > 60000) reject(new Error(`${selector}: nothing came of ${text}`));
    else setTimeout(look, 20);
  };
  field.value = text;
  field.dispatchEvent(new Event(event, { bubbles: true }));
  look();
})"""
"""Types into a filter. Gives the milliseconds until the frame with table and count, and until the figure is redrawn."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, until the end of the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class View:
    """One page in a window of its own, with what the browser says of its scripts. A context manager."""

    def __init__(self, browser: Browser) -> None:
        self._context = browser.new_context(viewport=WINDOW)  # pyright: ignore[reportArgumentType]
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self._protocol: CDPSession = self._context.new_cdp_session(self.page)
        self._protocol.send("Performance.enable")
        self._begun = time.perf_counter()

    def __enter__(self) -> View:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def go(self, address: str) -> None:
        """Opens an address, and begins to count."""
        self._begun = time.perf_counter()
        self.page.goto(address)

    @property
    def busy(self) -> float:
        """Seconds that the page's main thread worked so far: scripts, styles, layout, painting."""
        return self._metric("TaskDuration")

    @property
    def scripting(self) -> float:
        """Seconds that scripts ran so far, as Chromium counts them: without what runs after an `await`."""
        return self._metric("ScriptDuration")

    @property
    def seconds(self) -> float:
        """Seconds since the address was opened."""
        return time.perf_counter() - self._begun

    def _metric(self, name: str) -> float:
        found = self._protocol.send("Performance.getMetrics")["metrics"]
        return float(next(metric["value"] for metric in found if metric["name"] == name))


class OurPage(View):
    """The page of a sweep."""

    def open(self, address: str) -> None:
        """Opens the page and waits until it is ready: table, count and key figures are there."""
        self.go(address)
        self.page.wait_for_function("() => document.documentElement.dataset.ready === 'yes'")

    def figures(self) -> list[str]:
        """What the figures are called, in their order."""
        return self.page.evaluate("() => [...document.querySelectorAll('#plots > section')].map(each => each.id)")

    def show(self, figure: str) -> None:
        """Scrolls to a figure and waits until it is drawn."""
        self.page.evaluate(
            "id => { performance.mark('scrolled'); document.getElementById(id).scrollIntoView({ block: 'center' }) }",
            figure,
        )
        self.page.wait_for_function("id => performance.getEntriesByName('convscape ' + id).length > 0", arg=figure)

    def see(self, figure: str) -> None:
        """Scrolls to a figure and waits until it and those beside it are drawn."""
        self.show(figure)
        self.settle()

    def settle(self) -> None:
        """Waits until no figure was drawn for a while."""
        self.page.wait_for_function(
            "() => performance.now() - Math.max(...performance.getEntriesByType('mark').map(m => m.startTime)) > 500"
        )

    def draws(self) -> dict[str, float]:
        """Milliseconds of each figure's first draw, the frame that it waits for among them."""
        marks = self.page.evaluate("() => performance.getEntriesByType('mark').map(m => [m.name, m.startTime])")
        found: dict[str, float] = {}
        ordered = sorted(marks, key=lambda mark: mark[1])
        for (_, before), (name, at) in pairwise(ordered):
            if name.startswith("convscape "):
                found.setdefault(name.removeprefix("convscape "), at - before)
        return {figure: found[figure] for figure in self.figures() if figure in found}

    def filter(self, selector: str, event: str, text: str, figure: str) -> tuple[float, float]:
        """Types into a filter, waits, and clears it.

        Args:
            selector: the field's.
            event: that the field waits for: "input", or "change" where only Enter counts.
            text: what is typed.
            figure: that is in view.

        Returns:
            Milliseconds from the event until table and count are on the screen, and until the figure is redrawn.
        """
        updated, redrawn = self.page.evaluate(FILTERED, [selector, event, text, figure])
        self.settle()
        self.page.evaluate(FILTERED, [selector, event, "", figure])
        self.settle()
        return updated, redrawn
