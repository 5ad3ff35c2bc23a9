"""Progress on a terminal, in a log and in a notebook."""

from __future__ import annotations

import io
import re
import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest
from convscape.search.driver import ProgressDisplay, SweepState, display, terminal
from convscape.search.driver.notebook import Notebook
from convscape.search.driver.terminal import Log, Terminal
from rich.console import Console
from sweep_progress import NOTHING, NOW

ENDED = replace(NOW, state=SweepState.COMPLETED)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(screen: io.StringIO, width: int = 70) -> ProgressDisplay:
    console = Console(file=screen, force_terminal=True, width=width, height=20, color_system=None)
    return ProgressDisplay(Terminal(console))


def in_a_log(log: io.StringIO) -> ProgressDisplay:
    return ProgressDisplay(Log(Console(file=log, force_terminal=False, width=70, color_system=None)))


def clock_on(shown: ProgressDisplay, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if so many seconds had gone by."""
    later = time.monotonic() + seconds
    monkeypatch.setattr("convscape.search.driver.phases.time.monotonic", lambda: later)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn but when the test does."""
    monkeypatch.setattr(display, "DRAWN_EVERY", 1e6)


def lines_of(text: str) -> list[str]:
    return [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", part) for part in re.split(r"[\r\n]", text)]


def test_a_terminal_has_a_view_that_is_gone_at_the_end() -> None:
    screen = Screen()
    with on_a_terminal(screen) as shown:
        shown.enter("reading images")
        shown.draw()
        shown(replace(NOW, time=time.time()))
        shown.draw()
        shown.say("a line that stays")
        shown(replace(NOW, time=time.time(), begun=13))
        shown.draw()
    text = screen.getvalue()
    lines = lines_of(text)
    for part in ("0:00  reading images 0 s", "12/50 trials", "13/50 trials", "a line that stays"):
        assert part in "\n".join(lines)
    assert all(len(part) <= 65 for part in lines), "the ^C that a terminal shows would wrap"
    assert text.count("\x1b[?25l") <= text.count("\x1b[?25h"), "the cursor stays hidden"
    height = len([line for line in lines if line])
    assert text.count("\x1b[1A\x1b[2K") >= 8 > 0 < height, "the view is not wiped"


def test_it_is_drawn_by_a_thread_of_its_own_twice_a_second_at_most() -> None:
    drawn: list[tuple[float, str]] = []

    class Counted:
        def open(self) -> None: ...
        def say(self, text: str) -> None: ...
        def close(self) -> None: ...
        def draw(self, *_: object) -> None:
            drawn.append((time.monotonic(), threading.current_thread().name))

    with ProgressDisplay(Counted()) as shown:
        for _ in range(1000):
            shown(replace(NOW, time=time.time()))
        while len(drawn) < 3:
            time.sleep(0.05)
    assert {name for _, name in drawn} == {"progress"}
    assert all(after - before >= 0.49 for (before, _), (after, _) in pairwise(drawn))
    assert not [thread for thread in threading.enumerate() if thread.name == "progress"]


def test_a_quiet_one_says_and_shows_nothing_else() -> None:
    log = io.StringIO()
    with ProgressDisplay(Log(Console(file=log)), live=False) as shown:
        shown.enter("reading images")
        shown(ENDED)
        shown.note("digits: images of 1x8x8")
        shown.say("Saved.")
    assert log.getvalue() == "Saved.\n"


def test_it_may_be_entered_again() -> None:
    log = io.StringIO()
    shown = in_a_log(log)
    with shown:
        with shown:
            shown.enter("search")
            shown(NOW)
        assert shown._clock is not None
        assert shown._clock.is_alive(), "the inner one ends all"


@pytest.mark.usefixtures("still")
def test_a_log_has_a_line_now_and_then_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    with in_a_log(log) as shown:
        for begun in range(5):
            shown(replace(NOW, begun=begun))
            shown.draw()
        assert log.getvalue() == ""
        monkeypatch.setattr(terminal, "PLAIN_EVERY", 0.0)
        shown(replace(NOW, begun=6))
        shown.draw()
        monkeypatch.setattr(terminal, "PLAIN_EVERY", 1e9)
        shown(replace(NOW, begun=7))
        shown.draw()
        shown(replace(ENDED, begun=8))
        shown.draw()
        shown.draw()
    lines = log.getvalue().splitlines()
    assert [re.search(r"(\d+)/50", text).group(1) for text in lines] == ["6", "8"]  # pyright: ignore[reportOptionalMemberAccess]
    assert "\x1b" not in log.getvalue()


@pytest.mark.usefixtures("still")
def test_a_log_names_a_phase_that_takes_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    with in_a_log(log) as shown:
        shown.enter("loading PyTorch")
        shown.draw()
        assert log.getvalue() == "", "what is refused at once has no other line"
        clock_on(shown, 3.0, monkeypatch)
        shown.draw()
        shown.draw()
        shown(NOTHING)
        shown.enter("reading images")
        shown.draw()
        clock_on(shown, 5.0, monkeypatch)
        shown.draw()
    assert log.getvalue().splitlines() == ["0:03  loading PyTorch", "0:08  reading images"]


@pytest.mark.usefixtures("still")
def test_at_the_end_the_phases_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    with in_a_log(log) as shown:
        shown.enter("reading images")
        clock_on(shown, 2.0, monkeypatch)
        shown.enter("search")
        shown(ENDED)
        clock_on(shown, 3.0, monkeypatch)
    assert re.fullmatch(r"reading images 2\.\d s, search 3\.\d s", log.getvalue().splitlines()[-1])


def test_one_that_nobody_reads_any_more_is_given_up() -> None:
    class Closed(Screen):
        def write(self, text: str) -> int:  # noqa: ARG002
            raise BrokenPipeError

    for kind in (Terminal, Log):
        for first in (lambda shown: shown(ENDED), lambda shown: shown.say("saving"), lambda shown: shown.draw()):
            console = terminal._Console(file=Closed(), force_terminal=kind is Terminal)
            with ProgressDisplay(kind(console)) as shown:
                first(shown)
                first(shown)
            assert console.quiet is False, "rich has put /dev/null in the place of standard output"


@pytest.mark.parametrize(
    ("environment", "tty", "kind"),
    [
        ({"TERM": "xterm"}, True, Terminal),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, Terminal),
        ({"TERM": "dumb"}, True, Log),
        ({"TERM": "xterm"}, False, Log),
        ({"TERM": "xterm", "FORCE_COLOR": "1"}, False, Log),
    ],
)
def test_a_log_is_told_from_a_terminal(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], tty: bool, kind: type
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stderr", Screen() if tty else io.StringIO())
    assert isinstance(ProgressDisplay()._surface, kind)


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_are_for_those_who_want_them(monkeypatch: pytest.MonkeyPatch, no_color: str, coloured: bool) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.setenv("NO_COLOR", no_color)
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    with ProgressDisplay() as shown:
        shown(NOW)
        shown.draw()
    assert bool(re.search(r"\x1b\[[\d;]*3\d[;m]", screen.getvalue())) == coloured
    assert "34%" in screen.getvalue()


def test_neither_escapes_nor_secrets_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    shown = in_a_log(log)
    shown.say("\x1b[2J at https://me:hunter22@host/ [red]x[/red]")
    assert log.getvalue() == "\\x1b[2J at https://host/ [red]x[/red]\n"


class Handle:
    """What IPython's `display` gives: it shows another bundle in the place of the one before."""

    def __init__(self) -> None:
        self.bundles: list[dict[str, str]] = []

    def display(self, bundle: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        assert not self.bundles, "a second output"
        assert raw
        assert display_id
        self.bundles.append(bundle)
        return self

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.bundles.append(bundle)


@pytest.mark.usefixtures("still")
def test_a_notebook_has_one_output_that_changes() -> None:
    handle = Handle()
    with ProgressDisplay(Notebook(handle.display)) as shown:
        shown.enter("reading images")
        shown.draw()
        shown.say("4 classes <b>")
        shown(replace(NOW, notation="<script>"))
        shown.draw()
        live = handle.bundles[-1]
    assert "34% of the work" in live["text/plain"]
    assert "4 classes <b>" in live["text/plain"]
    assert "4 classes &lt;b&gt;" in live["text/html"]
    assert "&lt;script&gt;" in live["text/html"]
    assert "<b>" not in live["text/html"]
    assert "color: #" in live["text/html"]
    assert "\x1b" not in live["text/html"] + live["text/plain"]
    assert handle.bundles[-1]["text/plain"].startswith("4 classes <b>\n")
    assert "34%" not in handle.bundles[-1]["text/plain"], "the view stays"


KERNEL = """
import time
from convscape.search.driver import ProgressDisplay
with ProgressDisplay() as shown:
    shown.enter("reading images")
    time.sleep(1.2)
    print(shown._surface._shown["text/plain"])
    shown.say("4 classes")
"""


@pytest.mark.slow
def test_in_a_real_kernel() -> None:
    nbformat, nbclient = (pytest.importorskip(name) for name in ("nbformat", "nbclient"))
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(KERNEL)])
    nbclient.NotebookClient(notebook, timeout=120).execute()
    shown, printed = notebook.cells[0].outputs
    assert re.search("reading images 1 s", printed.text)
    assert shown.data["text/plain"] == "4 classes\n", "it is not updated in its place"
    assert "<pre" in shown.data["text/html"]
