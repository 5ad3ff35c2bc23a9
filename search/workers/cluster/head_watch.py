"""Says it when the head of a cluster is lost: Ray then ends the process without a word of what to do."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY = 5.0
"""Seconds between two looks, and that the head has to take a connection. Ray ends a process after 60 without a head."""
_log = logging.getLogger(__name__)


@contextmanager
def head_watched(address: str, remedy: str) -> Iterator[None]:
    """Warns once a cluster's head has not answered two looks in a row, while the body runs.

    Args:
        address: where the head answers, as HOST:PORT.
        remedy: what to do when this process has ended.
    """
    over = threading.Event()
    host, _, port = address.rpartition(":")
    threading.Thread(
        target=_watch, args=(host.strip("[]"), int(port), remedy, over), name="head-watch", daemon=True
    ).start()
    try:
        yield
    finally:
        over.set()


def _watch(host: str, port: int, remedy: str, over: threading.Event) -> None:
    missed = 0
    while not over.wait(EVERY):
        try:
            with socket.create_connection((host, port), timeout=EVERY):
                missed = 0
        except OSError:
            missed += 1
        if missed == 2:
            _log.warning(
                "The head of the Ray cluster at %s:%d does not answer. If it stays away Ray ends this process within a "
                "minute. %s",
                host,
                port,
                remedy,
            )
