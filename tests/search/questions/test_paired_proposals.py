"""Trainings of an experiment: each once, alike in every variant, also after kills, and no more than it takes."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from convscape.search.questions import as_question
from convscape.search.scheduling.time_budget import TimeBudget
from convscape.search.study import read_experiment, read_trials
from convscape.search.verdicts import answer_of, reached
from convscape.testing.simulation import config, drive, fates, finish, opened, report, reports, result

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.search.config import SweepConfig
    from convscape.search.scheduling import Job

SPACE = {"stages": 1, "convolutions": [1, 2], "filters": [8, 12, 16], "kernel": 3, "hidden": 0}
RECIPE = {"learning_rate": {"low": 0.02, "high": 0.4, "log": True}, "weight_decay": [0.0, 1e-3]}


def asked(ask: str = "pool-kind", pairs: int = 6, epochs: int = 2, **question) -> SweepConfig:
    wanted = {"ask": ask, "pairs": pairs, "seeds": 2, **question}
    return as_question(config(SPACE, RECIPE, question=wanted, search={"epochs": epochs}))


def noise(job: Job) -> float:
    """The same for jobs of one seed, whatever the variant; and a little of the network's own."""
    return crc32(str(job.seed).encode()) % 100 / 1_000 + crc32(job.design.notation.encode()) % 7 / 10_000


def max_is_better(job: Job, epoch: int) -> float | None:
    better = 0.02 * ("POOL2" in job.design.notation and "AVG" not in job.design.notation)
    near = 0.05 * (job.design.recipe.learning_rate == pytest.approx(0.0894))
    return 0.5 + 0.1 * epoch + better + near + noise(job)


def equal(job: Job, epoch: int) -> float | None:
    return 0.5 + 0.1 * epoch + noise(job) + crc32(f"{job.number}".encode()) % 9 / 1_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "s"
    made.mkdir()
    return made


def test_every_base_is_trained_in_every_variant_from_every_seed_once(folder: Path) -> None:
    records = finish(opened(folder, asked()), equal)
    places = Counter(
        (each.pairing.base, each.pairing.variant, each.pairing.seed, each.design.recipe.learning_rate)
        for each in records
    )
    assert set(places.values()) == {1}
    variants = 4
    tuned, pairs = 2 * variants * 3, 6 * variants * 2
    assert sum(each.pairing.tunes for each in records) == tuned
    assert len(records) == tuned + pairs
    assert all(each.completed and each.epochs == 2 for each in records)


def test_variants_of_a_base_are_trained_from_one_seed_and_others_from_others(folder: Path) -> None:
    engine = opened(folder, asked())
    seeds: dict[tuple[int, int], set[int]] = defaultdict(set)

    def kept(job: Job, epoch: int) -> float | None:
        place = engine.records[job.number].pairing
        seeds[place.base, place.seed].add(job.seed)
        return equal(job, epoch)

    finish(engine, kept)
    assert all(len(each) == 1 for each in seeds.values())
    assert len({seed for each in seeds.values() for seed in each}) == len(seeds)


def test_pairs_are_trained_with_the_best_rate_of_their_variant(folder: Path) -> None:
    records = finish(opened(folder, asked()), max_is_better)
    answer = answer_of(read_experiment(folder), records)
    assert {name: tuned.rate for name, tuned in answer.rates.items()} == dict.fromkeys(answer.rates, 0.0894)
    assert all(tuned.gain == pytest.approx(0.05) for tuned in answer.rates.values())
    assert not any(tuned.at_the_edge for tuned in answer.rates.values())
    rates = {each.design.recipe.learning_rate for each in records if not each.pairing.tunes}
    assert rates == {0.0894}


@pytest.mark.parametrize("epochs", range(1, 100, 7))
def test_an_experiment_that_is_broken_off_ends_as_one_that_was_not(folder: Path, tmp_path: Path, epochs: int) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for _ in islice(drive(opened(broken, asked()), equal), epochs):
        pass
    whole, resumed = finish(opened(folder, asked()), equal), opened(broken, asked())
    assert fates(finish(resumed, equal)) == fates(whole)
    assert [each.pairing for each in read_trials(broken)] == [each.pairing for each in whole]
    assert len(set(reports(resumed).epochs)) == len(reports(resumed).epochs)


def test_the_experiment_on_disk_is_the_one_that_was_planned(folder: Path) -> None:
    engine = opened(folder, asked())
    planned = engine.proposals.experiment
    finish(engine, equal)
    assert read_experiment(folder) == planned
    assert opened(folder, asked()).proposals.experiment == planned


def test_a_difference_is_found_with_its_costs_and_verdict(folder: Path) -> None:
    records = finish(opened(folder, asked(pairs=8)), max_is_better)
    answer = answer_of(read_experiment(folder), records)
    assert answer.ended
    assert answer.pairs == 8
    found = {contrast.b: contrast for contrast in answer.contrasts}
    average = found["average"]
    assert average.difference == pytest.approx(0.02, abs=0.001)
    assert average.interval.without_zero
    assert average.wins == 8
    assert average.better == "max"
    assert average.verdict == "max is better"
    assert average.costs[0].parameters == pytest.approx(average.costs[1].parameters, rel=0.02)
    assert average.costs[0].seconds == 0.5


def test_what_is_settled_early_is_not_trained_on(folder: Path) -> None:
    settings = asked("padding", pairs=20, seeds=1, rates=[0.1])

    def same_is_better(job: Job, epoch: int) -> float | None:
        return 0.5 + 0.1 * epoch + 0.02 * ("valid" not in job.design.notation) + noise(job)

    engine = opened(folder, settings)
    records = finish(engine, same_is_better)
    answer = answer_of(read_experiment(folder), records)
    assert len(engine.proposals.experiment.bases) == 20
    assert answer.early
    assert answer.bases == answer.pairs == 12
    assert len(records) == 24
    (contrast,) = answer.contrasts
    assert contrast.better == "same"
    assert contrast.level == 0.001


def test_a_training_that_fails_leaves_its_base_out(folder: Path) -> None:
    engine = opened(folder, asked())

    def fails(job: Job, epoch: int) -> float | None:
        place = engine.records[job.number].pairing
        return None if (place.base, place.variant, place.seed) == (3, "L2", 1) else equal(job, epoch)

    records = finish(engine, fails)
    answer = answer_of(read_experiment(folder), records)
    pairs = {contrast.b: len(contrast.pairs) for contrast in answer.contrasts}
    assert pairs == {"average": 6, "L2": 5, "overlapping": 6}
    assert answer.failed == ("base 3 as L2, seed 1: loss is nan",)
    assert answer.ended


def test_a_training_that_diverged_counts_as_guessing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = opened(folder, asked())
    monkeypatch.setattr(engine, "fail", partial(engine.fail, diverged=True))

    def diverges(job: Job, epoch: int) -> float | None:
        place = engine.records[job.number].pairing
        return None if (place.base, place.variant, place.seed) == (3, "L2", 1) else equal(job, epoch)

    answer = answer_of(read_experiment(folder) or engine.proposals.experiment, finish(engine, diverges))
    assert (answer.failed, answer.diverged) == ((), {"L2": 1})
    (contrast,) = (contrast for contrast in answer.contrasts if contrast.b == "L2")
    pair = contrast.pairs[3]
    assert len(contrast.pairs) == 6
    assert pair.difference == pytest.approx((reached(pair.a[0]) - 0.1 + reached(pair.a[1]) - reached(pair.b[1])) / 2)
    assert [record.diverged for record in read_trials(folder)] == [
        record.diverged for record in engine.records.values()
    ]


def test_bases_on_which_nothing_is_learnt_count_and_are_told(folder: Path) -> None:
    engine = opened(folder, asked())

    def chance(job: Job, epoch: int) -> float | None:
        return 0.1 if engine.records[job.number].pairing.base == 2 else equal(job, epoch)

    answer = answer_of(read_experiment(folder) or engine.proposals.experiment, finish(engine, chance))
    assert answer.unlearnt == (2,)
    assert answer.pairs == 6


def test_what_the_time_budget_cut_short_goes_on_where_it_stood(folder: Path) -> None:
    engine = opened(folder, asked(epochs=3))
    steps = drive(engine, equal)
    next(steps)
    engine.time_budget = TimeBudget(0.0)  # it is up while the second epoch is trained
    assert list(steps) == [(0, 2)]
    engine.close()
    (begun,) = read_trials(folder)
    assert (begun.epochs, begun.ended) == (2, False)
    resumed = opened(folder, asked(epochs=3))
    records = finish(resumed, equal)
    assert answer_of(read_experiment(folder), records).ended
    assert [epoch for number, epoch in reports(resumed).epochs if number == 0] == [2, 3]  # 2 is told again


def test_what_was_begun_when_all_was_settled_is_not_trained(folder: Path) -> None:
    settings = asked("padding", pairs=20, seeds=1, rates=[0.1])
    engine = opened(folder, settings)

    def same_is_better(job: Job, epoch: int) -> float | None:
        return 0.5 + 0.1 * epoch + 0.02 * ("valid" not in job.design.notation) + noise(job)

    ahead = [engine.next() for _ in range(26)]  # 26 workers at once, all of them killed but those of 12 bases
    for job in ahead[:24]:
        for epoch in (1, 2):
            report(engine, job.number, result(epoch, same_is_better(job, epoch)))
    resumed = opened(folder, settings)
    records = finish(resumed, same_is_better)
    assert [(each.number, each.state) for each in records if not each.completed] == [(24, "stopped"), (25, "stopped")]
    assert reports(resumed).epochs == []
    answer = answer_of(read_experiment(folder), records)
    assert (answer.early, answer.bases) == (True, 12)


def test_an_answer_can_be_read_at_any_moment(folder: Path) -> None:
    engine = opened(folder, asked())
    assert answer_of(engine.proposals.experiment, []).pairs == 0
    pairs = set()
    for _ in drive(engine, equal):
        answer = answer_of(engine.proposals.experiment, list(engine.records.values()))
        assert not answer.ended or not engine.active
        assert all(contrast.p == 1 and contrast.interval is None for contrast in answer.contrasts if answer.pairs < 2)
        pairs.add(answer.pairs)
    assert pairs >= {0, 1, 5}
