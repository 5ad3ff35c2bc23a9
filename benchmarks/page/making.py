"""What making the page takes, and reading a sweep back from a store of MLflow: each in a process of its own."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

P, T = ParamSpec("P"), TypeVar("T")


def anew(call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Calls a function in a fresh process: what an earlier call keeps in memory makes it no faster."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(call, *arguments, **named).result()


def make_page(folder: Path, name: str, path: Path) -> dict[str, float]:
    """Writes the page of a sweep. Gives the seconds that each part took, imports left out.

    Args:
        folder: the folder of sweeps.
        name: the sweep's.
        path: the file to write.
    """
    from convscape.dashboards.page import page_content, page_html, source_of
    from convscape.search import Sweep
    from convscape.search.files import write_atomically

    took: dict[str, float] = {}
    with _within(Sweep, "trials", took, "read the study"), _within(Sweep, "frames", took, "frames"):
        begun = time.perf_counter()
        source = source_of(Sweep.open(name, folder))
        took["state, links"] = time.perf_counter() - begun - sum(took.values())
    with _timed(took, "content"):
        content = page_content([source])
    with _timed(took, "HTML"):
        write_atomically(path, page_html(content))
    return took | {"all of it": sum(took.values())}


def read_store(uri: str, experiment: str, name: str) -> dict[str, float]:
    """Reads a sweep from a store of MLflow. Gives the seconds of each query, and how many trials there were.

    Args:
        uri: MLflow's tracking URI.
        experiment: name of the experiment in MLflow.
        name: the sweep's.
    """
    from convscape.dashboards.queries import stored_records, stored_sweeps

    took: dict[str, float] = {}
    stored_sweeps(uri, experiment)  # loads MLflow, and connects
    with _timed(took, "stored_sweeps"):
        stored_sweeps(uri, experiment)
    with _timed(took, "stored_records"):
        found = stored_records(uri, experiment, name)
    return took | {"trials": len(found.records)}


@contextmanager
def _timed(took: dict[str, float], part: str) -> Iterator[None]:
    begun = time.perf_counter()
    try:
        yield
    finally:
        took[part] = took.get(part, 0.0) + time.perf_counter() - begun


@contextmanager
def _within(kind: type, method: str, took: dict[str, float], part: str) -> Iterator[None]:
    """Has the calls of a method timed: the page itself decides when it is called."""
    plain = getattr(kind, method)

    def call(*arguments: object, **named: object) -> object:
        with _timed(took, part):
            return plain(*arguments, **named)

    setattr(kind, method, call)
    try:
        yield
    finally:
        setattr(kind, method, plain)
