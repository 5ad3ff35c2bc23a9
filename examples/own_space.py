"""A space of one's own: SqueezeNet's fire modules (Iandola et al. 2016, arXiv 1602.07360, section 3.1).

own-space.yaml names it; docs/spaces.md says what a space has to keep to.
"""

from __future__ import annotations

from convscape.spaces import (
    Activation,
    Architecture,
    Conv,
    Dropout,
    GlobalPool,
    Layer,
    Parallel,
    Pool,
    SpaceError,
    whole_numbers,
)


class FireSpace:
    """Fire modules, each followed by pooling, then a convolution whose averages are the scores.

    Args:
        modules: how many.
        squeeze: 1x1 filters that a module's input is squeezed into, one choice a module.
        expand: filters of its 1x1 and of its 3x3 branch, one choice a module.
    """

    def __init__(self, modules=(1, 2, 3), squeeze=(4, 8), expand=(8, 16)):
        # Each setting may be a value, a list or {low: …, high: …}; an error names the key.
        self.modules = whole_numbers(modules, "space.modules", 1, 8)
        self.squeeze = whole_numbers(squeeze, "space.squeeze", 1, 512)
        self.expand = whole_numbers(expand, "space.expand", 1, 512)

    def check(self, input):
        if not any(fits(count, input) for count in self.modules.options):
            raise SpaceError(
                f"space.modules: images of {input[1]}x{input[2]} cannot be halved {min(self.modules.options)} times",
                "Allow fewer modules, or larger images with data.size.",
                key="space.modules",
            )

    def sample(self, trial, input, classes):
        self.check(input)
        # Only what can still be built is offered; what is fixed is not asked.
        count = self.modules.suggest(trial, "modules", lambda count: fits(count, input))
        layers: list[Layer] = [Conv(16), Activation()]
        for number in range(1, count + 1):
            squeeze = self.squeeze.suggest(trial, f"module{number}.squeeze")
            expand = self.expand.suggest(trial, f"module{number}.expand")
            branches = ((Conv(expand, 1), Activation()), (Conv(expand, 3), Activation()))
            layers += [Conv(squeeze, 1), Activation(), Parallel(branches), Pool("max", 2)]
        return Architecture(input, (*layers, Dropout(0.2), Conv(classes, 1), GlobalPool()), classes)

    def size(self, input):
        module = len(self.squeeze.options) * len(self.expand.options)
        networks = sum(module**count for count in self.modules.options if fits(count, input))
        return f"{networks:,} distinct network{'s' * (networks != 1)}"


def fits(count, input):
    """Whether `count` poolings leave a cell of the image."""
    return min(input[1:]) >= 2**count
