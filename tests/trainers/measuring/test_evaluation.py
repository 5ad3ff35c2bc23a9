"""What is counted of a network's answers."""

from __future__ import annotations

import numpy as np
import pytest
from convscape.trainers.measuring import evaluate, wilson_interval
from hypothesis import given, strategies as st
from sklearn.metrics import confusion_matrix, recall_score


def test_an_interval_agrees_with_wilsons_example() -> None:
    """Newcombe 1998, table I, method 3: 81 of 263 gives 0.2553 to 0.3662."""
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    low, high = wilson_interval(10, 10)
    assert low < 1.0 == pytest.approx(high)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(0, 1)), min_size=1, max_size=40))
def test_counts_agree_with_scikit_learn_s(answers: list[tuple[int, int, float]]) -> None:
    labels, predicted = (np.array([answer[at] for answer in answers]) for at in (0, 1))
    sure = np.array([answer[2] for answer in answers])
    names = ("a", "b", "c", "d")
    found = evaluate(labels, predicted, sure, names)
    matrix = confusion_matrix(labels, predicted, labels=range(4))
    assert found.right == matrix.trace()
    assert [(each.images, each.right) for each in found.classes] == list(
        zip(matrix.sum(1), matrix.diagonal(), strict=True)
    )
    recalls = recall_score(labels, predicted, labels=range(4), average=None, zero_division=0.0)
    assert [each.recall or 0.0 for each in found.classes] == pytest.approx(list(recalls))
    said = {(names.index(each.actual), names.index(each.predicted)): each.images for each in found.confusions}
    assert said == {(i, j): matrix[i, j] for i in range(4) for j in range(4) if i != j and matrix[i, j]}
    assert [each.images for each in found.confusions] == sorted(each.images for each in found.confusions)[::-1]
    probabilities = [each.probability for each in found.mistakes]
    assert probabilities == sorted((p for i, j, p in answers if i != j), reverse=True)[:20]
    assert all(
        labels[each.index] == names.index(each.actual) and each.image == str(each.index) for each in found.mistakes
    )
