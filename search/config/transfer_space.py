"""TransferSpace: training from pretrained weights next to training from random ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ...spaces import ConvscapeError, DataError, SpaceError
from ...spaces.conv_space import Size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...spaces import Architecture, Options, Space, Trial
    from .recipe_space import RecipeSpace

KEY = "recipe.weights"
"""The key of a sweep file that errors about weights point at."""

FEW_OF_A_CLASS = 100
"""Images a class to train on below which weights learnt on others do more than any search from chance."""
PHOTOGRAPHS = 32
"""Height and width in pixels from which photographs have something in common with ImageNet's."""


class TransferSpace:
    """A search space, together with the networks of the pretrained weights that training may start from.

    Whether there are weights, and which, is asked first: with weights the network is the one they belong to, with a
    last layer for the classes at hand; without, it comes from the space.

    Args:
        space: what is sampled where training starts from random weights.
        recipes: says which pretrained weights there are, and whether random weights are allowed.
        base: `space.base`, where the sweep file has one: plain files of weights belong to that classic.
    """

    def __init__(self, space: Space, recipes: RecipeSpace, base: str | Sequence[str] | None = None) -> None:
        self._space, self._weights = space, cast("Options", recipes.settings["weights"])
        self._sources = recipes.weights
        self._base = base[0] if isinstance(base, list | tuple) and len(base) == 1 else base
        self._networks: dict[tuple[Any, ...], Architecture] = {}

    def check(self, input: tuple[int, int, int]) -> None:
        """Refuses images that the pretrained weights or the networks of the space do not fit, and unreadable weights.

        The space is asked only where training may start from random weights.

        Args:
            input: (C, H, W) of the images.

        Raises:
            SpaceError: names the source of the weights, or is what the space raises.
        """
        from ...trainers import check_fit

        for source in self._sources:
            network = self._network(source, input, 2)
            try:
                check_fit(network, source)
            except DataError as error:
                raise SpaceError(error.message, error.remedy, key=KEY) from error
            except ConvscapeError as error:
                image = "x".join(map(str, (*input[1:], input[0])))
                raise SpaceError(
                    f"{KEY}: {source} cannot be the start on images of {image}: {error.message}",
                    "Images need the channels the weights were learnt on; where the layers are fully connected, also "
                    "their size (data.size). " + error.remedy,
                    key=KEY,
                ) from error
        if self._chance:
            self._space.check(input)

    def sample(self, trial: Trial, input: tuple[int, int, int], classes: int) -> Architecture:
        """One network, sampled from the space or given by pretrained weights.

        The recipe that goes with the network must be sampled from the same trial, since both ask for the weights.

        Args:
            trial: an Optuna trial, or anything that suggests values as one does.
            input: (C, H, W) of the images.
            classes: how many scores come out.

        Raises:
            SpaceError: weights cannot be read or do not fit the images, or the space raises it.
        """
        source = self._weights.suggest(trial, "weights")
        return self._space.sample(trial, input, classes) if source is None else self._network(source, input, classes)

    def size(self, input: tuple[int, int, int]) -> object | None:
        """How many networks there are: those of the space, and one for each source of pretrained weights.

        Args:
            input: (C, H, W) of the images.

        Returns:
            A `Size`; where the space gives something else, such as None, what the space gives.
        """
        if not self._chance:
            return Size(len(self._sources), exact=True, ranges=())
        size = self._space.size(input)
        return (
            replace(size, networks=size.networks + len(self._sources), exact=False) if isinstance(size, Size) else size
        )

    @property
    def _chance(self) -> bool:
        return None in self._weights.options

    def _network(self, source: str, input: tuple[int, int, int], classes: int) -> Architecture:
        from ...trainers import network_for

        key = (source, tuple(input), classes)
        if key not in self._networks:
            base = self._base if isinstance(self._base, str) else None
            try:
                self._networks[key] = network_for(source, input, classes, base)
            except ConvscapeError as error:
                message = error.message if KEY in error.message else f"{KEY}: {source}: {error.message}"
                raise SpaceError(message, error.remedy, key=KEY) from error
        return self._networks[key]


def suit_transfer(images: int, classes: int, channels: int, side: int) -> bool:
    """Whether weights learnt on other images do more than any search from chance: of few photographs.

    torchvision's weights want colour.

    Args:
        images: how many are trained on.
        classes: how many classes they have.
        channels: of an image, 1 or 3.
        side: pixels along the shorter side that they are brought to.
    """
    return channels == 3 and side >= PHOTOGRAPHS and images < FEW_OF_A_CLASS * classes
