"""The networks the field learnt from, by name, on images of their own size or scaled to another."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ..architecture import Architecture, image_shape
from ..errors import ArchitectureError, nearest
from .branched import RESNET_STAGES, googlenet, googlenet_torchvision, resnet
from .plain import ALL_CNN_FORMS, ALL_CNN_MODELS, VGG_STAGES, alexnet, alexnet_torchvision, all_cnn, lenet5, vgg, zfnet
from .scaling import scaled

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..layers import Layer

_IMAGENET = (3, 224, 224)
_CIFAR = (3, 32, 32)


class _Classic(NamedTuple):
    layers: Callable[[int], tuple[Layer, ...]]
    """From the number of classes."""
    input: tuple[int, int, int]
    classes: int


_CLASSICS = {
    "lenet5": _Classic(lenet5, (1, 32, 32), 10),
    "alexnet": _Classic(alexnet, (3, 227, 227), 1000),
    "alexnet-torchvision": _Classic(alexnet_torchvision, _IMAGENET, 1000),
    "zfnet": _Classic(zfnet, _IMAGENET, 1000),
    **{name: _Classic(partial(vgg, name), _IMAGENET, 1000) for name in VGG_STAGES},
    "googlenet": _Classic(googlenet, _IMAGENET, 1000),
    "googlenet-torchvision": _Classic(googlenet_torchvision, _IMAGENET, 1000),
    **{name: _Classic(partial(resnet, name), _IMAGENET, 1000) for name in RESNET_STAGES},
    **{
        f"{form}-cnn-{model}": _Classic(partial(all_cnn, model, form), _CIFAR, 10)
        for model in ALL_CNN_MODELS
        for form in ALL_CNN_FORMS
    },
}

CLASSICS: tuple[str, ...] = tuple(_CLASSICS)
"""Names that `classic` knows."""


def is_classic(name: str) -> bool:
    """Whether `name` is a classic's, one of CLASSICS; case, "-" and "_" do not matter."""
    return _plain(name) in _KNOWN


def classic(name: str, input: tuple[int, int, int] | None = None, classes: int | None = None) -> Architecture:
    """A classic as published, or on images of another size and with another number of classes.

    What changes with them: the last layer gives `classes` scores, and the first fully connected layer takes what the
    map comes to. On images so small that a window does not fit, or that a 3x3 convolution would work on a single
    cell, the first downsamplings are left out, as few as possible (see `scaling.scaled`); so every classic
    builds for every image from 8x8 up, and equal arguments give equal networks.

    Args:
        name: one of CLASSICS; case, "-" and "_" do not matter.
        input: (C, H, W); None for the published one.
        classes: None for the published number.

    Raises:
        ArchitectureError: an unknown name, or an input or number of classes out of bounds.
        GeometryError: the image is too small.

    >>> classic("VGG-16").output, classic("resnet18", input=(1, 28, 28), classes=10).output
    ((1000,), (10,))
    """
    if not is_classic(name):
        raise ArchitectureError(f"no classic is called {name!r:.60}", nearest(name[:60].lower(), CLASSICS))
    published = _CLASSICS[_KNOWN[_plain(name)]]
    image = published.input if input is None else image_shape(input)
    layers = published.layers(published.classes if classes is None else classes)
    return Architecture(image, scaled(layers, image), published.classes if classes is None else classes)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


_KNOWN = {_plain(name): name for name in CLASSICS}
