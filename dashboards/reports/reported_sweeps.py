"""The driver's `launch`, `resume` and `ask`, and the report in MLflow once the sweep has ended."""

from __future__ import annotations

import logging
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

from ...search import driver
from .telling import tell_of_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...search import Sweep

Given = ParamSpec("Given")
_log = logging.getLogger(__name__)


def reported(run: Callable[Given, Sweep]) -> Callable[Given, Sweep]:
    """A function that runs a sweep as another one does, then sends its report to MLflow; a problem is a warning.

    Args:
        run: runs a sweep to its end. Its signature and docstring are the new function's, too.
    """

    @wraps(run)
    def run_and_report(*args: Given.args, **kwargs: Given.kwargs) -> Sweep:
        sweep = run(*args, **kwargs)
        tell_of_report(sweep, _log.info, lambda line: _log.warning("%s", line))
        return sweep

    return run_and_report


launch = reported(driver.launch)
"""`convscape.search.driver.launch`, with the report in MLflow at the end."""
resume = reported(driver.resume)
"""`convscape.search.driver.resume`, with the report in MLflow at the end."""
ask = reported(driver.ask)
"""`convscape.search.driver.ask`, with the report in MLflow at the end."""
