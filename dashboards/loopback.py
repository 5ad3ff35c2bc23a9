"""The address by which only this machine reaches what listens there."""

from __future__ import annotations

import ipaddress
from contextlib import suppress

LOOPBACK = "127.0.0.1"
"""Where the page, and MLflow's server for it, listen unless somebody says otherwise: for this machine alone."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address.

    Args:
        host: an IP address or a name.
    """
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
