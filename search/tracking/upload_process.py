"""The process beside a sweep's own that carries spools to MLflow.

A process, for MLflow spends some 40 ms of pure Python on a trial: as a thread of the driver it made a loop like Tune's
18 % slower and could not keep up with it. There is one courier a driver, shared by all its sweeps; it starts with the
first of them and ends with the driver, whatever becomes of that. The driver speaks to it by lines of JSON on its
standard input, and hears of it by the journal (`journal.py`).
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from .uploader import Uploader, hold

_POLL, _HURRY, _LONGEST_WAIT, _GOODBYE = 1.0, 0.1, 15.0, 2.0  # seconds


def carry(folder: Path) -> None:
    """Have a sweep's folder uploaded from now on. Again is harmless, and starts a courier that died anew."""
    _driver.say("carry", folder)


def hurry(folder: Path, seconds: float) -> None:
    """For so many seconds have new entries sent at once, and what failed repeated every second."""
    _driver.say("hurry", folder, seconds)


def leave(folder: Path, seconds: float = _GOODBYE) -> None:
    """Stop uploading a folder; waits up to so many seconds for the courier to let go of it."""
    _driver.say("leave", folder)
    deadline = time.monotonic() + seconds
    while (lock := hold(folder)) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    if lock is not None:
        os.close(lock)


class _Driver:
    """The driver's end of the pipe. Nothing raises: a courier that cannot be had now is started by a later word."""

    def __init__(self) -> None:
        self._courier: subprocess.Popen[bytes] | None = None
        self._folders: set[str] = set()
        self._lock = threading.Lock()

    def say(self, word: str, folder: Path, seconds: float = 0.0) -> None:
        name = str(folder.absolute())
        with self._lock, contextlib.suppress(OSError):
            if word == "leave":
                self._folders.discard(name)
            else:
                self._folders.add(name)
            if self._folders and (self._courier is None or self._courier.poll() is not None):
                self._start()
            self._write(word, name, seconds)

    def end(self) -> None:
        with self._lock:
            self._folders.clear()
            courier, self._courier = self._courier, None
        if courier is None or courier.stdin is None:
            return
        with contextlib.suppress(OSError):
            courier.stdin.close()
        try:
            courier.wait(_GOODBYE + 1.0)
        except subprocess.TimeoutExpired:
            courier.kill()
            courier.wait()

    def _start(self) -> None:
        if self._courier is not None and self._courier.stdin is not None:
            with contextlib.suppress(OSError):
                self._courier.stdin.close()
        # In a session of its own, so that Ctrl-C reaches the driver alone.
        self._courier = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-c", f"from {__name__} import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )
        for name in self._folders:
            self._write("carry", name)

    def _write(self, word: str, name: str, seconds: float = 0.0) -> None:
        if self._courier is not None and self._courier.stdin is not None:
            self._courier.stdin.write(json.dumps([word, name, seconds]).encode() + b"\n")


class _Carrier(threading.Thread):
    """In the courier: sends one folder until told to leave it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._uploader = Uploader(folder)
        self._wake = threading.Event()
        self._leaving = False
        self._hurried_until = 0.0

    def hurry(self, seconds: float) -> None:
        self._hurried_until = time.monotonic() + seconds
        self._wake.set()

    def leave(self) -> None:
        self._leaving = True
        self._wake.set()

    def run(self) -> None:
        failures = 0
        while not self._leaving:
            try:
                self._uploader.step()
                failures = 0
            except Exception:  # noqa: BLE001 - MLflow raises anything; the uploader wrote it down, and it is tried again
                failures += 1
            hurried = time.monotonic() < self._hurried_until
            wait = min(_LONGEST_WAIT, 0.2 * 2.0 ** min(failures, 10)) if failures else _POLL
            self._wake.wait(min(wait, _POLL if failures else _HURRY) if hurried else wait)
            self._wake.clear()
        self._uploader.release()


def main() -> None:
    """The courier's end: obey the driver until it closes the pipe or is gone."""
    os.nice(19)  # training goes first, and Ray runs its workers at 15
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    carriers: dict[str, _Carrier] = {}
    for line in sys.stdin.buffer:
        word, name, seconds = json.loads(line)
        if word == "leave":
            if name in carriers:
                carriers.pop(name).leave()
            continue
        if name not in carriers:
            carriers[name] = _Carrier(Path(name))
            carriers[name].start()
        if word == "hurry":
            carriers[name].hurry(seconds)
    for carrier in carriers.values():
        carrier.leave()
    deadline = time.monotonic() + _GOODBYE
    for carrier in carriers.values():
        carrier.join(max(0.0, deadline - time.monotonic()))
    # A request to a silent server may hold a thread; cut short is safe, for what it did is looked up the next time.
    os._exit(0)


def _end_with(parent: int) -> None:
    """A driver that was killed may leave its end of the pipe open in a process forked from it."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)


_driver = _Driver()
atexit.register(_driver.end)
