"""How far a sweep is, as a screen shows it and as a log says it."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from convscape.search.driver import (
    Phase,
    RunningTrial,
    SweepProgress,
    SweepState,
    as_of_now,
    format_duration,
    progress_line,
    progress_view,
    view_text,
)
from convscape.search.driver.phases import Phases, phases_line
from rich.cells import cell_len
from sweep_progress import NOTHING, NOW, PHASES


def shown(progress: SweepProgress | None, width: int = 80, phases: tuple[Phase, ...] | None = None) -> list[str]:
    phases = phases or (progress.phases if progress else ())
    return view_text(progress_view(phases, progress, width), width).splitlines()


def test_a_screen_shows_all() -> None:
    head, bar, *rest = shown(NOW)
    assert head == "1:15  search 1:08  about 1:30 left"
    assert bar.startswith("━━━━")
    assert bar.endswith("  34% of the work")
    assert rest == [
        "12/50 trials: 3 ended  2 running  7 paused  1 failed  1 baseline ended",
        "1,234 images/s",
        "best 0.9100±0.0123 (trial 4)  2,930 parameters",
        "  INPUT[8x8x1] -> CONV3-8 -> FC-10",
        "trial 17: epoch 3 of 9  trial 18: epoch 1",
        "loading PyTorch 2.9 s  starting Ray 4.0 s",
    ]


def test_before_the_sweep_there_are_phases_alone() -> None:
    assert shown(None, phases=(Phase("loading PyTorch", 0.4),)) == ["0:00  loading PyTorch 0 s"]
    assert shown(None, phases=PHASES) == ["0:06  starting Ray 4 s", "loading PyTorch 2.9 s"]
    assert shown(NOTHING, phases=PHASES) == ["0:06  starting Ray 4 s", "loading PyTorch 2.9 s"]


def test_the_bar_is_as_long_as_what_is_done() -> None:
    for done in (0.0, 0.25, 0.5, 1.0):
        bar = shown(replace(NOW, done=done))[1]
        room = 80 - len(f"  {done:.0%} of the work")
        assert bar.count("━") + 0.5 * bar.count("╸") == pytest.approx(done * room, abs=1)


def test_a_time_budget_is_what_the_bar_and_the_time_left_go_by() -> None:
    timed = replace(NOW, left=252.0, budget=300.0, done=0.16)
    head, bar, *_ = shown(timed)
    assert head == "1:15  search 1:08  4:12 of 5:00 left"
    assert bar.endswith("  16% of the time")


def test_that_the_time_left_is_not_known_is_said_where_it_could_be_expected() -> None:
    unknown = replace(NOW, left=None)
    assert "time left: not known before 3 epochs have ended" in shown(unknown)[0]
    starting = replace(unknown, phases=PHASES)
    assert "not known" not in "".join(shown(starting))
    ended = replace(unknown, state=SweepState.COMPLETED)
    assert "left" not in "".join(shown(ended))


def test_runs_of_the_finals_are_told_from_trials_of_the_search() -> None:
    again = RunningTrial(number=51, epochs=0, of=9, repeats=4)
    last = RunningTrial(number=60, epochs=9, of=9, repeats=4, refit=True)
    lines = shown(replace(NOW, trials=(again, last), finals=1))
    assert "trial 4 again: epoch 1 of 9  last training of trial 4: epoch 9 of 9" in lines
    assert "1 run of finals ended" in "".join(lines)


def test_a_finalist_s_mean_takes_the_place_of_its_first_accuracy() -> None:
    assert "best 0.8990±0.0200 (trial 4)  2,930 parameters" in shown(replace(NOW, mean_accuracy=0.899, reach=0.02))


@pytest.mark.parametrize("running", [1, 2, 33, 500])
def test_many_workers_take_three_lines(running: int) -> None:
    trials = tuple(RunningTrial(number=100 + number, epochs=2, of=9) for number in range(min(32, running)))
    lines = [line for line in shown(replace(NOW, trials=trials, running=running)) if ": epoch" in line]
    assert len(lines) <= 3
    told = sum(line.count(": epoch") for line in lines)
    assert told == running or f"and {running - told} more" in lines[-1]


def test_silence_is_told() -> None:
    assert "last result 2:00 ago" in "".join(shown(replace(NOW, heard=time.time() - 120)))
    assert "last result" not in "".join(shown(replace(NOW, heard=time.time() - 20)))
    assert "no result for 2:00" in "".join(shown(replace(NOW, heard=time.time() - 120, images_per_second=0.0, ended=0)))


@pytest.mark.parametrize("width", [25, 40, 60, 80, 120])
def test_a_narrow_terminal_has_more_lines_and_loses_nothing_but_the_design(width: int) -> None:
    lines = shown(replace(NOW, notation="CONV3-8 -> " * 20), width)
    assert all(cell_len(line) <= width for line in lines)
    text = " ".join(lines)
    whole = ("1:15", "search 1:08", "about 1:30 left", "34% of the work", "7 paused", "1 failed", "1,234 images/s")
    assert all(part in text for part in whole)
    if width >= 40:
        assert "best 0.9100±0.0123 (trial 4)" in text


def test_what_others_wrote_cannot_steer_the_terminal() -> None:
    phases = (Phase("\x1b[2Ja", 3.0), Phase("\x1b[2Jb", 3.0))
    text = "\n".join(shown(replace(NOW, notation="\x1b[2J[red]red[/red]", phases=phases)))
    assert "\x1b" not in text
    assert "\\x1b[2Ja 3.0 s" in text
    assert "\\x1b[2J[red]red[/red]" in text


def test_a_log_s_line_says_all() -> None:
    assert progress_line(NOW).split("  ") == [
        "1:15",
        "search",
        "34% of the work",
        "12/50 trials: 3 ended, 2 running, 7 paused, 1 failed, 1 baseline ended",
        "best 0.9100±0.0123 (trial 4)",
        "1,234 images/s",
        "about 1:30 left",
    ]


def test_a_log_s_line_leaves_out_what_is_not() -> None:
    unlimited = replace(NOTHING, wanted=1_000_000)
    assert progress_line(unlimited).startswith("0:05  0 trials: 0 ended, 0 running, 0 paused")
    lowered = replace(NOTHING, begun=6, wanted=2)
    assert progress_line(lowered).startswith("0:05  6 trials: 0 ended")
    ended = replace(NOW, state=SweepState.INTERRUPTED)
    assert progress_line(ended).startswith("1:15  interrupted  12/50 trials")


def test_clocks_go_on_between_results() -> None:
    later = as_of_now(replace(NOW, time=time.time() - 100))
    assert later.seconds == pytest.approx(175, abs=5)
    assert later.phases[-1].seconds == pytest.approx(168, abs=5)
    assert later.phases[:-1] == NOW.phases[:-1]
    assert (later.left, later.done) == (0.0, 0.34)
    timed = as_of_now(replace(NOW, time=time.time() - 100, left=250.0, budget=300.0))
    assert timed.left == pytest.approx(150, abs=5)
    assert timed.done == pytest.approx(0.5, abs=0.02)


def test_clocks_of_what_has_ended_stand_still() -> None:
    ended = replace(NOW, time=time.time() - 100, state=SweepState.COMPLETED)
    assert as_of_now(ended) == ended


def test_phases_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 10.0
    monkeypatch.setattr("convscape.search.driver.phases.time.monotonic", lambda: now)
    phases = Phases()
    assert phases.so_far == []
    for name, seconds in (("reading images", 2.0), ("search", 3.0), ("search", 4.0), ("finals", 0.0)):
        phases.enter(name)
        now += seconds
    assert phases.so_far == [Phase("reading images", 2.0), Phase("search", 7.0), Phase("finals", 0.0)]
    assert phases_line(phases.so_far) == "reading images 2.0 s, search 7.0 s"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (60, "1:00"), (3661, "1:01:01")])
def test_a_clock(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
