"""A driver of its own process, with a short lease; it kills itself where it is told to. Run as a script.

`driver.py KILL ARGUMENTS…`: after so many reports what is known is copied, the next two are not, and when MLflow has
what is copied the process is gone. 0: never.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from convscape.cli import main
from convscape.search.bucket import lease, mirror
from convscape.search.files import SPOOL, copied_up
from convscape.search.scheduling.engine import Engine
from convscape.search.tracking import UploadProgress

KILL = int(sys.argv[1])
LOSES = 2
lease.LENGTH, mirror.PERIOD = 4.0, 0.3

_report, _seen = Engine.report, 0


def report(engine: Engine, said: object) -> object:
    global _seen
    decision = _report(engine, said)
    _seen += 1
    study = engine.ledger.study._file._path
    if _seen == KILL:
        while (copied_up(study.parent, study.name) or study.stat().st_size) < study.stat().st_size:
            time.sleep(0.05)
        mirror.Mirror._cycle = lambda _: None
        time.sleep(0.1)  # one that had begun
    if _seen == KILL + LOSES:
        there = copied_up(study.parent, SPOOL)
        while there is not None and UploadProgress(study.parent).refresh().sent < there:
            time.sleep(0.1)
        time.sleep(1.5)  # in which a process that sends more than what is copied does it
        os.kill(os.getpid(), signal.SIGKILL)
    return decision


if KILL:
    Engine.report = report
main(sys.argv[2:])
