"""`python tests/gpu`: the checks, then the benchmark with the time that is left, one table and one line of JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpu import summary
from gpu.checkout import NEEDED, ROOT, importable, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpu.results import Result

SECONDS = 450.0
"""For checks and benchmark together, where nothing else is said."""
FOR_CHECKS = 0.55
"""Share of the time in which checks may begin."""
LONGEST = 120.0
"""Seconds that one check may take before it is ended."""
WORTH = 10.0
"""Seconds below which no benchmark is begun."""
GRACE = 30.0
"""Seconds that the benchmark may take beyond what it is told to."""
ENDING = 10.0
"""Seconds that the benchmark gets to end by itself once it is interrupted."""
BENCHMARK = ROOT / "benchmarks" / "gpu.py"


class Printer:
    """Prints to the terminal, and to a file where one is named.

    Args:
        out: the file; None for none.
    """

    def __init__(self, out: Path | None) -> None:
        self._out = out
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text("")

    def __call__(self, text: str = "") -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
        if self._out is not None:
            with self._out.open("a") as file:
                file.write(f"{text}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it all. The exit code is 0 where nothing failed, 1 where something did, 2 where nothing can be checked."""
    options = _options(arguments)
    if lacks := missing():
        sys.stderr.write(
            f"{sys.executable} has no {', '.join(lacks)}: the checks need {', '.join(NEEDED)}. "
            "Name another with: make gpu PYTHON=/path/to/python\n"
        )
        return 2
    try:
        printed = Printer(options.out)
    except OSError as error:
        sys.stderr.write(f"--out {options.out} cannot be written: {error.strerror}. Name another file.\n")
        return 2
    began = time.time()
    with importable() as environment, tempfile.TemporaryDirectory(prefix="convscape-gpu-run-") as folder:
        session = Session(printed, options, began)
        try:
            session.check(Path(folder), environment)
            if session.device_is_there and not options.without_benchmark:
                session.measure(environment)
        except KeyboardInterrupt:
            session.interrupted = True
        return session.summarise()


class Session:
    """One run, from its first line to its last.

    Args:
        printed: takes what is told.
        options: of the command line.
        began: `time.time()` at its start.
    """

    def __init__(self, printed: Printer, options: argparse.Namespace, began: float) -> None:
        self._print, self._options, self._began = printed, options, began
        self._versions: dict[str, str] = {}
        self._results: list[Result] = []
        self._benchmark: dict[str, Any] | None = None
        self._benchmark_failed = ""
        self.interrupted = False

    @property
    def device_is_there(self) -> bool:
        """Whether there is the device that was asked for, as far as is known."""
        return self._options.device == "cpu" or self._versions.get("card") != "none"

    def check(self, folder: Path, environment: dict[str, str]) -> None:
        """Runs the checks."""
        from gpu.watching import Checks

        checks = Checks(folder, environment, self._tell, min(LONGEST, self._options.seconds))
        arguments = ["-k", self._options.k] if self._options.k else []
        try:
            checks.run(self._options.device, self._began + FOR_CHECKS * self._options.seconds, arguments)
        finally:
            self._results = checks.results

    def measure(self, environment: dict[str, str]) -> None:
        """Runs the benchmark with the time that is left."""
        left = self._options.seconds - (time.time() - self._began)
        if not BENCHMARK.exists():
            self._print("\nbenchmarks/gpu.py is not there: nothing is measured.")
            return
        if left < WORTH:
            self._print(f"\nbenchmarks/gpu.py left out: {max(0.0, left):.0f} s are left; GPU_SECONDS gives more.")
            self._benchmark = {"left_out": ["all of it: time"]}
            return
        command = [sys.executable, str(BENCHMARK), "--device", self._options.device, "--seconds", f"{left:.0f}"]
        if self._options.quick:
            command.append("--quick")
        self._print(f"\n{Path(sys.executable).name} benchmarks/gpu.py {' '.join(command[2:])}")
        last, code = self._follow(command, environment, left + GRACE)
        with contextlib.suppress(ValueError):
            told = json.loads(last)
            self._benchmark = told if isinstance(told, dict) else None
        if code:
            self._benchmark_failed = f"benchmarks/gpu.py ended with exit code {code}"
        elif self._benchmark is None:
            self._benchmark_failed = f"benchmarks/gpu.py's last line is no JSON: {last[:100]!r}"
        elif self._benchmark.get("failed"):
            self._benchmark_failed = "benchmarks/gpu.py names failures"
        if self._benchmark is None and last:
            self._print(last)
        if self._benchmark_failed:
            self._print(self._benchmark_failed)

    def _follow(self, command: Sequence[str], environment: dict[str, str], longest: float) -> tuple[str, int]:
        """Shows what a command prints but for its last line, which is given with the exit code."""
        last = ""
        with subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            timer = threading.Timer(longest, _end, [process])
            timer.start()
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    if last:
                        self._print(last)
                    last = line.rstrip("\n")
                return last, process.wait()
            finally:
                timer.cancel()
                _end(process)

    def summarise(self) -> int:
        """Prints the table, the failures once more and the JSON; gives the exit code."""
        if not self.device_is_there:
            self._print(
                f"\nThere is no GPU here that PyTorch {self._versions.get('torch', '')} can use: nothing was checked. "
                "`python tests/gpu --device cpu` runs the checks' logic on the CPU."
            )
            return 2
        rows = summary.rows_of(self._results) + summary.benchmark_rows(self._benchmark or {})
        if self._benchmark_failed:
            rows.append(summary.Row(check=self._benchmark_failed, group=summary.BENCHMARK, outcome="failed"))
        failed = not self._results or self.interrupted or any(row.outcome.startswith("failed") for row in rows)
        failed |= any(result.outcome == "failed" for result in self._results)
        self._print(f"\n{summary.table(rows)}\n")
        if text := summary.failures(self._results):
            self._print(f"{text}\n")
        if not self._results:
            self._print("No check was run.\n")
        if self.interrupted:
            self._print("Interrupted: what was left was not checked.\n")
        seconds = time.time() - self._began
        told = summary.to_json(self._results, self._versions, seconds=seconds, benchmark=self._benchmark, failed=failed)
        self._print(json.dumps(told))
        return 130 if self.interrupted else int(failed)

    def _tell(self, line: dict[str, Any]) -> None:
        """Prints a line of the results' file as a person reads it."""
        if line["kind"] == "versions":
            self._versions = line["versions"]
            self._print("  ".join(f"{name} {value}" for name, value in self._versions.items()) + "\n")
        elif line["kind"] == "end":
            from gpu.results import Result

            result = Result.from_json(line["result"])
            figures = summary.figures(result.figures)
            why = f"  ({result.why.partition(chr(10))[0]:.100})" if result.outcome == "skipped" else ""
            if result.outcome != "left out":
                self._print(
                    f"{result.outcome:<8}{result.seconds:6.1f} s  {summary.named(result)}"
                    f"{'  ' + figures if figures else ''}{why}"
                )
            if result.outcome == "failed":
                self._print(summary.indented(result.why))


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupts a process and those it started, and kills what is left of them a little later."""
    for signalled, seconds in ((signal.SIGINT, ENDING), (signal.SIGKILL, ENDING)):
        if process.poll() is None or signalled is signal.SIGKILL:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signalled)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/gpu", description=__doc__)
    parser.add_argument(
        "--device",
        choices=("cuda", "cpu"),
        default="cuda",
        help="cuda is the first GPU of CUDA_VISIBLE_DEVICES; cpu runs the checks' logic (default: cuda)",
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=os.environ.get("GPU_SECONDS") or SECONDS,
        help=f"for all of it; or as the variable GPU_SECONDS (default: {SECONDS:.0f})",
    )
    parser.add_argument(
        "--out", type=Path, default=os.environ.get("GPU_OUT") or None, help="a file to print to, too; or GPU_OUT"
    )
    parser.add_argument("-k", default="", metavar="WORDS", help="only checks whose names match, as pytest's -k")
    parser.add_argument("--quick", action="store_true", help="a short benchmark")
    parser.add_argument("--without-benchmark", action="store_true", help="only the checks")
    return parser.parse_args(arguments)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds
