"""Folders that are written whole and seal what they hold: only such a folder, unchanged, is ever replaced."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, cast

from ..spaces import ExportError, read_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SEAL = "seal"
"""Key of a manifest: the hash of all others, so that it can be told when one was edited."""
LARGEST_MANIFEST = 16 * 2**20
"""Bound on the bytes of a manifest, which may name each class."""
CACHE = "__pycache__"


@dataclass(frozen=True, kw_only=True)
class SealedFolder:
    """A kind of folder with a manifest, a JSON file that holds the SHA-256 of each other file.

    Only files whose hashes were recorded are such a folder's own. One that somebody has changed since is theirs.
    """

    noun: str
    """What wrote it, in errors: "export"."""
    manifest: str
    """Name of the manifest."""
    formats: tuple[str, ...]
    """What a manifest's "format" says: that of today, then those of earlier versions, which may lack a seal."""
    is_file: Callable[[str], bool]
    """Whether a file may have that name, below the folder and written with `/`; whatever a manifest says."""
    folders: tuple[str, ...] = ()
    """Names of folders in it that hold files of its own."""

    def write_manifest(self, folder: Path, values: dict[str, Any], files: Iterable[str]) -> None:
        """Writes the manifest, with the hashes of files and its seal.

        Args:
            folder: where the files are.
            values: for JSON.
            files: names of all others that were written.

        Raises:
            OSError: the folder cannot be written.
        """
        hashes = {name: _hash(folder / name) for name in files}
        told = {"format": self.formats[0], **values, "sha256": hashes}
        (folder / self.manifest).write_text(json.dumps(told | {SEAL: _seal(told)}, indent=1), encoding="utf-8")

    def read_manifest(self, folder: Path) -> dict[str, Any]:
        """What a folder's manifest says, whoever wrote it.

        Args:
            folder: which.

        Raises:
            OSError: there is none, it cannot be read, or it is larger than LARGEST_MANIFEST.
            ValueError: it is no JSON object.
            RecursionError: it is nested too deep.
        """
        told = json.loads(read_plain(folder / self.manifest, LARGEST_MANIFEST))
        if not isinstance(told, dict):
            raise ValueError(f"{self.manifest} holds no JSON object")
        return cast("dict[str, Any]", told)

    def refuse_foreign(self, folder: Path) -> None:
        """Refuses a folder that holds anything but what was written before. One that is absent or empty will do.

        Args:
            folder: which.

        Raises:
            ExportError: it is a file or a link, or holds something that is not its own or was changed since.
        """
        try:
            if folder.is_symlink():
                raise ExportError(f"{folder} is a link", "Name the folder that it leads to.")
            if not folder.exists():
                return
            if not folder.is_dir():
                raise ExportError(f"{folder} is a file", "Name a folder.")
            recorded = self._recorded(folder)
            for path in self._held(folder, bool(recorded)):
                name = path.relative_to(folder).as_posix()
                if name not in recorded or path.is_symlink() or not path.is_file():
                    raise ExportError(
                        f"{folder} holds {name}, which no {self.noun} wrote", "Name another folder, or empty this one."
                    )
                if _hash(path) != recorded[name]:
                    raise ExportError(
                        f"{path} was changed since it was written",
                        f"Keep it elsewhere, or name another folder; an {self.noun} replaces only what it wrote.",
                    )
        except OSError as error:
            raise ExportError(f"{folder} cannot be read: {error.strerror}", "Name another folder.") from error

    @contextmanager
    def written(self, folder: Path) -> Iterator[Path]:
        """A context manager that gives a folder to write to, which stands at `folder` once the body has ended well.

        What was written there before is replaced; anything else is left alone.

        Args:
            folder: where it is to stand.

        Raises:
            ExportError: `folder` is in use, or cannot be written.
        """
        folder = folder.parent.resolve() / folder.name
        self.check(folder)
        with _told(folder):
            temporary = _beside(folder)
        try:
            with _told(folder):
                yield temporary
                self.put_in_place(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def check(self, folder: Path) -> None:
        """Refuses a folder that could not be written: because of what it holds, where it is, or its owner.

        Args:
            folder: which.

        Raises:
            ExportError: it is in use, is where a disk is mounted, or its parent cannot be written.
        """
        self.refuse_foreign(folder)
        if os.path.ismount(folder):
            raise ExportError(f"{folder} is where a disk is mounted, and cannot be replaced", "Name a folder in it.")
        with _told(folder):
            above = next(path for path in folder.absolute().parents if path.exists())
            Path(mkdtemp(prefix=".convscape-", dir=above)).rmdir()  # what rights say is not all that there is to it

    def put_in_place(self, temporary: Path, folder: Path) -> None:
        """Renames a whole folder; one that stood there goes once the new one is in place.

        Args:
            temporary: the new folder, beside `folder`.
            folder: where it is to stand.

        Raises:
            ExportError: what stood there was changed meanwhile; it stays.
            OSError: it cannot be renamed.
        """
        if not folder.exists():
            temporary.rename(folder)
            return
        old = folder.parent / f".{folder.name}-{os.getpid()}-old"
        folder.rename(old)
        try:
            self.refuse_foreign(old)
            temporary.rename(folder)
        except (ExportError, OSError):
            old.rename(folder)
            self.refuse_foreign(folder)  # as before, by the name that people know
            raise
        shutil.rmtree(old, ignore_errors=True)

    def _held(self, folder: Path, ours: bool) -> Iterator[Path]:
        """All that lies in a folder, with what lies in those of its folders that are its own, where it is `ours`."""
        for path in sorted(folder.iterdir()):
            if ours and _is_cache(path):
                continue
            if ours and path.name in self.folders and path.is_dir() and not path.is_symlink():
                yield from sorted(path.iterdir())
            else:
                yield path

    def _recorded(self, folder: Path) -> dict[str, str | None]:
        """The hashes of the files written before, by name, the manifest's among them; {} where there are none."""
        path = folder / self.manifest
        try:
            told = {} if path.is_symlink() else self.read_manifest(folder)
            if told["format"] not in self.formats:
                return {}
            seal = told.pop(SEAL, None)
            whole = seal == _seal(told) or (seal is None and told["format"] != self.formats[0])
            recorded = {name: str(said) for name, said in dict(told["sha256"]).items() if self.is_file(name)}
            return recorded | {self.manifest: _hash(path) if whole else None}
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return {}


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """A context manager that tells an error of the disk as one of the folder that was to be written."""
    try:
        yield
    except OSError as error:
        raise ExportError(
            f"{folder} cannot be written: {error.strerror or error}", "Name another folder, or make room for it."
        ) from error


def _beside(folder: Path) -> Path:
    """A new folder beside another one, with the rights that any new folder has."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    made.rmdir()
    made.mkdir()
    return made


def _is_cache(path: Path) -> bool:
    """Whether it is what Python leaves where an export's `model.py` was imported."""
    if path.name != CACHE or path.is_symlink() or not path.is_dir():
        return False
    return all(file.match("model.*.pyc") and file.is_file() for file in path.iterdir())


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(told: dict[str, Any]) -> str:
    """SHA-256 of a manifest without its seal, however its text is laid out."""
    return hashlib.sha256(json.dumps(json.loads(json.dumps(told))).encode()).hexdigest()
