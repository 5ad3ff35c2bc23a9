"""The page for everybody: an audit by axe-core finds nothing serious, in any state and either scheme."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from convscape.dashboards.page import page_content, write_page
from convscape.dashboards.page.html import list_html
from convscape.dashboards.text import SweepLine

from .made_up import states

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from .conftest import Looked

pytestmark = pytest.mark.slow
AXE = Path(__file__).with_name("axe") / "axe.min.js"
SERIOUS = ("serious", "critical")


def audit(page: Page) -> list[str]:
    """What axe-core finds that is serious, each with the element."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_audit_of_a_whole_page_finds_nothing_serious(looked: Looked, page_file: str, scheme: str) -> None:
    looked.page.emulate_media(color_scheme=scheme)
    page = looked.open(page_file)
    for plot in ("curves", "parallel", "importance", "pareto", "slices", "time", "path"):
        looked.see(plot)
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("filter epochs", exact=True).fill(">= 3")
    page.get_by_label("filter epochs", exact=True).press("Enter")
    assert audit(page) == []
    page.get_by_role("button", name="show trial 0", exact=True).or_(
        page.locator("[data-focus^='trial ']")
    ).first.click()
    assert audit(page) == []


@pytest.mark.parametrize("state", states())
def test_a_sweep_in_any_state_has_a_page_that_makes_sense(looked: Looked, state: str, tmp_path: Path) -> None:
    source = states()[state]
    write_page(page_content([source]), tmp_path / "page.html")
    page = looked.open((tmp_path / "page.html").as_uri())
    assert page.inner_text(".state") == source.state
    assert source.problem in page.inner_text("#sweeps")
    trials = len(source.frames.trials)
    assert page.inner_text("#count") == f"{trials} runs"
    for plot in page.evaluate("() => [...document.querySelectorAll('#plots section')].map(each => each.id)"):
        looked.see(plot)
    if trials == 0:
        assert "no trial to show yet" in page.inner_text("#plot-curves")
    if trials < 2:
        assert "no two networks" in page.inner_text("#side-by-side")
    assert "undefined" not in page.inner_text("body")
    assert "NaN" not in page.inner_text("body")
    assert audit(page) == []


def test_the_list_of_sweeps_passes_too(looked: Looked, tmp_path: Path) -> None:
    lines = [
        SweepLine(name="a", state="ended", trials=3, best=0.5),
        SweepLine(name="b", state="unreadable", problem="x"),
    ]
    path = tmp_path / "list.html"
    path.write_text(list_html(lines, "sweeps", problem="sweep c is gone"))
    looked.page.goto(path.as_uri())
    assert audit(looked.page) == []
