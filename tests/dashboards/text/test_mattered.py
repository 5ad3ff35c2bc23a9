"""What mattered, and what the runner-up has otherwise, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from convscape.dashboards.text.mattered import importance_lines, runner_up, runner_up_lines
from convscape.search.records import Design, TrialRecord, standings, summaries, sureness
from convscape.search.study import SettingImportance
from convscape.spaces import parse_notation
from convscape.trainers import Recipe

DESIGN = Design.of(parse_notation("INPUT[8x8x1] -> FC-10"), Recipe(learning_rate=0.1))
OTHER = replace(DESIGN, recipe=Recipe(learning_rate=0.05))


def trial(number: int, accuracy: float, design: Design = DESIGN, **more: Any) -> TrialRecord:
    return TrialRecord(number=number, design=design, state="completed", accuracies={9: accuracy}, **more)


SEARCHED = [trial(0, 0.9), trial(1, 0.95, OTHER)]
FINALS = [
    trial(2, 0.94, role="repeat", repeats=0), trial(3, 0.92, role="repeat", repeats=0),
    trial(4, 0.91, OTHER, role="repeat", repeats=1), trial(5, 0.91, OTHER, role="repeat", repeats=1),
]  # fmt: skip
PARAMS = {
    0: {"stages": 2, "stage2.kernel": 3, "learning_rate": 0.1},
    1: {"stages": 1, "learning_rate": 0.05},
}


def second(records: list[TrialRecord], params: dict[int, dict[str, Any]], images: int = 1000) -> list[str]:
    records = [replace(record, params=params.get(record.number, {})) for record in records]
    return runner_up_lines(runner_up(summaries(records, {}, ["accuracy"]), records, images))


def test_the_runner_up_is_told_with_what_differs_and_by_how_much() -> None:
    records = [*SEARCHED, *FINALS]
    said = " ".join(" ".join(second(records, PARAMS)).split())
    found = sureness(standings(records), 0, 1000)
    reach = (found[0].reach ** 2 + found[1].reach ** 2) ** 0.5
    assert said == (
        "the runner-up, trial 1, has learning_rate 0.05 for 0.1, stages 1 for 2, stage2.kernel none for 3: "
        f"0.0200±{reach:.4f} (95 %) below"
    )


def test_without_finals_it_says_that_each_had_one_run() -> None:
    lines = second(SEARCHED, {1: PARAMS[1], 0: {**PARAMS[1], "learning_rate": 0.1}})
    assert lines == [
        "  the runner-up, trial 0, has learning_rate 0.1 for 0.05: 0.0500 below, by one",
        "    run each",
    ]
    assert second(SEARCHED[:1], PARAMS) == []


def test_a_named_design_is_told_by_its_network() -> None:
    larger = Design.of(parse_notation("INPUT[8x8x1] -> FC-32 -> RELU -> FC-10"), Recipe(learning_rate=0.05))
    said = second([SEARCHED[0], trial(1, 0.95, larger)], {0: PARAMS[0], 1: {}})
    assert "network INPUT[8x8x1] -> FC-10 for INPUT[8x8x1]" in " ".join(" ".join(said).split())


def importance(setting: str, share: float | None, trials: int = 60) -> SettingImportance:
    known = {"deviation": None, "chance": None} if share is None else {"deviation": 0.05, "chance": 0.2}
    return SettingImportance(setting=setting, trials=trials, share=share, **known)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([importance("rate", 0.6), importance("stage2.kernel", 0.3, 30), importance("flip", 0.1)],
         ("what mattered, of all that settings decided in 60 trials: rate 0.60±0.05, stage2.kernel 0.30±0.05 of the 30 "
         "that have it (chance alone gives up to 0.20)")),
        ([importance("rate", 0.15), importance("flip", 0.1)],
         "what mattered: no setting stands out in 60 trials (rate has 0.15±0.05, chance alone gives up to 0.20)"),
        ([importance("rate", None, 7)], "what mattered: unknown, 7 trials are too few to tell"),
        ([], ""),
    ],
)  # fmt: skip
def test_importance_in_words(found: list[SettingImportance], said: str) -> None:
    lines = importance_lines(found)
    assert " ".join(" ".join(lines).split()) == said
    assert all(len(line) <= 80 for line in lines)
