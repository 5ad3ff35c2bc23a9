"""A first sweep file as text: what a beginner may want to change, with a comment beside each line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from ..files import images_url
from .yaml_lines import parse_value

if TYPE_CHECKING:
    from pathlib import Path

    from ...trainers.data import Outlook

COLUMN = 34
"""Where comments begin."""
LARGER = (32, 48, 64, 96, 128, 192, 224)
"""Pixels along each side that are advised where images have more than they are brought to."""


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """Settings to begin with, by what is known of images and machine."""

    name: str
    """Name of the sweep."""
    data: str
    """Name of the data set, or "folder"."""
    root: Path | None
    """Where its files are."""
    outlook: Outlook
    """What is known of the images."""
    size: int | None
    """Pixels along each side that images are brought to; None for those they have."""
    seconds: float
    """Time of the search."""
    flip: bool
    """Whether a mirrored image is one of its class."""
    transfer: bool
    """Whether to advise pretrained weights: for few images, and in colour, as the weights want them."""
    cpus: int
    """CPUs of this machine."""
    gpus: int
    """GPUs of this machine."""


def sweep_file_text(beginning: Beginning, schema: str = "") -> str:
    """The sweep file of the settings to begin with.

    Args:
        beginning: the settings.
        schema: address of the JSON schema, for editors; "" for none.
    """
    sections = [
        _head(beginning, schema),
        [_line(f"name: {scalar(beginning.name)}", "of the sweep, and of its folder in sweeps/")],
        ["data:", *_data(beginning)],
        ["search:", *_search(beginning)],
        ["recipe:", *_recipe(beginning)],
        ["resources:", *_resources(beginning)],
        _more(),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def scalar(text: str) -> str:
    r"""A text as YAML that is read back as that text: in quotes where it would be read otherwise.

    >>> scalar("my photos"), scalar("1e3"), scalar("a: b"), scalar("a\nb")
    ('my photos', '"1e3"', '"a: b"', '"a\\nb"')
    """
    if re.fullmatch(r"[\w/.]([\w/. +-]*[\w/.+-])?", text) and text.isprintable() and parse_value(f"[{text}]") == [text]:
        return text
    return yaml.safe_dump(text, default_style='"', width=10**6, allow_unicode=True).rstrip("\n")


def _line(text: str, comment: str) -> str:
    return f"{text:<{COLUMN - 2}}  # {comment}"


def _head(beginning: Beginning, schema: str) -> list[str]:
    lines = [
        f"# yaml-language-server: $schema={schema}",
        "# By the line above editors with the YAML language server complete this file and mark mistakes. The schema",
        "# lies on this machine alone, as `convscape schema` prints it: elsewhere the line may go.",
        "#",
    ]
    outlook = beginning.outlook
    machine = _count(beginning.cpus, "CPU") + (f" and {_count(beginning.gpus, 'GPU')}" if beginning.gpus else "")
    images = f"about {outlook.train:,} images to train on, of {len(outlook.classes)} classes"
    return [
        *(lines if schema else []),
        f"# Settings to begin with, for {images}, and {machine}.",
        "# What is not said has a default: `convscape launch FILE --dry-run` shows it, and trains nothing.",
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _data(beginning: Beginning) -> list[str]:
    is_folder = beginning.data == "folder"
    lines = [_line(f"  name: {beginning.data}", "a folder of images for each class" if is_folder else "a known one")]
    if beginning.root:
        lines.append(_line(f"  root: {scalar(images_url(beginning.root) or str(beginning.root))}", "where they are"))
    sizes = beginning.outlook.sizes
    if beginning.size is None:
        return [*lines, _line("  # size: 32", f"without this they keep the {_by(sizes[0])} pixels they have")]
    low, high = min(sizes, key=_pixels), max(sizes, key=_pixels)
    has = _by(low) if low == high else f"{_by(low)} to {_by(high)}"
    lines.append(_line(f"  size: {beginning.size}", f"pixels along each side; the images have {has}"))
    larger = next((size for size in LARGER if size >= 1.5 * beginning.size and size <= max(map(min, sizes))), None)
    if larger:
        times = (larger / beginning.size) ** 2
        lines.append(_line("", f"{larger} shows more detail, and takes {times:.2g} times as long"))
    return lines


def _pixels(size: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    """Orders sizes as the lines about the images do."""
    return size[0] * size[1], size


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _search(beginning: Beginning) -> list[str]:
    return [
        _line(f"  seconds: {beginning.seconds:g}", "the time there is; in more of it better networks are found"),
        _line("  start: auto", "the textbook's networks first; or some by name: [lenet5, resnet18]"),
    ]


def _recipe(beginning: Beginning) -> list[str]:
    lines = [_line("  batch_size: auto", "images a step: 64 or 128, or fewer where an epoch would have few steps")]
    if beginning.flip:
        lines.append(_line("  flip: true", "mirror images at random; false where that makes another class"))
    else:
        lines.append(_line("  flip: false", "true mirrors images at random; here that may make another class"))
    lines.append(_line("  crop: auto", "shift images at random, by up to 1/14 of their side; 0: not at all"))
    if beginning.transfer:
        lines += [
            "  # For so few images, weights that were learnt on others do more than any search from chance. Without",
            "  # its # the next line has trials of both kinds: it downloads torchvision's weights (45 MB), once.",
            "  # weights: [null, torchvision:resnet18]",
        ]
    return lines


def _resources(beginning: Beginning) -> list[str]:
    if beginning.gpus:
        cpus = max(1, beginning.cpus // (2 * beginning.gpus))
        return [
            _line("  gpus: 0.5", f"for each trial: two share a GPU, of {beginning.gpus} here"),
            _line(f"  cpus: {cpus}", f"for each trial, of {beginning.cpus} here"),
        ]
    return [
        _line("  cpus: 1", f"for each trial, of {beginning.cpus} here"),
        _line("  gpus: 0", "there is none here; with 0.5 two trials share one"),
    ]


def _more() -> list[str]:
    return [
        "# Without their first # these limit the search, too:",
        "# space:",
        _line("#   kernel: [3, 5, 7]", "a list is a choice,"),
        _line("#   dropout: {low: 0, high: 0.5}", "low and high are a range,"),
        _line("#   padding: same", "anything else is fixed"),
        "# budget:",
        _line("#   parameters: 500_000", "what is over it is never trained"),
    ]
