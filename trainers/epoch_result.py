"""What an epoch of training came to, as the search is told of it. Knows no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """What one epoch of training came to. Validation is by the averaged weights.

    `train_loss` is the mean over the epoch's steps, `validation_loss` the mean over the validation images without label
    smoothing.
    """

    epoch: int
    """Epochs done so far, from 1."""
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    """Share of the validation images that is right, 0 to 1."""
    balanced_accuracy: float
    """The mean over classes of the share of their validation images that is right, 0 to 1."""
    seconds: float
    """The whole epoch took so many, validation included."""
    images_per_second: float
    """While training, validation left out."""
    events: tuple[str, ...] = ()
    """All that a reader of the curve should know so far, such as a batch that had to be halved."""
    latency: float | None = None
    """Seconds that classifying one image takes, where that was measured with this epoch."""

    def to_json(self) -> dict[str, Any]:
        """The result as plain values that any JSON writer takes."""
        return asdict(self)

    @staticmethod
    def from_json(values: dict[str, Any]) -> EpochResult:
        """The result that `to_json` gave these values of, also where JSON made a list of its tuple.

        Raises:
            TypeError: a value is missing, or one is not known here.
        """
        result = EpochResult(**values)
        return replace(result, events=tuple(result.events))
