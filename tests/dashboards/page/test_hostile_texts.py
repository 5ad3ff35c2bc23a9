"""Whatever a name, a notation, a tag or a param holds, it is shown as text, and nothing of it runs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from convscape.dashboards.page import page_content, page_html, write_page
from convscape.dashboards.page.html import PLAIN, in_script, list_html, pack
from convscape.dashboards.text import SweepLine
from hypothesis import given, strategies as st

from .made_up import HOSTILE, hostile, record, source

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Looked


def test_no_text_ends_a_script_or_is_an_element() -> None:
    html = page_html(page_content([hostile()]))
    assert HOSTILE not in html
    assert "<img" not in html.partition("<script>")[0]
    assert html.count("</script>") == 3 + html.partition("<script>")[2].count("window.hacked</script>")


@given(st.text())
def test_what_is_put_into_a_script_is_read_as_it_was(text: str) -> None:
    packed = in_script({"text": text})
    assert json.loads(packed) == {"text": text}
    assert "<" not in packed
    assert "&" not in packed


def test_a_long_content_is_packed_and_a_short_one_plain() -> None:
    assert pack({"text": "a"}).startswith("{")
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", pack({"text": "<" * PLAIN}))


def test_the_list_shows_names_as_text() -> None:
    html = list_html([SweepLine(name=HOSTILE, state="ended", problem=HOSTILE)], HOSTILE, problem=HOSTILE)
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;/script&gt;" in html


def test_a_page_names_nothing_of_another_machine() -> None:
    before = page_html(page_content([source([record(0)])])).partition("<script>")[0]
    assert re.findall(r"""(?:src|href)=["'](?!#|data:)[^"']*""", before) == []
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', before)
    assert policy is not None
    assert "default-src &#39;none&#39;" in policy[1]
    assert "connect-src &#39;none&#39;" in policy[1]
    assert "unsafe-eval" not in policy[1]
    assert "script-src &#39;unsafe" not in policy[1]


@pytest.mark.slow
@pytest.mark.parametrize("long", [False, True], ids=["plain", "packed"])
def test_nothing_of_it_runs_in_a_browser(
    looked: Looked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: bool
) -> None:
    if long:
        monkeypatch.setattr("convscape.dashboards.page.html.PLAIN", 10)
    write_page(page_content([hostile(), source([record(0), record(1)])]), tmp_path / "page.html")
    page = looked.open((tmp_path / "page.html").as_uri())
    for plot in page.evaluate("() => [...document.querySelectorAll('#plots section')].map(each => each.id)"):
        looked.see(plot)
    page.locator("[data-focus^='trial ']").first.click()
    page.keyboard.press("Escape")
    page.get_by_text("Columns", exact=True).click()
    assert page.evaluate("() => window.hacked") is None
    assert page.locator("img").count() == 0
    assert HOSTILE in page.inner_text("#sweeps")
    assert HOSTILE[:40] in page.inner_text("#table")


@pytest.mark.slow
def test_an_address_of_a_store_that_is_a_script_is_no_link(looked: Looked, tmp_path: Path) -> None:
    from dataclasses import replace

    made = replace(source([record(0)]), run_link="javascript:window.hacked=1//{run}", sweep_link="javascript:hacked=1")
    write_page(page_content([made]), tmp_path / "page.html")
    page = looked.open((tmp_path / "page.html").as_uri())
    assert page.locator("a[href^='javascript']").count() == 0
