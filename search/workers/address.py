"""Whether a Ray cluster answers at an address, found out in seconds: Ray itself tries for minutes, and logs it."""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
import sys
import threading
from pathlib import Path

from ...spaces import SweepError

CONNECT_SECONDS = 2.5
"""Seconds within which a host must be found and take a connection."""
ANSWER_SECONDS = 2.0
"""Seconds within which what took the connection must answer as Ray does."""
LOADING_SECONDS = 30.0
"""Seconds that loading Ray may take on a busy machine."""
AUTH_MODE = "RAY_AUTH_MODE"
"""Ray's variable that says whether clusters want a token."""
_PROGRAM = """
import sys
from ray._private import services
from ray._raylet import GcsClient
print("loaded", flush=True)
address = services.canonicalize_bootstrap_address(sys.argv[1])
if address is None:
    raise ConnectionError("no cluster runs here")
GcsClient(address=address)
"""
_OWN = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


def refuse_unreachable(address: str) -> None:
    """Refuses an address of a Ray cluster at which none answers. Ctrl-C is heard meanwhile.

    Args:
        address: HOST:PORT, or "auto" for the cluster that this machine is a node of.

    Raises:
        SweepError: says what is wrong with it.
    """
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS") or address
    if address == "local":
        return
    if address != "auto":
        problem = _connection_problem(*_host_and_port(address))
        if problem:
            raise _refusal(address, problem)
    problem = _ask(address)
    if "InvalidAuthToken" in problem:
        raise SweepError(
            f"resources.address: the Ray cluster at {address} does not take the token of this machine",
            "Copy ~/.ray/auth_token from the cluster's head, or name its token by RAY_AUTH_TOKEN_PATH with "
            f"{AUTH_MODE}=token.",
        )
    if problem:
        raise _refusal(address, "none runs on this machine" if address == "auto" else "what answers there is no Ray")


def token_mode() -> dict[str, str]:
    """The variable by which Ray offers this user's token to a cluster, where there is one and nobody said otherwise.

    A Ray that starts where a token lies wants it of everybody, and Convscape's own local ones leave one there; but Ray
    does not offer it to a cluster that is named by its address. One that wants none takes no notice.
    """
    if AUTH_MODE in os.environ:
        return {}
    try:
        there = bool(set(_OWN) & os.environ.keys()) or (Path.home() / ".ray" / "auth_token").is_file()
    except (OSError, RuntimeError):  # no home
        there = False
    return {AUTH_MODE: "token"} if there else {}


def _host_and_port(address: str) -> tuple[str, int]:
    """The parts of HOST:PORT, where a host of colons stands in brackets."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:/\[\]]+)):(\d{1,5})", address, re.ASCII)
    if found is None or not 0 < int(found[3]) < 2**16:
        raise SweepError(
            f"resources.address: {address!r:.80} is no address of a Ray cluster",
            "Write HOST:PORT, as in 10.0.0.1:6379; `auto` on a node of the cluster.",
        )
    return found[1] or found[2], int(found[3])


def _connection_problem(host: str, port: int) -> str:
    """Why nobody takes a connection there, as words; "" where somebody does."""
    problems = [f"nothing answers within {CONNECT_SECONDS:g} s"]

    def connect() -> None:
        try:
            with socket.create_connection((host, port), CONNECT_SECONDS):
                problems[:] = [""]
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that is none
            unknown = isinstance(error, socket.gaierror | UnicodeError)
            problems[:] = [f"{host} is no host that is known here"] if unknown else problems
            if isinstance(error, ConnectionError) or (isinstance(error, OSError) and error.errno and not unknown):
                problems[:] = [error.strerror or str(error)]

    # In a thread: looking up a host may take a name server's time, during which Ctrl-C would not be heard.
    asking = threading.Thread(target=connect, daemon=True)
    asking.start()
    asking.join(CONNECT_SECONDS + 0.2)
    return problems[0]


def _ask(address: str) -> str:
    """What a process of its own, so that nothing of it is logged here, says of Ray there; "" where Ray answers."""
    asking = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-P", "-c", _PROGRAM, address],
        env={**os.environ, **token_mode(), "RAY_gcs_rpc_server_connect_timeout_s": f"{ANSWER_SECONDS:g}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with asking:
        try:
            assert asking.stdout is not None
            select.select([asking.stdout], [], [], LOADING_SECONDS)
            said = asking.communicate(timeout=ANSWER_SECONDS)[1]
        except subprocess.TimeoutExpired:
            said = "no answer"
        finally:
            asking.kill()
    return said or "no answer" if asking.returncode else ""


def _refusal(address: str, problem: str) -> SweepError:
    return SweepError(
        f"resources.address: no Ray cluster at {address}: {problem}",
        "Start one with `ray start --head`, or leave `resources.address` out for a local one.",
    )
