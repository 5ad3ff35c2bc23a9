"""Versions that a node and the driver must have in common, and how to ask a node where Convscape may be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

IN_COMMON = {"python": 2, "ray": 3, "torch": 2, "numpy": 1, "safetensors": 0}
"""So many leading parts of each version must be equal; with 0 it need only be there.

Ray reads what its other processes write by its own version alone, and pickles functions as Python's bytecode, which
changes with each minor version. (By itself Ray asks for equal patches of Python, too, unless
RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL=minor.) Nothing of torch is pickled: images are numpy's arrays, checkpoints are
safetensors. But a trial that pauses on one node goes on on another, and torch's kernels and defaults change with its
minor versions; +cpu or +cu130 after it may differ, as on a head without a GPU. numpy 2 reads arrays of any numpy 2; the
format of safetensors has not changed.
"""


def versions_here() -> Mapping[str, str]:
    """Versions of this process, by the names of IN_COMMON; "" for a package that is not installed."""
    return _asker("")()[0]


def asker() -> Callable[[], tuple[dict[str, str], str]]:
    """A function to call on a node, which is pickled whole.

    It returns the versions there and why a worker's code cannot be loaded, "" where it can.
    """
    return _asker(f"{__name__.rsplit('.', 2)[0]}.trainable")


def _asker(module: str) -> Callable[[], tuple[dict[str, str], str]]:
    packages = [name for name in IN_COMMON if name != "python"]

    def ask() -> tuple[dict[str, str], str]:
        import importlib.metadata
        import platform

        versions = {"python": platform.python_version()}
        for package in packages:
            try:
                versions[package] = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                versions[package] = ""
        try:
            if module:
                importlib.import_module(module)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            return versions, f"{type(error).__name__}: {error!s:.200}"
        return versions, ""

    return ask


def misfit(ours: Mapping[str, str], theirs: Mapping[str, str]) -> tuple[str, str] | None:
    """The first version of a node's that does not fit the driver's.

    Args:
        ours: the driver's versions, by the names of IN_COMMON.
        theirs: the node's.

    Returns:
        What the node has and what the driver has, as words, and what to do; None where all fit.

    >>> misfit({"torch": "2.14.1+cpu"}, {"torch": "2.14.0+cu130"})
    >>> misfit({"torch": "2.14.1"}, {"torch": "2.13.0"})[0]
    'has torch 2.13.0, and the driver has torch 2.14.1'
    """
    for name, version in ours.items():
        other = theirs.get(name, "")
        if versions_fit(name, version, other):
            continue
        wanted = ".".join(_leading(version, IN_COMMON[name])) or version
        has = f"{name} {other}" if other else f"no {name}"
        if name == "python":
            return (
                f"has Python {other}, and the driver has Python {version}",
                f"Run Ray there by a Python {wanted}, or launch from an environment with Python {other}.",
            )
        return (
            f"has {has}, and the driver has {name} {version}",
            f"Install {name} {wanted} into the Python that runs Ray there"
            + (f", or launch from an environment with {name} {other}." if other else "."),
        )
    return None


def versions_fit(name: str, ours: str, theirs: str) -> bool:
    """Whether a node's version of a package fits the driver's.

    Args:
        name: one of IN_COMMON.
        ours: the driver's version.
        theirs: the node's; "" where it has none, which never fits.

    >>> versions_fit("python", "3.11.7", "3.11.9"), versions_fit("ray", "2.60.0", "2.60.1")
    (True, False)
    """
    return bool(theirs) and _leading(ours, IN_COMMON[name]) == _leading(theirs, IN_COMMON[name])


def _leading(version: str, parts: int) -> list[str]:
    return version.partition("+")[0].split(".")[:parts]
