"""The report at the end of a sweep, which whatever goes wrong with it leaves as it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...search.tracking import REPORT, store_error
from ...spaces import ConvscapeError
from .publishing import how_to_send, publish_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...search import Sweep


def tell_of_report(sweep: Sweep, say: Callable[[str], None], warn: Callable[[str], None]) -> None:
    """Sends the report of a sweep that has ended to MLflow, and says where it is there, or in a line why not.

    Args:
        sweep: the sweep.
        say: called with where it is.
        warn: called with what went wrong, and how to send it later.

    Raises:
        KeyboardInterrupt: it was interrupted, which was told. The sweep is saved.
    """
    try:
        if publish_report(sweep):
            say(f"Report: in MLflow, {REPORT} of the sweep's run.")
    except KeyboardInterrupt:
        warn(f"The report is not in MLflow. The sweep has ended, and is saved: {how_to_send(sweep)}")
        raise
    except ConvscapeError as error:
        warn(" ".join(str(error).split()))
    except Exception as error:  # noqa: BLE001 - a sweep that has ended does not fail for a picture of it
        warn(f"the report is not in MLflow: {store_error(error)}. Send it later: `{how_to_send(sweep)}`.")
