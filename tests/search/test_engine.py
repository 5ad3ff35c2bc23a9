"""The engine with known results in place of training: what it orders, and that no kill changes where it ends."""

from __future__ import annotations

import json
import math
import shutil
import time
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from convscape.search import engine as engines
from convscape.search import proposals
from convscape.search.storage import STUDY_FILE
from convscape.search.study import read
from convscape.spaces.errors import (
    ArchitectureError,
    ConvscapeError,
    GeometryError,
    SpaceError,
    SweepError,
    TrainingError,
)
from convscape.spaces.space import ConvSpace
from driving import SMALL_SPACE, accuracy, config, drive, fates, finish, good, opened, reports, result
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from convscape.search.config import SweepConfig
    from convscape.search.engine import Engine
    from convscape.search.trials import Leg, TrialRecord
    from convscape.spaces.architecture import Architecture


def test_every_trial_asked_for_is_trained_and_every_one_ends(tmp_path: Path) -> None:
    engine = opened(tmp_path, config())
    records = finish(engine)
    counts = engine.counts()
    assert counts["completed"] + counts["stopped"] + counts["failed"] == 14
    assert sum(counts.values()) == len(records)
    assert counts["completed"] >= 1
    assert counts["failed"] >= 1
    assert fates(read(tmp_path)) == fates(records)
    trained = [r.number for r in records if r.state in ("completed", "stopped", "failed")]
    assert reports(engine).started == trained
    assert reports(engine).ended == {number: engine.records[number].state for number in trained}
    assert len(set(reports(engine).epochs)) == len(reports(engine).epochs), "an epoch was trained twice"


def test_without_promotion_all_run_to_the_end(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"trials": 5, "promotion": "none"}))
    finish(engine, good)
    assert engine.counts()["completed"] == 5
    assert len(reports(engine).epochs) == 5 * 4


@pytest.mark.parametrize("fault", [ArchitectureError, GeometryError, TrainingError])
def test_a_proposal_that_is_no_network_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[ConvscapeError]
) -> None:
    whole, calls = ConvSpace.sample, iter(range(1_000))

    def sample(*arguments: Any) -> Architecture:
        if next(calls) % 3 == 0:
            raise fault("a window that does not fit")
        return whole(*arguments)

    monkeypatch.setattr(ConvSpace, "sample", sample)
    line = "INPUT[8x8x1] -> CONV3-4 -> RELU -> FLATTEN -> FC-10"
    engine = opened(tmp_path, config(search={"trials": 5, "start": [line]}))
    assert len([record for record in finish(engine, good) if record.accuracies]) == 5

    monkeypatch.setattr(ConvSpace, "sample", lambda *_: (_ for _ in ()).throw(fault("never fits")))
    (tmp_path / "none").mkdir()
    with pytest.raises(fault, match="never fits"):
        finish(opened(tmp_path / "none", config(search={"trials": 5})))


def test_a_study_at_fault_ends_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sample(*_: Any) -> Architecture:
        raise SweepError("held by another")

    monkeypatch.setattr(ConvSpace, "sample", sample)
    engine = opened(tmp_path, config(search={"trials": 5}))
    with pytest.raises(SweepError, match="held by another"):
        engine.next()
    assert len(engine.study.restore()) == 0
    assert engine._proposals._misses == 0


def test_halving_trains_less_and_keeps_the_best_of_each_rung(tmp_path: Path) -> None:
    engine = opened(tmp_path, config())
    records = [record for record in finish(engine, good) if record.accuracies]
    at_first = {r.number: r.accuracies[1] for r in records}
    gone_on = {r.number for r in records if r.epochs > 1}
    assert len(gone_on) < len(at_first)
    best_half = sorted(at_first, key=lambda n: (-at_first[n], n))[: len(at_first) // 2]
    assert set(best_half) <= gone_on


def test_one_trial_alone_ends_at_full_length(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"trials": 1}))
    assert [record.epochs for record in finish(engine, good)] == [4]
    assert engine.counts()["completed"] == 1


def test_the_ranking_is_by_accuracy_then_size(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"trials": 6}))
    finish(engine, lambda _leg, _epoch: 0.5)
    ranking = engine.ranking()
    assert [r.design.parameters for r in ranking] == sorted(r.design.parameters for r in ranking)


def test_a_design_seen_before_gets_the_known_result_untrained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals, "MOST_MISSES", 15)
    engine = opened(tmp_path, config({**SMALL_SPACE, "stages": 1, "head": "fc"}, search={"sampler": "random"}))
    records = finish(engine, good)
    twins = [record for record in records if record.state == "duplicate"]
    assert twins
    for twin in twins:
        first = next(record for record in records if record.design.key == twin.design.key)
        assert twin.reason == f"same as trial {first.number}"
        assert first.state != "duplicate"
        assert twin.number not in reports(engine).started
        assert set(twin.accuracies.items()) <= set(first.accuracies.items())
    assert len({record.design.key for record in records}) == len(records) - len(twins)


def test_a_space_that_holds_no_more_ends_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals, "MOST_MISSES", 20)
    two = {**SMALL_SPACE, "stages": 1, "kernel": 3, "filters": 4, "downsampling": "max", "head": "fc"}
    engine = opened(tmp_path, config(two))  # with and without batch norm
    finish(engine, good)
    counts = engine.counts()
    assert counts["completed"] + counts["stopped"] == 2
    assert counts["duplicate"] >= 20


def test_what_was_found_of_an_exhausted_space_is_not_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "MOST_MISSES", 20)
    two = {**SMALL_SPACE, "stages": 1, "kernel": 3, "filters": 4, "downsampling": "max", "head": "fc"}
    records = finish(opened(tmp_path, config(two)))
    again = opened(tmp_path, config(two))
    assert again.next() is None
    assert fates(list(again.records.values())) == fates(records)


def test_a_trial_killed_between_its_last_result_and_its_end_is_not_trained_past_it(tmp_path: Path) -> None:
    settings = config(search={"trials": 1, "epochs": 2, "promotion": "none"})
    engine = opened(tmp_path, settings)
    leg = engine.next()
    assert leg is not None
    engine.report(0, result(1, 0.5))
    engine.study.report(engine.records[0], 2, 0.6)  # all that reached the disk
    again = opened(tmp_path, settings)
    assert again.next() is None
    assert (again.records[0].state, again.records[0].reason) == ("completed", "trained 2 epochs")


def test_a_design_over_budget_is_never_trained(tmp_path: Path) -> None:
    limit = 20_000
    engine = opened(tmp_path, config(budget={"macs": limit}))
    records = finish(engine, good)
    over = [record for record in records if record.design.macs > limit]
    assert over
    assert {record.state for record in over} == {"infeasible"}
    assert all(f"over the budget of {limit:,}" in record.reason for record in over)
    assert not {record.number for record in over} & set(reports(engine).started)
    assert all(record.design.macs <= limit for record in records if record.accuracies)


def test_a_design_over_budget_is_made_narrower_where_that_is_asked_for(tmp_path: Path) -> None:
    limit = 20_000
    engine = opened(tmp_path, config(budget={"macs": limit, "over_budget": "shrink"}))
    records = finish(engine, good)
    assert not [record for record in records if record.state == "infeasible"]
    assert all(record.design.macs <= limit for record in records)
    assert len({record.design.key for record in records if record.state != "duplicate"}) == 14


def test_a_budget_that_nothing_meets_is_refused(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(budget={"parameters": 1}, search={"sampler": "random"}))
    with pytest.raises(SpaceError, match="none of 200 sampled networks") as caught:
        engine.next()
    assert caught.value.key == "budget"


def test_a_trial_that_fails_does_not_end_the_sweep(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"trials": 4}))
    finish(engine, lambda leg, epoch: None if leg.number in (0, 2) else good(leg, epoch))
    assert engine.counts()["failed"] == 2
    assert engine.counts()["completed"] >= 1
    assert engine.records[0].reason == "loss is nan"


def test_a_lost_worker_costs_an_attempt_and_three_fail_the_trial(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"trials": 2}))
    for attempt in range(3):
        leg = engine.next()
        assert leg is not None
        assert (leg.number, leg.start) == (0, 0), f"attempt {attempt}"
        engine.lose(0, "its process ended")
    assert engine.records[0].state == "failed"
    assert engine.records[0].reason == "3 workers lost; the last: its process ended"
    finish(engine, good)
    assert engine.counts() == {"completed": 1, "stopped": 0, "failed": 1, "duplicate": 0, "infeasible": 0}


def test_a_lost_trial_goes_on_from_its_last_epoch_also_after_a_restart(tmp_path: Path) -> None:
    settings = config(search={"trials": 2, "promotion": "none"})
    engine = opened(tmp_path, settings)
    leg = engine.next()
    assert leg is not None
    engine.report(0, result(1, 0.4))
    engine.lose(0, "its process ended")
    again = opened(tmp_path, settings)
    leg = again.next()
    assert leg is not None
    assert (leg.number, leg.start, leg.best) == (0, 1, 0.4)
    assert again.records[0].attempts == 1


def test_past_the_deadline_nothing_starts_and_what_runs_ends_with_its_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(engines.time, "monotonic", lambda: now)
    engine = opened(tmp_path, config(search={"promotion": "none"}), deadline=10.0)
    leg = engine.next()
    assert leg is not None
    assert engine.report(leg.number, result(1, 0.5)) == "go on"
    now = 10.0
    assert not engine.finished
    assert engine.report(leg.number, result(2, 0.6)) == "pause"
    assert engine.next() is None
    assert engine.finished
    engine.close()
    (record,) = engine.records.values()
    assert (record.state, record.reason) == ("stopped", "not promoted after epoch 2; time budget")


def test_a_sweep_stopped_by_its_time_budget_can_be_given_more(tmp_path: Path) -> None:
    settings = config()
    engine = opened(tmp_path, settings)
    for count, _ in enumerate(drive(engine, good)):
        if count == 8:
            engine.deadline = time.monotonic() - 1
    engine.close()
    before = dict(reports(engine).ended.items())
    assert "stopped" in before.values()
    again = opened(tmp_path, settings)
    finish(again, good)
    told = reports(again).ended
    assert {number: told[number] for number in before} == before, "a trial that had ended was taken up"
    assert again.trained == 14


def test_an_interrupted_sweep_keeps_what_waits(tmp_path: Path) -> None:
    engine = opened(tmp_path, config())
    for count, _ in enumerate(drive(engine, good)):
        if count == 5:
            engine.interrupted = "interrupted"
    engine.close()
    assert engine.next() is None
    assert "paused" in {record.state for record in engine.records.values()}
    assert "stopped" not in {record.state for record in engine.records.values()}


class Unbroken:
    """A sweep that nothing interrupted; a class for its short repr."""

    def __init__(self, folder: Path, settings: SweepConfig, spare: Path) -> None:
        self.settings, self.spare = settings, spare
        self.fates = fates(finish(opened(folder, settings)))
        self.content = (folder / STUDY_FILE).read_bytes()


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unbroken]:
    settings = config(budget={"macs": 30_000})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(proposals, "MOST_MISSES", 12)
        sweep = Unbroken(tmp_path_factory.mktemp("unbroken"), settings, tmp_path_factory.mktemp("spare"))
        states = {fate[2] for fate in sweep.fates}
        assert states == {"completed", "stopped", "failed", "duplicate", "infeasible"}, "not all that can happen does"
        yield sweep


def test_a_sweep_killed_after_any_kind_of_event_ends_as_if_it_had_not_been(unbroken: Unbroken) -> None:
    ends: dict[tuple[Any, ...], int] = {}
    position = 0
    for line in unbroken.content.splitlines(keepends=True):
        position += len(line)
        event = json.loads(line)
        told = event.get("user_attr", {})
        ends[event["op_code"], event.get("state"), *told, told.get("state"), event.get("step")] = position
    for position in ends.values():
        (unbroken.spare / STUDY_FILE).write_bytes(unbroken.content[:position])
        assert fates(finish(opened(unbroken.spare, unbroken.settings))) == unbroken.fates


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 1))
def test_a_sweep_killed_at_any_byte_ends_as_if_it_had_not_been(unbroken: Unbroken, share: float) -> None:
    (unbroken.spare / STUDY_FILE).write_bytes(unbroken.content[: round(share * len(unbroken.content))])
    assert fates(finish(opened(unbroken.spare, unbroken.settings))) == unbroken.fates


@settings(max_examples=12, deadline=None)
@given(kills=st.lists(st.integers(0, 12), max_size=4))
def test_a_sweep_killed_again_and_again_ends_as_if_it_had_not_been(unbroken: Unbroken, kills: list[int]) -> None:
    folder = unbroken.spare / "again"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    trained: list[tuple[int, int]] = []
    for epochs in kills:
        for done, epoch in enumerate(drive(opened(folder, unbroken.settings)), 1):
            trained.append(epoch)
            if done > epochs:
                break
    engine = opened(folder, unbroken.settings)
    assert fates(finish(engine)) == unbroken.fates
    trained += reports(engine).epochs
    assert len(set(trained)) == len(trained), "an epoch was trained twice"


def test_an_epoch_trained_again_is_not_counted_again(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"first_rung": 3}))
    leg = engine.next()
    assert leg is not None
    assert engine.report(leg.number, result(1, 0.5)) == "go on"
    assert engine.report(leg.number, result(1, 0.5)) == "go on"
    assert reports(engine).epochs == [(leg.number, 1)]


def test_what_a_time_budget_stopped_takes_no_place_in_a_rung_of_the_resumed_sweep(tmp_path: Path) -> None:
    settings = config(search={"trials": 8, "reduction": 4})
    engine = opened(tmp_path, settings, deadline=float("inf"))
    for number in range(3):
        leg = engine.next()
        assert leg is not None
        engine.report(leg.number, result(1, 0.9 - number / 10))
    engine.deadline = 0.0
    engine.close()
    again = opened(tmp_path, settings)
    orders: list[str] = []
    for value in (0.1, 0.2, 0.3, 0.4):
        leg = again.next()
        assert leg is not None
        orders.append(again.report(leg.number, result(1, value)))
    assert orders == ["pause", "pause", "pause", "go on"]


def test_stopping_ends_a_trial_at_its_rung_and_pauses_nobody(tmp_path: Path) -> None:
    curve = {0: 0.5, 1: 0.4, 2: 0.6, 3: 0.3}
    engine = opened(tmp_path, config(search={"trials": 4, "promotion": "stopping"}))
    for number, _ in drive(engine, lambda leg, epoch: curve[leg.number] + epoch / 100):
        paused = {record.number for record in engine.records.values() if record.state == "paused"}
        assert not paused, f"after trial {number}"
    assert engine.finished
    states = {n: (r.state, r.epochs, r.reason) for n, r in engine.records.items() if r.state != "duplicate"}
    assert states == {
        0: ("completed", 4, "trained 4 epochs"),
        1: ("stopped", 1, "not promoted after epoch 1"),
        2: ("completed", 4, "trained 4 epochs"),
        3: ("stopped", 1, "not promoted after epoch 1"),
    }
    assert reports(engine).ended == {0: "completed", 1: "stopped", 2: "completed", 3: "stopped"}


def test_a_later_bracket_is_first_judged_at_a_later_rung(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"trials": 12, "brackets": 2}))
    records = [record for record in finish(engine, good) if record.state in ("completed", "stopped")]
    assert {record.epochs for record in records} == {1, 2, 4}
    for record in records:
        rungs = [epoch for epoch in (1, 2) if engine._promotion.is_rung(record.number, epoch)]
        assert record.epochs in (*rungs, 4)


@pytest.mark.parametrize(
    "strategy",
    [{"promotion": "stopping"}, {"promotion": "stopping", "brackets": 2}, {"promotion": "halving", "brackets": 2}],
    ids=str,
)
def test_whatever_the_promotion_a_sweep_killed_after_a_result_ends_as_if_it_had_not_been(
    tmp_path: Path, strategy: dict[str, Any]
) -> None:
    settings = config(search={"epochs": 6, **strategy})
    expected = fates(finish(opened(tmp_path, settings)))
    assert {state for _, _, state, *_ in expected} >= {"completed", "stopped", "failed"}
    content = (tmp_path / STUDY_FILE).read_bytes()
    lines = content.splitlines(keepends=True)
    results = [index for index, line in enumerate(lines, 1) if b'"intermediate_value"' in line]
    assert len(results) > 20
    for index in results[::3]:
        (tmp_path / STUDY_FILE).write_bytes(b"".join(lines[:index]))
        assert fates(finish(opened(tmp_path, settings))) == expected


def test_trials_at_a_rung_that_an_interruption_meets_are_judged_as_if_it_had_not(tmp_path: Path) -> None:
    settings = config(search={"trials": 4, "promotion": "stopping"})
    engine = opened(tmp_path, settings)
    legs = [engine.next() for _ in range(4)]
    engine.interrupted = "interrupted"
    orders = []
    for leg, value in zip(legs, (0.2, 0.4, 0.1, 0.3), strict=True):
        assert leg is not None
        orders.append(engine.report(leg.number, result(1, value)))
    assert orders == ["pause", "pause", "end", "pause"]
    engine.close()
    again = opened(tmp_path, settings)
    assert [record.state for record in again.records.values()] == ["paused", "paused", "stopped", "paused"]
    went_on = [again.next() for _ in range(3)]
    assert [(leg.number, leg.start) for leg in went_on if leg is not None] == [(0, 1), (1, 1), (3, 1)]
    assert again.next() is None


def test_a_trial_that_was_told_to_go_on_is_not_judged_again_by_what_came_later(tmp_path: Path) -> None:
    settings = config(search={"trials": 3, "promotion": "stopping"})
    engine = opened(tmp_path, settings)
    legs = [engine.next() for _ in range(3)]
    for leg, value in zip(legs, (0.2, 0.4, 0.6), strict=True):
        assert leg is not None
        assert engine.report(leg.number, result(1, value)) == "go on"
    again = opened(tmp_path, settings)  # killed before any of them ended another epoch
    went_on = [again.next() for _ in range(3)]
    assert [(leg.number, leg.start) for leg in went_on if leg is not None] == [(0, 1), (1, 1), (2, 1)]


@pytest.mark.parametrize(
    "search",
    [
        {"promotion": "stopping"}, {"promotion": "halving"}, {"promotion": "stopping", "sampler": "random"},
        {"promotion": "halving", "brackets": 2}, {"promotion": "halving", "objectives": ["accuracy", "macs"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_sweep_of_several_workers_killed_after_any_event_ends_as_if_it_had_not_been(
    tmp_path: Path, search: dict[str, Any]
) -> None:
    settings = config(search={"epochs": 6, **search})
    expected = fates(together(opened(tmp_path, settings)))
    assert {state for _, _, state, *_ in expected} >= {"completed", "stopped", "failed"}
    lines = (tmp_path / STUDY_FILE).read_bytes().splitlines(keepends=True)
    for events in range(1, len(lines), 17):  # 17: shares no factor with the events of an epoch or a proposal
        (tmp_path / STUDY_FILE).write_bytes(b"".join(lines[:events]))
        assert fates(together(opened(tmp_path, settings))) == expected, f"killed after event {events}"


def together(engine: Engine, workers: int = 3) -> list[TrialRecord]:
    """Trains several trials at a time: whose epoch ends next follows from which of them are in which epoch."""
    legs: dict[int, Leg] = {}
    while True:
        while len(engine.active) < workers and (leg := engine.next()) is not None:
            legs[leg.number] = leg
        if not engine.active:
            break
        number = min(engine.active, key=lambda n: crc32(f"{n} {engine.records[n].epochs}".encode()))
        epoch = engine.records[number].epochs + 1
        value = accuracy(legs[number], epoch)
        if value is None:
            engine.fail(number, "loss is nan")
        else:
            engine.report(number, result(epoch, value))
    assert engine.finished
    engine.close()
    return list(engine.records.values())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("search", [{}, {"promotion": "stopping"}, {"objectives": ["accuracy", "macs"]}], ids=str)
def test_an_accuracy_that_is_no_number_fails_its_trial_and_takes_no_place(
    tmp_path: Path, value: float, search: dict[str, Any]
) -> None:
    engine = opened(tmp_path, config(search=search))
    records = finish(engine, lambda leg, epoch: value if leg.number % 4 == 1 and epoch == 2 else good(leg, epoch))
    spoilt = [record for record in records if record.number % 4 == 1 and record.state == "failed"]
    assert spoilt
    for record in spoilt:
        assert record.reason == f"accuracy after epoch 2 is {value!r}, which is no number"
        assert list(record.accuracies) == [1]
        assert reports(engine).ended[record.number] == "failed"
    assert engine.counts()["failed"] == len(spoilt)
    assert engine.counts()["completed"] >= 1
    assert fates(read(tmp_path)) == fates(records)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_latency_that_is_no_number_counts_as_not_measured(tmp_path: Path, value: float, sampler: str) -> None:
    search = {"trials": 20, "sampler": sampler, "objectives": ["accuracy", "latency"]}
    engine = opened(tmp_path, config(search=search))
    asked: dict[int, int] = {}
    while (leg := engine.next()) is not None:
        for epoch in range(leg.start + 1, leg.epochs + 1):
            asked[leg.number] = asked.get(leg.number, 0) + (leg.latency and epoch == leg.start + 1)
            odd = leg.number % 2 or epoch == 1
            order = engine.report(leg.number, result(epoch, good(leg, epoch) or 0.0, value if odd else 0.001))
            if order != "go on":
                break
    engine.close()
    assert engine.counts()["failed"] == 0
    whole = [record for record in engine.records.values() if record.state == "completed"]
    assert {record.latency for record in whole} == {None, 0.001}, "measured anew with a trial's next leg"
    assert max(asked.values()) > 1
    on_disk = {record.number: record.latency for record in read(tmp_path) if record.state != "duplicate"}
    assert on_disk == {number: engine.records[number].latency for number in on_disk}


def test_a_trial_that_lost_its_worker_before_the_time_was_up_is_ended(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"promotion": "none"}))
    leg = engine.next()
    assert leg is not None
    engine.report(leg.number, result(1, 0.5))
    engine.lose(leg.number, "its process ended")
    engine.deadline = time.monotonic() - 1
    engine.close()
    assert engine.records[leg.number].state == "stopped"
    assert reports(engine).ended == {leg.number: "stopped"}


def test_an_interruption_is_heard_by_a_trial_that_trains_again_what_is_known(tmp_path: Path) -> None:
    engine = opened(tmp_path, config(search={"promotion": "none"}))
    leg = engine.next()
    assert leg is not None
    engine.report(leg.number, result(1, 0.5), result(2, 0.6))
    engine.lose(leg.number, "its process ended")
    again = engine.next()
    assert again is not None
    assert again.number == leg.number
    assert engine.report(leg.number, result(1, 0.5)) == "go on"
    engine.interrupted = "interrupted"
    assert engine.report(leg.number, result(2, 0.6)) == "pause"
    assert engine.finished


def test_a_trial_killed_between_its_last_attempt_and_its_end_is_not_tried_again(tmp_path: Path) -> None:
    settings = config(search={"promotion": "none", "trials": 1})
    engine = opened(tmp_path, settings)
    engine.fail = lambda *_: None  # pyright: ignore[reportAttributeAccessIssue] - killed before it
    for _ in range(engines.MOST_ATTEMPTS):
        assert engine.next() is not None
        engine.lose(0, "its process ended")
    again = opened(tmp_path, settings)
    assert again.records[0].state == "failed"
    assert reports(again).ended == {0: "failed"}


def test_an_end_is_in_the_study_before_it_is_told(tmp_path: Path) -> None:
    """What is told cannot be taken back; what is not told is, when the sweep is opened again."""
    settings = config(search={"promotion": "none", "trials": 1, "epochs": 1})
    engine = opened(tmp_path, settings)
    leg = engine.next()
    assert leg is not None

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    engine.tracker.trial_ended = killed  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(KeyboardInterrupt):
        engine.report(leg.number, result(1, 0.5))
    again = opened(tmp_path, settings)
    assert again.records[0].state == "completed"
    assert reports(again).ended == {0: "completed"}
