"""What travels with a sweep: its file with paths as they are on the head, and the local files that it names."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...spaces import ConfigError, SweepError
from ..workers import modules_below
from .on_head import HOME, PART, PIECE, SENT, SWEEP_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..config import SweepConfig

MOST = 500_000_000
"""Bytes of images and other files that travel with a sweep, at most."""
MOST_FILES = 200_000
"""Files that travel with a sweep, at most."""
LARGEST_PIECE = 64 * 2**20
"""Bytes of the archive that one upload carries: a dashboard takes requests of up to 100 MiB."""
_DIGEST = "digest-not-known-yet-6f1c2a"
_THERE = f"{HOME}/{SENT}/{_DIGEST}"


@dataclass(slots=True, kw_only=True)
class Parcel:
    """What is sent with a sweep."""

    values: dict[str, Any]
    """The sweep file, of what somebody set: paths of files that travel are those where they will lie on the head."""
    files: dict[str, Path] = field(default_factory=dict)
    """The files here, by their paths in the archive."""
    bytes: int = 0
    """Of all the files."""
    notes: list[str] = field(default_factory=list)
    """Lines about what travels and what does not."""
    digest: str = ""
    """Names the archive by what it holds; "" where no file travels."""
    needs: tuple[str, ...] = ()
    """Variables that the head's environment must have, for they hold what does not travel."""

    def write(self, folder: Path) -> list[Path]:
        """Writes the sweep file, and the archive in pieces.

        Args:
            folder: an empty folder in which a folder for each of them is made.

        Returns:
            These folders, the sweep file's first.
        """
        first = folder / f"{PIECE}file"
        first.mkdir()
        (first / SWEEP_FILE).write_text(json.dumps(self.values, indent=1), encoding="utf-8")
        pieces = _Pieces(folder, self.digest)
        if self.files:
            with pieces, tarfile.open(fileobj=pieces, mode="w|") as archive:  # pyright: ignore[reportArgumentType, reportCallIssue] - it writes, no more
                for name, path in sorted(self.files.items()):
                    with path.open("rb") as file:
                        entry = tarfile.TarInfo(name)
                        entry.size, entry.mode = os.fstat(file.fileno()).st_size, 0o644
                        archive.addfile(entry, file)
        return [first, *pieces.folders]


def pack(config: SweepConfig, written: Mapping[str, Any] | None = None, *, machine: Iterable[str] = ()) -> Parcel:
    """Gathers what a sweep needs on the head.

    Args:
        config: the sweep file.
        written: "data.root" and "folder" as somebody wrote them, with `~` for the home of whoever reads it: they are
            paths on the head where the images do not travel, and where the sweep is kept.
        machine: settings of `resources` that suit this machine, and that nobody asked for: they are left out.

    Raises:
        ConfigError: the sweep is to be trained in the driver's process, or its code is too much to travel.
        SweepError: a file that is named cannot be read.
    """
    if config.resources.runner == "inline":
        raise ConfigError(
            "resources.runner: inline would train on the cluster's head alone",
            "Leave it out with --submit, or say `--set resources.runner=ray`.",
            key="resources.runner",
        )
    values = config.model_dump(mode="json", exclude_unset=True)
    values["name"] = config.name
    written = written or {}
    if written.get("folder") is not None:
        values["folder"] = str(written["folder"])
    resources = {key: value for key, value in values.get("resources", {}).items() if key not in machine}
    values["resources"] = {**resources, "address": "auto"}
    if config.tracking.uri:
        values["tracking"] = config.tracking.model_dump(mode="json", exclude_unset=True)
    parcel = Parcel(values=values, needs=_variables(config.tracking.uri or ""))
    try:
        _add_code(parcel, config)
        _add_weights(parcel)
        _add_networks(parcel)
        _add_images(parcel, config, written.get("data.root"))
        _name(parcel)
    except OSError as error:
        raise SweepError(f"{error.filename} cannot be read: {error.strerror}", "Make it readable.") from None
    return parcel


def _variables(uri: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.partition("}")[0] for part in uri.split("${")[1:]))


def _add(parcel: Parcel, name: str, path: Path, key: str) -> None:
    parcel.bytes += path.stat().st_size
    parcel.files[name] = path
    if parcel.bytes > MOST or len(parcel.files) > MOST_FILES:
        raise ConfigError(
            f"{key}: more than {MOST // 10**6} MB, or {MOST_FILES:,} files, would travel with the sweep",
            "Copy it to the head, and name it by its path there.",
            key=key,
        )


def _add_code(parcel: Parcel, config: SweepConfig) -> None:
    """The modules of the `code` folders. What else lies there stays: it may be anything."""
    parcel.values.pop("code", None)
    if not config.named_code.paths:
        return
    parcel.values["code"] = []
    for number, folder in enumerate(config.code or ()):
        for path in modules_below(folder):
            _add(parcel, f"code/{number}/{path.relative_to(folder)}", path, "code")
        parcel.values["code"].append(f"{_THERE}/code/{number}")


def _add_weights(parcel: Parcel) -> None:
    """Files of weights, and exports, that recipes start from."""
    recipe = parcel.values.get("recipe", {})
    given = recipe.get("weights")
    if given is None:
        return
    sources = given if isinstance(given, list) else [given]
    moved: list[Any] = []
    for number, source in enumerate(sources):
        path = Path(source) if isinstance(source, str) else None
        if path is None or not path.exists():
            moved.append(source)
            continue
        name = f"weights/{number}/{path.name}"
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            if file.is_file():
                _add(parcel, f"{name}/{file.name}" if path.is_dir() else name, file, "recipe.weights")
        moved.append(f"{_THERE}/{name}")
    recipe["weights"] = moved if isinstance(given, list) else moved[0]


def _add_networks(parcel: Parcel) -> None:
    """Files with networks that are trained first, or compared with."""
    search = parcel.values.get("search", {})
    for key in ("start", "baselines"):
        entries = search.get(key)
        for number, entry in enumerate(entries if isinstance(entries, list) else ()):
            written = entry if isinstance(entry, str) else entry.get("network", "")
            path = Path(written)
            if written.endswith(".json") and path.is_file():
                name = f"networks/{key}{number}.json"
                _add(parcel, name, path, f"search.{key}")
                moved = f"{SENT}/{_DIGEST}/{name}"  # from HOME, in which commands run
                entries[number] = moved if isinstance(entry, str) else {**entry, "network": moved}


def _add_images(parcel: Parcel, config: SweepConfig, root: object) -> None:
    from ...trainers.data import data_set_called, files_of

    here = config.data.root
    if here is None or data_set_called(config.data.name) == "digits":
        parcel.values["data"].pop("root", None)
        return
    if config.data.url:
        parcel.values["data"]["root"] = config.data.url
        return
    written = str(here if root is None else root)
    if not here.exists():
        parcel.values["data"]["root"] = written
        parcel.notes.append(f"The images are read from {written} on the cluster's head: here is no such folder.")
        return
    if not here.is_dir():  # a function of somebody's own reads it
        _add(parcel, f"images/{here.name}", here, "data.root")
        parcel.values["data"]["root"] = f"{_THERE}/images/{here.name}"
        parcel.notes.append(f"{here.name} travels with the sweep, {here.stat().st_size / 1e6:.1f} MB.")
        return
    name = data_set_called(config.data.name) or config.data.name
    found, size = [], 0
    for path in files_of(name, here):
        if path.is_file():
            found.append(path)
            size += path.stat().st_size
        if size + parcel.bytes > MOST or len(found) + len(parcel.files) > MOST_FILES:
            parcel.values["data"]["root"] = written
            parcel.notes.append(
                f"The images are too many to travel ({MOST // 10**6} MB and {MOST_FILES:,} files at most): the head "
                f"must have them in {written}."
            )
            return
    for path in found:
        _add(parcel, f"images/{path.relative_to(here)}", path, "data.root")
    parcel.values["data"]["root"] = f"{_THERE}/images"
    parcel.notes.append(f"{len(found):,} files of images travel with the sweep, {size / 1e6:.1f} MB.")


def _name(parcel: Parcel) -> None:
    """Names the archive by what it holds, and puts that into the paths of the sweep file."""
    if not parcel.files:
        return
    found = hashlib.sha256()
    for name, path in sorted(parcel.files.items()):
        with path.open("rb") as file:
            found.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    parcel.digest = found.hexdigest()[:20]
    parcel.values = json.loads(json.dumps(parcel.values).replace(_DIGEST, parcel.digest))


class _Pieces:
    """A file to write to, whose content lies in folders of LARGEST_PIECE each."""

    def __init__(self, folder: Path, digest: str) -> None:
        self.folders: list[Path] = []
        self._folder, self._digest = folder, digest
        self._left = 0
        self._file: Any = None

    def __enter__(self) -> _Pieces:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, data: bytes) -> int:
        """Writes bytes to the piece that has room left, and the rest to the next."""
        view = memoryview(data)
        while view:
            if not self._left:
                self._next()
            part = view[: self._left]
            self._file.write(part)
            self._left -= len(part)
            view = view[len(part) :]
        return len(data)

    def _next(self) -> None:
        self.__exit__()
        place = self._folder / f"{PIECE}{self._digest}_{len(self.folders):03d}"
        place.mkdir()
        self.folders.append(place)
        self._file = (place / PART).open("wb")
        self._left = LARGEST_PIECE
