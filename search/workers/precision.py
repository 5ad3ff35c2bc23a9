"""The precision a sweep trains in: measured once where its trials run, kept in its folder, one for all jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ...spaces import SweepError
from ..files import PRECISION, TRIALS, read_sealed, write_sealed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ...trainers.device import Precision
    from ..scheduling import Engine

MEASURING = "measuring precision"
"""The phase of a sweep in which that is done."""


def choose_precision(
    engine: Engine, run: Callable[..., dict[str, Any] | None], *, device: str, threads: int
) -> Precision:
    """The precision of every job of the engine's sweep: the one its config names, or else the faster one as measured.

    It is measured once, kept in the sweep's folder, and reported to MLflow as tags of the sweep.

    Args:
        engine: the sweep's engine.
        run: calls a function with arguments where trials run; None where the sweep was interrupted meanwhile.
        device: of the trials, as torch names it.
        threads: how many a trial computes with.

    Raises:
        SweepError: what an earlier run kept is damaged.
        SpaceError: no design could be sampled to measure with.
    """
    config = engine.config
    if config.resources.precision != "auto":
        found: dict[str, Any] = {"precision": config.resources.precision, "reason": "asked for"}
    elif (kept := _kept(config.sweep_folder)) is not None:
        found = kept
    else:
        measured = run(measure, engine.designs.in_the_middle(config.search.seed).to_json(), device, threads)
        if measured is None:
            return "float32"
        found = measured
        write_sealed(config.sweep_folder / PRECISION, found)
    tags = {f"convscape.precision{'' if key == 'precision' else f'_{key}'}": found[key] for key in found}
    engine.ledger.tag_sweep(tags)
    return cast("Precision", found["precision"])


def measure(design: dict[str, Any], device: str, threads: int) -> dict[str, Any]:
    """Measures which precision trains a design faster on this machine. Never raises.

    Args:
        design: as `Design.to_json` gives it.
        device: as torch names it.
        threads: how many torch computes with.

    Returns:
        By key, the `precision`, float32 or bfloat16, and the `reason`: how that was found, or why it could not be
            measured, in which case it is float32.
    """
    import torch

    from ...trainers.measuring import faster_precision, has_bfloat16
    from ..records import Design

    torch.set_num_threads(threads)
    try:
        if not has_bfloat16(device):
            return {"precision": "float32", "reason": "the processor has no bfloat16 instructions"}
        measured = faster_precision(Design.from_json(design).architecture, Design.from_json(design).recipe, device)
    except Exception as error:  # noqa: BLE001 - a network too large for the device, say: the sweep goes on
        return {"precision": "float32", "reason": f"not measured: {type(error).__name__}: {error!s:.200}"}
    low, high = measured.spread
    reason = (
        f"bfloat16 trains {measured.ratio:.2f} times as fast as float32 ({low:.2f} to {high:.2f}, n = {measured.n})"
    )
    return {"precision": measured.precision, "reason": reason}


def _kept(folder: Path) -> dict[str, Any] | None:
    """What was settled before; None where nothing was."""
    path = folder / PRECISION
    try:
        values = read_sealed(path)
        if values["precision"] not in ("float32", "bfloat16") or not all(isinstance(v, str) for v in values.values()):
            raise ValueError("it holds something else")
    except FileNotFoundError:
        if (folder / TRIALS).exists():
            return {"precision": "float32", "reason": "begun before precision was measured"}
        return None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SweepError(
            f"{path} cannot be read: {error!s:.100}", 'Write {"precision": "float32"} there, or "bfloat16", as it was.'
        ) from None
    return values
