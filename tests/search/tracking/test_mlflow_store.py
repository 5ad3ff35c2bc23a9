"""More images than Ray's object store holds: they are trained on all the same, or the sweep says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from convscape.search.config import sweep_file
from convscape.search.driver.launching import launch, resume
from convscape.search.sweep import Sweep
from convscape.spaces.errors import SweepError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from convscape.search.config.schema import SweepConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quiet")]

STORE = 80_000_000
"""Bytes; Ray takes no less than 75 MB."""
MANY = """
name: many
data: {name: many.images, train: 500, validation: 20000}
space: {stages: 1, convolutions: 1, filters: 4, kernel: [3, 5], stride: 4, dropout: 0.0, hidden: 0}
search: {finalists: 0, trials: 3, epochs: 2, reduction: 2, seed: 1, sampler: random}
resources: {workers: 1, precision: float32}
"""
MODULE = """
import numpy as np

def images(root):
    labels = np.arange(40_000) % 4
    pixels = np.random.default_rng(0).integers(0, 200, (40_000, 3, 32, 32), dtype=np.uint8)  # 123 MB
    pixels[np.arange(40_000), labels % 3, 8:24, 8:24] += 50
    return pixels, labels
"""


def started(store: int, **settings: Any) -> None:
    import ray

    ray.init(
        address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=store, **settings
    )


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    (folder / "many.py").write_text(MODULE)
    return folder


@pytest.fixture
def config(tmp_path: Path, code: Path) -> Iterator[SweepConfig]:
    import ray

    yield sweep_file.parse_sweep_file(MANY, "many.yaml", [f"folder={tmp_path}", f"code=[{code}]"])
    ray.shutdown()


def test_more_images_than_the_store_holds_are_trained_on(config: SweepConfig) -> None:
    started(STORE)
    counts = launch(config, progress=False).counts()
    assert counts["completed"] + counts["stopped"] == 3
    assert counts["failed"] == counts["unfinished"] == 0


def test_where_there_is_no_room_at_all_the_sweep_says_so_and_loses_nothing(config: SweepConfig, tmp_path: Path) -> None:
    import ray

    full = {"local_fs_capacity_threshold": 0.01}  # of the disk that Ray may fill beside the store
    started(STORE, _system_config=full)
    with pytest.raises(SweepError, match="fit neither into Ray's object store nor onto the disk") as caught:
        launch(config, progress=False)
    for remedy in ("/tmp/ray", "data.memory", "data.train", "--object-store-memory"):  # noqa: S108
        assert remedy in caught.value.remedy
    assert not config.sweep_folder.exists(), "nothing was trained, so nothing stays"
    ray.shutdown()

    started(10 * STORE)
    expected = results(launch(config, progress=False))
    study = config.sweep_folder / "study.jsonl"
    lines = study.read_text().splitlines(keepends=True)
    first = next(index for index, line in enumerate(lines, 1) if '"step":1' in line)
    study.write_text("".join(lines[:first]))  # as if it had been killed after its first epoch
    (config.sweep_folder / "heartbeat.json").unlink()
    ray.shutdown()

    started(STORE, _system_config=full)
    with pytest.raises(SweepError, match="fit neither"):
        resume("many", tmp_path, progress=False)
    assert Sweep.open("many", tmp_path).trials()[0].accuracies.items() <= expected[0].items()
    ray.shutdown()

    started(10 * STORE)
    assert results(resume("many", tmp_path, progress=False)) == expected


def results(sweep: Sweep) -> list[dict[int, float]]:
    return [record.accuracies for record in sweep.trials()]
