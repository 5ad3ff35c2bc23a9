"""Finding the network somebody means."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from convscape.spaces.architecture import Architecture
from convscape.spaces.classics.catalog import classic, is_classic
from convscape.spaces.errors import ArchitectureError, ConvscapeError, GeometryError, NotationError
from convscape.spaces.lookup import is_name, load_architecture
from convscape.spaces.parsing import parse_notation
from hypothesis import example, given, strategies as st

if TYPE_CHECKING:
    from pathlib import Path

LINE = "INPUT[8x8x1] -> CONV3-4 -> RELU -> FLATTEN -> FC-10"


def test_a_classic_by_its_name() -> None:
    assert load_architecture("lenet5") == classic("lenet5")
    assert load_architecture("vgg16", (3, 64, 64), 10) == classic("vgg16", (3, 64, 64), 10)


@pytest.mark.parametrize("line", [LINE, "  " + LINE, LINE.replace("INPUT", "input")])
def test_a_line_of_notation(line: str) -> None:
    assert load_architecture(line) == parse_notation(LINE)


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "network.json"
    file.write_text(json.dumps(parse_notation(LINE).to_json()))
    assert load_architecture(str(file)) == parse_notation(LINE)


def test_another_image_and_fit() -> None:
    found = load_architecture(LINE, (3, 16, 12), fit="pad")
    assert found == Architecture((3, 16, 12), parse_notation(LINE).layers, 10, "pad")


def test_another_image_and_fit_rescue_a_line_that_fails_without_them() -> None:
    strict, large = "INPUT[32x32x3] fit=strict -> CONV3-8 s2 -> GAP", "INPUT[8x8x3] -> CONV11-16 valid -> GAP"
    for line in (strict, large):
        with pytest.raises(GeometryError):
            load_architecture(line)
    assert load_architecture(strict, fit="crop") == parse_notation(strict.replace("strict", "crop"))
    assert load_architecture(large, (3, 32, 32)) == parse_notation(large.replace("8x8", "32x32"))
    with pytest.raises(ArchitectureError, match="`input`"):
        load_architecture(large, (0, 32, 32))


def test_classes_that_do_not_go_with_the_last_layer() -> None:
    with pytest.raises(ArchitectureError):
        load_architecture(LINE, classes=11)


@pytest.mark.parametrize("what", ["vgg17", "", "sweep.yaml", "a" * 1000])
def test_none_of_the_three(what: str) -> None:
    with pytest.raises(ArchitectureError, match="is no classic, no notation") as caught:
        load_architecture(what)
    assert "vgg16" in caught.value.remedy
    assert "INPUT[32x32x3]" in caught.value.remedy
    assert len(caught.value.message) < 150


@pytest.mark.parametrize(("what", "guess"), [("vgg17", "vgg19"), ("resnet5", "resnet50"), ("sweep.yaml", None)])
def test_a_misspelt_classic_is_guessed(what: str, guess: str | None) -> None:
    with pytest.raises(ArchitectureError) as caught:
        load_architecture(what)
    assert caught.value.remedy.startswith(f"Did you mean '{guess}'? Classics: " if guess else "Classics: ")


def test_a_classic_is_told_by_its_name_alone() -> None:
    assert is_classic("VGG_16")
    assert not is_classic("vgg17")
    assert [is_name(what) for what in ("vgg16", "vgg17", "a.json", LINE)] == [True, True, False, False]
    with pytest.raises(ArchitectureError, match="must be a whole number"):
        load_architecture("vgg16", ("no classic", 8, 8))  # pyright: ignore[reportArgumentType]


def test_a_broken_line_points_at_the_column() -> None:
    with pytest.raises(NotationError):
        load_architecture("INPUT[8x8x1] -> CONVV3-4 -> FC-10")


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"{", b"[]", b"{}", b"null"])
def test_a_file_that_holds_no_network(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "network.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ArchitectureError):
        load_architecture(str(file))


@given(st.text() | st.text().map("{}.json".format) | st.text(max_size=2).map("vgg{}".format))
@example("\0.json")
@example("\ud800.json")
@example("a" * 5_000 + ".json")
def test_any_text_is_a_network_or_a_project_error(what: str) -> None:
    with suppress(ConvscapeError):
        assert isinstance(load_architecture(what), Architecture)


def test_a_file_that_holds_no_network_is_named(tmp_path: Path) -> None:
    file = tmp_path / "network.json"
    for content, says in (('{"totals": 3}', "`format`"), ("[]", "not list"), ("{", "not JSON")):
        file.write_text(content)
        with pytest.raises(ArchitectureError, match=r"network\.json: ") as caught:
            load_architecture(str(file))
        assert says in caught.value.message
        assert "architecture.json" in caught.value.remedy
    values = parse_notation(LINE).to_json()
    values["layers"][0]["kind"] = "Cnv"
    file.write_text(json.dumps(values))
    with pytest.raises(ArchitectureError, match=r"network.json: `layers\[0\].kind`"):
        load_architecture(str(file))


def test_a_file_that_holds_an_architecture_among_others(tmp_path: Path) -> None:
    file = tmp_path / "described.json"
    file.write_text(json.dumps({"digest": "", "architecture": parse_notation(LINE).to_json()}))
    assert load_architecture(str(file)) == parse_notation(LINE)


def test_another_image_and_fit_rescue_a_file_that_fails_without_them(tmp_path: Path) -> None:
    file = tmp_path / "network.json"
    file.write_text(json.dumps(parse_notation("INPUT[9x9x1] -> POOL3 -> FC-10").to_json() | {"input": [1, 2, 2]}))
    with pytest.raises(GeometryError, match=r"network\.json: layer 0"):
        load_architecture(str(file))
    assert load_architecture(str(file), (1, 9, 9)).input == (1, 9, 9)
    file.write_text(json.dumps(parse_notation("INPUT[8x8x1] -> POOL3 -> FC-10").to_json() | {"fit": "strict"}))
    with pytest.raises(GeometryError):
        load_architecture(str(file))
    assert load_architecture(str(file), fit="pad").fit == "pad"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "x.json").mkdir()
    with pytest.raises(ArchitectureError, match="cannot be read"):
        load_architecture(str(tmp_path / "x.json"))
