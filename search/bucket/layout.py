"""Names of a sweep's objects, and the refusal of all others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...spaces import SweepError

if TYPE_CHECKING:
    from .store import Store

SEGMENTS, CHECKPOINTS, LOOKS, STOP = "segments", "checkpoints", "looks", "stop"
_OBJECT = re.compile(
    rf"{SEGMENTS}/(\d{{9}})|{CHECKPOINTS}/(\d{{5,9}})/epoch-(\d{{4,9}})-([0-9a-f]{{16}})|{LOOKS}/\d{{6}}|{STOP}"
)


def listed(store: Store, sweep: str, kind: str = "") -> dict[re.Match[str], int]:
    """The objects of a sweep and their bytes, each by its name taken apart.

    Args:
        store: where they are.
        sweep: the sweep's name.
        kind: SEGMENTS, CHECKPOINTS with or without a trial's number behind it, or LOOKS; "" for all.

    Raises:
        SweepError: the store does not answer, or an object is there that no sweep writes; names it.
    """
    found: dict[re.Match[str], int] = {}
    for name, size in store.sizes(f"{sweep}/{kind}" if kind else sweep).items():
        matched = _OBJECT.fullmatch(name.removeprefix(f"{sweep}/"))
        if matched is None:
            raise SweepError(
                f"{store.url}: it holds {name!r:.200}, which no sweep writes",
                "Nothing was brought. Look where it comes from, and delete it.",
            )
        found[matched] = size
    return found


def segment_name(sweep: str, number: int) -> str:
    """Name of a segment's object."""
    return f"{sweep}/{SEGMENTS}/{number:09d}"


def checkpoint_name(sweep: str, trial: int, epoch: int, digest: str) -> str:
    """Name of a checkpoint's object.

    Args:
        sweep: the sweep's name.
        trial: the trial's number.
        epoch: after which it was taken.
        digest: SHA-256 that the checkpoint records, in hexadecimal.
    """
    return f"{sweep}/{CHECKPOINTS}/{trial:05d}/epoch-{epoch:04d}-{digest[:16]}"
