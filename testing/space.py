"""What every space of networks has to keep to: subclass `SpaceContract`, say how yours is made, and its tests run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import optuna
import pytest
from torch import device

from ..spaces import Architecture, SpaceError, parse_notation, to_notation
from ..trainers import build_network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..spaces import Space

IMAGES = [(1, 8, 8), (3, 28, 28), (1, 64, 64), (3, 9, 40)]
"""(C, H, W) of the images that networks are sampled for."""


class SpaceContract:
    """A space as `space` of a sweep file names it, built in or of one's own."""

    chosen: ClassVar[dict[str, Any]]
    """Settings that leave some to choose."""
    fixed: ClassVar[dict[str, Any]]
    """Settings that leave nothing to choose; an unknown setting is made from the last that is not "base"."""
    networks_at_least: ClassVar[int] = 2
    """Distinct networks that twenty samples of `chosen` have at least."""
    choices_at_least: ClassVar[int] = 1
    """Names that networks of `chosen` ask the trial for, at least."""
    too_small: ClassVar[tuple[int, int, int] | None] = None
    """(C, H, W) of an image that no network of `fixed` fits, so that `check` must refuse it; None where all fit."""
    size_of_fixed: ClassVar[str | None] = None
    """The size of the space with nothing to choose, as it is printed; None where the space has no `size`."""

    def make(self, **settings: Any) -> Space:
        """The space with these settings."""
        raise NotImplementedError

    def networks(self, input: tuple[int, int, int], count: int, seed: int = 0) -> Iterator[Architecture]:
        """Networks of one study: Optuna refuses a choice that changes under its name."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        space = self.make(**self.chosen)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        for _ in range(count):
            yield space.sample(study.ask(), input, 7)

    @pytest.mark.parametrize("input", IMAGES)
    def test_what_is_sampled_is_a_network_for_these_images_and_classes(self, input: Any) -> None:
        self.make(**self.chosen).check(input)
        found = list(self.networks(input, 20))
        assert {(network.input, network.classes) for network in found} == {(input, 7)}
        distinct = len({network.digest for network in found})
        assert distinct >= self.networks_at_least, "twenty samples of `chosen` are too few networks"
        with device("meta"):
            for network in found[:5]:
                build_network(network)

    def test_it_reads_back_from_json_and_notation(self) -> None:
        for network in self.networks((3, 28, 28), 20):
            assert Architecture.from_json(network.to_json()) == network
            assert parse_notation(to_notation(network)).digest == network.digest

    def test_one_seed_one_sequence_of_designs(self) -> None:
        first, second = (list(self.networks((3, 28, 28), 10)) for _ in range(2))
        assert first == second
        assert first != list(self.networks((3, 28, 28), 10, seed=1))

    def test_no_choice_changes_under_its_name(self, recwarn: pytest.WarningsRecorder) -> None:
        space, known = self.make(**self.chosen), {}
        sampler = optuna.samplers.TPESampler(seed=0, n_startup_trials=5)
        study = optuna.create_study(sampler=sampler, direction="maximize")
        for number in range(30):
            trial = study.ask()
            # Images of different sizes, as no sweep has them: what is offered differs, so must its name.
            network = space.sample(trial, IMAGES[number % len(IMAGES)], 7)
            for name, distribution in trial.distributions.items():
                assert known.setdefault(name, distribution) == distribution, name
            study.tell(trial, len(network.layers))
        assert len(known) >= self.choices_at_least, "sample() asks the trial for too little: ask it for every choice"
        assert not recwarn

    def test_what_is_fixed_is_never_asked(self) -> None:
        trial = optuna.create_study().ask()
        self.make(**self.fixed).sample(trial, (1, 28, 28), 7)
        assert trial.params == {}, "`fixed` leaves something to choose, or sample() asks for what is fixed"

    def test_images_too_small_for_all_of_it_are_refused_with_a_key(self) -> None:
        if self.too_small is None:
            pytest.skip("no image is too small for it")
        space, (_, height, width) = self.make(**self.fixed), self.too_small
        with pytest.raises(SpaceError) as caught:
            space.check(self.too_small)
        assert caught.value.key.startswith("space."), "give the SpaceError the key of a setting: key='space.modules'"
        assert f"{height}x{width}" in caught.value.message, "say which images do not fit"
        with pytest.raises(SpaceError):
            space.sample(optuna.create_study().ask(), self.too_small, 7)

    def test_an_unknown_setting_names_the_nearest(self) -> None:
        name = next(key for key in reversed(self.fixed) if key != "base")
        with pytest.raises(SpaceError) as caught:
            self.make(**{**self.fixed, f"{name}x": 1})
        assert caught.value.key == f"space.{name}x"
        assert caught.value.remedy == f"Did you mean '{name}'?"

    def test_a_value_out_of_range_names_its_key(self) -> None:
        name = next(iter(self.fixed))
        with pytest.raises(SpaceError) as caught:
            self.make(**{**self.fixed, name: -1})
        assert caught.value.key == f"space.{name}"

    def test_its_size_can_be_printed(self) -> None:
        size = self.make(**self.fixed).size((1, 28, 28))
        if self.size_of_fixed is None:
            assert size is None, "the space has a size: say what it is of `fixed` in `size_of_fixed`"
        else:
            assert str(size) == self.size_of_fixed
            assert str(self.make(**self.chosen).size((1, 28, 28))) != self.size_of_fixed, "what may be chosen adds none"
