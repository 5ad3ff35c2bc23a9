"""Folders of sweeps that lie in object storage: their URLs, and the local folder that each has on this machine."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path

from ...spaces import ConfigError, read_plain
from .atomic import write_atomically
from .state import state_folder

SCHEMES = ("s3", "gs", "gcs", "abfs", "abfss", "az", "file", "memory")
"""How the URLs of folders in object storage begin."""
URL = ".url"
"""The file in a local folder that holds the URL which it is the copy of."""
_LONGEST = 1000
_URL = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.IGNORECASE | re.DOTALL)
_AZURE = ("abfs", "abfss", "az")
_known: dict[Path, str] = {}
"""The URL of each local folder that this process has asked for: what it is called does not tell."""


def bucket_url(folder: str | os.PathLike[str], key: str = "folder") -> str | None:
    """The URL of a folder in object storage; None for a path of this machine.

    Args:
        folder: as somebody wrote it; a `Path` of a URL, which has lost a slash, will do.
        key: of the sweep file, under which it was written.

    Raises:
        ConfigError: a URL that cannot be such a folder, or that holds a password or key. It is not repeated then.

    >>> bucket_url("s3://bucket/sweeps/")
    's3://bucket/sweeps'
    >>> bucket_url("sweeps")
    """
    text = os.fspath(folder)
    found = _URL.fullmatch(text)
    if found is None and "://" in text:
        raise _refusal(key, "an address of an unknown kind", f"These are known: {', '.join(SCHEMES)}.")
    if found is None:
        return None
    scheme, rest = found[1].lower(), found[2].rstrip("/")
    if scheme not in SCHEMES:
        if "://" not in text:
            return None  # a path with a colon in it
        raise _refusal(key, f"{scheme}://, which is no object storage,", f"One of these is: {', '.join(SCHEMES)}.")
    host, path = ("", f"/{rest}") if scheme == "file" else (rest.partition("/")[0], rest.partition("/")[2])
    if "?" in rest or "#" in rest or ("@" in host and (scheme not in _AZURE or ":" in host)):
        raise _refusal(
            key,
            f"a {scheme}:// address with a user, password or parameters in it",
            "Keys are read from where the provider's own programs keep them: the environment, ~/.aws and the like.",
        )
    parts = path.strip("/").split("/") if path.strip("/") else []
    if (
        not (host or scheme == "file")
        or "::" in rest
        or "//" in rest
        or {"", ".", ".."} & set(parts)
        or host in (".", "..")
        or not rest.isprintable()
    ):
        raise _refusal(key, f"{scheme}:// with such a path", "Write it as s3://bucket/folder.")
    if len(rest) > _LONGEST:
        raise _refusal(key, f"a {scheme}:// address of more than {_LONGEST:,} letters", "Choose a shorter one.")
    return f"{scheme}://{'/' if scheme == 'file' else ''}{rest.lstrip('/')}"


def local_copy(url: str) -> Path:
    """The folder on this machine, among the user's own, in which the sweeps of a folder in object storage are kept.

    Nothing is made there.

    Args:
        url: as `bucket_url` gives it.
    """
    folder = (state_folder() / "buckets" / name_for(url)).resolve()
    _known[folder] = url
    return folder


def name_for(url: str) -> str:
    """A name for a folder on this machine that holds what lies at a URL: none has another's."""
    scheme, _, rest = url.partition("://")
    name = re.sub(r"[^A-Za-z0-9.]+", "-", f"{scheme}-{rest}").strip("-.")[:40]
    return f"{name}-{sha256(url.encode()).hexdigest()[:16]}"


def folder_here(folder: str | os.PathLike[str]) -> Path:
    """A folder of sweeps as this machine has it: the local copy of a URL, or the folder itself.

    Raises:
        ConfigError: a URL that cannot be a folder of sweeps.
    """
    url = bucket_url(folder)
    return local_copy(url) if url else Path(folder)


def make_local_copy(url: str) -> Path:
    """As `local_copy`; the folder is made, with the URL in it.

    Raises:
        OSError: it cannot be made.
    """
    folder = local_copy(url)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / URL).exists():
        write_atomically(folder / URL, url)
    return folder


def url_of(folder: Path) -> str | None:
    """The URL of what a local folder is the copy of; None where it is a folder of its own."""
    folder = Path(os.path.realpath(folder))
    if folder in _known:
        return _known[folder]
    if folder.parent.name != "buckets":
        return None
    try:
        url = read_plain(folder / URL, 4 * _LONGEST).decode()
        return url if bucket_url(url) == url and local_copy(url) == folder else None
    except (OSError, ValueError, RuntimeError, ConfigError):
        return None


def _refusal(key: str, what: str, remedy: str) -> ConfigError:
    kept = "sweeps live" if key == "folder" else "images lie"
    return ConfigError(f"{key}: {what} cannot be where {kept}", remedy, key=key)
