"""Environment variables by which Ray and Ray Tune are set while something runs on them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TUNE_SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # leave CUDA_VISIBLE_DEVICES alone for trials without a GPU
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # nothing of Tune is read back, and it writes all trials each time
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is the sweep's: it lets the running epochs end
    "TUNE_RESULT_BUFFER_LENGTH": "1",  # a worker goes on when the engine has judged what it told
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # a trial's reason is kept with the trial
}
"""Environment variables of Ray and Ray Tune while a sweep runs."""
TUNE_LOGGERS = "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"
"""Variable that turns off Tune's own loggers, unless a user sets it to 0: the spool has the results, and files a trial
cost time."""


@contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """These environment variables while the body runs, and those from before thereafter."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
