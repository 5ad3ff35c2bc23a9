"""An answer in words: what was settled, what was not and why, and what a reader must know of its trainings."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from convscape.dashboards.text.answers import answer_json, answer_lines, answer_text
from convscape.search.driver.launching import _answered  # pyright: ignore[reportPrivateUsage]
from convscape.search.questions import as_question
from convscape.search.sweep import Sweep
from convscape.testing.simulation import config, finish, opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from convscape.search.scheduling import Engine, Job

SPACE = {"stages": 1, "convolutions": [1, 2], "filters": [8, 12, 16], "kernel": 3, "hidden": 0}
RECIPE = {"learning_rate": [0.05, 0.1], "weight_decay": [0.0, 1e-3]}


def asked(folder: Path, reached: Callable[[Engine, Job, int], float | None], **question) -> Sweep:
    """A question whose trainings came to known accuracies."""
    wanted = {"ask": "padding", "pairs": 8, "seeds": 1, **question}
    settings = as_question(config(SPACE, RECIPE, folder=str(folder), question=wanted, search={"epochs": 2}))
    settings.sweep_folder.mkdir()
    engine = opened(settings.sweep_folder, settings)
    engine.fail = partial(engine.fail, diverged=True)
    finish(engine, partial(reached, engine))
    return Sweep(settings)


def luck(job: Job) -> float:
    return crc32(f"{job.number}".encode()) % 9 / 1_000


def same_is_better(_: Engine, job: Job, epoch: int) -> float:
    return 0.5 + 0.1 * epoch + 0.02 * ("valid" not in job.design.notation) + luck(job)


def equal(_: Engine, job: Job, epoch: int) -> float:
    return 0.5 + 0.1 * epoch + luck(job)


def told(sweep: Sweep) -> str:
    answer = sweep.answer()
    assert answer is not None
    assert all(len(line) <= 80 for line in answer_text(sweep, answer).splitlines())
    return " ".join(answer_text(sweep, answer).split())


def test_what_is_settled_is_said_with_its_method_and_costs(tmp_path: Path) -> None:
    text = told(asked(tmp_path, same_is_better))
    assert text.startswith("padding on digits: n = 8 pairs, 1 seed each, 2 epochs, parameters matched, 0 left out")
    assert "same less valid: same is better" in text
    assert "better in 8 of 8, equal in 0; p = 0.0078, settled at 0.05 or less" in text
    assert "Same is better than valid (same less valid: +" in text
    assert "(95 % interval: Student's t on designs)" in text
    assert "their widths scaled so that parameters agree within 2 %, and trained once for 2 epochs" in text
    assert "The learning rate is the best of 2 for all variants together" in text
    assert "0.5 s" in text


def test_what_is_not_settled_names_the_pairs_it_takes_and_what_would_have_shown(tmp_path: Path) -> None:
    text = told(asked(tmp_path, equal))
    assert re.search(r"same less valid: not settled at n = 8; (about [\d,]+ pairs would|it would take more than)", text)
    assert "Between same and valid nothing is settled (" in text
    assert "points would have shown in 8 of 10)" in text
    assert "is better" not in text


def test_what_ended_early_says_so(tmp_path: Path) -> None:
    text = told(asked(tmp_path, same_is_better, pairs=20))
    assert "n = 12 pairs" in text
    assert "Ended early: all is settled after 12 of 20 bases." in text
    assert "It ended early by the rule of Haybittle and Peto, at p below 0.001." in text


def test_trainings_that_diverged_and_bases_without_learning_are_told(tmp_path: Path) -> None:
    def dies(engine: Engine, job: Job, epoch: int) -> float | None:
        place = engine.records[job.number].pairing
        assert place is not None
        if (place.base, place.variant, place.seed) == (5, "valid", 1):
            return None
        return 0.1 if place.base == 6 and place.seed else same_is_better(engine, job, epoch)

    text = told(asked(tmp_path, dies))
    assert "Trainings that diverged, which count as guessing: 1 of valid." in text
    assert "Bases on which no variant learnt anything, which count: 6. Without these bases: same less valid +" in text
    assert re.search(r"Without these bases: same less valid \S+ points \(n = 7\)\.", text)
    assert "Trainings that diverged and count as guessing: 1. Designs on which no variant learnt anything, and" in text


def test_where_every_training_diverged_nothing_is_called_equal(tmp_path: Path) -> None:
    sweep = asked(tmp_path, lambda *_: None, rates=[0.1])
    text = told(sweep)
    assert "same less valid: not settled at n = 8; no variant learnt anything" in text
    assert "Trainings that diverged, which count as guessing: 8 of same, 8 of valid." in text
    assert "Learning rate: 0.1." in text
    assert "show 0.00 points" not in text
    assert "Without these bases" not in text
    answer = sweep.answer()
    assert answer is not None
    assert answer_json(sweep, answer)["contrasts"][0]["seconds"] == [None, None]


def test_a_rate_at_the_edge_is_told_with_what_to_try(tmp_path: Path) -> None:
    text = told(asked(tmp_path, same_is_better, rates=[0.05, 0.1]))
    assert "the edge of what was tried" in text
    assert "--set 'question.rates=[0.025, 0.05, 0.1]' tries more" in text or "0.05, 0.1, 0.2]' tries more" in text
    assert "same and valid did best at the edge of the rates tried." in text


def test_more_pairs_are_asked_for_with_another_seed(tmp_path: Path) -> None:
    text = told(
        asked(tmp_path, lambda _, job, epoch: equal(_, job, epoch) + 0.001 * ("valid" not in job.design.notation))
    )
    assert "To ask anew with --set question.pairs=" in text
    assert "add --set search.seed=1, which draws other bases" in text


def test_too_few_pairs_settle_nothing_and_say_so(tmp_path: Path) -> None:
    text = told(asked(tmp_path, same_is_better, pairs=4))
    assert "4 pairs can settle nothing, whatever comes of them: it takes 6 or more." in text
    assert "not settled at n = 4" in text


def test_holms_correction_is_named_where_it_is_made(tmp_path: Path) -> None:
    sweep = asked(tmp_path, equal, ask="pool-kind")
    assert "Holm's correction over 3 contrasts" in told(sweep)
    answer = sweep.answer()
    assert answer is not None
    assert [line.partition(": ")[0] for line in answer_lines(sweep, answer)[1:4]] == [
        "max less average",
        "max less L2",
        "max less overlapping",
    ]


def test_metrics_of_the_sweeps_run_are_those_of_the_answer(tmp_path: Path) -> None:
    sweep = asked(tmp_path, same_is_better)
    answer = sweep.answer()
    assert answer is not None
    (contrast,) = answer.contrasts
    assert contrast.interval is not None
    assert _answered(sweep, sweep.trials()) == {
        "answer/same less valid/difference": pytest.approx(contrast.difference),
        "answer/same less valid/low": contrast.interval.low,
        "answer/same less valid/high": contrast.interval.high,
        "answer/same less valid/p": contrast.p,
    }
