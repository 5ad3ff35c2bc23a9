"""Which versions of a node fit the driver's, and what is said of those that do not."""

from __future__ import annotations

import pytest
from convscape.search.workers.cluster.versions import IN_COMMON, asker, misfit, versions_here

OURS = {"python": "3.11.9", "ray": "2.60.0", "torch": "2.14.1+cpu", "numpy": "2.4.1", "safetensors": "0.8.0"}


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("python", "3.11.2"), ("torch", "2.14.0+cu130"), ("numpy", "2.9.0"), ("safetensors", "1.0.0")],
)
def test_what_differs_only_where_nothing_depends_on_it_fits(name: str, theirs: str) -> None:
    assert misfit(OURS, OURS | {name: theirs}) is None


@pytest.mark.parametrize(
    ("name", "theirs"), [("python", "3.12.9"), ("ray", "2.60.1"), ("torch", "2.13.1"), ("numpy", "1.26.4")]
)
def test_what_does_not_fit_is_told_with_both_versions(name: str, theirs: str) -> None:
    told, called = misfit(OURS, OURS | {name: theirs}), name.replace("python", "Python")
    assert told is not None
    assert told[0] == f"has {called} {theirs}, and the driver has {called} {OURS[name]}"
    assert f"an environment with {called} {theirs}." in told[1]


def test_what_is_missing_is_told_with_what_to_install() -> None:
    told = misfit(OURS, OURS | {"torch": ""})
    assert told == (
        "has no torch, and the driver has torch 2.14.1+cpu", "Install torch 2.14 into the Python that runs Ray there."
    )  # fmt: skip


def test_a_node_is_asked_for_what_is_compared() -> None:
    versions, not_loaded = asker()()
    assert versions == versions_here()
    assert set(versions) == set(IN_COMMON)
    assert all(versions.values())
    assert not_loaded == ""
