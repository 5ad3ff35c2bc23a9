"""The Python expression that makes a module, as somebody would write it."""

from __future__ import annotations

from typing import Any

from torch import nn

from .. import modules


def expression(module: nn.Module) -> str:
    """The Python expression that makes `module` in the exported file, defaults left out."""
    match module:
        case modules.PaddedConv2d():
            return _call("PaddedConv2d", *_shape(module), module.sides, **_conv_options(module))
        case nn.Conv2d():
            return _call("nn.Conv2d", *_shape(module), padding=(module.padding, (0, 0)), **_conv_options(module))
        case modules.PaddedMaxPool2d():
            values = (module.kernel_size, module.stride, module.sides, module.dilation)
            return _call("PaddedMaxPool2d", *values, some_empty=(module.some_empty, None))
        case nn.MaxPool2d():
            options = {"padding": (module.padding, (0, 0)), "dilation": (module.dilation, (1, 1))}
            return _call("nn.MaxPool2d", module.kernel_size, stride=(module.stride, module.kernel_size), **options)
        case modules.PaddedAvgPool2d():
            return _call("PaddedAvgPool2d", module.kernel_size, module.stride, module.sides)
        case nn.AvgPool2d():
            stride = {"stride": (module.stride, module.kernel_size)}
            return _call("nn.AvgPool2d", module.kernel_size, **stride, padding=(module.padding, (0, 0)))
        case modules.L2Pool2d():
            return _call("L2Pool2d", module.kernel, module.stride, module.sides)
        case modules.LocallyConnected2d():
            return _call(
                "LocallyConnected2d",
                module.weight.shape[1] // (module.kernel[0] * module.kernel[1]),
                module.weight.shape[2],
                module.output, module.kernel, module.stride, module.sides, module.dilation,
                bias=(module.bias is not None, None),
            )  # fmt: skip
        case nn.LocalResponseNorm():
            options = {"alpha": (module.alpha, 1e-4), "beta": (module.beta, 0.75), "k": (module.k, 1.0)}
            return _call("LocalResponseNorm", module.size, **options)
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            return _call(f"nn.{type(module).__name__}", module.num_features)
        case nn.Linear():
            return _call("nn.Linear", module.in_features, module.out_features, bias=(module.bias is not None, True))
        case nn.Dropout() | nn.Dropout2d():
            return _call(f"nn.{type(module).__name__}", module.p)
        case nn.AdaptiveAvgPool2d() | nn.AdaptiveMaxPool2d():
            return _call(f"nn.{type(module).__name__}", 1)
        case _:
            return _call(f"nn.{type(module).__name__}")


def _shape(conv: nn.Conv2d) -> tuple[Any, ...]:
    return conv.in_channels, conv.out_channels, conv.kernel_size


def _conv_options(conv: nn.Conv2d) -> dict[str, tuple[Any, Any]]:
    return {
        "stride": (conv.stride, (1, 1)),
        "dilation": (conv.dilation, (1, 1)),
        "groups": (conv.groups, 1),
        "bias": (conv.bias is not None, True),
    }


def _call(name: str, *values: Any, **options: tuple[Any, Any]) -> str:
    """`name(values, option=value)` with the options, given as (value, default), that are not at their default."""
    given = [f"{option}={_text(value)}" for option, (value, default) in options.items() if value != default]
    keep = name in ("PaddedConv2d", "PaddedMaxPool2d", "PaddedAvgPool2d", "L2Pool2d", "LocallyConnected2d")
    texts = [repr(value) if keep else _text(value) for value in values]
    return f"{name}({', '.join([*texts, *given])})"


def _text(value: Any) -> str:
    """A pair of equal numbers as one."""
    if isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]:
        return repr(value[0])
    return repr(value)
