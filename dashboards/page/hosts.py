"""Under which names the server of pages is asked: a page from elsewhere may not ask it under a name of its own."""

from __future__ import annotations

import ipaddress
import re
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

from ...spaces import printable

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Receive, Scope, Send

_HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::\d*)?")  # name or address, IPv6 in brackets, and a port (RFC 9110, 7.2)


class KnownHosts:
    """Refuses a request under a name that is none of this machine's, with 400 and what to do.

    Somebody else's page could otherwise have its own name lead here, and a browser take what is answered for that
    page's (DNS rebinding). No name leads to where an IP address is written out, so that each of these is taken.

    Args:
        app: what answers requests that are let through.
        names: by which the server may be asked for, beside any IP address; in lower case.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or has it answered; ASGI's interface."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        asked = [value.decode("latin-1") for key, value in scope["headers"] if key == b"host"]
        if len(asked) == 1 and self._knows(asked[0]):
            return await self._app(scope, receive, send)
        here, port = scope["server"]
        address = f"http://{f'[{here}]' if ':' in here else here}:{port}"
        told = (
            f"This is not served under the name {printable(' '.join(asked))!r:.80}. Open it by its address: {address}"
        )
        return await PlainTextResponse(f"{told}\n", 400)(scope, receive, send)

    def _knows(self, asked: str) -> bool:
        found = _HOST.fullmatch(asked)
        if found is None:
            return False
        host = found[1].lower()
        with suppress(ValueError):
            return bool(ipaddress.ip_address(host[1:-1] if host.startswith("[") else host))
        return host.removesuffix(".") in self._names


def names_of_this_machine(host: str) -> set[str]:
    """Names under which a server may be asked for that listens at an address, in lower case.

    Args:
        host: the address or the name of one, as it was given.
    """
    return {name.lower() for name in (host, "localhost", socket.gethostname(), socket.getfqdn())}
