"""How the last hidden layer orders images: clusters, and a map in two dimensions."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from . import canvas
from .neighbours import why_no_features
from .result import Drawing, Drawn, Omission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .observation import Observation
    from .sample import Sample

MOST_CLUSTERS, IN_CLUSTER = 12, 10
"""Clusters, and images of each, that are drawn, at most."""
SEVERAL_STARTS = 4
"""Starts of k-means, of which the best counts."""
MOST_COLOURS = 20
"""Classes that have a colour and shape of their own in the map, at most."""
COMPONENTS, PERPLEXITY, STEPS = 30, 30, 500
"""Principal components that t-SNE is given, its perplexity, and its steps, at most."""
LEAST_IMAGES = 10
"""Images below which there are no clusters and there is no map."""


def clustered(vectors: NDArray[np.float32], count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Clusters by k-means.

    Args:
        vectors: (N, D).
        count: clusters to find, at most N.
        seed: of the starts.

    Returns:
        The cluster of each vector, (N,), and its distance to the cluster's centre, (N,).
    """
    from sklearn.cluster import KMeans

    with threadpool_limits(1), warnings.catch_warnings():  # sums come out alike however many cores there are
        warnings.filterwarnings("ignore", "Number of distinct clusters")  # of images that are alike
        means = KMeans(count, n_init=SEVERAL_STARTS, random_state=seed).fit(vectors)  # pyright: ignore[reportArgumentType]
        distances = means.transform(vectors).min(1)
    return np.asarray(means.labels_, np.int64), distances.astype(np.float64)


def purity(clusters: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Share of images that are of the class that is most frequent in their cluster, 0 to 1.

    Args:
        clusters: the cluster of each image, (N,).
        labels: the class of each, (N,).
    """
    return sum(np.bincount(labels[clusters == each]).max() for each in np.unique(clusters)) / len(labels)


def tsne(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """A map of vectors in two dimensions, (N, 2), by t-SNE of their first principal components (van der Maaten 2008).

    Args:
        vectors: (N, D), N at least LEAST_IMAGES.
        seed: of t-SNE's order.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    with threadpool_limits(1):
        centred = vectors.astype(np.float64) - vectors.astype(np.float64).mean(0)
        centred /= max(np.abs(centred).max(), np.finfo(np.float64).tiny)  # the squares of tiny differences are none
        components = min(COMPONENTS, *vectors.shape)
        reduced = PCA(components, random_state=seed).fit_transform(centred) if centred.any() else centred[:, :2]
        if reduced.shape[1] < 2 or not reduced.std(0)[:2].all():  # there is but one direction, or none
            return np.column_stack([reduced[:, 0], np.zeros(len(reduced))])
        perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
        made = TSNE(2, perplexity=perplexity, init="pca", max_iter=STEPS, random_state=seed)
        return made.fit_transform(reduced)


def draw_clusters(sample: Sample, observation: Observation, classes: Sequence[str], seed: int) -> list[Drawn]:
    """Clusters of the last hidden layer, and a map of it in two dimensions.

    Args:
        sample: the images.
        observation: what the network made of them.
        classes: names, in the order of the labels.
        seed: of the clusters' starts and the map's order.
    """
    if (why := why_no_features(observation, LEAST_IMAGES)) is not None:
        return [Omission("Clusters and map", why)]
    assert observation.features is not None
    features = observation.features.numpy()
    return [_clusters(sample, features, classes, seed), _map(sample, features, observation, classes, seed)]


def _clusters(sample: Sample, features: NDArray[np.float32], classes: Sequence[str], seed: int) -> Drawing:
    from sklearn.metrics import adjusted_rand_score

    wanted = min(len(classes), len(sample) // 4)
    found, distances = clustered(features, max(2, wanted), seed)
    sizes = np.bincount(found)
    drawn = np.argsort(-sizes, kind="stable")[:MOST_CLUSTERS]
    tiles, rows = [], []
    for each in drawn[sizes[drawn] > 0]:
        members = np.flatnonzero(found == each)
        shown = members[np.argsort(distances[members], kind="stable")][:IN_CLUSTER]
        images = canvas.enlarged(canvas.as_colour(torch.tensor(sample.pixels[shown]).float() / 255), 64)
        blank = torch.ones(IN_CLUSTER - len(images), *images.shape[1:])
        tiles.append(torch.cat([images, blank]))
        rows.append(_described(members, sample, classes))
    said = ""
    if sample.labels is not None:
        rand = adjusted_rand_score(sample.labels, found)
        said = (
            f"{purity(found, sample.labels):.0%} of the images are of the class that is most frequent in their "
            f"cluster; the adjusted Rand index is {rand:.2f}, 1 for clusters that are the classes and 0 for chance."
        )
    return Drawing(
        file="clusters.png",
        title="Clusters of the last hidden layer",
        shows=f"k-means finds {len(np.unique(found))} clusters without knowing the classes; a row for each, with the "
        "images nearest to its centre, how many are in it, and the share of its most frequent class."
        + (f" The {len(rows)} largest are drawn." if len(rows) < len(np.unique(found)) else ""),
        alarming="Clusters by brightness, background or where a picture was taken, in place of the class.",
        found=said,
        png=canvas.grid(torch.cat(tiles), IN_CLUSTER, rows=rows, most=30),
    )


def _described(members: NDArray[np.int64], sample: Sample, classes: Sequence[str]) -> str:
    if sample.labels is None:
        return f"{len(members):,} images"
    counts = np.bincount(sample.labels[members])
    return f"{canvas.short(classes[int(counts.argmax())], 14)}: {counts.max() / len(members):.0%} of {len(members):,}"


def _map(
    sample: Sample, features: NDArray[np.float32], observation: Observation, classes: Sequence[str], seed: int
) -> Drawing:
    known = sample.labels is not None
    labels = sample.labels if sample.labels is not None else observation.probabilities.argmax(1).numpy()
    counts = np.bincount(labels, minlength=len(classes))
    coloured = np.sort(np.argsort(-counts, kind="stable")[:MOST_COLOURS])
    groups = [(classes[int(each)], labels == each) for each in coloured if counts[each]]
    return Drawing(
        file="map.png",
        title="Map of the last hidden layer",
        shows="A point for each image; those that the last hidden layer takes for alike lie together (t-SNE: what is "
        "near says something, how far apart groups lie does not). The colour is the "
        + ("class." if known else "class that the network takes it for.")
        + (f" The {len(groups)} most frequent classes have one." if len(groups) < int((counts > 0).sum()) else ""),
        alarming="One cloud without order: the layer does not tell the classes apart. Points within the group of "
        "another class may be labelled wrongly.",
        found="",
        png=canvas.scatter(tsne(features, seed), groups, "other classes"),
    )
