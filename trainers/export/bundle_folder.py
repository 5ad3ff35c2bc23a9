"""The folder of an export: which files are an export's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..sealed_folder import SealedFolder
from .forms import FORM_FILES
from .pytorch_source import EXAMPLES, WEIGHTS

if TYPE_CHECKING:
    from pathlib import Path

ARCHITECTURE, SOURCE, PROOF, CARD = "architecture.json", "model.py", "proof.json", "MODEL_CARD.md"
ALWAYS = (ARCHITECTURE, EXAMPLES, SOURCE, WEIGHTS, CARD)
"""Files that every export has beside its proof.json."""
FILES = (*ALWAYS, *FORM_FILES.values())
"""Files that an export may have beside its proof.json and its pictures."""
INSIGHT = "insight"
"""Folder of an export's pictures."""
PICTURES = re.compile(rf"{INSIGHT}/[A-Za-z0-9][A-Za-z0-9_.-]{{0,99}}\.(png|html|json)", re.ASCII)
"""Names of files in it."""


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


BUNDLE = SealedFolder(
    noun="export",
    manifest=PROOF,
    formats=("convscape-export/2", "convscape-export/1"),
    is_file=is_bundle_file,
    folders=(INSIGHT,),
)
"""An export's folder, which only another export replaces."""
