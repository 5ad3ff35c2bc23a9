"""The end of a sweep in words: phases, how sure the winner is, and whether more time would have paid."""

from __future__ import annotations

import pytest
from convscape.dashboards.text import leaderboard
from convscape.dashboards.text.finals import how_sure, more_time, phases, wrapped
from convscape.search.records.summary import summaries
from convscape.search.records.trial import Design, Role, TrialRecord
from convscape.spaces import parse_notation
from convscape.trainers import Recipe

DESIGN = Design.of(parse_notation("INPUT[8x8x1] -> FC-10"), Recipe())


def trial(
    number: int, accuracy: float, epochs: int = 10, role: Role = "sampled", repeats: int | None = None
) -> TrialRecord:
    return TrialRecord(
        number=number, design=DESIGN, state="completed", accuracies={epochs: accuracy}, role=role, repeats=repeats,
        metrics={"epoch_seconds": 2.0},
    )  # fmt: skip


SEARCHED = [trial(number, accuracy) for number, accuracy in enumerate((0.7, 0.8, 0.9, 0.6, 0.6, 0.95))]
FINALS = [
    trial(6, 0.94, role="repeat", repeats=5), trial(7, 0.93, role="repeat", repeats=2),
    trial(8, 0.92, role="repeat", repeats=5), trial(9, 0.91, role="repeat", repeats=2),
]  # fmt: skip
LAST = trial(10, 0.96, 40, "refit", 5)


def test_each_phase_says_what_it_cost_and_reached() -> None:
    lines = [line.split() for line in phases([*SEARCHED, *FINALS, LAST])[2:]]
    assert lines == [
        ["search", "6", "60", "2:00", "0.9500"],
        ["finals", "4", "40", "1:20", "0.9400"],
        ["last", "training", "1", "40", "1:20", "0.9600"],
    ]
    assert not phases(SEARCHED), "a search alone is told of elsewhere"


def test_the_search_reached_what_the_leaderboard_says() -> None:
    """The best epoch of a trial is not its last one; a later run is handed over as it was after its last."""
    for several in (peaked := trial(5, 0.97)), (again := trial(6, 0.99, role="repeat", repeats=5)):
        several.accuracies |= {20: 0.9}
    reached = [line.split()[-1] for line in phases([*SEARCHED[:5], peaked, again])[2:]]
    assert peaked.accuracy == 0.97
    assert reached == ["0.9700", "0.9000"]


def test_it_says_how_sure_it_is() -> None:
    """Means 0.93 and 0.92, a deviation of 0.0141 between runs: of 1,000 images, ±0.025 and a chance of 29 %."""
    first, second = how_sure([*SEARCHED, *FINALS, LAST], 5, 1000)
    assert first == "  how sure: 0.9300±0.0252, 95 %, by seeds and 1,000 validation images"
    assert second == "  trial 2 (0.9200±0.0258) is better with a chance of 29%"
    split, *_ = how_sure([*SEARCHED, *FINALS, LAST], 5, 1000, 5000)
    assert split == "  how sure: 0.9300±0.0240, 95 %, by seeds and splits, 1,000 validation images in each"
    assert how_sure(SEARCHED, 5, 1000) == how_sure([*SEARCHED, *FINALS], 5, 0) == []


def test_it_says_whether_more_time_would_have_paid() -> None:
    late, longer = more_time([*SEARCHED, *FINALS, LAST], 80)
    assert "was found in its last third" in late
    assert longer == "  and the last training had 40 epochs, of up to 80 that would help"
    (early,) = more_time([*SEARCHED, trial(20, 0.5), trial(21, 0.5), trial(22, 0.5), trial(23, 0.5), LAST], 40)
    assert "not found" in early
    assert not more_time(SEARCHED, 80)


def test_it_says_why_a_last_training_is_not_handed_over() -> None:
    short = trial(10, 0.96, 4, "refit", 5)
    assert phases([*SEARCHED, *FINALS, short])[-1] == (
        "The last training, run 10, is not handed over: it had 4 epochs, and the search 10."
    )


def test_it_says_that_there_was_no_time_for_more() -> None:
    (unsure,) = how_sure(SEARCHED, 5, 1000, finals=True)
    assert "not known, for it has one run alone" in unsure
    (few,) = more_time([*SEARCHED[:2], LAST], 80, wanted=1_000_000)
    assert few == "  more time: would pay, for 2 designs are all that there was time for"
    assert not more_time([*SEARCHED[:2], LAST], 80, wanted=2), "more were not asked for"


def test_long_lines_go_on_further_in_and_tables_stay() -> None:
    sentence, row = "  how sure: " + "word " * 20, f"{'search':<14} {6:>6} {60:>7}"
    first, second, last = wrapped([sentence, row])
    assert first.startswith("  how sure: word")
    assert len(first) <= 80
    assert second.startswith("    word")
    assert last == row
    assert wrapped([""]) == [""]


@pytest.mark.parametrize(
    ("accuracies", "said"),
    [
        ([], []),
        ([0.7917], ["  from another seed: 0.7917, a single run"]),
        ([0.5, 0.5], ["  from other seeds: 0.5000±0.0000 of 2 runs, mean and deviation"]),
    ],
)
def test_a_single_run_from_another_seed_is_no_mean(accuracies: list[float], said: list[str]) -> None:
    runs = [trial(6 + at, accuracy, role="repeat", repeats=5) for at, accuracy in enumerate(accuracies)]
    best = summaries([*SEARCHED, *runs], {}, ["accuracy"])[0]
    assert leaderboard._from_other_seeds(best) == said
