"""Parameters, MACs, activations and memory of each layer and of the network, by arithmetic alone: no tensor is made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from .errors import ArchitectureError, nearest
from .layers import BatchNorm, Conv, GlobalPool, Layer, Linear, LocallyConnected, LocalResponseNorm, Pool
from .memory import Memory, Precision, SavedForBackward, buffers, bytes_of, held_by_forward, saved_for_backward
from .notation import layer_notation

if TYPE_CHECKING:
    from .tracing import Shape, Step, Traced

OPTIMIZER_STATES = {"none": 0, "sgd": 1, "adamw": 2}
"""Values that an optimiser keeps for each weight."""

_MAKING_MAPS = (Conv, LocallyConnected, Pool, GlobalPool, Linear, LocalResponseNorm)


class Row(NamedTuple):
    """What one layer costs for one image; the first row of a table is the input's.

    `weights` and `biases` are counts; a batch norm's are the scale and the shift of each channel.
    """

    path: str
    """"input", or where the layer stands in the built network's `named_modules`."""
    layer: Layer | None
    """None for the input."""
    output: Shape
    """(C, H, W), or (D,) once flattened."""
    weights: int
    biases: int
    macs: int
    """Multiply-accumulates of one forward pass; half of what `torch.utils.flop_counter` counts."""
    activations: int
    """Cells of the map this layer makes, as textbooks count: nonlinearities, dropout, batch norm, flattening and the
    joins of blocks work on maps that are there already and count none."""
    receptive_field: tuple[int, int]
    """Input cells (rows, columns) one output cell sees."""

    @property
    def kind(self) -> str:
        """The layer's kind as in JSON, or "input"."""
        return self.layer.kind if self.layer else "input"

    @property
    def name(self) -> str:
        """The layer as the notation writes it, as in "CONV3-64"; a block by its name alone; "INPUT" for the input."""
        return layer_notation(self.layer).partition("[")[0] if self.layer else "INPUT"

    @property
    def parameters(self) -> int:
        """Number of weights and biases of the layer."""
        return self.weights + self.biases


@dataclass(frozen=True, slots=True)
class Totals:
    """What a whole network costs for one image. `macs` are the multiply-accumulates of one forward pass."""

    parameters: int
    weights: int
    biases: int
    macs: int
    activations: int
    """Cells of all maps, the input's included (see `Row.activations`)."""
    receptive_field: tuple[int, int]
    """Input cells (rows, columns) that one score sees; may reach beyond the image into its padding."""

    @property
    def flops(self) -> int:
        """Floating point operations of one forward pass on one image: two a MAC."""
        return 2 * self.macs


@dataclass(frozen=True)
class CostTable:
    """The cost of every layer of a network: a row for the input, then one a layer; a block's own follows its parts'."""

    architecture: Traced
    rows: tuple[Row, ...]

    @cached_property
    def totals(self) -> Totals:
        """What the whole network costs for one image: the sums over all rows, and the receptive field of a score."""
        weights = biases = macs = activations = 0
        for row in self.rows:
            weights += row.weights
            biases += row.biases
            macs += row.macs
            activations += row.activations
        return Totals(
            parameters=weights + biases,
            weights=weights,
            biases=biases,
            macs=macs,
            activations=activations,
            receptive_field=self.rows[-1].receptive_field,
        )

    @cached_property
    def kept(self) -> tuple[SavedForBackward, ...]:
        """What each row adds to the memory the backward pass needs, in the order of `rows`.

        The input's row adds nothing: the first layer that needs the input keeps it.
        """
        return (SavedForBackward(), *saved_for_backward(self.architecture))

    def kept_bytes(self, batch: int = 1, precision: Precision = "float32") -> int:
        """Bytes of activations that PyTorch keeps for the backward pass.

        Args:
            batch: images of the pass.
            precision: of the activations.

        Raises:
            ArchitectureError: an unknown precision.
        """
        return sum(kept.bytes(batch, precision) for kept in self.kept)

    def inference_memory(self, batch: int = 1, precision: Precision = "float32") -> Memory:
        """Bytes that classifying `batch` images at once takes: the weights, and the maps that live at one time.

        Args:
            batch: images that are classified together.
            precision: of weights and activations alike.

        Raises:
            ArchitectureError: an unknown precision.
        """
        size = bytes_of(precision)
        held = batch * held_by_forward(self.architecture, precision)
        return Memory(parameters=self._stored * size, gradients=0, optimizer=0, activations=held, working=0)

    def training_memory(self, batch: int, precision: Precision = "float32", optimizer: str = "sgd") -> Memory:
        """Bytes that a training step on `batch` images takes: weights, gradients, the optimiser's values, activations.

        Args:
            batch: images a step.
            precision: of weights and activations alike.
            optimizer: one of OPTIMIZER_STATES: "sgd" with momentum remembers one value a weight, "adamw" two, "none" no
                value.

        Raises:
            ArchitectureError: an unknown precision or optimizer.
        """
        if optimizer not in OPTIMIZER_STATES:
            raise ArchitectureError(
                f"`optimizer` (={optimizer!r:.60}) is not known", nearest(str(optimizer), OPTIMIZER_STATES)
            )
        size = bytes_of(precision)
        steps = self.architecture.steps
        largest = max((prod(step.input) + prod(step.output) for step in steps), default=0)
        return Memory(
            parameters=self._stored * size,
            gradients=self.totals.parameters * size,
            optimizer=self.totals.parameters * size * OPTIMIZER_STATES[optimizer],
            activations=self.kept_bytes(batch, precision),
            working=batch * largest * size,
        )

    @property
    def _stored(self) -> int:
        return self.totals.parameters + buffers(self.architecture)


def cost_table(architecture: Traced) -> CostTable:
    """The cost of every layer of `architecture` for one image, exact and without building the network.

    >>> from convscape.spaces.classics.catalog import classic
    >>> cost_table(classic("vgg16")).totals.parameters
    138357544
    """
    image = architecture.input
    first = Row(
        path="input",
        layer=None,
        output=image,
        weights=0,
        biases=0,
        macs=0,
        activations=prod(image),
        receptive_field=(1, 1),
    )
    return CostTable(architecture, (first, *[_row(step) for step in architecture.steps]))


def _row(step: Step) -> Row:
    layer, output = step.layer, step.output
    weights = biases = macs = activations = 0
    if isinstance(layer, _MAKING_MAPS):
        activations = prod(output)
        if isinstance(layer, Conv):
            weights = step.input[0] // layer.groups * layer.kernel[0] * layer.kernel[1] * layer.filters
            biases = layer.filters if layer.bias else 0
            macs = weights * output[1] * output[2]
        elif isinstance(layer, Linear):
            macs = weights = step.input[0] * layer.units
            biases = layer.units if layer.bias else 0
        elif isinstance(layer, LocallyConnected):
            macs = weights = step.input[0] * layer.kernel[0] * layer.kernel[1] * activations
            biases = activations if layer.bias else 0
    elif isinstance(layer, BatchNorm):
        weights = biases = step.input[0]
    rows, columns = step.fields
    return Row(
        path=step.path,
        layer=layer,
        output=output,
        weights=weights,
        biases=biases,
        macs=macs,
        activations=activations,
        receptive_field=(rows.size, columns.size),
    )
