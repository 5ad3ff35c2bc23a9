"""What driver and workers say to each other comes through JSON as it was."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from convscape.search.records import Design
from convscape.search.scheduling import Job, Report
from convscape.spaces import TrainingError
from convscape.trainers import EpochResult, Recipe
from hypothesis import given, strategies as st
from strategies import architectures

RECIPES = st.builds(
    Recipe,
    optimizer=st.sampled_from(["sgd", "adamw"]),
    learning_rate=st.floats(1e-6, 1.0),
    batch_size=st.integers(2, 512),
    gradient_clip=st.none() | st.floats(0.1, 10),
    flip=st.booleans(),
)
NUMBERS = st.integers(0, 10**6)
FINITE = st.floats(allow_nan=False)
RESULTS = st.builds(
    EpochResult,
    epoch=st.integers(1, 1000),
    train_loss=FINITE,
    validation_loss=FINITE,
    validation_accuracy=st.floats(0, 1),
    balanced_accuracy=st.floats(0, 1),
    seconds=FINITE,
    images_per_second=FINITE,
    events=st.lists(st.text(), max_size=3).map(tuple),
    latency=st.none() | st.floats(0, 10),
)


def through_json(values: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(values))


@given(data=st.data(), architecture=architectures(), recipe=RECIPES)
def test_a_job_reads_back_equal(data: st.DataObject, architecture: Any, recipe: Recipe) -> None:
    job = Job(
        number=data.draw(NUMBERS),
        design=Design.of(architecture, recipe),
        start=data.draw(NUMBERS),
        epochs=data.draw(NUMBERS),
        rungs=tuple(data.draw(st.lists(NUMBERS, max_size=4))),
        seed=data.draw(NUMBERS),
        best=data.draw(st.floats(-1, 1)),
        checkpoints=Path("/sweeps") / str(data.draw(NUMBERS)),
        until=data.draw(st.none() | st.floats(0, 1e12)),
        refit=data.draw(st.booleans()),
        fold=data.draw(NUMBERS),
        latency=data.draw(st.booleans()),
    )
    assert Job.from_json(through_json(job.to_json())) == job


@given(
    number=NUMBERS,
    results=st.lists(RESULTS, max_size=4).map(tuple),
    failure=st.text(),
    halt=st.none() | st.tuples(st.text(min_size=1), st.text()),
    late=st.booleans(),
    outgrown=st.booleans(),
)
def test_a_report_reads_back_equal_or_tells_of_nothing(
    number: int,
    results: tuple[EpochResult, ...],
    failure: str,
    halt: tuple[str, str] | None,
    late: bool,
    outgrown: bool,
) -> None:
    report = Report(number=number, results=results, failure=failure, halt=halt, late=late, outgrown=outgrown)
    values = through_json(report.to_json()) | {"training_iteration": 1}  # as Tune adds it
    if results or failure or halt or late or outgrown:
        assert Report.from_json(values) == report
    else:
        with pytest.raises(TrainingError, match="it tells of no epoch"):
            Report.from_json(values)


def test_numbers_that_are_none_come_through() -> None:
    """A loss of NaN is for the engine to judge, not for the messenger."""
    result = EpochResult.from_json(
        through_json({
            "epoch": 1, "train_loss": math.nan, "validation_loss": math.inf, "validation_accuracy": 0.5,
            "balanced_accuracy": 0.5, "seconds": 1.0, "images_per_second": 1.0, "events": ["halved"],
        })
    )  # fmt: skip
    assert math.isnan(result.train_loss)
    assert result.validation_loss == math.inf
    assert result.events == ("halved",)
    assert result.latency is None


@pytest.mark.parametrize(
    "spoilt", [{"number": ...}, {"epoch_results": 3}, {"epoch_results": [3]}, {"halt": 5}], ids=str
)
def test_what_cannot_be_read_says_so(spoilt: dict[str, Any]) -> None:
    values = Report(number=1, failure="it broke").to_json() | spoilt
    with pytest.raises(TrainingError, match="its worker's result cannot be read"):
        Report.from_json({key: value for key, value in values.items() if value is not ...})
