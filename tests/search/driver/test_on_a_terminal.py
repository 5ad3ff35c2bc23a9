"""A launch on a real terminal: what it says first, what Ctrl-C brings, and that the screen is left as it was."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from tiny_sweep import TINY

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
LONG = ("--set=search.trials=12", "--set=search.epochs=4000", "--set=search.promotion=none")


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        ours, theirs = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24", "CUDA_VISIBLE_DEVICES": ""}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "convscape", *arguments],
            cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self._ours, self.text = ours, ""

    def read(self) -> bool:
        """Takes in what was written; whether there may be more."""
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # nobody has the other end any more
            data = b""
        self.text += data.decode(errors="replace")
        return bool(data)

    def until(self, pattern: str) -> None:
        while not re.search(pattern, self.text):
            assert self.read(), self.text

    def end(self) -> int:
        while self.read():
            pass
        os.close(self._ours)
        return self.process.wait(120)


def test_it_says_at_once_that_it_loads_and_then_what_it_does(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    terminal = Terminal(tmp_path, "launch", "tiny.yaml")
    terminal.until("loading PyTorch")
    assert not (tmp_path / "sweeps").exists(), "it is said too late"
    assert terminal.end() == 0, terminal.text
    assert "4/4 trials" in terminal.text
    assert "Leaderboard of sweep tiny" in terminal.text
    assert re.search(r"loading PyTorch \d+\.\d s, .*sending to MLflow", re.sub(r"\s+", " ", terminal.text))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_an_interrupt_brings_stays_above_the_view(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    terminal = Terminal(tmp_path, "launch", "tiny.yaml", *LONG)
    terminal.until(r"epoch \d+ of 4000")
    terminal.process.send_signal(number)
    terminal.until("Ctrl-C again leaves at once.\r\n")
    assert terminal.end() == 130, terminal.text
    assert "Traceback" not in terminal.text
    assert terminal.text.count("Saved. Go on with: convscape resume tiny\r\n") == 1
    assert terminal.text.rfind("\x1b[?25l") < terminal.text.rfind("\x1b[?25h"), "the cursor stays hidden"


def test_another_terminal_sees_the_same_and_leaves_the_sweep_alone(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    terminal = Terminal(tmp_path, "launch", "tiny.yaml", *LONG)
    terminal.until(r"epoch \d+ of 4000")
    watching = Terminal(tmp_path, "status", "tiny", "--watch")
    watching.until("of the work")
    assert "sweep tiny: running" in watching.text
    assert re.search(r"trial \d+: epoch \d+ of 4000", watching.text)
    watching.process.send_signal(signal.SIGINT)
    assert watching.end() == 130, watching.text
    assert "Traceback" not in watching.text
    time.sleep(0.5)
    assert terminal.process.poll() is None, "the sweep ended, too"
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
