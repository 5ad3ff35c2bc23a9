"""Looking into a network: any there is, without changing it, the same each time, and whatever classes are called."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from convscape.spaces import DataError
from convscape.trainers.insight import Sample, inspect_network, sample_of_part
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image
from strategies import architectures

from .conftest import noise, untrained

if TYPE_CHECKING:
    from pathlib import Path

    from convscape.spaces import Architecture
    from convscape.trainers import Classifier
    from convscape.trainers.data.dataset import Dataset

HOSTILE = (
    "<script>alert(1)</script>",
    "$\\frac$",
    "a\nb",
    "\x1b[2J",
    "_hidden",
    "{{ 7 * 7 }}",
    "鳥\ud800",
    "",
    "x" * 300,
    '"',
)
EVERYTHING = {
    "first-filters.png", "inner-filters-1.png", "activations-1.png", "activations-2.png", "dead-filters.png",
    "top-activations-1.png", "top-activations-2.png", "saliency.png", "filter-images.png", "class-images.png",
    "neighbours.png", "clusters.png", "map.png", "mistakes.png",
}  # fmt: skip


def test_all_is_drawn_of_a_trained_network_and_the_page_needs_no_other_file(
    trained: Classifier, digits: Dataset, tmp_path: Path, hasty: None
) -> None:
    sample = sample_of_part(digits.validation, "validation images", note="Some were trained on.")
    found = inspect_network(trained, sample, tmp_path, name="digits")
    assert {each.file for each in found.drawings} == EVERYTHING
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(found.files)
    for drawing in found.drawings:
        assert drawing.shows
        assert drawing.alarming
        assert Image.open(io.BytesIO((tmp_path / drawing.file).read_bytes())).size[0] > 80
    page = (tmp_path / "index.html").read_text()
    assert page.count("data:image/png;base64,") == len(EVERYTHING)
    assert 'src="http' not in page
    assert "Looked at with 100 validation images. Some were trained on." in page
    told = json.loads((tmp_path / "inspection.json").read_text())
    assert [each["file"] for each in told["pictures"]] == [each.file for each in found.drawings]


def test_equal_arguments_give_equal_files_and_nothing_is_changed(
    trained: Classifier, digits: Dataset, tmp_path: Path, hasty: None
) -> None:
    sample = sample_of_part(digits.validation, "validation images", most=40)
    before = {name: value.clone() for name, value in trained.network.state_dict().items()}
    chance, files = torch.random.get_rng_state(), []
    torch.set_num_threads(2)
    try:
        for at in ("one", "two"):
            (tmp_path / at).mkdir()
            inspect_network(trained, sample, tmp_path / at, name="digits")
            files.append({path.name: path.read_bytes() for path in (tmp_path / at).iterdir()})
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert files[0] == files[1]
    assert all(torch.equal(before[name], value) for name, value in trained.network.state_dict().items())
    assert all(weight.requires_grad and weight.grad is None for weight in trained.network.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in trained.network.modules())
    assert torch.equal(chance, torch.random.get_rng_state())


def test_names_of_classes_are_shown_as_text(tmp_path: Path, hasty: None) -> None:
    classifier = untrained("INPUT[6x6x1] -> CONV3-4 -> RELU -> FC-10", classes=HOSTILE)
    sample = replace(noise(classifier, 20), names=tuple(f"<b>{at}" for at in range(20)), skipped=("<i>: is empty",))
    found = inspect_network(classifier, sample, tmp_path, name="<u>&\x1b[2J")
    assert "mistakes.png" in {each.file for each in found.drawings}
    page = (tmp_path / "index.html").read_text()
    assert not [each for each in ("<script", "<b>0", "<i>", "<u>", "\x1b", "49") if each in page.partition("data:")[0]]
    body = "".join(part.partition('"')[2] for part in page.split("base64,"))
    assert not [each for each in ("<script", "<i>", "<u>", "\x1b") if each in body]
    assert "&lt;u&gt;&amp;" in page


NETWORKS = {
    "mlp": "INPUT[6x6x1] -> FC-8 -> RELU -> FC-3",
    "linear classifier": "INPUT[6x6x3] -> FC-3",
    "all convolutional, in colour": "INPUT[8x8x3] -> CONV3-4 -> RELU -> CONV3-4 S2 -> RELU -> CONV1-3 -> GAP",
    "many channels, 1x1 first": "INPUT[6x6x5] -> CONV1-4 -> TANH -> CONV3-4 -> SIGMOID -> FC-2",
    "two channels, no nonlinearity": "INPUT[5x7x2] -> CONV3-4 -> FC-2",
}


@pytest.mark.parametrize("notation", NETWORKS.values(), ids=NETWORKS)
def test_any_kind_of_network_is_drawn(notation: str, tmp_path: Path, hasty: None) -> None:
    classifier = untrained(notation)
    found = inspect_network(classifier, noise(classifier, 12), tmp_path, name="any")
    files = {each.file for each in found.drawings}
    assert {"first-filters.png", "saliency.png", "class-images.png", "mistakes.png"} <= files
    assert all(each.why for each in found.omissions)


@pytest.mark.slow
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(architectures(), st.integers(1, 14), st.booleans())
def test_every_network_is_drawn(
    hasty: None, tmp_path_factory: pytest.TempPathFactory, architecture: Architecture, images: int, labelled: bool
) -> None:
    classifier = untrained(architecture)
    sample = noise(classifier, images, labelled=labelled)
    found = inspect_network(classifier, sample, tmp_path_factory.mktemp("any"), name="any")
    assert len(found.drawings) + len(found.omissions) >= 3


@pytest.mark.parametrize("count", [1, 2])
def test_a_few_images_without_labels_will_do(count: int, tmp_path: Path, hasty: None) -> None:
    classifier = untrained("INPUT[6x6x1] -> CONV3-4 -> RELU -> FC-2")
    found = inspect_network(classifier, noise(classifier, count, labelled=False), tmp_path, name="few")
    assert {each.title for each in found.omissions} == {
        "Nearest neighbours", "Clusters and map", "Most confident mistakes",
    }  # fmt: skip


def test_without_images_there_is_what_needs_none(trained: Classifier, tmp_path: Path, hasty: None) -> None:
    found = inspect_network(trained, None, tmp_path, name="digits")
    files = {each.file for each in found.drawings}
    assert files == {"first-filters.png", "inner-filters-1.png", "filter-images.png", "class-images.png"}
    assert "--images FOLDER" in found.omissions[0].why


def test_weights_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    classifier = untrained("INPUT[6x6x1] -> FC-2")
    classifier.network.get_submodule("1").bias.data.fill_(float("nan"))  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]
    found = inspect_network(classifier, noise(classifier, 3), tmp_path, name="diverged")
    assert not found.drawings
    assert found.omissions[0].why == "The network's 1.bias holds values that are no numbers."


def test_images_that_do_not_fit_are_refused(trained: Classifier, tmp_path: Path) -> None:
    pixels = np.zeros((2, 1, 8, 8), np.uint8)
    for sample, said in (
        (Sample(pixels=np.zeros((2, 3, 8, 8), np.uint8)), r"are \(3, 8, 8\)"),
        (Sample(pixels=pixels, labels=np.array([0, 10])), "labels from 0 to 10"),
    ):
        with pytest.raises(DataError, match=said):
            inspect_network(trained, sample, tmp_path, name="digits")
    with pytest.raises(DataError, match="float32"):
        Sample(pixels=pixels.astype(np.float32))  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match="1 labels for 2 images"):
        Sample(pixels=pixels, labels=np.array([0]))
