"""Tries whether object storage does what a sweep needs of it."""

from __future__ import annotations

import secrets
from contextlib import suppress

from ...spaces import SweepError
from .lease import writes_over
from .store import open_store


def probe_storage(url: str) -> None:
    """Creates an object, tries to create it again, lists, reads and deletes it. Nothing is left.

    Args:
        url: of the folder that is to hold sweeps.

    Raises:
        SweepError: one of that cannot be done; says what and what to do.
    """
    store, name = open_store(url), f"convscape-doctor-{secrets.token_hex(6)}/try"
    try:
        if not store.create(name, b"one") or store.create(name, b"another"):
            raise writes_over(url)
        below = name.partition("/")[0]
        if name not in store.sizes(below) or store.read(name, 100) != b"one":
            raise SweepError(f"{url}: what was written there is not there", "Look whether it is the right place.")
        store.delete([name])
    except SweepError:
        with suppress(SweepError):
            store.delete([name])
        raise
