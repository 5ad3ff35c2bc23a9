"""Tells whether weights that training starts from are the same: on a resume, and on another machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..spaces import DataError, check_plain
from .recipe import DOWNLOAD
from .transfer import LARGEST_WEIGHTS, read_weights

OF_AN_EXPORT = ("model.safetensors", "architecture.json", "proof.json")
"""Files of an export that a trial reads: the weights, the network, and how images are normalised."""


def weights_digest(source: str) -> str:
    """SHA-256 of a file of weights, or of each file that trials read of an export; torchvision checks its own.

    Args:
        source: a file, the folder of an export, or "torchvision:NAME", whose weights are downloaded if need be.

    Raises:
        DataError: it cannot be read or fetched.
    """
    if source.startswith(DOWNLOAD):
        read_weights(source)
        return source
    path = Path(source).expanduser()
    files = [path / name for name in OF_AN_EXPORT] if path.is_dir() else [path]
    try:
        return "-".join(map(_sha256, files))
    except OSError as error:
        raise DataError(
            f"recipe.weights: {error.filename} cannot be read: {error.strerror}",
            "Bring it back, then resume the sweep.",
        ) from None


def _sha256(path: Path) -> str:
    with check_plain(path, LARGEST_WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
