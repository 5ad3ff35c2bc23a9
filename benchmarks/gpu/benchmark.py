"""The device that is measured, what was found out about it so far, and the processes that were started for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from convscape.spaces import TrainingError
from convscape.trainers.device import device_memory, parts_that_fit

from .crew import Crew
from .report import Report
from .schedule import LeftOutError
from .steps import BareStep
from .timing import Turns, by_turns
from .verdicts import ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from convscape.trainers.device import Precision

    from .floor import Card
    from .networks import Network
    from .timing import Measured

ROUND = 0.2
"""Seconds of a round of one way, about."""
FEWEST_STEPS = 4
"""Of an epoch."""
COUNTS = (1, 2, 4, 8)
"""Trials at a time, and networks that are trained as one."""


@dataclass(kw_only=True)
class Benchmark:
    """What the parts share.

    Args:
        device: that is measured.
        precision: the one that most parts measure in, bfloat16 where the device computes in it.
        quick: fewest rounds and steps, to show that it runs.
    """

    device: torch.device
    precision: Precision
    quick: bool = False
    report: Report = field(default_factory=Report)
    card: Card | None = None
    """Once it was measured."""
    _steps: dict[tuple[str, Precision], int] = field(default_factory=dict)
    _crew: Crew | None = None

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Those that are measured, `precision` first: float32 alone where the device does not compute in bfloat16."""
        return ("float32",) if self.precision == "float32" else ("bfloat16", "float32")

    @property
    def counts(self) -> tuple[int, ...]:
        """How many trials at a time, or networks as one, are measured."""
        return COUNTS[:2] if self.quick else COUNTS

    def steps(self, network: Network, precision: Precision, step: BareStep | None = None) -> int:
        """Steps of a round, so that it lasts for ROUND seconds; the first who asks has the step timed.

        Args:
            network: that is trained.
            precision: of its layers' arithmetic.
            step: to time; None to make one where it is needed.
        """
        if self.quick:
            return 2
        key = network.name, precision
        if key not in self._steps:
            step = step or BareStep(network, precision, self.device)
            step.seconds(FEWEST_STEPS)  # what is chosen and allocated at first does not count
            wanted = ROUND / (step.seconds(FEWEST_STEPS) / FEWEST_STEPS)
            self._steps[key] = max(FEWEST_STEPS, min(network.most_steps, round(wanted)))
        return self._steps[key]

    def check_fit(self, network: Network, precision: Precision, share: float = 1.0, batches: int = 1) -> None:
        """Refuses what a share of the device's memory does not hold, a batch in one piece.

        Args:
            network: that shall be trained.
            precision: of its layers' arithmetic.
            share: of the device's memory.
            batches: how many times the network's own batch has to fit.

        Raises:
            LeftOutError: it does not fit.
        """
        memory = device_memory(self.device, share)
        images = network.most_steps * network.batch * prod(network.architecture.input)
        free = memory - (images if images <= memory // 4 else 0)  # as `Training` keeps them there or does not
        try:
            parts, needed = parts_that_fit(network.architecture, batches * network.batch, free, precision=precision)
        except TrainingError as error:
            raise LeftOutError(f"memory: {error}") from None
        if parts > 1:
            raise LeftOutError(f"memory: a step takes {needed / 2**20:,.0f} MB and may take {free / 2**20:,.0f} MB")

    def crew(self) -> Crew:
        """The processes that train at the same time: started once, and anew where one was lost."""
        if self._crew is None or self._crew.lost:
            self.close()
            self._crew = Crew(self.counts[-1], str(self.device))
        return self._crew

    def close(self) -> None:
        """Ends the processes that were started."""
        if self._crew is not None:
            self._crew.close()
            self._crew = None

    def turns(
        self, group: str, network: Network, precision: Precision, ways: dict[str, Callable[[], float]], seconds: float
    ) -> Turns:
        """Rounds of several ways by turns; what fails is reported, and the others are measured.

        Args:
            group: of figures.
            network: that is trained.
            precision: of its layers' arithmetic.
            ways: what gives images a second, by name.
            seconds: after which no further round begins.
        """
        turns = by_turns(ways, 0.0 if self.quick else seconds, fewest=1 if self.quick else 3)
        for way, error in turns.errors.items():
            self.report.fail(f"{group} {network.name} {precision}: {way}", error)
        return turns

    def gain(self, switch: str, network: Network, precision: Precision, times: float | None) -> None:
        """Keeps how many times faster a network trains by something, in the one `precision` that is recommended for.

        Args:
            switch: what could be switched on.
            network: that was trained.
            precision: of its layers' arithmetic.
            times: None where it was not measured.
        """
        if times is not None and precision == self.precision:
            self.report.gains[switch, network.name] = times

    def keep(
        self,
        group: str,
        network: Network,
        precision: Precision,
        way: str,
        measured: Turns | Measured,
        *,
        base: str = "",
        **more: Any,
    ) -> float | None:
        """Keeps one way's images a second; a way that failed has none.

        Args:
            group: of figures.
            network: that was trained.
            precision: of its layers' arithmetic.
            way: that is kept.
            measured: its rounds, or those of all ways by turns.
            base: the way among them that this one is compared with.
            more: what else to say of it.

        Returns:
            How many times faster it is than `base`, where both were measured.
        """
        times = ratio(measured, way, base) if base and isinstance(measured, Turns) else None
        found = measured.measured.get(way) if isinstance(measured, Turns) else measured
        if found is None:
            return None
        if times is not None:
            more["against"] = f"{times:.2f}x {base}"
        self.report.speed(group, way, network.name, precision, found, batch=network.batch, **more)
        return times
