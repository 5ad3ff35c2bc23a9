"""The part of pytest: orders checks, leaves out what there is no time for, and tells what becomes of each."""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from gpu import results
from gpu.ordering import in_order
from gpu.results import Figure, Result
from gpu.versions import versions

DEVICE = "GPU_DEVICE"
"""Variable of the environment: the device, as torch names it."""
DEADLINE = "GPU_DEADLINE"
"""When no further check begins, as `time.time()` counts."""
RESULTS = "GPU_RESULTS"
"""The file that tells what becomes of the checks."""
LEFT_OUT = "left out: time; GPU_SECONDS gives more"
BROKEN = 3
"""Exit code of a process whose CUDA can no longer be used; another goes on."""
UNUSABLE = re.compile(r"CUDA error: (?!out of memory|CU)|device-side assert|CUDNN_STATUS_EXECUTION_FAILED")
"""After such an error every further call of CUDA in this process fails."""


def words(name: str) -> str:
    """The name of a test function as a sentence."""
    return name.removeprefix("test_").replace("_", " ")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Telling(Path(os.environ[RESULTS]), float(os.environ[DEADLINE])))


class Telling:
    """Writes what becomes of the checks to a file.

    Args:
        file: of JSON lines; what has its result there is not run again.
        deadline: `time.time()` from which on no check begins.
    """

    def __init__(self, file: Path, deadline: float) -> None:
        self._file, self._deadline = file, deadline
        self._reports: list[pytest.TestReport] = []

    def pytest_sessionstart(self) -> None:
        if any(line["kind"] == "versions" for line in results.read(self._file)):
            return
        found = versions(os.environ[DEVICE])
        results.append(self._file, "versions", versions=found)
        if os.environ[DEVICE].startswith("cuda") and found["card"] == "none":
            results.append(self._file, "collected", checks=[])
            pytest.exit("there is no GPU", returncode=0)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            done = {result.id for result in results.results(results.read(self._file))}
            check = f"{Path(report.nodeid).name or 'the folder'} can be imported"
            told = Result(id=report.nodeid, check=check, group="correctness", outcome="failed", why=report.longreprtext)
            if report.nodeid not in done:
                results.append(self._file, "end", result=asdict(told))

    @pytest.hookimpl(trylast=True)  # what `-k` leaves out is gone by then
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = in_order([(_group(item), _function(item)) for item in items])
        done = {result.id for result in results.results(results.read(self._file))}
        items[:] = [items[at] for at in order]
        results.append(self._file, "collected", checks=[asdict(_told(item, "left out")) for item in items])
        items[:] = [item for item in items if item.nodeid not in done]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        self._item = item
        if time.time() < self._deadline:
            return None
        results.append(self._file, "end", result=asdict(_told(item, "left out", why=LEFT_OUT)))
        return True

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._reports = []
        results.append(self._file, "start", id=nodeid, at=time.time())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._reports.append(report)

    def pytest_runtest_logfinish(self) -> None:
        reports = self._reports
        worst = next((r for r in reports if r.failed), None) or next((r for r in reports if r.skipped), reports[-1])
        if isinstance(worst.longrepr, tuple):  # file, line and reason of a skip
            why = worst.longrepr[2].removeprefix("Skipped: ")
        else:
            why = "\n".join(f"{r.longreprtext}{_printed(r)}" for r in reports if r.failed)
        figures = [Figure(**value) for name, value in reports[-1].user_properties if name == "figure"]
        told = _told(
            self._item,
            worst.outcome,
            seconds=sum(report.duration for report in reports),
            figures=tuple(figures),
            why=why,
        )
        results.append(self._file, "end", result=asdict(told))
        if UNUSABLE.search(why) or not _computes():  # the next checks need a process of their own
            sys.stdout.flush()
            os._exit(BROKEN)


def _computes() -> bool:
    """Whether the GPU still takes work of this process: what failed may have been told as an event alone."""
    if not os.environ[DEVICE].startswith("cuda"):
        return True
    from convscape.trainers.device import still_computes

    return still_computes(os.environ[DEVICE])


def _printed(report: pytest.TestReport) -> str:
    return "".join(f"\n{title}\n{text[-2000:]}" for title, text in report.sections)


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("gpu")
    return marker.args[0] if marker and marker.args else "rest"


def _function(item: pytest.Item) -> str:
    return getattr(item, "originalname", item.name)


def _told(item: pytest.Item, outcome: str, **more) -> Result:
    case = item.name.removeprefix(_function(item)).strip("[]")
    return Result(id=item.nodeid, check=words(_function(item)), case=case, group=_group(item), outcome=outcome, **more)
