"""One live line on a terminal, plain lines in a log."""

from __future__ import annotations

import io
import re
import time
from dataclasses import replace

import pytest
from convscape.search.driver import SweepProgress, SweepState, terminal
from convscape.search.driver.terminal import TerminalProgress, as_of_now, format_duration, progress_line
from rich.console import Console

NOTHING = SweepProgress(
    state=SweepState.RUNNING,
    time=0.0,
    seconds=5.0,
    wanted=50,
    begun=0,
    ended=0,
    paused=0,
    running=0,
    failed=0,
    baselines=0,
    finals=0,
    epochs=0,
    images_per_second=0.0,
    left=None,
)
NOW = replace(
    NOTHING,
    seconds=75.0,
    begun=12,
    ended=3,
    paused=7,
    running=2,
    failed=1,
    baselines=1,
    epochs=30,
    images_per_second=1234.5,
    left=90.0,
    trial=4,
    accuracy=0.91,
    parameters=2930,
    notation="INPUT[8x8x1] -> CONV3-8 -> FC-10",
)


def test_the_line_says_all() -> None:
    assert progress_line(NOW).split("  ") == [
        "1:15",
        "12/50 trials: 3 ended, 2 running, 7 paused",
        "1 failed",
        "baselines: 1 ended",
        "best 0.9100 (trial 4)",
        "1,234 images/s",
        "about 1:30 left",
        "INPUT[8x8x1] -> CONV3-8 -> FC-10",
    ]


def test_the_line_leaves_out_what_is_not() -> None:
    assert progress_line(NOTHING) == "0:05  0/50 trials: 0 ended, 0 running, 0 paused"


@pytest.mark.parametrize("width", [20, 60, 100, 200])
def test_a_narrow_terminal_cuts_the_line(width: int) -> None:
    cut = progress_line(NOW, width)
    assert len(cut) <= width
    assert progress_line(NOW).startswith(cut.removesuffix("…"))


def test_its_clock_goes_on_between_results() -> None:
    later = as_of_now(replace(NOW, time=time.time() - 100))
    assert later.seconds == pytest.approx(175, abs=5)
    assert later.left == 0.0


def test_a_terminal_has_one_line_that_is_gone_at_the_end() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=70, height=10, color_system=None)
    with TerminalProgress(console) as shown:
        shown(replace(NOW, time=time.time()))
        shown(replace(NOW, time=time.time(), begun=13))
        shown.say("a line that stays")
    text = screen.getvalue()
    assert "12/50 trials" in text
    assert "13/50 trials" in text
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", part) for part in re.split(r"[\r\n]", text)]
    assert all(len(part) < 70 for part in lines)
    assert [part for part in lines if part.strip()][-1].startswith(("a line", "1:1"))
    assert text.rstrip("\x1b[?25h").endswith("\x1b[2K") or "\x1b[1A" in text, "the live line is not wiped"


def test_a_log_has_a_line_now_and_then_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    shown = TerminalProgress(Console(file=log, force_terminal=False, width=70, color_system=None))
    with shown:
        for begun in range(5):
            shown(replace(NOW, begun=begun))
        assert log.getvalue() == ""
        monkeypatch.setattr(terminal, "PLAIN_EVERY", 0.0)
        shown(replace(NOW, begun=6))
        shown(replace(NOW, begun=6))
        monkeypatch.setattr(terminal, "PLAIN_EVERY", 1e9)
        shown(replace(NOW, begun=7))
        shown(replace(NOW, begun=8, state=SweepState.COMPLETED))
    lines = log.getvalue().splitlines()
    assert [re.search(r"(\d+)/50", text).group(1) for text in lines] == ["6", "8"]  # pyright: ignore[reportOptionalMemberAccess]
    assert "\x1b" not in log.getvalue()


def test_a_log_that_nobody_reads_any_more_is_given_up() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:  # noqa: ARG002
            raise BrokenPipeError

    for is_terminal in (False, True):
        for first in (lambda shown: shown(replace(NOW, state=SweepState.COMPLETED)), lambda shown: shown.say("saving")):
            with TerminalProgress(Console(file=Closed(), force_terminal=is_terminal)) as shown:
                first(shown)
                first(shown)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (60, "1:00"), (3661, "1:01:01")])
def test_a_clock(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
