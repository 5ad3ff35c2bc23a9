"""How many workers a driver keeps where another waits for one: by what it sees, and two real drivers on one cluster."""

from __future__ import annotations

import math
import signal
from typing import TYPE_CHECKING

import pytest
from convscape.search.workers.cluster import fair_share
from convscape.search.workers.cluster.fair_share import EVERY, FORGOTTEN, TAKES, TURN, FairShare, Workers, needed_for
from joined_sweep import running
from raylets import raylets

if TYPE_CHECKING:
    from pathlib import Path


class Cluster:
    """What a driver sees of one, and the clock that it looks at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.workers = 100.0, Workers()
        monkeypatch.setattr(fair_share.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(fair_share, "look", lambda _: self.workers)

    def becomes(self, waiting: str = "", after: float = EVERY, **held: int) -> None:
        self.now += after
        self.workers = Workers(held, dict.fromkeys(waiting.split(), 1))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return Cluster(monkeypatch)


@pytest.mark.parametrize(
    ("held", "waiting", "limit"),
    [
        ({"us": 3}, "", math.inf),
        ({"us": 3}, "them", 2),
        ({"us": 3, "them": 1}, "them", 2),
        ({"us": 2, "them": 1}, "them", 2),
        ({"us": 2, "them": 2}, "them", 2),
        ({"us": 1, "them": 2}, "them", 1),
        ({"us": 1, "them": 3}, "them", 2),
        ({"us": 5, "them": 4, "others": 1}, "them others", 4),
        ({"them": 1}, "them", 1),
    ],
)
def test_a_driver_leaves_a_worker_to_one_that_has_two_fewer_and_asks_one_that_has_two_more(
    cluster: Cluster, held: dict[str, int], waiting: str, limit: float
) -> None:
    cluster.becomes(waiting, **held)
    assert FairShare("us").limit() == limit


def test_as_many_are_left_as_the_other_needs(cluster: Cluster) -> None:
    share = FairShare("us")
    cluster.becomes(us=4)
    cluster.workers.waiting["them"] = 2
    assert share.limit() == 2
    cluster.becomes(us=2)
    cluster.workers.waiting["them"] = 2
    cluster.now += TURN
    assert share.limit() == 2, "no more than was needed is left, until it is taken"


def test_its_only_worker_it_leaves_after_a_turn(cluster: Cluster) -> None:
    share = FairShare("us")
    cluster.becomes("them", us=1)
    assert share.limit() == 1
    cluster.becomes("them", us=1, after=TURN)
    assert share.limit() == 0
    cluster.becomes(them=1)
    assert share.limit() == math.inf


def test_who_does_not_take_what_was_left_to_it_waits_for_something_else(cluster: Cluster) -> None:
    share = FairShare("us")
    cluster.becomes("them", us=3)
    assert share.limit() == 2
    cluster.becomes("them", us=3, after=2 * TAKES)
    assert share.limit() == 2, "no worker of this driver has become free yet"
    cluster.becomes("them", us=2)
    assert share.limit() == 2, "one at a time"
    cluster.becomes("them", us=2, after=TAKES)
    assert share.limit() == math.inf
    cluster.becomes("them", us=3, after=FORGOTTEN)
    assert share.limit() == 2, "it may be able to by now"


def test_a_place_that_comes_back_was_not_wanted(cluster: Cluster) -> None:
    share = FairShare("us")
    cluster.becomes("them", us=1)
    assert share.limit() == 1
    cluster.becomes("them", us=1, after=TURN)
    assert share.limit() == 0
    cluster.becomes("them")
    assert share.limit() == 0
    cluster.becomes("them", us=1)
    assert share.limit() == math.inf


@pytest.mark.parametrize(
    ("bundle", "places", "needed"),
    [
        ({"CPU": 1.0}, [{"CPU": 1.0}], 1),
        ({"CPU": 2.0}, [{"CPU": 1.0}] * 3, 2),
        ({"CPU": 4.0}, [{"CPU": 1.0}] * 3, 0),
        ({"GPU": 1.0, "CPU": 1.0}, [{"GPU": 0.5, "CPU": 1.0}, {"GPU": 0.25, "CPU": 1.0}, {"GPU": 0.25, "CPU": 1.0}], 3),
        ({"GPU": 0.5, "CPU": 1.0}, [{"GPU": 0.125, "CPU": 0.5}, {"GPU": 0.5, "CPU": 1.0}], 1),
        ({"TPU": 1.0}, [{"CPU": 1.0}], 0),
    ],
)
def test_how_many_places_something_needs(bundle: dict[str, float], places: list[dict[str, float]], needed: int) -> None:
    assert needed_for(bundle, places) == needed


SECOND = """
name: tiny
data: {name: digits, train: 300, validation: 100}
space: {stages: 1, convolutions: 1, filters: 8, kernel: 3, dropout: 0.0, hidden: [0, 8]}
search: {finalists: 0, trials: 2, epochs: 2, start: []}
resources: {precision: float32}
"""


@pytest.mark.slow
def test_a_driver_that_comes_later_ends_while_the_first_goes_on(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """On a cluster with room for one worker, which changes hands twice; the first says that it waits."""
    with raylets(tmp_path_factory.mktemp("home")) as cluster:
        node = cluster.node(1)
        first_folder, second_folder = tmp_path / "first", tmp_path / "second"
        for folder in (first_folder, second_folder):
            folder.mkdir()
        with running(first_folder, cluster, "--set=search.trials=400") as first:
            first.wait_for(lambda: first.told() >= 3)
            heartbeat = first_folder / "sweeps" / "tiny" / "heartbeat.json"
            with running(second_folder, cluster, file=SECOND) as second:
                first.wait_for(lambda: "another sweep's turn" in heartbeat.read_text())
                second.ends()
            told = first.told()
            first.wait_for(lambda: first.told() >= told + 3 and len(cluster.trains(node)) == 1)
            first.process.send_signal(signal.SIGINT)
            first.process.communicate(timeout=60)
            assert first.process.returncode == 130
