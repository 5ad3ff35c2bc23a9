"""Idle workers in Tune's own cache, while jobs of other shares wait, and nodes come and go."""

from __future__ import annotations

from convscape.search.workers.placement import WHOLE, IdleWorkers, Slot
from hypothesis import given, strategies as st
from ray.tune.utils.object_cache import _ObjectCache

SLOTS = [Slot(node=node, eighths=eighths, cpus=1.0) for node in "ab" for eighths in (1, 2)]
WAITING = st.lists(st.sampled_from(SLOTS), max_size=3)


@given(st.lists(st.tuples(WAITING, st.integers(1, 9)), max_size=20))
def test_a_worker_ends_where_a_job_of_another_share_waits_however_many_gpus_there_are(
    steps: list[tuple[list[Slot], int]],
) -> None:
    """With Tune's own cache, whose maximum below zero ends Tune."""
    cache, idle, known = _ObjectCache(may_keep_one=False), IdleWorkers(), set[Slot]()
    for waiting, gpus in steps:
        idle.sort_out(cache, ((slot, slot) for slot in waiting), WHOLE * gpus)
        known |= set(waiting)
        for slot in known:
            cache.cache_object(slot, object())
        list(cache.flush_cached_objects())
        for slot in known:
            stays = all(other == slot or other.node != slot.node for other in waiting)
            assert cache.has_cached_object(slot) == stays
