"""The notation: printed, read back, and errors that point at their column."""

from __future__ import annotations

import pytest
from convscape.spaces.architecture import Architecture
from convscape.spaces.classics.catalog import CLASSICS, classic
from convscape.spaces.errors import ArchitectureError, ConvscapeError, GeometryError, NotationError
from convscape.spaces.layers import (
    Activation,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    LocallyConnected,
    LocalResponseNorm,
    Parallel,
    Pool,
    Residual,
)
from convscape.spaces.notation import layer_notation, to_notation
from convscape.spaces.parsing import DEEPEST_BRACKETS, LONGEST_NOTATION, WORDS, parse_notation
from convscape.spaces.tracing import LARGEST_NETWORK
from hypothesis import example, given, strategies as st
from strategies import architectures

TEXTBOOK = "INPUT[32x32x3] -> [[CONV3-64 -> BN -> RELU]*2 -> POOL2]*3 -> [FC-512 -> RELU]*1 -> FC-10"


@given(architectures())
def test_what_is_printed_is_read_back_as_the_same_network(architecture):
    again = parse_notation(to_notation(architecture))
    assert again == architecture
    assert again.digest == architecture.digest


@pytest.mark.parametrize("name", CLASSICS)
def test_the_classics_there_and_back(name):
    assert parse_notation(to_notation(classic(name))) == classic(name)


def test_the_textbooks_pattern():
    architecture = parse_notation(TEXTBOOK)
    assert architecture.input == (3, 32, 32)
    stage = (Conv(64, 3), BatchNorm(), Activation()) * 2 + (Pool("max", 2),)
    assert architecture.layers == (*stage * 3, Flatten(), Linear(512), Activation(), Linear(10))
    assert to_notation(architecture) == TEXTBOOK.replace("[FC-512 -> RELU]*1", "FC-512 -> RELU")


LAYERS = {
    "CONV3-64": Conv(64, 3),
    "CONV1x7-64": Conv(64, (1, 7)),
    "CONV3-64 s2": Conv(64, 3, 2),
    "CONV3-64 s2x1": Conv(64, 3, (2, 1)),
    "CONV3-64 valid": Conv(64, 3, padding="valid"),
    "CONV3-64 p1": Conv(64, 3, padding=1),
    "CONV3-64 p1,2": Conv(64, 3, padding=(1, 2)),
    "CONV3-64 p0,1,2,3": Conv(64, 3, padding=(0, 1, 2, 3)),
    "CONV3-64 d2": Conv(64, 3, dilation=2),
    "CONV3-64 g4": Conv(64, 3, groups=4),
    "CONV3-64 nobias": Conv(64, 3, bias=False),
    "CONV3-64 fit=strict": Conv(64, 3, fit="strict"),
    "CONV11-96 s4 valid d2x1 fit=pad g2 nobias": Conv(
        96, 11, 4, "valid", dilation=(2, 1), groups=2, bias=False, fit="pad"
    ),
    "LOCAL3-8 s2 nobias": LocallyConnected(8, 3, 2, bias=False),
    "POOL2": Pool("max", 2),
    "POOL3 s2": Pool("max", 3, 2),
    "POOL3 s2 p1": Pool("max", 3, 2, 1),
    "POOL3 s1 same": Pool("max", 3, 1, "same"),
    "POOL2x1 d2": Pool("max", (2, 1), dilation=2),
    "AVGPOOL2": Pool("average", 2),
    "L2POOL3 s2": Pool("l2", 3, 2),
    "BN": BatchNorm(),
    "LRN5": LocalResponseNorm(),
    "LRN5 alpha=1e-05 beta=0.5 k=1.0": LocalResponseNorm(5, 1e-5, 0.5, 1),
    "RELU": Activation(),
    "LEAKYRELU": Activation("leaky_relu"),
    "ELU": Activation("elu"),
    "GELU": Activation("gelu"),
    "SILU": Activation("silu"),
    "SIGMOID": Activation("sigmoid"),
    "TANH": Activation("tanh"),
    "DROPOUT0.5": Dropout(0.5),
    "SPATIALDROPOUT0.2": Dropout(0.2, spatial=True),
    "GAP": GlobalPool(),
    "GMP": GlobalPool("max"),
    "FLATTEN": Flatten(),
    "FC-10": Linear(10),
    "FC-10 nobias": Linear(10, bias=False),
    "RESIDUAL[CONV3-4 -> BN]": Residual((Conv(4, 3), BatchNorm())),
    "RESIDUAL[CONV3-4 s2 | CONV1-4 s2]": Residual((Conv(4, 3, 2),), (Conv(4, 1, 2),)),
    "PARALLEL[CONV1-4 | IDENTITY | POOL3 s1 same -> CONV1-4]": Parallel(
        ((Conv(4, 1),), (), (Pool("max", 3, 1, "same"), Conv(4, 1)))
    ),
}


@pytest.mark.parametrize("text", LAYERS)
def test_a_layer_as_text(text):
    assert layer_notation(LAYERS[text]) == text


def test_every_word_is_shown_above():
    assert {word for text in LAYERS for word in WORDS if text.startswith(word)} == set(WORDS)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("input[8x8x1]->conv3-4->relu->fc-3", "INPUT[8x8x1] -> CONV3-4 -> RELU -> FC-3"),
        ("  INPUT [ 8 x 8 x 1 ]\n->\tGAP ", "INPUT[8x8x1] -> GAP"),
        ("INPUT[8x8x1] -> [CONV3-4]*0 -> FC-3", "INPUT[8x8x1] -> FC-3"),
        ("INPUT[8x8x1] -> CONV3-4*2 -> FC-3", "INPUT[8x8x1] -> [CONV3-4]*2 -> FC-3"),
        ("INPUT[8x8x1] -> CONV3-4 nobias s2 -> FC-3", "INPUT[8x8x1] -> CONV3-4 s2 nobias -> FC-3"),
        ("INPUT[8x8x1] -> POOL2 s2 -> FLATTEN -> FC-3", "INPUT[8x8x1] -> POOL2 -> FC-3"),
        ("INPUT[8x8x1] -> RESIDUAL[BN | IDENTITY] -> GAP", "INPUT[8x8x1] -> RESIDUAL[BN] -> GAP"),
        ("INPUT[8x8x1] -> [FC-3]*2", "INPUT[8x8x1] -> FC-3 -> FC-3"),
        ("INPUT[1x1x5]", "INPUT[1x1x5]"),
    ],
)
def test_other_ways_of_writing_the_same(text, same):
    assert parse_notation(text) == parse_notation(same)


def test_the_fit_rule_is_said_or_given():
    plain = "INPUT[9x9x1] -> POOL2 -> FC-3"
    assert parse_notation(plain).fit == "crop"
    assert parse_notation(plain, fit="pad") == parse_notation("INPUT[9x9x1] fit=pad -> POOL2 -> FC-3")
    assert parse_notation("INPUT[9x9x1] fit=crop -> POOL2 -> FC-3", fit="strict").fit == "crop"
    with pytest.raises(GeometryError):
        parse_notation(plain, fit="strict")


def test_repeats_are_printed_once_where_that_is_shorter():
    layers = (
        *(Conv(8), Activation()) * 3,
        Pool(),
        *(Conv(8), Activation()) * 3,
        Pool(),
        Conv(9),
        Conv(9),
        GlobalPool(),
    )
    text = to_notation(Architecture((1, 16, 16), layers, 9))
    assert text == "INPUT[16x16x1] -> [[CONV3-8 -> RELU]*3 -> POOL2]*2 -> [CONV3-9]*2 -> GAP"
    assert "RESIDUAL[CONV3-4]*3" in to_notation(parse_notation("INPUT[8x8x4] -> [RESIDUAL[CONV3-4]]*3 -> GAP"))


def test_the_largest_network_is_printed_in_little_time_and_space():
    layers = (Conv(4), Activation()) * (LARGEST_NETWORK // 2 - 1)
    architecture = Architecture((1, 4, 4), (*layers, GlobalPool()), 4)
    text = to_notation(architecture)
    assert len(text) < 60
    assert parse_notation(text) == architecture


def error(text):
    with pytest.raises(NotationError) as caught:
        parse_notation(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "pointed", "expected"),
    [
        ("", "", "INPUT[HEIGHTxWIDTHxCHANNELS]"),
        ("CONV3-4", "CONV3-4", "INPUT["),
        ("INPUT[32x32] -> FC-3", "] -> FC-3", "the image's channels"),
        ("INPUT[32x32x3] CONV3-4", "CONV3-4", "'->'"),
        ("INPUT[32x32x3] -> CONF3-4", "CONF3-4", "a layer"),
        ("INPUT[32x32x3] -> ", "", "a layer"),
        ("INPUT[32x32x3] -> CONV-4", "-4", "the window"),
        ("INPUT[32x32x3] -> CONV3 -> FC-3", "-> FC-3", "how many filters"),
        ("INPUT[32x32x3] -> CONV3-x -> FC-3", "x -> FC-3", "how many filters"),
        ("INPUT[32x32x3] -> CONV3-4 q2 -> FC-3", "q2 -> FC-3", "s2, valid, same, p1"),
        ("INPUT[32x32x3] -> CONV3-4 s2 s3 -> FC-3", "s3 -> FC-3", "stride is said twice"),
        ("INPUT[32x32x3] -> CONV3-4 p1,2,3 -> FC-3", "1,2,3 -> FC-3", "one number, two or four"),
        ("INPUT[32x32x3] -> CONV3-4 fit=tight -> FC-3", "tight -> FC-3", "crop, pad, strict"),
        ("INPUT[32x32x3] -> POOL2 nobias -> FC-3", "nobias -> FC-3", "s2, valid"),
        ("INPUT[32x32x3] -> FC10", "10", "how many units"),
        ("INPUT[32x32x3] -> DROPOUT -> FC-3", "-> FC-3", "the rate"),
        ("INPUT[32x32x3] -> DROPOUT1.5 -> FC-3", "DROPOUT1.5 -> FC-3", "at least 0 and below 1"),
        ("INPUT[32x32x3] -> CONV3-5 g2 -> FC-3", "CONV3-5 g2 -> FC-3", "divisible by `groups`"),
        ("INPUT[32x32x3] -> [CONV3-4 -> FC-3", "", "']'"),
        ("INPUT[32x32x3] -> CONV3-4] -> FC-3", "] -> FC-3", "the end"),
        ("INPUT[32x32x3] -> [CONV3-4]*x -> FC-3", "x -> FC-3", "how often"),
        ("INPUT[32x32x3] -> [] -> FC-3", "] -> FC-3", "a layer"),
        ("INPUT[32x32x3] -> RESIDUAL CONV3-4", "CONV3-4", "'['"),
        ("INPUT[32x32x3] -> RESIDUAL[BN | BN | BN]", "RESIDUAL[", "at most one shortcut"),
        ("INPUT[32x32x3] -> RESIDUAL[IDENTITY]", "RESIDUAL[", "at least one layer"),
        ("INPUT[32x32x3] -> PARALLEL[BN]", "PARALLEL[", "at least two"),
        ("INPUT[32x32x3] -> CONV3-4", "", "scores at the end, not 32x32 maps"),
        ("INPUT[32x32x0] -> FC-3", "32x32x0] -> FC-3", "`input` (=0)"),
    ],
)
def test_an_error_points_at_its_column_and_says_what_was_expected(text, pointed, expected):
    caught = error(text)
    first, line, caret = caught.message.split("\n")
    assert expected in first
    column = int(first.removeprefix("column ").split(":")[0])
    assert text[column - 1 :].startswith(pointed)
    assert (line[caret.index("^") : caret.index("^") + 1] or "") == text[column - 1 : column]


@pytest.mark.parametrize(
    ("text", "pointed", "expected"),
    [
        ("INPUT[8x8x3] -> RELU -> CONV11-16 valid -> GAP", "CONV11", "layer 1 (Conv 11x11"),
        ("INPUT[8x8x3] -> [CONV3-8 -> POOL2]*5 -> GAP", "POOL2", "layer 7 (Pool 2x2"),
        ("INPUT[8x8x3] -> BN -> CONV3-4 g2 -> GAP", "CONV3-4 g2", "layer 1: input channels (=3)"),
        ("INPUT[8x8x3] -> FC-10 -> RELU -> CONV3-8", "CONV3-8", "layer 3: Conv needs"),
        ("INPUT[8x8x3] -> RELU -> RESIDUAL[CONV3-16] -> GAP", "RESIDUAL", "layer 1: Residual adds"),
        ("INPUT[8x8x3] -> PARALLEL[BN | POOL2] -> GAP", "PARALLEL", "layer 0: Parallel cannot"),
        ("INPUT[8x8x3] -> RESIDUAL[CONV3-3 -> CONV3-4 g2] -> GAP", "CONV3-4", "layer 0.body.1: input"),
        ("INPUT[8x8x3] -> RESIDUAL[BN | POOL9 valid] -> GAP", "POOL9", "layer 0.shortcut.0 (Pool"),
        (
            "INPUT[8x8x3] -> [PARALLEL[BN | RESIDUAL[BN -> POOL9 valid]]]*2 -> GAP",
            "POOL9",
            "layer 0.branches.1.0.body.1",
        ),
        ("INPUT[8x8x3] -> PARALLEL[BN -> FC-3 | FC-3 -> POOL2] -> FC-3", "POOL2", "layer 0.branches.1.2: Pool needs"),
        ("INPUT[65536x65536x1] -> BN -> CONV1-1048576 -> GAP", "CONV1", "LARGEST_TENSOR"),
    ],
)
def test_a_layer_that_does_not_go_with_its_input_is_pointed_at(text, pointed, expected):
    with pytest.raises(ArchitectureError) as caught:
        parse_notation(text)
    first, line, caret = caught.value.message.split("\n")
    column = int(first.removeprefix("column ").split(":")[0])
    assert expected in first
    assert text[column - 1 :].startswith(pointed)
    assert line[caret.index("^") :].startswith(pointed)
    assert isinstance(caught.value, GeometryError) == ("stride" in first)


def test_a_misspelt_layer_is_answered_with_the_nearest():
    assert error("INPUT[32x32x3] -> DROPUOT0.5 -> FC-3").remedy == "Did you mean 'DROPOUT'?"


def test_a_long_text_is_shown_around_its_error():
    caught = error("INPUT[32x32x3] -> " + "CONV3-4 -> " * 500 + "CONF3-4" + " -> CONV3-4" * 500)
    _, line, caret = caught.message.split("\n")
    assert len(line) < 100
    assert line[caret.index("^") :].startswith("CONF3-4")


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("INPUT[32x32x3] -> [CONV3-4 -> RELU]*1000000 -> FC-3", "LARGEST_NETWORK"),
        ("INPUT[32x32x3] -> [[[[CONV3-4]*99]*99]*99]*99 -> FC-3", "LARGEST_NETWORK"),
        ("INPUT[32x32x3] -> " + "CONV3-4 -> " * 20_000 + "FC-3", "LARGEST_NETWORK"),
        ("INPUT[32x32x3] -> CONV3-1000000000 -> FC-3", "LARGEST_WIDTH"),
        ("INPUT[32x32x3] -> CONV3-" + "9" * 10_000 + " -> FC-3", "18 digits"),
        ("INPUT[32x32x3] -> POOL10000 -> FC-3", "LARGEST_WINDOW"),
        ("INPUT[32x32x3] -> CONV3-4 p9999 -> FC-3", "LARGEST_WINDOW"),
        ("INPUT[999999x32x3] -> FC-3", "LARGEST_IMAGE"),
        ("INPUT[32x32x3] -> " + "[" * 100_000, "DEEPEST_BRACKETS"),
        ("INPUT[32x32x3] -> " + "PARALLEL[" * 100_000, "DEEPEST_BRACKETS"),
        ("INPUT[32x32x3]" + " " * LONGEST_NOTATION, "LONGEST_NOTATION"),
    ],
)
def test_what_is_too_large_is_refused_by_a_bound_that_is_named(text, bound):
    assert bound in error(text).message


def test_blocks_too_deep_and_tensors_too_large_are_refused_too():
    deep = "RESIDUAL[" * (DEEPEST_BRACKETS - 1) + "BN" + "]" * (DEEPEST_BRACKETS - 1)
    with pytest.raises(ArchitectureError, match="DEEPEST_NESTING"):
        parse_notation(f"INPUT[8x8x3] -> {deep} -> GAP")
    with pytest.raises(ArchitectureError, match="LARGEST_TENSOR"):
        parse_notation("INPUT[65536x65536x1] -> CONV1-1048576 -> GAP")


@given(st.text())
@example("INPUT[٣x٣x٣] -> FC-٣")
@example("INPUT[3x3x3] -> DROPOUT1e999")
@example("INPUT[3x3x3] -> LRN3 k=1e999 -> GAP")
@example("INPUT[3x3x3] -> FC-3ß")
@example("ınput[3x3x3] -> GAP")
@example("INPUT[3x3x3] -> ſIGMOID -> GAP")
def test_any_text_is_a_network_or_a_project_error(text):
    try:
        parse_notation(text)
    except ConvscapeError as error:
        assert error.message  # noqa: PT017


PIECES = st.sampled_from(
    [
        *LAYERS, *WORDS, "INPUT[8x8x3]", "INPUT[", "->", " -> ", "->FC-3", "[", "]", "]*2", "*", "|", "IDENTITY", "-",
        "x", "2", "p1,", "s2", "d2", "g2", "fit=", "pad", "nobias", "9" * 30, "0", ".", "é", "\n",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join), st.booleans())
def test_pieces_of_notation_are_a_network_or_a_project_error(text, whole):
    try:
        architecture = parse_notation(f"INPUT[8x8x3] -> {text} -> FC-3" if whole else text)
    except ConvscapeError:
        return
    assert parse_notation(to_notation(architecture)) == architecture


@given(architectures(), st.data())
def test_damaged_notation_is_a_network_or_a_project_error(architecture, data):
    text = to_notation(architecture)
    at = data.draw(st.integers(0, len(text)))
    damaged = text[:at] + data.draw(st.text(max_size=2)) + text[at + data.draw(st.integers(0, 2)) :]
    try:
        parse_notation(damaged)
    except ConvscapeError:
        return
