"""Sweeps that `launch --replace` put aside: each stays beside the new one until that has ended with a result."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from tempfile import mkdtemp

from ...spaces import read_plain
from .layout import CONFIG, STUDY
from .sealed_json import LARGEST_JSON


def is_sweep(folder: Path) -> bool:
    """Whether a folder's config.json has what every sweep's has; a damaged one of a sweep may still have its study."""
    try:
        values = json.loads(read_plain(folder / CONFIG, LARGEST_JSON))
    except (OSError, ValueError, RecursionError):
        values = None
    whole = isinstance(values, dict) and {"name", "data", "search"} <= values.keys()
    return whole or (folder / STUDY).is_file()


def former_sweeps(folder: Path) -> list[Path]:
    """The folders of the sweeps that were put aside for the one in `folder`, the last one last; usually none.

    There are several where `--replace` was killed, and begun again after the new sweep had trained.
    """
    named = re.compile(rf"\.{re.escape(folder.name)}\.former(?:-(\d+))?")
    found = {
        int(match[1] or 1): path
        for path in folder.parent.glob(f".{folder.name}.former*")
        if (match := named.fullmatch(path.name)) and not path.is_symlink() and is_sweep(path)
    }
    return [found[number] for number in sorted(found)]


def put_aside(folder: Path) -> None:
    """Renames a sweep's folder to the next name of a former sweep's that nothing has.

    Raises:
        OSError: it cannot be renamed.
    """
    number = len(former_sweeps(folder)) + 1
    while (path := _aside(folder, number)).exists() or path.is_symlink():
        number += 1
    folder.rename(path)


def put_back(folder: Path) -> None:
    """Renames the sweep that was put aside last to what it was called. There must be one, and no `folder`.

    Raises:
        OSError: it cannot be renamed.
    """
    former_sweeps(folder)[-1].rename(folder)


def discard(folder: Path) -> None:
    """Deletes a sweep's folder, which is out of the way at once and whole: a kill leaves no half of a sweep there."""
    for left in folder.parent.glob(f"{_gone(folder)}*"):  # by a kill
        shutil.rmtree(left, ignore_errors=True)
    try:
        within = Path(mkdtemp(prefix=_gone(folder), dir=folder.parent))
        gone = folder.rename(within / folder.name).parent
    except OSError:  # as on a full disk
        gone = folder
    shutil.rmtree(gone, ignore_errors=True)


def how_to_put_back(folder: Path) -> str:
    """The shell's command that puts the sweep that was put aside last in place of the one in `folder`."""
    where, former = shlex.quote(str(folder)), shlex.quote(str(former_sweeps(folder)[-1]))
    return f"rm -r {where} && mv {former} {where}" if folder.exists() else f"mv {former} {where}"


def _aside(folder: Path, number: int) -> Path:
    return folder.with_name(f".{folder.name}.former{f'-{number}' if number > 1 else ''}")


def _gone(folder: Path) -> str:
    return f".{folder.name.removeprefix('.')}.gone-"
