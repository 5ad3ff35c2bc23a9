"""The process beside a sweep's own that sends spools to MLflow.

A process, for MLflow spends some 40 ms of pure Python on a trial: as a thread of the driver it made a loop like Tune's
18 % slower and could not keep up with it. There is one upload process a driver, shared by all its sweeps; it starts
with the first of them and ends with the driver, however the driver ends. The driver writes lines of JSON to its
standard input, and reads from its journal (`delivery.py`) what was sent.
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

from ...spaces import SweepError
from .mlflow_store import get_ready as get_store_ready
from .secrets import environment
from .uploader import Uploader, hold

_POLL, _FLUSH, _LONGEST_WAIT, _GOODBYE = 1.0, 0.1, 15.0, 2.0  # seconds


def start(folder: Path) -> None:
    """Has a sweep's folder uploaded from now on. Repeating it is harmless, and replaces an upload process that died."""
    _driver.say("start", folder)


def get_ready() -> None:
    """Starts the process, and has it do at once what takes seconds and needs no folder."""
    _driver.get_ready()


def flush(folder: Path, seconds: float) -> None:
    """For so many `seconds` has new entries of a sweep's folder sent at once, and what failed repeated every second."""
    _driver.say("flush", folder, seconds)


def stop(folder: Path, seconds: float = _GOODBYE) -> None:
    """Stops uploading a sweep's folder; waits up to so many `seconds` for the upload process to let go of it."""
    _driver.say("stop", folder)
    deadline = time.monotonic() + seconds
    try:
        while (lock := hold(folder)) is None and time.monotonic() < deadline:
            time.sleep(0.02)
    except SweepError:  # nobody can have it
        return
    if lock is not None:
        os.close(lock)


class _Driver:
    """The driver's end of the pipe. Nothing raises: a process that cannot be had now is started by a later word."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._folders: set[str] = set()
        self._lock = threading.Lock()

    def say(self, word: str, folder: Path, seconds: float = 0.0) -> None:
        name = str(folder.absolute())
        with self._lock, contextlib.suppress(OSError):
            if word == "stop":
                self._folders.discard(name)
            else:
                self._folders.add(name)
            if self._folders and (self.process is None or self.process.poll() is not None):
                self._start()
            self._write(word, name, seconds)

    def get_ready(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self.process is None or self.process.poll() is not None:
                self._start()

    def end(self) -> None:
        with self._lock:
            self._folders.clear()
            process, self.process = self.process, None
        if process is None or process.stdin is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_GOODBYE + 1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> None:
        if self.process is None:
            atexit.register(self.end)
        elif self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        # In a session of its own, so that Ctrl-C reaches the driver alone.
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-c", f"from {__name__} import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=environment(),
            start_new_session=True,
        )
        for name in self._folders:
            self._write("start", name)

    def _write(self, word: str, name: str, seconds: float = 0.0) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.write(json.dumps([word, name, seconds]).encode() + b"\n")


_driver = _Driver()


class _FolderUpload(threading.Thread):
    """In the upload process: sends one folder until told to stop."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._uploader = Uploader(folder)
        self._wake = threading.Event()
        self._stopping = False
        self._flush_until = 0.0

    def flush(self, seconds: float) -> None:
        self._flush_until = time.monotonic() + seconds
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def run(self) -> None:
        failures = 0
        while not self._stopping:
            try:
                self._uploader.step()
                failures = 0
            except Exception:  # noqa: BLE001 - MLflow raises anything; the uploader wrote it down, and it is tried again
                failures += 1
            flushing = time.monotonic() < self._flush_until
            wait = min(_LONGEST_WAIT, 0.2 * 2.0 ** min(failures, 10)) if failures else _POLL
            self._wake.wait(min(wait, _POLL if failures else _FLUSH) if flushing else wait)
            self._wake.clear()
        self._uploader.release()


def main() -> None:
    """Runs the upload process: does what the driver writes to standard input until the driver closes it or is gone."""
    os.nice(19)  # training goes first, and Ray runs its workers at 15
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    threading.Thread(target=get_store_ready, daemon=True).start()
    uploads: dict[str, _FolderUpload] = {}
    for line in sys.stdin.buffer:
        word, name, seconds = json.loads(line)
        if word == "stop":
            if name in uploads:
                uploads.pop(name).stop()
            continue
        if name not in uploads:
            uploads[name] = _FolderUpload(Path(name))
            uploads[name].start()
        if word == "flush":
            uploads[name].flush(seconds)
    for upload in uploads.values():
        upload.stop()
    deadline = time.monotonic() + _GOODBYE
    for upload in uploads.values():
        upload.join(max(0.0, deadline - time.monotonic()))
    # A request to a silent server may hold a thread; cut short is safe, for what it did is looked up the next time.
    os._exit(0)


def _end_with(parent: int) -> None:
    """A driver that was killed may leave its end of the pipe open in a process forked from it."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)
