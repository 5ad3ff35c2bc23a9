"""Which GPU a trial gets: nothing is given twice, and nothing waits for ever."""

from __future__ import annotations

import pytest
from convscape.search.workers.placement import EIGHTHS, WHOLE, GpuNode, Room, Slot, slot_on
from hypothesis import given, settings, strategies as st

GB = 10**9
SMALL = GpuNode(id="small", host="a", gpus=2, cpus=8, memory=12 * GB)
LARGE = GpuNode(id="large", host="b", gpus=1, cpus=4, memory=24 * GB)
NODES = st.lists(
    st.builds(
        GpuNode,
        id=st.sampled_from("abcdef"),
        host=st.just(""),
        gpus=st.integers(1, 4),
        cpus=st.integers(0, 64).map(float),
        memory=st.integers(4, 80).map(lambda size: size * GB),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda node: node.id,
)


class Ray:
    """What Ray itself does with requests that name a node: the fullest GPU that has room, the first of equals."""

    def __init__(self, nodes: list[GpuNode]) -> None:
        self.free = {node.id: [WHOLE] * node.gpus for node in nodes}
        self.cpus = {node.id: node.cpus for node in nodes}
        self.running: dict[int, tuple[Slot, int]] = {}

    def start(self, number: int, slot: Slot) -> None:
        gpus = self.free[slot.node]
        fitting = [(left, index) for index, left in enumerate(gpus) if left >= slot.eighths]
        assert fitting, "no GPU there has so much left"
        gpus[min(fitting)[1]] -= slot.eighths
        self.cpus[slot.node] -= slot.cpus
        assert self.cpus[slot.node] > -1e-9, "more CPUs are given than the node has"
        self.running[number] = slot, min(fitting)[1]

    def end(self, number: int) -> None:
        slot, gpu = self.running.pop(number)
        self.free[slot.node][gpu] += slot.eighths
        self.cpus[slot.node] += slot.cpus


@settings(max_examples=200, deadline=None)
@given(nodes=NODES, data=st.data())
def test_what_is_given_is_there_at_any_moment_and_nothing_waits_for_ever(
    nodes: list[GpuNode], data: st.DataObject
) -> None:
    """A trace of jobs that come and go; those that have no place wait, the first of them first."""
    room, ray = Room(nodes), Ray(nodes)
    waiting: dict[int, dict[str, int]] = {}
    bound = sum(WHOLE * node.gpus for node in nodes)

    def try_to_place() -> None:
        before: list[dict[str, int]] = []
        for number, shares in list(waiting.items()):
            slot = room.take(number, shares, before)
            if slot is None:
                before.append(shares)
                continue
            assert slot.eighths == shares[slot.node]
            ray.start(number, slot)
            del waiting[number]

    for number in range(data.draw(st.integers(1, 40))):
        share = st.sampled_from(EIGHTHS)
        waiting[number] = {node.id: data.draw(share) for node in nodes}
        try_to_place()
        if ray.running and data.draw(st.booleans()):
            ray.end(ended := data.draw(st.sampled_from(sorted(ray.running))))
            room.leave(ended)
            try_to_place()
    ends = 0
    while waiting:
        first = next(iter(waiting))
        assert ray.running, "jobs wait, and every GPU is empty"
        ray.end(ended := min(ray.running))
        room.leave(ended)
        number = 1000 + ends
        waiting[number] = {node.id: 1 for node in nodes}  # small ones keep coming
        try_to_place()
        ends += 1
        assert first not in waiting or ends <= 60 * bound
        waiting = dict(list(waiting.items())[:4])
        if all(number >= 1000 for number in waiting):
            break


def test_a_whole_gpu_is_not_kept_from_a_large_job_by_small_ones() -> None:
    """Two GPUs full of eighths, and for each that ends another comes: the emptiest GPU is left to drain."""
    room = Room([SMALL])
    for number in range(16):
        assert room.take(number, {"small": 1})
    large, ends = {"small": WHOLE}, 0
    for number in range(16):  # in the order in which they came: the first GPU's first
        assert room.take(100, large) is None
        room.leave(number)
        ends += 1
        if room.take(100, large):
            break
        room.take(200 + number, {"small": 1}, [large])
    assert ends == 8, "the first GPU was refilled"


def test_small_jobs_go_on_beside_what_a_large_one_waits_for() -> None:
    room = Room([SMALL])
    for number in range(16):
        room.take(number, {"small": 1})
    large = {"small": WHOLE}
    room.leave(0)
    assert room.take(20, {"small": 1}, [large]) is None, "the first GPU is held, the other is full"
    room.leave(8)
    room.leave(1)
    assert room.take(20, {"small": 1}, [large]), "the other GPU has an eighth"
    assert room.free("small") == [2, 0]


def test_the_node_where_a_job_takes_least_memory_is_chosen_and_the_fullest_gpu() -> None:
    room = Room([SMALL, LARGE])
    assert room.take(1, {"small": 4, "large": 1}) == Slot(node="large", eighths=1, cpus=0.5)
    assert room.take(2, {"small": 4}) == Slot(node="small", eighths=4, cpus=2.0)
    assert room.take(3, {"small": 2})
    assert room.free("small") == [2, 8]


def test_where_a_worker_says_that_it_is_on_another_gpu_that_counts() -> None:
    room = Room([SMALL])
    room.take(1, {"small": 4})
    room.take(2, {"small": WHOLE})
    room.seen(2, "small", "0")
    assert room.free("small") == [4, 0], "names are Ray's own: that which is first told of is no other's"
    room.seen(1, "small", "1")
    assert room.free("small") == [4, 0]
    room.leave(2)
    room.take(3, {"small": 1})
    room.seen(3, "small", "0")
    assert room.free("small") == [4, 7]


def test_nodes_come_and_go_with_what_was_on_them() -> None:
    room = Room([SMALL])
    room.take(1, {"small": 1})
    room.seen(1, "small", "0")
    room.update([LARGE])
    assert not room.has(1)
    assert room.take(2, {"small": 1, "large": 1}) == Slot(node="large", eighths=1, cpus=0.5)
    room.update([LARGE, SMALL])
    assert room.free("small") == [8, 8]


@given(cpus=st.floats(0, 512), gpus=st.integers(1, 16))
def test_the_cpus_of_all_shares_come_to_no_more_than_there_are(cpus: float, gpus: int) -> None:
    node = GpuNode(id="a", host="", gpus=gpus, cpus=cpus, memory=GB)
    for eighths in EIGHTHS:
        assert slot_on(node, eighths).cpus * gpus * WHOLE / eighths <= cpus + 1e-6
    assert slot_on(node, WHOLE).threads >= 1


@pytest.mark.parametrize("slot", [Slot(node="a", eighths=1, cpus=0.125)])
def test_a_slot_reads_back_equal(slot: Slot) -> None:
    assert Slot.from_json(slot.to_json()) == slot
