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

from ....spaces import SweepError

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
_REFUSED = "InvalidAuthToken"
"""Ray's word where a cluster wants a token and gets none, or another."""
_modes: dict[str, str] = {}
"""RAY_AUTH_MODE for the clusters that have answered this process, by the address that was asked for."""


def refuse_unreachable(address: str) -> None:
    """Refuses an address of a Ray cluster at which none answers. Ctrl-C is heard meanwhile.

    Args:
        address: HOST:PORT, or "auto" for the cluster that this machine is a node of.

    Raises:
        SweepError: says what is wrong with it.
    """
    address = _meant(address)
    if address == "local":
        return
    if address != "auto":
        problem = _connection_problem(*_host_and_port(address))
        if problem:
            raise _refusal(address, problem)
    problem = _find_mode(address)
    if _REFUSED in problem:
        raise SweepError(
            f"resources.address: the Ray cluster at {address} does not take the token of this machine",
            "Copy ~/.ray/auth_token from the cluster's head, or name its token by RAY_AUTH_TOKEN_PATH with "
            f"{AUTH_MODE}=token.",
        )
    if problem:
        raise _refusal(address, "none runs on this machine" if address == "auto" else "what answers there is no Ray")
    if os.environ.get(AUTH_MODE, "").lower() == "token" and _modes[address] != "token":
        raise SweepError(
            f"resources.address: {AUTH_MODE} is token here, and the Ray cluster at {address} wants none: it could join "
            "no worker to this process",
            f"Unset {AUTH_MODE}, or start the cluster's nodes with {AUTH_MODE}=token.",
        )


def token_mode(address: str) -> dict[str, str]:
    """The variable by which Ray offers this user's token to a cluster that wants one.

    A Ray that starts where a token lies wants it of everybody, and Convscape's own local ones leave one there; but Ray
    does not offer it to a cluster that is named by its address. One that wants none cannot talk back to a process that
    does: its workers die. So the cluster is asked, unless `refuse_unreachable` has asked it or the user has said.

    Args:
        address: HOST:PORT, or "auto" for the cluster that this machine is a node of.
    """
    if AUTH_MODE in os.environ:
        return {}
    address = _meant(address)
    if address not in _modes:
        _find_mode(address)
    return {AUTH_MODE: _modes.get(address, "disabled")}


def _meant(address: str) -> str:
    """The address that Ray takes for "auto", where its environment variable names one."""
    return os.environ.get("RAY_ADDRESS") or address if address == "auto" else address


def _find_mode(address: str) -> str:
    """Finds out whether a cluster wants a token. Gives what Ray says there, as words; "" where it answers."""
    for mode in ("disabled", "token"):
        problem = _ask(address, mode)
        if not problem:
            _modes[address] = mode
        if _REFUSED not in problem or not _has_token():
            break
    return problem


def _has_token() -> bool:
    try:
        return bool(set(_OWN) & os.environ.keys()) or (Path.home() / ".ray" / "auth_token").is_file()
    except (OSError, RuntimeError):  # no home
        return False


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


def _ask(address: str, mode: str) -> str:
    """What a process of its own, so that nothing of it is logged here, says of Ray there; "" where Ray answers."""
    asking = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-P", "-c", _PROGRAM, address],
        env={**os.environ, AUTH_MODE: mode, "RAY_gcs_rpc_server_connect_timeout_s": f"{ANSWER_SECONDS:g}"},
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
