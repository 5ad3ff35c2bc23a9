"""Neighbours and clusters of feature spaces made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from convscape.trainers.insight.clusters import clustered, purity, tsne
from convscape.trainers.insight.neighbours import nearest, same_class

LINE = np.array([[0.0], [1.0], [10.0], [11.5], [13.5]], np.float32)


def test_neighbours_are_the_nearest_others() -> None:
    assert nearest(LINE, 2).tolist() == [[1, 2], [0, 2], [3, 4], [2, 4], [3, 2]]


def test_the_share_of_neighbours_of_the_same_class_is_counted() -> None:
    assert same_class(nearest(LINE, 1), np.array([0, 0, 1, 1, 2])) == pytest.approx(4 / 5)


def test_clusters_that_lie_apart_are_found_and_their_purity_counted() -> None:
    random = np.random.default_rng(0)
    vectors = np.concatenate([random.normal(9 * at, 1, (20, 3)) for at in range(3)]).astype(np.float32)
    labels = np.repeat([0, 1, 2], 20)
    found, distances = clustered(vectors, 3, seed=0)
    assert purity(found, labels) == 1
    assert distances.shape == (60,)
    assert purity(np.zeros(60, int), labels) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "vectors", [np.zeros((12, 3)), np.arange(12.0)[:, None], np.eye(12)[:, :2], 1e-30 * np.eye(12)]
)
def test_a_map_is_made_of_vectors_of_little_content_too(vectors: np.ndarray) -> None:
    points = tsne(vectors.astype(np.float32), seed=0)
    assert points.shape == (12, 2)
    assert np.isfinite(points).all()
