"""Sweep files that choke a reader, that grow when they are read, or that say a thing twice."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from convscape.search.config import parse_sweep_file, read_sweep_file
from convscape.spaces import ConfigError
from convscape.tests.hostile.refusals import HANG, refusal

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = "name: a\ndata: {name: digits}\n"
SCALARS = [
    '!!int ""', '!!float ""', "!!bool maybe", "!!timestamp soon", '"\\UFFFFFFFF"', "59:" * 300 + "1.5", "!!binary é",
    "!!int 0x", "!!int 0b2", "!!float 1:2:x", "!!set 3", "!!omap 3", "!!pairs 3", "!!null 3", "!!int 1_", "1e999999",
]  # fmt: skip


@pytest.mark.parametrize("key", ["search: {seed: %s}", "folder: %s", "space: {kernel: %s}", "recipe: {batch_size: %s}"])
@pytest.mark.parametrize("scalar", SCALARS)
def test_a_scalar_that_its_tag_does_not_suit_is_named(scalar: str, key: str) -> None:
    said = refusal(parse_sweep_file, PLAIN + key % scalar + "\n", "sweep.yaml")
    assert said is None or "sweep.yaml" in said
    override = key.split(":")[0] + "=" + key.partition(":")[2].strip() % scalar
    said = refusal(parse_sweep_file, PLAIN, "sweep.yaml", [override])
    assert said is None or "--set" in said or "sweep.yaml" in said


def test_an_alias_is_a_copy() -> None:
    text = PLAIN + "space:\n  stage1: &s {kernel: 3}\n  stage2: *s\n"
    found = parse_sweep_file(text, overrides=["space.stage1.kernel=5"])
    assert (found.space["stage1"]["kernel"], found.space["stage2"]["kernel"]) == (5, 3)


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--set search.trials: given twice"):
        parse_sweep_file(PLAIN, overrides=["search.trials=3", "search.trials=4"])


@pytest.mark.parametrize(
    ("text", "override"),
    [
        (PLAIN + "space:\n" + "".join(f"  k{n}: 1\n" for n in range(300_000)), None),
        (PLAIN + "search:\n  start:\n" + "    - vgg16\n" * 90_000, None),
        (PLAIN, "space.kernel=[" + "3," * 200_000 + "]"),
        (PLAIN + "recipe:\n  weights: [" + ",".join(f"w{n}" for n in range(20_000)) + "]\n", None),
        (PLAIN + "space:\n" + "".join(f"  k{n}: 1\n" for n in range(15_000)), None),
        (PLAIN + "search:\n  start:\n" + "    - vgg16\n" * 12_000, None),
        (PLAIN, "space.kernel=[" + "3," * 90_000 + "]"),
    ],
    ids=[
        "300,000 keys",
        "90,000 starts",
        "--set of 200,000",
        "20,000 weights",
        "15,000 keys",
        "12,000 starts",
        "--set of 90,000",
    ],
)
def test_size_is_bounded(text: str, override: str | None) -> None:
    begun = time.process_time()
    with pytest.raises(ConfigError):
        parse_sweep_file(text, overrides=[override] if override else [])
    assert time.process_time() - begun < HANG


@pytest.mark.parametrize("values", ["abc", "{a: 1}", "3"])
def test_a_grid_has_lists(values: str) -> None:
    text = PLAIN + f"search: {{sampler: {{class: optuna.samplers.GridSampler, search_space: {{a: {values}}}}}}}"
    with pytest.raises(ConfigError, match=r"search_space: the values of each setting must be a list"):
        parse_sweep_file(text).samplers()


def test_a_grid_is_counted_before_it_is_made() -> None:
    grid = ", ".join(f"c{n}: [1, 2, 3, 4, 5, 6, 7, 8]" for n in range(12))
    text = PLAIN + f"search: {{sampler: {{class: optuna.samplers.GridSampler, search_space: {{{grid}}}}}}}"
    with pytest.raises(ConfigError, match=r"search\.sampler\.search_space: a grid of 68,719,476,736 points"):
        parse_sweep_file(text).samplers()


@pytest.mark.parametrize("deep", [65, 900])
def test_depth_is_bounded(deep: int) -> None:
    with pytest.raises(ConfigError, match=r"nested more than 64 deep" if deep < 100 else "recursion depth"):
        parse_sweep_file(PLAIN + "space: {class: x.y, a: " + "[" * deep + "]" * deep + "}")
    links = [f"x{n}: &x{n} " + "[" * (deep // 10) + (f"*x{n - 1}" if n else "") + "]" * (deep // 10) for n in range(11)]
    with pytest.raises(ConfigError, match=r"nested more than 64 deep"):
        parse_sweep_file("\n".join([*links, PLAIN]))
    with pytest.raises(ConfigError, match=r"nested more than 64 deep"):
        parse_sweep_file(PLAIN, "sweep.yaml", ["space" + ".a" * deep + "=1"])


def test_a_time_beyond_counting_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"search\.seconds"):
        parse_sweep_file(PLAIN, "sweep.yaml", ["search.seconds=1e308"])


def test_a_pipe_is_no_sweep_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "sweep.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_sweep_file(tmp_path / "sweep.yaml")
