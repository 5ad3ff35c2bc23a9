"""Refuses `resources.gpus: auto` where there is no GPU to share."""

from __future__ import annotations

from ....spaces import SweepError


def refuse_without_gpus(gpus: float, found: str) -> None:
    """Raises where there is no GPU.

    Args:
        gpus: how many there are.
        found: what there is instead, as the end of a sentence.

    Raises:
        SweepError: there is none.
    """
    if gpus < 1:
        raise SweepError(
            f"resources.gpus: auto shares GPUs among trials, and {found}",
            "`--set resources.gpus=0` trains on CPUs; or join a cluster whose nodes have GPUs by resources.address, "
            "and where they come when they are needed say how many trials: resources.workers.",
        )
