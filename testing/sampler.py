"""What every sampler has to keep to: subclass, say which it is, and the tests run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from torch import device

from ..search.config import DataConfig, SearchConfig, SweepConfig
from ..search.proposals import DesignSpace
from ..search.records import Enqueued
from ..search.study import Study
from ..trainers import build_network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import optuna

    from ..search.records import Design, TrialRecord

UNCONDITIONAL_SPACE: dict[str, Any] = {
    "stages": 2, "convolutions": 1, "filters": [2, 4, 6, 8, 12, 16], "growth": [1, 2], "kernel": [3, 5],
    "large_filters": "single", "padding": "same", "downsampling": ["max", "strided"], "norm": ["batch", "none"],
    "dropout": {"low": 0.0, "high": 0.5}, "head": "fc", "hidden": 0,
}  # fmt: skip
"""Every design has the same settings, and all are numbers or one of two."""


class SamplerContract:
    """A sampler as `search.sampler` names it.

    Set `sampler`, and `learns` where it does not; the tests do the rest, on a sweep of known results.
    """

    sampler: ClassVar[str | dict[str, Any]]
    space: ClassVar[dict[str, Any]] = UNCONDITIONAL_SPACE
    learns: ClassVar[bool] = True
    """Whether it proposes better designs as it hears more results, and fewer that fail."""
    rounds: ClassVar[int] = 16
    learning_rounds: ClassVar[int] = 0
    """Twice as many when not given."""

    def opened(self, folder: Path, seed: int = 3) -> Study:
        """The study in `folder` with the sampler, new or as it was left there."""
        folder.mkdir(exist_ok=True)
        return Study(folder, sampler=self.sampler, seed=seed)

    def sample(self, trial: optuna.Trial) -> Design:
        """The design that `trial` proposes in `space`."""
        config = SweepConfig(
            name="s", data=DataConfig(name="digits"), space=self.space, search=SearchConfig(sampler=self.sampler)
        )
        return DesignSpace.of(config, (1, 8, 8), 10).sample(trial)

    def goodness(self, design: Design) -> float:
        """What a design reaches, 0 to 1: the wider it is, the more."""
        return min(1.0, design.parameters**0.5 / 200)

    def fails(self, design: Design) -> bool:
        """Whether training the design fails: so do all with batch normalisation."""
        return "BN" in design.notation

    def end(self, study: Study, record: TrialRecord, known: dict[str, TrialRecord]) -> None:
        """As the engine would: what fails fails, what is known is not trained again, few are trained to the end."""
        first = known.setdefault(record.design.key, record)
        if first is not record:
            study.end(record, "duplicate", f"same as trial {first.number}", known=first)
            return
        if self.fails(record.design):
            study.end(record, "failed" if record.number % 2 else "infeasible", "too large")
            return
        reached = self.goodness(record.design)
        study.report(record, 1, reached / 2)
        if record.number % 3:
            study.pause(record)
            return
        study.report(record, 3, reached)
        study.end(record, "completed", "trained 3 epochs")

    def search(
        self, folder: Path, rounds: int, *, seed: int = 3, reopened: int | None = None, first: Design | None = None
    ) -> Iterator[TrialRecord]:
        """Two trials a round, both asked for before the first ends; opened anew every so many rounds.

        Args:
            folder: the sweep's.
            rounds: how many.
            seed: of the sampler.
            reopened: after how many rounds the sampler is made anew each time; None for never.
            first: a design that is trained before all others, whose parameters are not known.
        """
        study, known = self.opened(folder, seed), {}
        if first:
            self.end(study, study.ask(lambda _: first, Enqueued(role="start", design=first)), known)
        for number in range(rounds):
            if reopened and number and number % reopened == 0:
                study = self.opened(folder, seed)
                known = {}
                for record in study.restore():
                    known.setdefault(record.design.key, record)
            both = [study.ask(self.sample) for _ in range(2)]
            for record in both:
                self.end(study, record, known)
            yield from both

    def test_every_proposal_is_a_network_that_can_be_built(self, tmp_path: Path) -> None:
        records = list(self.search(tmp_path, self.rounds))
        assert [record.number for record in records] == list(range(2 * self.rounds)), "a proposal failed"
        assert len({record.design.key for record in records}) > self.rounds
        with device("meta"):
            for record in records:
                build_network(record.design.architecture)

    def test_one_seed_one_sequence(self, tmp_path: Path) -> None:
        def keys(folder: str, seed: int) -> list[str]:
            return [record.design.key for record in self.search(tmp_path / folder, self.rounds, seed=seed)]

        assert keys("a", 3) == keys("b", 3), "one seed, two sequences: take `seed` in the constructor, and use it"
        assert keys("c", 4) != keys("d", 3), "two seeds, one sequence: take `seed` in the constructor, and use it"

    @pytest.mark.parametrize("reopened", [1, 5])
    def test_a_resumed_sweep_proposes_as_an_unbroken_one(self, tmp_path: Path, reopened: int) -> None:
        unbroken = [record.design.key for record in self.search(tmp_path / "a", self.rounds)]
        resumed = [record.design.key for record in self.search(tmp_path / "b", self.rounds, reopened=reopened)]
        said = "made anew it proposes another: what it has to remember it must find in the study"
        assert resumed == unbroken, said

    @pytest.mark.parametrize("named", [False, True], ids=["", "after a design without parameters"])
    def test_what_it_hears_it_learns_from(self, tmp_path: Path, *, named: bool) -> None:
        """A sampler that looks for the parameters that all trials have finds none after a design that has none."""
        if not self.learns:
            pytest.skip("it does not learn")
        other = self.opened(tmp_path / "other", seed=99).ask(self.sample).design if named else None
        records = list(self.search(tmp_path / "its", self.learning_rounds or 2 * self.rounds, first=other))
        third = len(records) // 3
        early, late = records[:third], records[-third:]

        def mean(numbers: list[float]) -> float:
            return sum(numbers) / len(numbers)

        good = [[0.0 if self.fails(r.design) else self.goodness(r.design) for r in part] for part in (early, late)]
        assert mean(good[1]) > 1.2 * mean(good[0])
        assert sum(self.fails(r.design) for r in late) < sum(self.fails(r.design) for r in early)
