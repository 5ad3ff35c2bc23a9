"""Starts Ray for this machine alone: no other can reach it, and only the token's owner can read the token."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import ray
from ray._private import ray_constants

if TYPE_CHECKING:
    from collections.abc import Iterator


def start_local_ray(**options: Any) -> None:
    """`ray.init` of a cluster of this process's own, without a dashboard, that listens on 127.0.0.1 only.

    Args:
        options: what else `ray.init` takes.

    Raises:
        OSError, ValueError, RuntimeError: Ray does not start.
    """
    _keep_token_private()
    with _on_loopback():
        ray.init(address="local", include_dashboard=False, **options)


@contextmanager
def _on_loopback() -> Iterator[None]:
    # `ray.init(_node_ip_address="127.0.0.1")` looks up this machine's address on the network instead. On macOS and
    # Windows Ray takes the loopback address for clusters of one machine; this is the switch it asks for that.
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def _keep_token_private() -> None:
    """Writes the token that Ray would write itself, for others to read, with rights for its owner alone."""
    own = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys()
    if own or os.environ.get("RAY_AUTH_MODE", "token").lower() != "token":
        return
    with suppress(OSError, RuntimeError):  # no home that can be written: Ray tells of it, if it needs the token at all
        token = Path.home() / ".ray" / "auth_token"
        if not token.exists():
            token.parent.mkdir(exist_ok=True)
            with NamedTemporaryFile("w", dir=token.parent) as file:  # for its owner alone, until it is whole
                file.write(secrets.token_hex(32))
                file.flush()
                with suppress(FileExistsError):  # of another launch at this moment
                    os.link(file.name, token)
        token.chmod(0o600)
