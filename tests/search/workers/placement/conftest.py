"""An engine of tiny networks, of whose needs what cuBLAS and CUDA take is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from convscape.search.config.schema import SweepConfig
from convscape.search.proposals import DesignSpace
from convscape.search.scheduling.engine import Engine
from convscape.search.study.study import Study
from convscape.search.workers.placement import needs, shares

if TYPE_CHECKING:
    from pathlib import Path


class Silent:
    """A tracker that is told, and does nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Engine:
    """Four trials, or as many as its parameter says, of networks that take less than 8 MB to train."""
    monkeypatch.setattr(needs, "WORKSPACE", 0)
    monkeypatch.setattr(shares, "CONTEXT", 0)
    config = SweepConfig.model_validate(
        {
            "name": "s",
            "folder": tmp_path,
            "data": {"name": "digits"},
            "space": {"stages": 1, "convolutions": 1, "filters": 4, "kernel": 3, "dropout": 0.0, "hidden": 0},
            "recipe": {"batch_size": 100},
            "search": {"trials": getattr(request, "param", 4), "epochs": 1, "start": [], "finalists": 0},
        }
    )
    study = Study(tmp_path, sampler="random", seed=0)
    return Engine(config, DesignSpace.of(config, (1, 8, 8), 10), study, cast("Any", Silent()))
