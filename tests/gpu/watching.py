"""Runs the checks in a process of pytest and watches it: one that hangs or crashes ends nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from gpu import results
from gpu.checkout import HERE as CHECKS
from gpu.plugin import DEADLINE, DEVICE, RESULTS
from gpu.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

LOOK = 0.1
"""Seconds between two looks at what the process tells."""
STARTING = 180.0
"""Seconds within which a process must come to its first check: on a busy disk torch alone takes long to import."""
LINES = 15
"""Lines of a process's output that are shown where it died."""
CRASH = "Fatal Python error"
"""What Python's faulthandler begins with; the innermost calls follow first."""
NOISE = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DEBUG")
"""Variables by which a machine changes what pytest does."""


class Checks:
    """All checks, run in as many processes of pytest as it takes.

    Args:
        folder: for the files of this run.
        environment: in which `convscape` and `gpu` can be imported.
        tell: called with each line of the results' file as it comes.
        longest: seconds that a check may take.
    """

    def __init__(
        self, folder: Path, environment: dict[str, str], tell: Callable[[dict[str, Any]], None], longest: float
    ) -> None:
        self._file, self._output = folder / "results.jsonl", folder / "output.txt"
        self._environment = {name: value for name, value in environment.items() if name not in NOISE}
        self._tell, self._longest = tell, longest
        self._told = 0

    def run(self, device: str, deadline: float, arguments: Sequence[str]) -> list[Result]:
        """The results of all checks, those that a process did not live to tell included.

        Args:
            device: as torch names it.
            deadline: `time.time()` from which on no check begins.
            arguments: for pytest, such as which checks to run.
        """
        environment = {
            **self._environment,
            DEVICE: device,
            DEADLINE: str(deadline),
            RESULTS: str(self._file),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONFAULTHANDLER": "1",
        }
        while True:
            before = len(self.results)
            why = self._process(environment, arguments)
            running = self._running()
            if running is not None:
                self._end(self._collected()[running["id"]], f"{why}\n{self._tail()}")
            if self._left() == []:
                break
            if len(self.results) == before:  # not one further: it would go on like that for ever
                unknown = Result(id="", check="pytest can run the checks", group="correctness", outcome="failed")
                self._end(unknown, f"{why}\n{self._tail()}")
                break
        self._look()
        return self.results

    @property
    def results(self) -> list[Result]:
        """What has come to an end so far, in order."""
        return results.results(results.read(self._file))

    def _process(self, environment: dict[str, str], arguments: Sequence[str]) -> str:
        """Runs one process of pytest until it ends, or hangs and is ended; how it ended, in words."""
        command = [
            sys.executable, "-m", "pytest", str(CHECKS), "-c", str(CHECKS / "pytest.ini"), f"--rootdir={CHECKS}",
            f"--confcutdir={CHECKS}", "-p", "no:cacheprovider", "-p", "gpu.plugin", "--tb=short", "-q",
            "--continue-on-collection-errors", *arguments,
        ]  # fmt: skip
        with self._output.open("w") as output:
            process = subprocess.Popen(
                command,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=CHECKS,
                start_new_session=True,
            )
            began = time.time()
            try:
                while process.poll() is None:
                    self._look()
                    running = self._running()
                    since = running["at"] if running else max(began, self._last_told())
                    longest = self._longest if running else STARTING
                    if time.time() - since > longest:
                        return f"It took more than {longest:.0f} s, and was ended."
                    time.sleep(LOOK)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # whatever a check has started
                process.wait()
                self._look()
        code = process.returncode
        return (
            f"Its process ended by {signal.Signals(-code).name}."
            if code < 0
            else f"Its process ended with exit code {code}."
        )

    def _last_told(self) -> float:
        """When the last line was written, as `time.time()` counts; 0 before any."""
        return self._file.stat().st_mtime if self._file.exists() else 0.0

    def _running(self) -> dict[str, Any] | None:
        """The check that began last, where it has not ended."""
        lines = results.read(self._file)
        ended = {result.id for result in results.results(lines)}
        return next((line for line in reversed(lines) if line["kind"] == "start" and line["id"] not in ended), None)

    def _collected(self) -> dict[str, Result]:
        """Every check by its id, in the order they run in; {} where pytest did not come so far."""
        lines = [line for line in results.read(self._file) if line["kind"] == "collected"]
        return {each["id"]: Result.from_json(each) for each in lines[0]["checks"]} if lines else {}

    def _left(self) -> list[str] | None:
        """Checks that have no result yet; None where nobody knows which there are."""
        if not any(line["kind"] == "collected" for line in results.read(self._file)):
            return None
        ended = {result.id for result in self.results}
        return [each for each in self._collected() if each not in ended]

    def _end(self, result: Result, why: str) -> None:
        results.append(self._file, "end", result=asdict(replace(result, outcome="failed", why=why)))
        self._look()

    def _tail(self) -> str:
        """The last lines that the process printed; of a crash those that say where it was."""
        before, crash, after = self._output.read_text(errors="replace").rpartition(CRASH)
        lines = f"{crash}{after}".splitlines()[:LINES] if crash else f"{before}{after}".splitlines()[-LINES:]
        return "\n".join(lines)

    def _look(self) -> None:
        lines = results.read(self._file)
        for line in lines[self._told :]:
            self._tell(line)
        self._told = len(lines)
