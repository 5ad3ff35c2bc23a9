"""The page in a real browser: it loads, sorts, filters, selects, and asks nobody for anything."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from convscape.dashboards.page import page_content, write_page
from PIL import Image

from .made_up import question

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from .conftest import Looked

pytestmark = pytest.mark.slow
PLOTS = ("curves", "parallel", "importance", "pareto", "slices", "time", "path")


def rows(page: Page) -> list[str]:
    return [text.split("\t")[0].strip() for text in page.locator("#table tbody tr").all_inner_texts()]


def column(page: Page, name: str) -> list[float]:
    heads = [text.strip(" ▲▼\n") for text in page.locator("#table thead tr:first-child th").all_inner_texts()]
    cells = page.locator(f"#table tbody tr td:nth-child({heads.index(name) + 1})").all_inner_texts()
    return [float(text.replace(",", "")) for text in cells if text != "–"]


def texts(page: Page, name: str) -> list[str]:
    heads = [text.strip(" ▲▼\n") for text in page.locator("#table thead tr:first-child th").all_inner_texts()]
    return page.locator(f"#table tbody tr td:nth-child({heads.index(name) + 1})").all_inner_texts()


def counted(page: Page) -> int:
    return int(re.match(r"[\d,]+", page.inner_text("#count"))[0].replace(",", ""))


def drawn(page: Page, plot: str) -> set[int]:
    """Numbers of the trials that a figure draws in full colour."""
    return set(
        page.evaluate(
            "id => document.getElementById('plot-' + id).data"
            ".filter(t => t.hoverinfo !== 'skip' && t.meta.kind !== 'guide')"
            ".flatMap(t => (t.customdata ?? []).map(pair => pair[1])).filter(n => n >= 0)",
            plot,
        )
    )


def box(page: Page, plot: str, x: tuple[float, float], y: tuple[float, float], axis: str = "") -> None:
    """Draws a box in a figure, in shares of the plot's area from its lower left corner."""
    area = page.evaluate(
        "([id, axis]) => { const e = document.getElementById('plot-' + id), l = e._fullLayout;"
        " const b = e.getBoundingClientRect(), X = l['xaxis' + axis], Y = l['yaxis' + axis];"
        " return [b.left + X._offset, b.top + Y._offset, X._length, Y._length] }",
        [plot, axis],
    )
    left, top, width, height = area
    page.mouse.move(left + x[0] * width, top + (1 - y[0]) * height)
    page.mouse.down()
    page.mouse.move(left + x[1] * width, top + (1 - y[1]) * height, steps=5)
    page.mouse.up()
    page.wait_for_timeout(400)


def test_it_draws_every_figure_and_nothing_leaves_the_machine(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    assert page.title() == "large · Convscape"
    assert len(rows(page)) == 25
    for plot in PLOTS:
        looked.see(plot)
        picture = Image.open(io.BytesIO(page.locator(f"#plot-{plot}").screenshot()))
        assert len(picture.convert("RGB").getcolors(10**6)) > 40, f"{plot} is blank"
    assert [url for url in looked.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert "Share" not in page.inner_text("body")
    assert page.locator("[data-title*=hart]").count() == 0  # Plotly's upload of charts


def test_it_sorts_by_any_column_best_and_missing_last(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    assert column(page, "place") == list(range(1, 26))
    page.get_by_role("button", name="parameters", exact=True).click()
    assert column(page, "parameters") == sorted(column(page, "parameters"))
    page.get_by_role("button", name=re.compile("^parameters")).click()
    assert column(page, "parameters") == sorted(column(page, "parameters"), reverse=True)
    page.get_by_role("button", name="accuracy", exact=True).click()
    assert column(page, "accuracy") == sorted(column(page, "accuracy"), reverse=True)


def test_it_filters_pages_and_clears(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    page.get_by_label("filter epochs", exact=True).fill(">= 3")
    page.get_by_label("filter epochs", exact=True).press("Enter")
    assert min(column(page, "epochs")) >= 3
    left = counted(page)
    page.get_by_label("filter notation", exact=True).fill("gap")
    page.get_by_label("filter notation", exact=True).press("Enter")
    assert 0 < counted(page) < left
    page.get_by_label("remove filter notation: gap").click()
    assert counted(page) == left
    page.locator("#words").fill("nosuchword")
    page.wait_for_function("() => document.getElementById('count').textContent.startsWith('0 ')")
    assert "No trial passes" in page.inner_text("#pager")
    page.get_by_role("button", name="Clear filters").click()
    total = counted(page)
    page.get_by_role("button", name="Next").click()
    assert page.inner_text("#pager").split()[1] == "26"
    assert total > 25


TYPED: list[tuple[str, str, Callable[[str], bool]]] = [
    ("epochs", "> 3", lambda value: float(value) > 3),
    ("epochs", "< 3", lambda value: float(value) < 3),
    ("epochs", "3", lambda value: float(value) == 3),
    ("epochs", "<= 3", lambda value: float(value) <= 3),
    ("epochs", "1..3", lambda value: 1 <= float(value) <= 3),
    ("parameters", "1,000..200,000", lambda value: 1000 <= float(value.replace(",", "")) <= 200_000),
    ("epochs", "3 | 9", lambda value: float(value) in (3, 9)),
    ("state", "stop", lambda value: value == "stopped"),
    ("on the front", "yes", lambda value: value == "yes"),
    ("stage3.kernel", "not asked", lambda value: value == "not asked"),
]


def test_what_is_typed_is_what_is_left(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    total, encoded = counted(page), []
    page.get_by_text("Columns", exact=True).click()
    for name, typed, holds in TYPED:
        page.get_by_label(name, exact=True).check()
        every = texts(page, name)
        box = page.get_by_label(f"filter {name}", exact=True)
        box.fill(typed)
        box.press("Enter")
        left = texts(page, name)
        assert left, typed
        assert all(map(holds, left)), typed
        assert counted(page) < 60 or not all(map(holds, every)), typed
        if set(typed) & set("<>=|,"):
            encoded.append((page.url, name, left))
        box.fill("")
        box.press("Enter")
        assert counted(page) == total, typed
    for address, name, left in encoded:
        page.goto("about:blank")
        assert texts(looked.open(address), name) == left


def test_the_address_holds_what_is_seen(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    page.get_by_label("filter accuracy", exact=True).fill("0.5..0.9")
    page.get_by_label("filter accuracy", exact=True).press("Enter")
    page.get_by_role("button", name="MACs", exact=True).click()
    page.get_by_role("button", name="Next").click()
    seen, address = rows(page), page.url
    assert "f.accuracy=0.5..0.9" in address
    page.goto("about:blank")
    assert rows(looked.open(address)) == seen
    assert page.get_by_label("filter accuracy", exact=True).input_value() == "0.5..0.9"


@pytest.mark.parametrize(
    "odd", ["%", "f.accuracy=x..y", "sort=nix&page=-3", "b.nix=1..2,3..4&f.nix=1..2", "trial=nix/9", "=&&="]
)
def test_an_address_that_nobody_wrote_is_passed_over(looked: Looked, page_file: str, odd: str) -> None:
    page = looked.open(f"{page_file}#{odd}")
    assert len(rows(page)) == 25


def test_a_box_in_one_figure_selects_in_all(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    looked.see("pareto")
    box(page, "pareto", (0.5, 1.0), (0.5, 1.0))
    left = counted(page)
    assert 0 < left < 60
    assert page.locator(".chip").count() == 2
    half = drawn(page, "pareto")
    for plot in ("curves", "time", "slices"):
        looked.see(plot)
        assert drawn(page, plot) <= half, plot
    assert "f.parameters=" in page.url
    assert "f.accuracy=" in page.url


def test_a_box_over_an_axis_of_parallel_coordinates_filters_what_was_not_asked(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    looked.see("parallel")
    axes = page.evaluate("document.getElementById('plot-parallel').layout.meta.axes.map(a => a.column)")
    at = next(index for index, name in enumerate(axes) if name.startswith(("stage2.", "stage3.")))
    place = (at + 0.35) / (
        len(axes) - 0.1
    )  # the axis goes from -0.35 to one less than the number of axes and 0.55 more
    box(page, "parallel", (place - 0.02, place + 0.02), (0.0, 0.12))
    assert page.locator(".chip").count() == 1
    assert "not asked" in page.locator(".chip").inner_text()
    assert 0 < counted(page) < 60


def test_a_box_over_a_whole_axis_keeps_all_and_one_from_below_is_a_range(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    looked.see("parallel")
    axes = page.evaluate("document.getElementById('plot-parallel').layout.meta.axes.map(a => a.column)")
    place = (len(axes) - 1 + 0.35) / (len(axes) - 0.1)  # of accuracy, the last
    box(page, "parallel", (place - 0.02, min(0.995, place + 0.02)), (0.02, 0.98))
    assert counted(page) == 60
    assert "f.accuracy=" in page.url
    page.get_by_role("button", name="Clear filters").click()
    page.wait_for_timeout(1500)  # a box that is begun while the figure is drawn anew is none
    looked.see("parallel")
    box(page, "parallel", (place - 0.02, min(0.995, place + 0.02)), (0.02, 0.6))
    assert 0 < counted(page) < 60
    assert "not asked" not in page.locator(".chip").inner_text()


@pytest.mark.parametrize(
    ("address", "left"), [("f.stages==", 0), ("f.stage3.kernel=1..9|", 60), ("f.stages=%3E9", 0), ("f.stages=%3C9", 60)]
)
def test_every_kind_of_filter_survives_its_address(looked: Looked, page_file: str, address: str, left: int) -> None:
    page = looked.open(f"{page_file}#{address}")
    assert counted(page) == left
    page.get_by_role("button", name="MACs", exact=True).click()
    again = page.url
    page.goto("about:blank")
    assert counted(looked.open(again)) == left
    assert page.locator(".chip").count() == 1


def test_a_box_in_the_curves_selects_those_that_pass_it(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    looked.see("curves")
    box(page, "curves", (0.5, 1.0), (0.3, 1.0))
    assert set(column(page, "epochs")) == {9.0}
    address = page.url
    assert "b.curves=" in address
    left = counted(page)
    page.goto("about:blank")
    looked.open(address)
    assert counted(page) == left


def test_a_point_and_a_number_open_their_trial_and_escape_closes_it(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    page.get_by_role("button", name=re.compile("^show trial")).first.click()
    assert page.get_by_role("dialog").is_visible()
    assert "INPUT[28x28x1]" in page.inner_text("#trial-body")
    assert "learning_rate" in page.inner_text("#trial-body")
    assert "trial=large%2F" in page.url
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    assert "trial=" not in page.url
    looked.see("time")
    at = page.evaluate(
        "() => { const e = document.getElementById('plot-time'), l = e._fullLayout, b = e.getBoundingClientRect();"
        " const t = e.data.find(t => t.hoverinfo !== 'skip' && t.customdata?.length);"
        " return [b.left + l.xaxis._offset + l.xaxis.d2p(t.x[0]), b.top + l.yaxis._offset + l.yaxis.d2p(t.y[0])] }"
    )
    page.mouse.move(*at)
    page.wait_for_timeout(200)
    page.mouse.click(*at)
    page.get_by_role("dialog").wait_for(state="visible")


def test_two_networks_side_by_side_mark_what_differs(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    page.get_by_label("A", exact=True).fill("0")
    page.get_by_label("A", exact=True).press("Enter")
    page.get_by_label("B", exact=True).fill("large/0")
    page.get_by_label("B", exact=True).press("Enter")
    assert page.locator("#side-by-side tr.differs, #side-by-side tr.only").count() == 0
    page.get_by_label("B", exact=True).fill("1")
    page.get_by_label("B", exact=True).press("Enter")
    words = page.locator("#side-by-side td.word").all_inner_texts()
    assert {word for word in words if word} <= {"only in A", "only in B", "layer", "output", "cost"}
    assert any(words)
    page.get_by_label("B", exact=True).fill("999")
    page.get_by_label("B", exact=True).press("Enter")
    assert "No network of large/999 is known" in page.inner_text("#side-by-side")


def test_a_figure_stays_where_it_is_when_a_box_leaves_few_trials(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    looked.see("pareto")
    top = page.locator("#plot-pareto").bounding_box()
    box(page, "pareto", (0.9, 0.99), (0.9, 0.99))
    assert counted(page) < 20
    after = page.locator("#plot-pareto").bounding_box()
    assert top is not None
    assert after is not None
    assert abs(top["y"] - after["y"]) < 60  # chips may take a line more


def test_csv_holds_the_trials_that_are_left(looked: Looked, page_file: str, tmp_path: Path) -> None:
    import pandas as pd

    page = looked.open(page_file)
    page.get_by_label("filter epochs", exact=True).fill("9")
    page.get_by_label("filter epochs", exact=True).press("Enter")
    with page.expect_download() as told:
        page.get_by_role("button", name="CSV").click()
    told.value.save_as(tmp_path / "trials.csv")
    frame = pd.read_csv(tmp_path / "trials.csv")
    assert len(frame) == counted(page)
    assert set(frame["epochs"]) == {9}
    assert frame["accuracy"].round(4).tolist()[:25] == column(page, "accuracy")
    assert "learning_rate" in frame


def test_columns_can_be_chosen(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("learning_rate", exact=True).check()
    assert all(0 < rate < 1 for rate in column(page, "learning_rate"))
    page.get_by_label("filter learning_rate", exact=True).fill("<= 0.1")
    page.get_by_label("filter learning_rate", exact=True).press("Enter")
    assert max(column(page, "learning_rate")) <= 0.1


def test_the_keyboard_reaches_everything(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the trials"
    page.keyboard.press("Enter")
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.focus ?? document.activeElement.id"))
    assert {"words", "csv", "copy", "sort accuracy", "filter accuracy"} <= set(reached)
    page.get_by_role("button", name="MACs", exact=True).focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.focus") == "sort macs"
    assert column(page, "MACs") == sorted(column(page, "MACs"))


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (800, "dark"), (420, "light")])
def test_no_width_makes_the_page_scroll_sideways(looked: Looked, page_file: str, width: int, scheme: str) -> None:
    looked.page.set_viewport_size({"width": width, "height": 720})
    looked.page.emulate_media(color_scheme=scheme)
    page = looked.open(page_file)
    for plot in PLOTS:
        looked.see(plot)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_on_paper_all_figures_are_there(looked: Looked, page_file: str) -> None:
    page = looked.open(page_file)
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for plot in PLOTS:
        page.wait_for_function("id => document.getElementById('plot-' + id).data", arg=plot)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#csv").is_visible()
    assert len(page.pdf()) > 50_000


def test_a_design_question_has_its_answer_and_the_differences_of_its_pairs(looked: Looked, tmp_path: Path) -> None:
    write_page(page_content([question()]), tmp_path / "question.html")
    page = looked.open((tmp_path / "question.html").as_uri())
    assert "wide is better" in page.inner_text(".answer")
    looked.see("differences")
    assert page.locator("#plot-differences .scatterlayer .point").count() == 8 + 1  # the bases, and their mean
    page.evaluate(
        "() => document.getElementById('plot-differences').emit('plotly_click',"
        " { points: [{ data: { meta: { kind: 'pairs' } }, customdata: [0] }] })"
    )
    assert not page.locator("#trial").is_visible()
    picture = Image.open(io.BytesIO(page.locator("#plot-differences").screenshot()))
    assert len(picture.convert("L").getcolors(256 * 256)) > 20
