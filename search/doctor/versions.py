"""Which versions of a package fit each other on the nodes of one cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..workers import versions_fit

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = {
    "python": "Python",
    "torch": "torch",
    "ray": "Ray",
    "convscape": "Convscape",
    "numpy": "NumPy",
    "safetensors": "safetensors",
    "optuna": "Optuna",
    "mlflow": "MLflow",
}
"""Packages as they call themselves, in the order in which they are told."""
_COMPARED = [package for package in NAMES if package not in ("convscape", "optuna", "mlflow")]
"""What the driver and a node must have in common."""


def misfits(driver: Mapping[str, str], node: Mapping[str, str]) -> list[str]:
    """The packages whose versions on a node do not fit the driver's, by the rule that a launch holds nodes to.

    Python is one of them. Convscape is sent where a cluster is joined, but has to be there where Ray was begun by
    somebody else. Optuna and MLflow are the driver's alone.

    Args:
        driver: the driver's version of each package.
        node: the node's; "" where it has none.

    >>> here = {"python": "3.11.7", "torch": "2.14.1", "ray": "2.60.0", "numpy": "2.4.1", "safetensors": "0.8"}
    >>> there = here | {"python": "3.11.9", "torch": "2.13.0", "numpy": "2.1.0"}
    >>> misfits(here | {"convscape": "0.1.0"}, there | {"convscape": ""})
    ['torch', 'convscape']
    """
    unlike = [package for package in _COMPARED if not versions_fit(package, driver[package], node[package])]
    return unlike + ["convscape"] * (driver["convscape"] != node["convscape"])


def versions_line(versions: Mapping[str, str]) -> str:
    """The versions of all packages as a line of text; those that are missing are named so.

    Args:
        versions: by package; "" where there is none.
    """
    return ", ".join(f"{name} {versions[package] or 'missing'}" for package, name in NAMES.items())
