"""The folder of an export: which files are an export's own, and how a new one takes the place of an old one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

from ...spaces import ExportError, read_plain
from .forms import FORM_FILES
from .pytorch_source import EXAMPLES, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FORMAT = "convscape-export/2"
FORMATS_KNOWN = (FORMAT, "convscape-export/1")
"""Kinds of proof.json whose files are an export's: those of earlier versions, too."""
CACHE = "__pycache__"
ARCHITECTURE, SOURCE, PROOF, CARD = "architecture.json", "model.py", "proof.json", "MODEL_CARD.md"
ALWAYS = (ARCHITECTURE, EXAMPLES, SOURCE, WEIGHTS, CARD)
"""Files that every export has beside its proof.json."""
FILES = (*ALWAYS, *FORM_FILES.values())
"""Files that an export may have beside its proof.json and its pictures."""
INSIGHT = "insight"
"""Folder of an export's pictures."""
PICTURES = re.compile(rf"{INSIGHT}/[A-Za-z0-9][A-Za-z0-9_.-]{{0,99}}\.(png|html|json)", re.ASCII)
"""Names of files in it."""
SEAL = "seal"
"""Key of proof.json: the hash of all others, so that it can be told when one was edited."""
MOST_PROOF = 16 * 2**20
"""Bound on the bytes of a proof.json, which names each class."""


def is_bundle_file(name: str) -> bool:
    """Whether an export has a file of that name, below its folder and written with `/`."""
    return name == PROOF or name in FILES or PICTURES.fullmatch(name) is not None


def bundle_files(folder: Path) -> list[str]:
    """Names of the files of an export, below its folder and written with `/`, sorted; what is not an export's is not.

    Args:
        folder: the export's.
    """
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(name for path in paths if is_bundle_file(name := path.relative_to(folder).as_posix()))


def refuse_foreign(folder: Path) -> None:
    """Refuses a folder that holds anything but an earlier export. One that is not there, or is empty, will do.

    Only files whose hashes an export has recorded are an export's. One that somebody has changed since is theirs.

    Raises:
        ExportError: `folder` is a file or a link, or holds something that no export wrote or that was changed since.
    """
    try:
        if folder.is_symlink():
            raise ExportError(f"{folder} is a link", "Name the folder that it leads to.")
        if not folder.exists():
            return
        if not folder.is_dir():
            raise ExportError(f"{folder} is a file", "Name another folder to export to.")
        recorded = _recorded(folder)
        for path in _held(folder, recorded):
            name = path.relative_to(folder).as_posix()
            if name not in recorded or path.is_symlink() or not path.is_file():
                raise ExportError(
                    f"{folder} holds {name}, which no export wrote", "Name another folder, or empty this one."
                )
            if file_hash(path) != recorded[name]:
                raise ExportError(
                    f"{path} was changed since it was exported",
                    "Keep it elsewhere, or name another folder; an export replaces only what it wrote.",
                )
    except OSError as error:
        raise ExportError(f"{folder} cannot be read: {error.strerror}", "Name another folder to export to.") from error


def _held(folder: Path, recorded: dict[str, Any]) -> Iterator[Path]:
    """All that lies in a folder; of an export, without what Python leaves there, and with the pictures for theirs."""
    for path in sorted(folder.iterdir()):
        if recorded and _is_cache(path):
            continue
        if path.name == INSIGHT and recorded and path.is_dir() and not path.is_symlink():
            yield from sorted(path.iterdir())
        else:
            yield path


def _is_cache(path: Path) -> bool:
    """Whether it is what Python leaves where `model.py` was imported."""
    if path.name != CACHE or path.is_symlink() or not path.is_dir():
        return False
    return all(file.match("model.*.pyc") and file.is_file() for file in path.iterdir())


def _recorded(folder: Path) -> dict[str, Any]:
    """The hashes of an earlier export's files, by name, and of its proof.json; {} where `folder` holds none."""
    path = folder / PROOF
    try:
        proof = {} if path.is_symlink() else json.loads(read_plain(path, MOST_PROOF))
        if proof["format"] not in FORMATS_KNOWN:
            return {}
        seal = proof.pop(SEAL, None)  # which exports of earlier versions lack
        recorded = {name: said for name, said in dict(proof["sha256"]).items() if is_bundle_file(name)}
        return recorded | {PROOF: file_hash(path) if seal in (None, seal_of(proof)) else None}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def write_proof(folder: Path, proof: dict[str, Any], files: Iterable[str]) -> None:
    """Writes an export's proof.json, with the hashes of its files and its seal.

    Args:
        folder: where the files are.
        proof: values for JSON.
        files: names of all others that the export wrote.
    """
    proof = {**proof, "sha256": {file: file_hash(folder / file) for file in files}}
    (folder / PROOF).write_text(json.dumps(proof | {SEAL: seal_of(proof)}, indent=1))


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal_of(proof: dict[str, Any]) -> str:
    """SHA-256 of a proof.json without its seal, however its text is laid out."""
    return hashlib.sha256(json.dumps(json.loads(json.dumps(proof))).encode()).hexdigest()


def put_in_place(temporary: Path, folder: Path) -> None:
    """Renames a folder with a whole export; an export that stood there goes once the new one is in place.

    Args:
        temporary: the folder with the new export, beside `folder`.
        folder: where it is to stand.

    Raises:
        ExportError: what stood there was changed meanwhile; it stays.
    """
    if not folder.exists():
        temporary.rename(folder)
        return
    old = folder.parent / f".{folder.name}-{os.getpid()}-old"
    folder.rename(old)
    try:
        refuse_foreign(old)
        temporary.rename(folder)
    except (ExportError, OSError):
        old.rename(folder)
        refuse_foreign(folder)  # as before, by the name that people know
        raise
    shutil.rmtree(old)
