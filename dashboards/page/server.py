"""Serves the page until it is interrupted."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from ...spaces import SweepError
from ..loopback import LOOPBACK, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

    from .kept_content import Sweeps

USUAL_PORT = 8050
"""The port that is taken where it is free and none is named."""


def serve(sweeps: Sweeps, *, host: str = LOOPBACK, port: int | None = None, ready: Callable[[str], None]) -> None:
    """Serves the pages of sweeps until Ctrl-C.

    Args:
        sweeps: what is served.
        host: address of this machine to listen on; anyone who can reach one that is not loopback can read all of it.
        port: to listen on; None for the usual one, or a free one.
        ready: called with the page's address once a browser can connect there; it is answered from then on.

    Raises:
        SweepError: the port is in use, or the host is no address of this machine.
    """
    import uvicorn

    from .app import make_app  # FastAPI comes with it
    from .hosts import names_of_this_machine

    with _listening(host, port) as listening:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}"
        names = {"localhost"} if is_loopback(host) else names_of_this_machine(host)
        config = uvicorn.Config(
            make_app(sweeps, names), log_level="warning", lifespan="off", timeout_graceful_shutdown=1
        )
        ready(address)
        with suppress(KeyboardInterrupt):  # uvicorn raises it again after it has ended in order
            uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int | None) -> socket.socket:
    problem = None
    for tried in (USUAL_PORT, 0) if port is None else (port,):
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, tried, type=socket.SOCK_STREAM)[0]
        except OSError as error:
            raise SweepError(
                f"--host {host:.80}: no address of this machine: {error.strerror}", "Leave it out."
            ) from None
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind(address)
            made.listen()  # who connects from now on waits; uvicorn calls it again, with a longer queue
        except OSError as error:
            made.close()
            problem = error.strerror
            continue
        return made
    raise SweepError(
        f"--port {port} of {host:.80} cannot be had: {problem}" if port is not None else f"{host:.80}: {problem}",
        "Leave --port out: a free one is found." if port is not None else "Name another --host, or leave it out.",
    )
