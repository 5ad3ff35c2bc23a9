"""How often a sweep's test images were looked at, counted in object storage from any machine."""

from __future__ import annotations

import json
import time

from .layout import LOOKS, listed
from .store import open_store


def count_look_there(url: str, sweep: str, trial: int) -> int:
    """Writes down that the test images were looked at, and gives how often that is now, this time included.

    Args:
        url: of the folder that holds sweeps.
        sweep: the sweep's name.
        trial: number of the trial whose network was measured on them.

    Raises:
        SweepError: it cannot be written down.
    """
    store = open_store(url)
    entry = json.dumps({"trial": trial, "time": time.time()}).encode()
    number = len(listed(store, sweep, LOOKS)) + 1
    while not store.create(f"{sweep}/{LOOKS}/{number:06d}", entry):
        number += 1
    return number
