"""Why a step is slow: a profile of a few steps, summed up as gaps between kernels, copies, layout changes and casts."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.profiler import ProfilerActivity, profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

COPY, KERNEL = ("gpu_memcpy", "gpu_memset"), "kernel"
LAYOUT = re.compile(r"nchw\w*(to|2)\w*nhwc|nhwc\w*(to|2)\w*nchw|transpose", re.IGNORECASE)
"""Kernels of cuDNN and PyTorch that bring maps from channels first to channels last, or back."""
CAST = re.compile(r"copy_kernel", re.IGNORECASE)
"""PyTorch's kernels that copy from one type of number to another, or make a tensor contiguous."""
TOLD = 5
"""Kernels that are named."""
LONGEST_NAME = 60


class NoKernelError(Exception):
    """A profile has no kernels in it: this process may not trace the GPU."""


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Where a step's time goes; all but `top` are shares of it, 0 to 1."""

    idle: float
    """No kernel and no copy runs: the device waits for launches."""
    copies: float
    """Copies between host and device or within it (Memcpy, Memset)."""
    layout: float
    """Kernels that change a map's memory format."""
    casts: float
    """Kernels that copy from one type or stride to another."""
    top: tuple[tuple[str, float], ...]
    """The kernels that take longest in all, with their shares."""

    def lines(self) -> list[str]:
        """What there is to say, as lines."""
        return [
            f"no kernel {self.idle:.0%}, copies {self.copies:.0%}, layout {self.layout:.0%}, casts {self.casts:.0%}",
            *(f"  {share:>4.0%} {name}" for name, share in self.top),
        ]


def summed_up(events: Iterable[dict[str, Any]], seconds: float) -> Gaps:
    """What the events of a profile come to.

    Args:
        events: of Chrome's trace format: "cat", "name", and "ts" and "dur" in microseconds; others are passed over.
        seconds: that the same steps take without a profiler, which slows launches down.

    Raises:
        NoKernelError: no kernel is among the events.
    """
    on_device = [event for event in events if event.get("cat") in (*COPY, KERNEL) and "dur" in event]
    if not any(event["cat"] == KERNEL for event in on_device):
        raise NoKernelError("the profiler recorded no kernel: it needs the rights to trace the GPU (CUPTI)")
    busy = _covered([(event["ts"], event["ts"] + event["dur"]) for event in on_device]) / 1e6
    whole = max(seconds, busy)
    times: Counter[str] = Counter()
    for event in on_device:
        times[event["name"] if event["cat"] == KERNEL else event["cat"]] += event["dur"] / 1e6

    def share(wanted: Callable[[str], object]) -> float:
        return sum(time for name, time in times.items() if wanted(name)) / whole

    return Gaps(
        idle=1 - busy / whole,
        copies=share(lambda name: name in COPY),
        layout=share(LAYOUT.search),
        casts=share(lambda name: CAST.search(name) and not LAYOUT.search(name)),
        top=tuple((_short(name), time / whole) for name, time in times.most_common(TOLD)),
    )


def recorded(action: Callable[[], object], device: torch.device) -> list[dict[str, Any]]:
    """The events of `action` as the profiler tells them, in Chrome's trace format.

    On the CPU, where there are no kernels, PyTorch's operators stand in for them.

    Args:
        action: a few steps; it was run before, so that nothing is compiled or chosen any more.
        device: where it computes.
    """
    cuda = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities) as profiled:
        action()
        if cuda:
            torch.cuda.synchronize(device)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace.json"
        profiled.export_chrome_trace(str(file))
        events = json.loads(file.read_text(), strict=False)["traceEvents"]
    if cuda:
        return events
    return [event | {"cat": KERNEL} for event in events if event.get("cat") == "cpu_op"]


def _covered(spans: list[tuple[float, float]]) -> float:
    """How long at least one of the spans lasts: kernels of several streams overlap."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(spans):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def _short(name: str) -> str:
    """A kernel by the words of its name, without C++'s arguments."""
    plain = re.sub(r"^(void|float|int)\s+", "", name)
    return plain if len(plain) <= LONGEST_NAME else f"{plain[: LONGEST_NAME - 1]}…"
