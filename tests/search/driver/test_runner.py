"""What `resources.runner: auto` means: Ray where it helps longer than it takes to start, else this process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.driver import choose_runner
from convscape.search.driver.launching import launch
from convscape.search.proposals import DesignSpace
from convscape.spaces import SpaceError
from tiny_sweep import results, tiny

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.spaces import Architecture, Space


@pytest.mark.parametrize(
    ("settings", "name", "reason"),
    [
        ([], "inline", "Ray pays from 0:25 on"),
        (["resources.workers=1", "search.trials=100000"], "inline", "one trial at a time"),
        (["resources.address=auto"], "ray", "resources.address is given"),
        (["resources.gpus=0.5"], "ray", "resources.gpus is given"),
        (["resources.epoch_seconds=60"], "ray", "resources.epoch_seconds is given"),
        (["search.trials=100000"], "ray", "of work for one CPU, for 3 workers"),
        (["search.seconds=600", "search.epochs=auto"], "ray", "about 10:00 of work"),
        (["search.seconds=60", "search.epochs=auto"], "ray", "about 1:00 of work"),
        (["search.seconds=20", "search.epochs=auto"], "inline", "about 0:20 of work"),
        (["search.seconds=60", "search.trials=100000"], "ray", "about 1:00 of work"),
        (["resources.runner=ray"], "ray", "says so"),
        (["resources.runner=inline", "search.trials=100000"], "inline", "says so"),
    ],
)
def test_ray_is_started_where_it_pays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: list[str], name: str, reason: str
) -> None:
    monkeypatch.setattr("convscape.search.driver.runner.cpus_here", lambda: 3)  # no more workers than that at a time
    config = tiny(tmp_path, "resources={precision: float32, workers: 4}", *settings)
    designs = replace(DesignSpace.of(config, input=(1, 8, 8), classes=10), images=1_150)
    chosen = choose_runner(config, designs)
    assert chosen.name == name
    assert reason in chosen.reason
    assert choose_runner(config, designs) == chosen


@pytest.mark.usefixtures("quiet")
def test_a_sweep_is_the_same_by_the_chosen_runner(tmp_path: Path) -> None:
    chosen = launch(tiny(tmp_path / "auto", "resources.runner=auto"), progress=False)
    assert results(chosen) == results(launch(tiny(tmp_path / "inline"), progress=False))


@dataclass
class NowAndThen:
    """A space that fails at every third network."""

    space: Space
    asked: int = 0

    def sample(self, *arguments: Any) -> Architecture:
        self.asked += 1
        if self.asked % 3 == 0:
            raise SpaceError("space.class: it failed")
        return self.space.sample(*arguments)


def test_a_space_that_fails_now_and_then_is_reckoned_by_what_it_gave(tmp_path: Path) -> None:
    config = tiny(tmp_path, "resources={precision: float32, workers: 4}")
    designs = replace(DesignSpace.of(config, input=(1, 8, 8), classes=10), images=1_150)
    unsteady = replace(designs, networks=NowAndThen(designs.networks))  # pyright: ignore[reportArgumentType]
    assert choose_runner(config, unsteady).name == "inline"
    broken = replace(designs, networks=NowAndThen(designs.networks, asked=2))  # pyright: ignore[reportArgumentType]
    with pytest.raises(SpaceError):
        choose_runner(config, broken)
