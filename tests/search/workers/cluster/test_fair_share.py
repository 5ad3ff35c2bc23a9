"""How many workers a driver keeps where another waits for one: by what it sees, and two real drivers on one cluster."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from convscape.search.workers.cluster import fair_share
from convscape.search.workers.cluster.fair_share import EVERY, TAKES, TURN, FairShare
from joined_sweep import running
from raylets import raylets

if TYPE_CHECKING:
    from pathlib import Path


class Cluster:
    """What a driver sees of one, and the clock that it looks at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.held, self.waiting = 100.0, Counter[str](), set[str]()
        monkeypatch.setattr(fair_share.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(fair_share, "_workers", lambda _: (self.held, self.waiting))

    def becomes(self, waiting: str = "", after: float = EVERY, **held: int) -> None:
        self.now += after
        self.held, self.waiting = Counter(held), set(waiting.split())


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
        ({"us": 1, "them": 3}, "them", 1),
        ({"us": 5, "them": 4, "others": 1}, "them others", 4),
        ({"them": 3}, "them", 1),
    ],
)
def test_a_driver_leaves_a_worker_to_one_that_has_two_fewer(
    cluster: Cluster, held: dict[str, int], waiting: str, limit: float
) -> None:
    cluster.becomes(waiting, **held)
    assert FairShare("us").limit() == limit


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
    cluster.becomes("them", us=2, after=TAKES)
    assert share.limit() == math.inf
    cluster.becomes("them", us=3, them=1)
    assert share.limit() == 2, "it takes what it is left after all"


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_driver_that_comes_later_gets_workers(
    workers: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The shorter sweep ends while the longer one goes on, which then has all workers again."""
    with raylets(tmp_path_factory.mktemp("home")) as cluster:
        node = cluster.node(workers)
        (tmp_path / "first").mkdir()
        (tmp_path / "second").mkdir()
        words = f"--set=resources.workers={workers}"
        with running(tmp_path / "first", cluster, words, "--set=search.trials=500") as first:
            first.wait_for(lambda: first.told() >= 3)
            with running(tmp_path / "second", cluster, words, "--set=search.trials=2") as second:
                second.ends()
            told = first.told()
            first.wait_for(lambda: first.told() >= told + 3 and len(cluster.trains(node)) == workers)
