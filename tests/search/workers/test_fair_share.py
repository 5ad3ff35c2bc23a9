"""When a driver gives a worker's place to another that waits. Two real drivers: test_bad_nodes.py."""

from __future__ import annotations

from collections import Counter

import pytest
from convscape.search.workers import fair_share
from convscape.search.workers.fair_share import FairShare, poorer


@pytest.mark.parametrize(
    ("ours", "theirs", "waiting", "by", "found"),
    [
        (3, 0, "", 1, ""),
        (3, 0, "us", 1, ""),
        (3, 1, "them", 2, "them"),
        (2, 1, "them", 2, ""),
        (2, 1, "us them", 1, "them"),
        (2, 2, "them", 1, ""),
        (1, 0, "them", 1, "them"),
    ],
)
def test_who_waits_with_less_is_found(ours: int, theirs: int, waiting: str, by: int, found: str) -> None:
    assert poorer({"us": ours, "them": theirs}, waiting.split(), "us", by=by) == found


def test_the_poorest_comes_first() -> None:
    assert poorer({"us": 5, "a": 2, "b": 1}, ["a", "b"], "us", by=2) == "b"


def test_who_gave_asks_for_nothing_until_the_other_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now, groups = [100.0], [(Counter(us=1), {"them"})]
    monkeypatch.setattr(fair_share.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(fair_share, "_groups", lambda: groups[0])
    monkeypatch.setattr(fair_share, "_own_job", lambda: "us")
    share = FairShare()
    assert not share.gives_way(), "they would have one more: not before a turn is over"
    now[0] += fair_share.TURN
    assert share.gives_way()
    groups[0] = (Counter(), {"us", "them"})
    now[0] += 2
    assert share.holds_back()
    groups[0] = (Counter(them=1), {"us"})
    now[0] += 2
    assert not share.holds_back()
    groups[0] = (Counter(us=1), {"them"})
    now[0] += fair_share.TURN
    assert share.gives_way()
    now[0] += fair_share.HELD_BACK
    assert not share.holds_back(), "they may never take it"
