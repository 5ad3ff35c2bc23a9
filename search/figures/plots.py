"""The figures of one sweep, for a notebook: `sweep.plot.importance()`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...spaces import ConfigError, nearest
from ..frames import settings_in
from .accuracy_by_time import accuracy_by_time
from .design_path import design_path
from .importance_chart import importance_chart
from .learning_curves import learning_curves
from .paired_differences import paired_differences
from .parallel_coordinates import parallel_coordinates
from .pareto_front import pareto_front
from .setting_slices import setting_slices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import plotly.graph_objects as go

    from ..frames import SweepFrames


class Plots:
    """Plotly figures of a sweep; a notebook shows each as it is. Every call reads the sweep anew from disk.

    Args:
        frames: gives the sweep's frames.

    >>> sweep.plot.importance()                   # doctest: +SKIP
    >>> sweep.plot.pareto(["macs"]).write_html("front.html")  # doctest: +SKIP
    """

    def __init__(self, frames: Callable[[], SweepFrames]) -> None:
        self._frames = frames

    def curves(self) -> go.Figure:
        """Learning curves of all trials, with the rungs and how many were promoted at each."""
        frames = self._frames()
        return learning_curves(frames.trials, frames.curves, frames.rungs)

    def parallel(self, settings: Sequence[str] = ()) -> go.Figure:
        """Parallel coordinates of settings and accuracy, with a place for what a design was not asked for.

        Args:
            settings: names in the order wanted; the most important first where not given.

        Raises:
            ConfigError: the sweep has no such setting.
        """
        frames = self._frames()
        return parallel_coordinates(frames.trials, _checked(settings, frames) or list(frames.importance["setting"]))

    def importance(self) -> go.Figure:
        """The part that each setting had in which trials were among the best, by PED-ANOVA."""
        return importance_chart(self._frames().importance)

    def pareto(self, costs: Sequence[str] | None = None) -> go.Figure:
        """Accuracy against cost with the Pareto front.

        Args:
            costs: of "parameters", "macs", "memory" and "latency"; those that are known where not given.
        """
        return pareto_front(self._frames().trials, costs)

    def slices(self, settings: Sequence[str] = ()) -> go.Figure:
        """Accuracy against one setting at a time.

        Args:
            settings: names in the order wanted; the most important first where not given.

        Raises:
            ConfigError: the sweep has no such setting.
        """
        frames = self._frames()
        return setting_slices(frames.trials, _checked(settings, frames) or list(frames.importance["setting"]))

    def time(self) -> go.Figure:
        """Accuracy against time, with the best so far."""
        frames = self._frames()
        return accuracy_by_time(frames.trials, frames.curves)

    def differences(self) -> go.Figure:
        """Differences within the pairs of a design question, their interval, and what each side costs."""
        return paired_differences(self._frames().pairs)

    def path(self) -> go.Figure:
        """The path from the first design to the best, one change at a time, each with its expected gain."""
        return design_path(self._frames().path)


def _checked(settings: Sequence[str], frames: SweepFrames) -> list[str]:
    """The settings, where the sweep has each.

    Raises:
        ConfigError: it does not have one.
    """
    named = [settings] if isinstance(settings, str) else list(settings)
    known = settings_in(frames.trials)
    for name in named:
        if name not in known:
            raise ConfigError(f"{name!r:.80} is no setting of this sweep", nearest(name, known))
    return named
