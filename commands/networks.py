"""Commands about networks that are not trained: `describe` and `sample`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ..spaces import ArchitectureError, ConfigError
from .completion import classics
from .options import Output, Settings, SweepFile, TrustCode
from .printing import echo, echo_json


def describe(
    network: Annotated[
        str,
        typer.Argument(
            metavar="NAME|NOTATION|FILE.json",
            help="A classic, a line of notation, or a JSON file.",
            autocompletion=classics,
        ),
    ],
    input: Annotated[str, typer.Option(help="Image as CxHxW, in place of the network's own: 3x224x224")] = "",
    classes: Annotated[int | None, typer.Option(min=1, help="Scores a classic gives, in place of its own.")] = None,
    fit: Annotated[
        Literal["crop", "pad", "strict"] | None,
        typer.Option(help="What windows do where they do not tile their input."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=1_000_000, help="Images of the training step.")] = 64,
    optimizer: Annotated[
        Literal["sgd", "adamw", "none"], typer.Option(help="Which optimizer's memory the training step counts.")
    ] = "sgd",
    precision: Annotated[
        Literal["float64", "float32", "float16", "bfloat16"], typer.Option(help="Of weights and activations.")
    ] = "float32",
    layer: Annotated[
        str,
        typer.Option(metavar="PATH", help="A convolution by its place in the table: weights shared or not, im2col."),
    ] = "",
    fully_convolutional: Annotated[
        bool,
        typer.Option(
            "--fully-convolutional", help="FC layers as convolutions, so that it slides over a larger --input."
        ),
    ] = False,
    output: Output = "table",
) -> None:
    """The layer table of a network: sizes, parameters, MACs, their shares, activations, memory. Nothing is built.

    With --layer, one convolution beside its alternatives: unshared or fully connected weights, a stack of 3x3. With
    --fully-convolutional, the network sliding over an image larger than its own: a map of scores in one pass.

    \b
      convscape describe vgg16
      convscape describe resnet50 --batch 256 --optimizer adamw
      convscape describe alexnet --input 3x224x224 --fit strict
      convscape describe alexnet --layer 0
      convscape describe vgg16 --fully-convolutional --input 3x384x384
      convscape describe "INPUT[32x32x3] -> [CONV3-32 -> RELU]*2 -> FC-10"
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    from ..dashboards.text import network_json, network_text
    from ..spaces import load_architecture

    if fully_convolutional:
        if layer:
            raise ConfigError("--layer and --fully-convolutional: one or the other", "Leave one of them out.")
        from ..dashboards.text import sliding_json, sliding_text
        from ..spaces import SlidingNetwork

        native = load_architecture(network, None, classes, fit)
        sliding = SlidingNetwork(native, _image(input) or native.input)
        if output == "json":
            echo_json(sliding_json(sliding, batch, optimizer, precision))
        else:
            echo(sliding_text(sliding, batch, optimizer, precision))
        return
    found = load_architecture(network, _image(input), classes, fit)
    if layer:
        from ..spaces import alternatives_to, format_alternatives

        if output == "json":
            echo_json(alternatives_to(found, layer))
        else:
            echo(format_alternatives(found, layer).rstrip())
    elif output == "json":
        echo_json(network_json(found, batch, optimizer, precision))
    else:
        echo(network_text(found, batch, optimizer, precision))


def sample(
    sweep_file: SweepFile,
    number: Annotated[int, typer.Option("-n", min=1, max=1_000_000, help="How many networks.")] = 3,
    set_: Settings = None,
    trust_code: TrustCode = False,
    output: Annotated[
        Literal["table", "jsonl"], typer.Option("--output", "-o", help="Lines, or JSON lines.")
    ] = "table",
) -> None:
    """Networks of a sweep file's space, with their cost. Trains nothing.

    \b
      convscape sample examples/digits.yaml
      convscape sample sweep.yaml -n 100 --output jsonl
    """  # noqa: D301 - \b, the character, keeps the examples' lines apart
    from ..dashboards.text import design_json, design_line
    from ..search.config import load_data, read_sweep_file, remember
    from ..search.driver import check_designs
    from ..search.proposals import DesignSpace

    config = read_sweep_file(sweep_file, set_ or (), trust="everything" if trust_code else "nothing")
    dataset = load_data(config)
    designs = DesignSpace.for_images(config, dataset)
    check_designs(config, designs)
    if output == "table" and (size := designs.networks.size(dataset.input)) is not None:
        echo(f"# {size}")
    for design in designs.draw(number, config.search.seed):
        if output == "jsonl":
            echo_json(design_json(design, designs))
        else:
            echo(design_line(design, designs))
    if trust_code:
        remember(sweep_file, config.named_code, "everything")


def _image(text: str) -> tuple[int, int, int] | None:
    if not text:
        return None
    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 8 for part in parts):
        raise ArchitectureError(f"--input {text:.40}: not CxHxW", "For example --input 3x224x224.")
    return int(parts[0]), int(parts[1]), int(parts[2])
