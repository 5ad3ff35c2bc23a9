"""The share that a training gets by the memory it takes, and what measured peaks and wrong predictions change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from convscape.search.records import Design
from convscape.search.workers.placement import EIGHTHS, WHOLE, GpuNode, Need, Needs, memory_of, shares_line
from convscape.spaces import classic
from convscape.trainers import Recipe
from convscape.trainers.data.dataset import load_dataset
from convscape.trainers.device import WORKSPACE, parts_that_fit, training_bytes
from hypothesis import given, strategies as st
from strategies import architectures

if TYPE_CHECKING:
    from pathlib import Path

GB = 10**9
SIZES = st.integers(2, 160).map(lambda size: size * GB // 2)
NEEDS = st.builds(
    Need,
    step=st.integers(10**6, 100 * GB),
    batch=st.integers(0, 10**8),
    images=st.sampled_from([0, 10**8, 2 * GB, 40 * GB]),
)


def node(memory: int, name: str = "a") -> GpuNode:
    return GpuNode(id=name, host="", gpus=1, cpus=8, memory=memory)


def fresh(file: Path | None = None) -> Needs:
    return Needs(images=0, train=10**6, precision="float32", file=file)


@given(need=NEEDS, memory=SIZES)
def test_a_share_is_the_smallest_that_holds_the_training(need: Need, memory: int) -> None:
    share = fresh().share_on(node(memory), 0, need)
    fitting = [eighths for eighths in EIGHTHS if need.fits(memory_of(node(memory), eighths))]
    assert share == min(fitting, default=0)


@given(network=architectures(), batch=st.integers(2, 512), memory=SIZES)
def test_what_a_share_holds_is_trained_there_with_its_batch_whole(network, batch: int, memory: int) -> None:
    """As `Training` plans it: what placement takes to fit may not be split or refused by the worker."""
    needs = fresh()
    design = Design.of(network, Recipe(batch_size=batch))
    share = needs.share_on(node(memory), 0, needs.of(design))
    if share:
        parts, needed = parts_that_fit(network, batch, memory_of(node(memory), share))
        assert parts == 1
        assert needed == training_bytes(network, batch)


@given(need=NEEDS, memory=SIZES)
def test_what_outgrew_a_share_gets_a_larger_one_and_so_do_those_like_it(need: Need, memory: int) -> None:
    needs = fresh()
    share = needs.share_on(node(memory), 7, need)
    while share:
        needs.outgrew(7, need, memory_of(node(memory), share))
        larger = needs.share_on(node(memory), 7, need)
        assert not larger or larger > share
        alike = needs.share_on(node(memory), 8, need)
        assert not alike or alike > share or needs.factor(need) == 4.0
        share = larger
    assert needs.share_wherever([node(memory)], 7, need) == {"a": WHOLE}, "it is trained all the same, in parts"


def test_a_large_network_is_kept_from_a_small_gpu() -> None:
    need = Need(step=15 * GB, batch=0, images=0)
    nodes = [node(12 * GB, "small"), node(24 * GB, "large")]
    assert fresh().share_wherever(nodes, 0, need) == {"large": WHOLE}
    tiny = Need(step=GB // 2, batch=0, images=0)
    assert fresh().share_wherever(nodes, 0, tiny) == {"small": 1, "large": 1}
    between = Need(step=3 * GB // 2, batch=0, images=0)
    assert fresh().share_wherever(nodes, 0, between) == {"small": 2, "large": 1}


def test_where_no_gpu_holds_a_network_it_has_one_of_the_largest_whole() -> None:
    nodes = [node(12 * GB, "a"), node(24 * GB, "b"), node(24 * GB, "c")]
    assert fresh().share_wherever(nodes, 0, Need(step=90 * GB, batch=0, images=0)) == {"b": WHOLE, "c": WHOLE}


def test_measured_peaks_correct_predictions_of_trainings_alike_and_are_kept(tmp_path: Path) -> None:
    need, far = Need(step=GB, batch=0, images=0), Need(step=GB // 10, batch=0, images=0)
    needs = fresh(tmp_path / "placement.json")
    assert needs.factor(need) == 1.0
    needs.measured(need, int(1.5 * GB) + WORKSPACE, 4 * GB)
    needs.measured(need, GB // 2, 4 * GB)
    assert needs.factor(need) == pytest.approx(1.5), "the largest counts"
    assert needs.factor(far) == 1.0, "it is not like it"
    needs.outgrew(3, need, 2 * GB)
    again = fresh(tmp_path / "placement.json")
    assert again.factor(need) == needs.factor(need)
    for number in (3, 4):
        assert again.share_on(node(24 * GB), number, need) == needs.share_on(node(24 * GB), number, need)


def test_images_that_stay_on_the_gpu_are_not_taken_for_the_networks() -> None:
    need = Need(step=GB, batch=0, images=GB)
    needs = fresh()
    needs.measured(need, 2 * GB + WORKSPACE, 8 * GB)
    assert needs.factor(need) == 1.0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"ratios": 3, "outgrown": []}', '{"ratios": [[1]], "outgrown": {}}'])
def test_what_was_learnt_may_be_damaged_or_gone(tmp_path: Path, text: str) -> None:
    (tmp_path / "placement.json").write_text(text)
    assert fresh(tmp_path / "placement.json").factor(Need(step=GB, batch=0, images=0)) == 1.0


def test_a_dry_run_says_what_the_share_would_be() -> None:
    design = Design.of(classic("resnet18"), Recipe(batch_size=128))
    line = shares_line(design, load_dataset("digits", train=200, validation=100))
    assert line == "a step takes 4,093 MB; of a GPU it would get: 1/2 (12 GB), 1/4 (24 GB), 1/8 (80 GB)"


@pytest.mark.parametrize(
    "text",
    [
        '{"ratios": [], "outgrown": []}',
        '{"ratios": [[1e999, 1]], "outgrown": {}}',
        '{"ratios": [[1000, 1e300]], "outgrown": {}}',
        '{"ratios": [[1000, 3, 4]], "outgrown": {"x": 1}}',
        "[1]",
        "{",
    ],
)
def test_what_was_kept_may_be_anything(tmp_path: Path, text: str) -> None:
    file = tmp_path / "placement.json"
    file.write_text(text)
    needs = Needs(images=0, train=100, precision="float32", file=file)
    assert needs.factor(Need(step=1000, batch=0, images=0)) == 1.0
