"""The command: reads the options, runs the parts, says what follows, and ends with one line of JSON."""

from __future__ import annotations

import argparse
import math
import os
import platform
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import torch
from convscape.trainers.device import cpus_here
from convscape.trainers.measuring import has_bfloat16

from .benchmark import Benchmark
from .plan import SHARED, networks_of, plan
from .report import as_json, one_line, say
from .schedule import run_parts
from .verdicts import defaults, sharing_lines, stacked_lines, step_lines, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convscape.trainers.device import Precision

SECONDS = 300.0
"""For all parts together, where nothing else is said."""
MPS = Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps"))  # noqa: S108 - where CUDA looks for it
INTERRUPTED = 130


def main(description: str | None, arguments: Sequence[str] | None = None) -> int:
    """Runs it all. The exit status: 0, or 1 where something failed, 130 where somebody interrupted it.

    Args:
        description: of the command, for --help.
        arguments: of the command line; None for those this process was started with.
    """
    began = time.monotonic()
    options = _options(description, arguments)
    device = torch.device("cuda:0" if options.device == "cuda" else options.device)  # PyTorch asks for a number
    bench = Benchmark(device=device, precision="float32", quick=options.quick)
    if device.type == "cpu" and options.quick:
        torch.set_num_threads(1)  # threads that wait for each other on a busy machine take longest
    finished, versions = True, versions_here()
    try:
        bench.precision = open_device(device)
        versions |= card_of(device)
        say("  ".join(f"{name} {value}" for name, value in versions.items()) + "\n")
        finished = run_parts(plan(bench), bench.report, options.seconds, device, began=began)
    except DeviceError as error:
        bench.report.fail("device", error)
    finally:
        bench.close()
    lines, rows = conclude(bench)
    for text in ("", *lines, "", *table(rows)):
        say(text)
    for title, items in (("left out", bench.report.left_out), ("FAILED", bench.report.failed)):
        if items:
            say(f"\n{title}:")
            for item in items:
                say(f"  {item}")
    took = round(time.monotonic() - began, 1)
    say()
    say(as_json(bench.report, options.device, versions, verdicts=lines, defaults=rows, seconds=took))
    return INTERRUPTED if not finished else int(bool(bench.report.failed))


class DeviceError(Exception):
    """There is no such device here, or it does not work."""


def open_device(device: torch.device) -> Precision:
    """Tries a device out; tells bfloat16 where it computes in that, else float32.

    Args:
        device: is the current one from then on.

    Raises:
        DeviceError: it is not there, or does not work.
    """
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError(f"PyTorch {torch.__version__} finds no GPU here. --device cpu shows that the benchmark runs.")
    try:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        torch.zeros(1, device=device).add(1).item()
        return "bfloat16" if has_bfloat16(str(device)) else "float32"
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(f"{device} does not work: {one_line(error)}") from None


def conclude(bench: Benchmark) -> tuple[list[str], list[dict[str, Any]]]:
    """What follows from the figures: lines of verdicts, and the table of what to switch on for which network."""
    report, networks = bench.report, networks_of(bench)
    cells = [(network.name, precision) for network in networks for precision in bench.precisions]
    shared = [network for network in networks if network.name in SHARED]
    lines = [
        *step_lines(report.speeds, cells),
        *report.reasons,
        *sharing_lines(report.speeds, shared, bench.precision),
        *stacked_lines(report.speeds, networks, bench.precision, bench.counts[-1]),
    ]
    return lines, defaults(report.speeds, report.gains, networks, bench.precision)


def versions_here() -> dict[str, Any]:
    """What it runs with: versions, and the CPUs that this process may use."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "safetensors": safetensors.__version__,
        "cpus": cpus_here(),
    }


def card_of(device: torch.device) -> dict[str, Any]:
    """The card and its libraries, and whether processes share it by MPS; nothing of the CPU.

    Args:
        device: that was opened.
    """
    if device.type != "cuda":
        return {}
    card = torch.cuda.get_device_properties(device)
    return {
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "card": card.name,
        "memory": f"{card.total_memory / 2**30:.0f} GiB",
        "mps": MPS.exists(),
    }


def _options(description: str | None, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="gpu.py", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", type=_device, default="cuda", help="cuda, cuda:1 or cpu (default: cuda)")
    parser.add_argument(
        "--seconds", type=_seconds, default=SECONDS, help=f"for all of it, about (default: {SECONDS:.0f})"
    )
    parser.add_argument("--quick", action="store_true", help="fewest rounds and steps: shows that it runs")
    return parser.parse_args(arguments)


def _device(text: str) -> str:
    if not re.fullmatch(r"cpu|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is none of cuda, cuda:N and cpu")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds
