"""What an inspection wrote: inspection.json, with the hash of each file, so that nothing else is ever replaced."""

from __future__ import annotations

from ..sealed_folder import SealedFolder


def _is_file(name: str) -> bool:
    return "/" not in name and name.endswith((".png", ".html"))


INSPECTION = SealedFolder(
    noun="inspection", manifest="inspection.json", formats=("convscape-inspection/1",), is_file=_is_file
)
"""An inspection's folder, which only another inspection replaces."""
MANIFEST = INSPECTION.manifest
