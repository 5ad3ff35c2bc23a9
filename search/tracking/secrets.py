"""Passwords, tokens and keys of a tracking URI: in this process and in the environment, in no file and no text."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from ...spaces import SweepError

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = re.compile(
    r"pass|pwd|secret|token|cred|auth|signature|odbc_connect|(api|access|private|account|shared)[_-]?key"
    r"|(?<![a-z])(key|sig|sas|jwt|pw|pin|session)(?![a-z])",
    re.IGNORECASE,
)
"""What the name of a query parameter has in it that is a secret."""
VARIABLE = re.compile(
    r"(PASSWORD|PASSWD|PASSPHRASE|_PASS|_PWD|SECRET|TOKEN|(API|ACCESS|PRIVATE|SECRET)_?KEY|CONNECTION_STRING)(_\d+)?$",
    re.IGNORECASE,
)
"""How the name of an environment variable ends that holds a secret."""
OURS = ("MLFLOW_TRACKING_", "CONVSCAPE_TRACKING_")
"""How the names of those environment variables begin that a tracking URI may ask for, whoever wrote it."""
SHORTEST, LONG = 4, 8
"""Letters of a secret that is looked for in texts, and of one that is looked for within words."""
HIDDEN = "***"

_NAME = re.compile(r"\$\{(\w+)\}")
_PARAMETER = re.compile("(?:^|(?<=[;#]))([^=;#]*)=")
_HOST = r"(?:\[[\da-f:.]*\]|[\w.~-]%s)(?::\d{1,5})?"
_SERVER = re.compile(_HOST % "+" + r"(?:[/?#].*)?", re.IGNORECASE | re.DOTALL)
_DATABASE = re.compile(_HOST % "*" + r"(?:/[^@?#]*)?(?:\?(?:[^=&]+=.*)?)?", re.IGNORECASE | re.DOTALL)
_ADDRESS = re.compile(  # in a text: up to the last @ that may be of it, for a password may hold anything
    r"([a-z][\w+.-]{0,20}):(/+)"
    r"(?!(?:[^\s:/?#]*:)?['\"]*\$\{\w+\}['\"]*@)"
    r"(?:([^\s/?#@:]*@)(?!\S*@)|[^\s/?#]*@(?:\S*@)?"
    r"|[^\s/?#@:\[]*:(?!\s|$|\d{1,5}[.,;:)'\"\]}>]*(?:[\s/?#]|$))[^\n]{0,1000}@)",
    re.IGNORECASE,
)
_QUERY = re.compile(
    rf"([?&;#][^=&?;#\s]{{0,60}}(?:{SECRET.pattern})[^=&?;#\s]{{0,60}}=)(?!['\"]*\$\{{\w+\}}(?!\w))[^&\s]+",
    re.IGNORECASE,
)

_held: dict[str, str] = {}
"""Secrets that this process was given, by the environment variable that shall hold them later."""
_revealed: set[str] = set()
"""Secrets that it took from the environment."""


def hide(uri: str) -> str:
    """A URI with `${NAME}` in place of each secret, which this process and those that it starts remember by that name.

    A secret is a password before the host, whatever letters it has, a name alone before an HTTP server, and the value
    of a query parameter such as `token`.

    >>> hide("postgresql://me@database/mlflow?sslmode=require")
    'postgresql://me@database/mlflow?sslmode=require'
    >>> hide("https://me:a/b@c@mlflow.example/")
    'https://me:${MLFLOW_TRACKING_PASSWORD}@mlflow.example/'
    """
    return _with_each(uri, _keep)


def reveal(uri: str) -> str:
    """The URI with its secrets: those that this process was given, or else from the environment.

    Raises:
        SweepError: one is in neither, or is none that a tracking URI may ask for; says which environment variable.
    """
    return _NAME.sub(lambda found: _quoted(_of(found[1])), uri)


def misused_name(uri: str) -> str | None:
    """What is wrong with a `${NAME}` in a tracking URI, as a sentence; None where nothing is."""
    for name in _NAME.findall(uri):
        if not name.startswith(OURS):
            return f"${{{name}}} may be anything: name a variable that begins with {' or '.join(OURS)}"
    start, user, address, query = _split(uri)
    if "#" in address:
        return "an address of a server has no part behind a #: write %23 where it is a letter of it"
    values = [*user[:-1].split(":", 1), *(_parameter(part)[2] for part in query[1:].split("&"))]
    whole = [value for value in values if _NAME.fullmatch(value)]
    if len(whole) < len(_NAME.findall(start + user + address + query)):
        return "write ${NAME} for a whole user name, password or value of the query, not for a part, nor for the host"
    return None


def public_address(uri: str) -> str:
    """The address of a server as a browser takes it: without user, password and query.

    >>> public_address("https://me:${MLFLOW_TRACKING_PASSWORD}@mlflow.example/?token=3")
    'https://mlflow.example'
    """
    start, _, address, _ = _split(uri)
    return start + address.rstrip("/")


def environment() -> dict[str, str]:
    """The environment of this process with the secrets that it was given, for a process that it starts."""
    return {**os.environ, **_held}


def held() -> list[str]:
    """Names of the environment variables that a later process needs, since this one was given their secrets."""
    return sorted(name for name in _held if os.environ.get(name) != _held[name])


def without_secrets(text: str) -> str:
    """A text without the secrets that this process knows, and without user names and passwords of addresses in it.

    Known are those of tracking URIs, and of the environment what a variable called …PASSWORD or the like holds, or an
    address in any variable, where that looks like a secret: eight letters or more, no number and no lower-case word.

    >>> without_secrets("no answer from https://me:secret@mlflow.example/?token=3")
    'no answer from https://mlflow.example/?token=***'
    """
    own = {*_held.values(), *_revealed}
    for secret in sorted(own | _of_environment(), key=len, reverse=True):
        escaped = {json.dumps(secret)[1:-1], repr(secret)[1:-1]}
        for form in sorted({secret, _quoted(secret), *escaped}, key=len, reverse=True):
            if _looks_secret(secret):
                text = text.replace(form, HIDDEN)
            elif len(secret) >= SHORTEST:
                text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", HIDDEN, text)
    text = _ADDRESS.sub(_without_user, text)
    return _QUERY.sub(rf"\1{HIDDEN}", text)


def values_without_secrets(value: Any) -> Any:
    """Plain values, as JSON has them, whose texts are without secrets: keys, numbers and the form stay."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        return {key: values_without_secrets(inner) for key, inner in value.items()}
    return [values_without_secrets(inner) for inner in value] if isinstance(value, list | tuple) else value


def _split(uri: str) -> tuple[str, str, str, str]:
    """Scheme with `://`, user and password with their `@`, host with path, and query with its `?`.

    The user ends at the last `@` before the path. It ends at the last of all where what follows would be no host: a
    password may hold `/`, `?` and `#`.
    """
    scheme, mark, rest = uri.partition("://")
    if not mark or scheme.startswith(("sqlite", "file")):
        return uri, "", "", ""
    address = _SERVER if scheme.startswith("http") else _DATABASE
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    ends = (0, authority.rfind("@") + 1, rest.rfind("@") + 1)
    end = next((end for end in ends if address.fullmatch(rest, end)), ends[-1])
    path, question, query = rest[end:].partition("?")
    return f"{scheme}://", rest[:end], path, question + query


def _with_each(uri: str, replace: Callable[[str, str], str]) -> str:
    """The URI with what `replace` gives for each secret, by its variable's name and the secret as it is written."""
    start, before, address, query = _split(uri)
    user, colon, password = before[:-1].partition(":")
    http = start.startswith("http")
    if password:
        before = f"{user}:" + replace(f"{OURS[not http]}PASSWORD", password) + "@"
    elif user and http and not colon:
        before = replace(f"{OURS[1]}USER", user) + "@"
    parts = [
        f"{left}{name}={replace(_variable(unquote(name)), value)}" if _is_secret(name) and value else part
        for part in query[1:].split("&")
        for left, name, value in [_parameter(part)]
    ]
    return f"{start}{before}{address}{query[:1]}{'&'.join(parts)}"


def _parameter(part: str) -> tuple[str, str, str]:
    """Of what is between two `&`: all before a parameter, its name and its value; of several the first secret one."""
    found = [(part[: name.start()], name[1], part[name.end() :]) for name in _PARAMETER.finditer(part)]
    return next((each for each in found if _is_secret(each[1])), found[0] if found else ("", part, ""))


def _is_secret(name: str) -> bool:
    """Whether a parameter of a URI is one, by its name: there a false alarm costs no more than a variable."""
    return bool(SECRET.search(unquote(name)) or "key" in unquote(name).lower())


def _keep(name: str, secret: str) -> str:
    """`${NAME}` for a secret that is kept under that name, or under the next one that is free."""
    if _NAME.fullmatch(secret):
        return secret
    plain, number = _unquoted(secret), 1
    while _held.get(free := name if number == 1 else f"{name}_{number}", plain) != plain:
        number += 1
    _held[free] = plain
    return f"${{{free}}}"


def _variable(parameter: str) -> str:
    return OURS[1] + re.sub(r"\W", "_", parameter).upper()


def _of(name: str) -> str:
    if not name.startswith(OURS):
        raise SweepError(
            f"MLflow's tracking URI asks for the environment variable {name}, which may hold anything",
            f"Only variables that begin with {' or '.join(OURS)} are sent to a store.",
        )
    secret = _held.get(name, os.environ.get(name))
    if secret is None:
        raise SweepError(
            f"tracking.uri needs the environment variable {name}, which is not set",
            f"Set it: it holds what is kept in no file, such as a password. `export {name}=…`",
        )
    _revealed.add(secret)
    return secret


def _of_environment() -> set[str]:
    """What of the environment looks like a secret."""
    found = [value for name, value in os.environ.items() if VARIABLE.search(name)]
    for value in os.environ.values():
        if re.fullmatch(r"[\w+.-]+://\S+", value):
            _with_each(value, lambda _, secret: found.extend({secret, _unquoted(secret)}) or secret)
    return {value for value in found if _looks_secret(value)}


def _looks_secret(value: str) -> bool:
    return len(value) >= LONG and not re.fullmatch(r"\d+|[a-z]+", value) and not _NAME.fullmatch(value)


def _without_user(found: re.Match[str]) -> str:
    scheme, slashes, name = found.groups()
    return found[0] if name and not scheme.lower().startswith("http") else f"{scheme}:{slashes}"


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogateescape")


def _unquoted(text: str) -> str:
    return unquote(text, errors="surrogateescape")
