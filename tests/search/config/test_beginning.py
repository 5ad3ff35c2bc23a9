"""Settings to begin with suit the images and the machine, and what is written is read back."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import pytest
from convscape.search.config import beginning, beginning_text
from convscape.search.config.beginning import begin, read_or_begin
from convscape.search.config.beginning_text import Beginning, scalar, sweep_file_text
from convscape.search.config.schema import NAME
from convscape.search.config.sweep_file import parse_sweep_file
from convscape.search.config.yaml_lines import parse_yaml
from convscape.spaces import ConfigError, DataError
from convscape.trainers.data import Outlook, data_set_called
from hypothesis import example, given, strategies as st
from PIL import Image


def outlook(**changed: Any) -> Outlook:
    known = {"train": 500, "classes": ("cat", "dog"), "channels": 3, "sizes": ((480, 640),)}
    return Outlook(**{**known, **changed})


@pytest.mark.parametrize("module", [beginning, beginning_text])
def test_examples(module: Any) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize(
    ("sizes", "size"),
    [
        (((28, 28),), None),
        (((64, 64),), None),
        (((40, 60),), None),
        (((96, 96),), 64),
        (((480, 640), (640, 480)), 64),
        (((20, 30), (25, 30)), 24),
        (((50, 60), (50, 61)), 48),
        (((5, 6), (6, 6)), 8),
        (((8, 9), (800, 900), (900, 900)), 64),
    ],
)
def test_small_images_keep_their_size_and_large_ones_become_smaller(sizes: Any, size: int | None) -> None:
    assert beginning._size(outlook(sizes=sizes), 64) == size
    if size and size >= 64:
        assert beginning._size(outlook(sizes=sizes), 128) in (None, 96, 128)


@pytest.mark.parametrize(
    ("classes", "flip"),
    [(("cat", "dog"), True), (("A", "B", "space"), False), (("left hand", "fist"), False), (("bright", "dim"), True)],
)
def test_images_whose_mirror_is_of_another_class_are_not_mirrored(
    classes: tuple[str, ...], flip: bool, tmp_path: Path
) -> None:
    for name in classes:
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / name / "1.png")
    assert begin(tmp_path).flip is flip


def known(**changed: Any) -> Beginning:
    settings = {"name": "photos", "data": "folder", "root": Path("/photos"), "outlook": outlook(), "size": 64}
    settings |= {"seconds": 600, "flip": True, "transfer": True, "cpus": 8, "gpus": 0}
    return Beginning(**{**settings, **changed})


@pytest.mark.parametrize(
    ("machine", "resources"),
    [
        ({"cpus": 8, "gpus": 0}, (1, 0)),
        ({"cpus": 16, "gpus": 1}, (8, 0.5)),
        ({"cpus": 1, "gpus": 4}, (1, 0.5)),
    ],
)
def test_each_trial_gets_its_share_of_the_machine(machine: dict[str, int], resources: tuple[float, float]) -> None:
    config = parse_sweep_file(sweep_file_text(known(**machine)))
    assert (config.resources.cpus, config.resources.gpus) == resources


def test_pretrained_weights_are_advised_for_few_images_in_colour(tmp_path: Path) -> None:
    for mode, side in (("RGB", 48), ("L", 48), ("RGB", 16)):
        folder = tmp_path / f"{mode}{side}"
        for name in ("cat", "dog"):
            (folder / name).mkdir(parents=True)
            Image.new(mode, (side, side)).save(folder / name / "1.png")
        text = sweep_file_text(begin(folder))
        assert ("torchvision:resnet18" in text) == ((mode, side) == ("RGB", 48))
    assert "torchvision" not in sweep_file_text(known(transfer=False))


def test_a_larger_size_is_advised_where_the_images_have_it() -> None:
    assert "96 shows more detail, and takes 2.2 times as long" in sweep_file_text(known())
    assert "more detail" not in sweep_file_text(known(outlook=outlook(sizes=((64, 70), (64, 80)))))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
@example("1e3")
@example("- a")
@example("1000000000000000001")
@example("x #y")
@example("null")
@example("a\u2028b")
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    for line in (f"root: {scalar(text)}  # c", f"root: {{root: {scalar(text)}, b: 1}}"):
        value = parse_yaml(line, "x").values["root"]
        assert (value["root"] if isinstance(value, dict) else value) == text


@given(st.text())
def test_any_folder_s_name_makes_a_sweep_s_name(text: str) -> None:
    import re

    assert re.fullmatch(NAME, beginning._name(text))


def test_a_whole_file_is_read_whatever_the_folder_is_called() -> None:
    for root in ("/a b/#1: 'x'\n", "/1e3", "/写真/ö", "/tab\there"):
        config = parse_sweep_file(sweep_file_text(known(root=Path(root)), "file:///s"))
        assert config.data.root == Path(root)


def test_data_sets_are_known_however_they_are_written() -> None:
    assert data_set_called("Fashion MNIST") == "fashion-mnist"
    assert data_set_called("folder") is data_set_called("leaves") is None


@pytest.mark.parametrize("ask", [begin, read_or_begin])
def test_a_data_set_s_name_that_is_misspelt_gets_the_nearest(ask: Any) -> None:
    with pytest.raises((ConfigError, DataError), match=r"Did you mean 'fashion-mnist'\? Name a"):
        ask("fashon-mnist")
    with pytest.raises((ConfigError, DataError)) as refused:
        ask("no/such/photos")
    assert "Did you mean" not in str(refused.value)


def test_sizes_are_ordered_as_in_what_is_said_of_the_images() -> None:
    """A picture of 90x120 has more pixels than one of 96x96, though its shorter side has fewer."""
    text = sweep_file_text(
        Beginning(
            name="x", data="folder", root=Path("photos"), outlook=outlook(sizes=((96, 96), (72, 48), (90, 120))),
            size=48, seconds=60, flip=True, transfer=False, cpus=2, gpus=0,
        )
    )  # fmt: skip
    assert "the images have 72x48 to 90x120" in text
    assert "96 shows more detail" in text
