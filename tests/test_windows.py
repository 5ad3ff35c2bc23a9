"""A machine that is none of POSIX's kind: networks are described, and a sweep is refused with the reason."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

AS_ON_WINDOWS = """
import contextlib, io, json, os, select, sys

class Absent:
    def find_spec(self, name, *_):
        if name in ("fcntl", "resource", "termios", "pwd", "grp"):
            raise ModuleNotFoundError(name)

for name in ("fcntl", "resource", "termios", "pwd", "grp"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
for name in ("O_NOFOLLOW", "O_CLOEXEC", "fork", "nice", "getuid", "sched_getaffinity", "sysconf", "statvfs"):
    delattr(os, name)
del select.poll

import convscape
from convscape.cli import main

for command in json.loads(sys.argv[1]):
    code, out, err = 0, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(command)
        except SystemExit as ended:
            code = ended.code
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""
TINY = """
name: tiny
data: {name: digits, train: 200, validation: 100}
search: {trials: 1, epochs: 1}
resources: {runner: inline}
"""


def ended(folder: Path, *commands: str) -> list[tuple[int, str, str]]:
    """How each command ends there: its exit code, output and errors."""
    words: Any = json.dumps([command.split() for command in commands])
    told = subprocess.check_output([sys.executable, "-c", AS_ON_WINDOWS, words], text=True, cwd=folder)
    return [tuple(json.loads(line)) for line in told.splitlines()]


def test_networks_are_described_and_folders_of_sweeps_read(tmp_path: Path) -> None:
    described, listed, absent = ended(tmp_path, "describe lenet5", "list", "status tiny")
    assert (described[0], "61,706" in described[1]) == (0, True)
    assert (listed[0], "No sweep in" in listed[1]) == (0, True)
    assert (absent[0], "no sweep 'tiny'" in absent[2]) == (4, True)


@pytest.mark.slow
def test_spaces_are_sampled_and_a_sweep_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    sampled, launched = ended(tmp_path, "sample tiny.yaml -n 1", "launch tiny.yaml")
    assert (sampled[0], sampled[1].count(" MACs ")) == (0, 1)
    assert (launched[0], "sweeps need a POSIX system" in launched[2]) == (4, True)
    assert not (tmp_path / "sweeps" / "tiny").exists()
