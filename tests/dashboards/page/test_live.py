"""The page that is served: it follows a sweep that runs, and says what is wrong."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from convscape.benchmarks.page.large_sweep import make_sweep
from convscape.dashboards.page import source_of
from convscape.search.files import STUDY, sweep_lock

from .conftest import served

if TYPE_CHECKING:
    from convscape.dashboards.page import SweepSource
    from convscape.search import Sweep

    from .conftest import Looked

pytestmark = pytest.mark.slow


def test_it_follows_a_sweep_that_runs_and_keeps_the_filters(
    looked: Looked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convscape.dashboards.page.sweeps.OFTEN", 0.5)
    monkeypatch.setattr("convscape.dashboards.page.kept_content.SHARE", 0.0)
    make_sweep(tmp_path / "later", 30, name="live")
    shutil.copytree(tmp_path / "later/live", tmp_path / "now/live")
    study = tmp_path / "now/live" / STUDY
    whole = study.read_bytes().splitlines(keepends=True)
    (tmp_path / "now/live/heartbeat.json").unlink()  # it says how many lines there must be
    study.write_bytes(b"".join(whole[: len(whole) // 2]))
    with served(tmp_path / "now") as address:
        with sweep_lock(study.parent):
            page = looked.open(f"{address}/?sweep=live#f.epochs=1..9")
            assert page.inner_text(".state") == "running"
            before = int(re.findall(r"\d+", page.inner_text("#count"))[1])
            study.write_bytes(b"".join(whole))
            page.wait_for_function(
                f"() => parseInt(document.getElementById('count').textContent.split(' of ')[1]) > {before}"
            )
        page.wait_for_function("() => document.querySelector('.state').textContent !== 'running'")
        assert "f.epochs=1..9" in page.url
        assert page.get_by_label("filter epochs", exact=True).input_value() == "1..9"
        assert [url for url in looked.asked if not url.startswith((address, "data:", "blob:"))] == []


def test_two_pages_that_are_open_have_each_sweep_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from convscape.dashboards.page import FolderOfSweeps, sweeps

    made: list[str] = []

    def counting(sweep: Sweep) -> SweepSource:
        made.append(sweep.name)
        return source_of(sweep)

    monkeypatch.setattr(sweeps, "source_of", counting)
    both = FolderOfSweeps(folder)
    for _ in range(3):
        for name in ("large", "other"):
            version = both.content([name])["version"]
            assert both.progress([name])["version"] == version
    assert made == ["large", "other"]


def test_what_is_open_stays_open(looked: Looked, folder: Path) -> None:
    with served(folder) as address:
        page = looked.open(f"{address}/?sweep=large")
        page.get_by_text("What was asked").click()
        page.wait_for_timeout(3600)
        assert page.locator("#sweeps details").get_attribute("open") is not None
    looked.problems.clear()


def test_a_server_that_is_gone_is_said_and_the_page_stays(looked: Looked, folder: Path) -> None:
    with served(folder) as address:
        page = looked.open(f"{address}/?sweep=large")
    page.wait_for_selector("#problem .alert")
    assert "No news" in page.inner_text("#problem")
    assert page.locator("#table tbody tr").count() == 25
    looked.problems.clear()  # the browser tells of requests that were refused


def test_a_sweep_that_is_deleted_meanwhile_is_said(looked: Looked, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "other", tmp_path / "other")
    with served(tmp_path) as address:
        page = looked.open(f"{address}/?sweep=other")
        shutil.rmtree(tmp_path / "other")
        page.wait_for_selector("#problem .alert")
        assert "no sweep 'other'" in page.inner_text("#problem")
    looked.problems.clear()


def test_the_list_leads_to_a_comparison(looked: Looked, folder: Path) -> None:
    with served(folder) as address:
        looked.page.goto(address)
        assert looked.page.locator("tbody tr").count() == 2
        for name in ("large", "other"):
            looked.page.get_by_label(f"compare {name}").check()
        looked.page.get_by_role("button", name="Compare the marked ones").click()
        looked.page.wait_for_function("() => document.documentElement.dataset.ready === 'yes'")
        assert looked.page.inner_text("h1") in ("large and other", "other and large")
        assert looked.page.inner_text("#count") == "85 runs"
        looked.see("curves")
        names = looked.page.evaluate(
            "document.getElementById('plot-curves').data.filter(t => t.showlegend !== false).map(t => t.name)"
        )
        assert sorted(names) == ["large", "other"]


def test_the_command_serves_until_ctrl_c_and_says_where(folder: Path, looked: Looked) -> None:
    command = [Path(sys.executable).with_name("convscape"), "dashboard", "large", "--folder", folder]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = process.stderr.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        page = looked.open(address)
        assert page.inner_text("h1") == "large"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read().strip() == "Ctrl-C ends it."
    looked.problems.clear()
