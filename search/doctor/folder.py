"""The folder of sweeps as the driver finds it: a file in it, by which nodes that see the same folder are known."""

from __future__ import annotations

import secrets
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ...spaces import SweepError
from ..bucket import probe_storage
from .findings import Finding, Level
from .nodes import disk_finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def marked(folder: Path) -> Iterator[tuple[Path, str]]:
    """Has a file be in a folder while the body runs; neither the file nor a folder made for it is left.

    Args:
        folder: where sweeps are kept; it need not be there.

    Yields:
        The file's absolute path, and the text in it.

    Raises:
        SweepError: the folder cannot be made or written.
    """
    folder, text = folder.resolve(), secrets.token_hex(16)
    file, made = folder / f".convscape-doctor-{text[:8]}", []
    try:
        try:
            for missing in reversed([each for each in (folder, *folder.parents) if not each.exists()]):
                missing.mkdir()
                made.append(missing)
            file.write_text(text)
        except OSError as error:
            raise SweepError(
                f"folder: {folder} cannot be written: {error.strerror}",
                "Make it writable, or name another `folder` in the sweep file.",
            ) from None
        yield file, text
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)
        for empty in reversed(made):
            with suppress(OSError):  # a sweep has put something there meanwhile
                empty.rmdir()


def folder_finding(folder: Path) -> Finding:
    """Whether there is room for sweeps in their folder, which is there.

    Args:
        folder: where sweeps are kept.
    """
    remedy = "Make room there, or name another `folder` in the sweep file: each trial keeps its checkpoints there."
    folder = folder.resolve()
    return disk_finding(shutil.disk_usage(folder).free, f"{folder}, where sweeps are kept", Level.WRONG, remedy)


def bucket_findings(url: str | None, tracking_uri: str | None) -> list[Finding]:
    """Whether object storage does what a sweep needs of it; nothing where the sweeps are in none.

    Args:
        url: of the folder that holds sweeps; None for a folder of this machine.
        tracking_uri: of MLflow, as the sweep file or the environment has it.
    """
    if url is None:
        return []
    try:
        probe_storage(url)
    except SweepError as error:
        return [Finding(check="bucket", level=Level.WRONG, text=error.message, remedy=error.remedy)]
    found = [Finding(check="bucket", level=Level.OK, text=f"{url} lists, creates, reads and deletes")]
    if tracking_uri is None:
        remedy = "Name a server that other machines see: `--set tracking.uri=http://…`, or MLFLOW_TRACKING_URI."
        text = "tracking.uri is not set, and an SQLite file beside a sweep in a bucket would stay on one machine"
        found.append(Finding(check="bucket", level=Level.WRONG, text=text, remedy=remedy))
    return found
