"""How far probabilities can be believed: against the definitions, written out, and against a known temperature."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from convscape.trainers.measuring.calibration import (
    COOLEST,
    HOTTEST,
    best_temperature,
    reliability,
    softmax_at_temperature,
)
from convscape.trainers.measuring.timing import FEWEST, MOST, time_calls
from hypothesis import given, settings, strategies as st
from torch.nn.functional import cross_entropy

SEEDS = st.integers(0, 2**32 - 1)


def scores_and_labels(seed: int, count: int, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and labels drawn with the probabilities that they say."""
    random = np.random.default_rng(seed)
    scores = random.normal(0, 2, (count, classes))
    drawn = softmax_at_temperature(scores, 1.0).cumsum(1) > random.random((count, 1))
    return scores, drawn.argmax(1)


@given(SEEDS, st.integers(1, 60), st.integers(2, 6))
def test_the_error_is_its_definition_written_out(seed: int, count: int, classes: int) -> None:
    """Guo et al. 2017, equation 3, image by image and bin by bin."""
    scores, labels = scores_and_labels(seed, count, classes)
    probabilities = softmax_at_temperature(scores, 1.0)
    found = reliability(probabilities, labels)
    error = 0.0
    for number, each in enumerate(found.bins):
        inside = [
            (row.max(), row.argmax() == label)
            for row, label in zip(probabilities, labels, strict=True)
            if number / 10 <= row.max() < (number + 1) / 10 or (number == 9 and row.max() == 1)
        ]
        assert each.images == len(inside)
        if inside:
            confidence, accuracy = (sum(values) / len(inside) for values in zip(*inside, strict=True))
            assert (each.confidence, each.accuracy) == (pytest.approx(confidence), pytest.approx(accuracy))
            error += len(inside) / count * abs(accuracy - confidence)
    assert found.error == pytest.approx(error)


def test_sure_and_always_right_is_no_error_and_sure_and_always_wrong_is_all_of_it() -> None:
    sure = np.eye(3)[[0, 1, 2, 0]]
    assert reliability(sure, np.array([0, 1, 2, 0])).error == 0
    assert reliability(sure, np.array([1, 2, 0, 1])).error == 1


@settings(max_examples=10)
@given(SEEDS, st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0]))
def test_the_temperature_that_scores_were_spoilt_by_is_found(seed: int, factor: float) -> None:
    scores, labels = scores_and_labels(seed, 20_000)
    found = best_temperature(scores * factor, labels)
    assert found == pytest.approx(factor, rel=0.08)
    calibrated = softmax_at_temperature(scores * factor, found)
    assert (calibrated.argmax(1) == scores.argmax(1)).all(), "no answer changes"
    if factor != 1:
        spoilt = reliability(softmax_at_temperature(scores * factor, 1.0), labels).error
        assert reliability(calibrated, labels).error < spoilt / 2


@settings(max_examples=60)
@given(SEEDS, st.integers(2, 200), st.sampled_from([0.0, 1e-3, 1.0, 50.0, 1e4]))
def test_no_temperature_within_the_bounds_is_better(seed: int, count: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    scores, labels = scale * random.normal(0, 1, (count, 3)).astype(np.float32), random.integers(0, 3, count)

    def loss(temperature: float) -> float:
        return float(cross_entropy(torch.from_numpy(scores).double() / temperature, torch.from_numpy(labels)))

    found = best_temperature(scores, labels)
    assert COOLEST <= found <= HOTTEST
    best = min(map(loss, np.geomspace(COOLEST, HOTTEST, 200)))
    assert loss(found) <= best + 1e-6 * max(1.0, best)


def test_a_call_is_timed_a_few_times_and_not_for_long() -> None:
    calls: list[int] = []
    found = time_calls(lambda: calls.append(1))
    assert found.repeats == MOST == len(calls) - 1, "the first does not count"
    assert 0 < found.low <= found.median <= found.high
    assert FEWEST < MOST
