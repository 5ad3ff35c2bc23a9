"""Where windows land on an image: output sizes, padding, the fit rule and the receptive field."""

from __future__ import annotations

from typing import Literal, NamedTuple

from .errors import GeometryError

Fit = Literal["crop", "pad", "strict"]
"""What windows do where they do not tile their input: "crop" drops the rest as PyTorch does, "pad" adds zeros on the
far side, "strict" refuses.

With "pad" there are ceil((W - F + 2P) / S) + 1 windows, of convolutions and poolings alike, so that branches of either
can be joined. PyTorch's `ceil_mode`, which only poolings have, leaves out a last window that would begin behind the
input; here such a window sees nothing but padding and gives 0.
"""
FITS: tuple[Fit, ...] = ("crop", "pad", "strict")


def span(kernel: int, dilation: int = 1) -> int:
    """Cells a window covers along one axis: F (`kernel`) widened by dilation D to D(F - 1) + 1.

    >>> span(3, dilation=2)
    5
    """
    return dilation * (kernel - 1) + 1


def same_padding(kernel: int, dilation: int = 1) -> tuple[int, int]:
    """Cells of padding (before, after) along one axis that keep the size at stride 1: (F - 1)/2 on each side.

    An even window has no centre: the odd cell goes to the far side, as in PyTorch's `padding="same"`.

    >>> same_padding(5)
    (2, 2)
    >>> same_padding(4)
    (1, 2)
    """
    total = span(kernel, dilation) - 1
    return total // 2, total - total // 2


def output_size(
    size: int, kernel: int, stride: int, padding: int | tuple[int, int] = 0, dilation: int = 1, fit: Fit = "crop"
) -> int:
    """Length of a convolution's or pooling's output along one axis, in cells.

    (W - F + 2P) / S + 1 with F widened by dilation to D(F - 1) + 1 (Dumoulin & Visin 2016, relationship 14).

    Args:
        size: W, cells of the input along this axis, at least 1.
        kernel: F, cells of the window.
        stride: S, cells the window moves.
        padding: P, cells added on each side, or (before, after).
        dilation: D, 1 for a dense window.
        fit: what to do when the windows do not tile the input: "crop" drops the rest as PyTorch does,
            "pad" adds zeros on the far side, "strict" refuses.

    Raises:
        GeometryError: the window is larger than the padded input, or `fit` is "strict" and the division has a rest.

    >>> output_size(227, kernel=11, stride=4, padding=0, fit="strict")
    55
    >>> output_size(7, kernel=3, stride=3), output_size(7, kernel=3, stride=3, fit="pad")
    (2, 3)

    The third window of the latter begins at cell 6 of 7. One that begins behind the input counts, too:

    >>> output_size(3, kernel=2, stride=2, padding=1, fit="pad")
    3
    """
    before, after = (padding, padding) if isinstance(padding, int) else padding
    steps, rest = divmod(size - span(kernel, dilation) + before + after, stride)
    if steps < 0:
        raise _too_large(size, kernel, before, after, dilation)
    if rest and fit == "strict":
        raise GeometryError(
            f"(W - F + 2P)/S + 1 = ({size} - {span(kernel, dilation)} + {before + after})/{stride} + 1 is not whole",
            "Nearest settings that work for this layer: "
            f"{_nearest_tiling(size, kernel, stride, before + after, dilation)}.",
        )
    return steps + (1 if rest and fit == "pad" else 0) + 1


def far_padding(size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int = 1) -> int:
    """Zeros that `fit="pad"` adds on the far side of one axis so that the windows tile the input.

    A window that is larger than the padded input gets none: it does not fit, padded or not.

    Args:
        size: W, cells of the input along this axis.
        kernel: F, cells of the window.
        stride: S, cells the window moves.
        padding: cells that are padded anyway, (before, after).
        dilation: D, 1 for a dense window.

    >>> far_padding(7, kernel=3, stride=3, padding=(0, 0))
    2
    """
    room = size - span(kernel, dilation) + sum(padding)
    return -room % stride if room >= 0 else 0  # a window that does not fit is an error, padded or not


def lost_cells(size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int = 1) -> int:
    """Cells at the far side of one axis, padding included, that no window looks at under `fit="crop"`.

    Args:
        size: W, cells of the input along this axis.
        kernel: F, cells of the window; it must fit the padded input.
        stride: S, cells the window moves.
        padding: cells (before, after).
        dilation: D, 1 for a dense window.

    >>> lost_cells(7, kernel=3, stride=3, padding=(0, 0))
    1
    """
    return (size - span(kernel, dilation) + sum(padding)) % stride


def _too_large(size: int, kernel: int, before: int, after: int, dilation: int) -> GeometryError:
    """What to say of a window larger than its padded input, and the largest that would fit."""
    most, place = size + before + after, f"an input of {size} with padding {before}+{after}"
    covered = span(kernel, dilation)
    if covered == kernel:
        return GeometryError(
            f"a window of {kernel} does not fit {place}", f"Use a window of at most {most}, or more padding."
        )
    dense = (most - 1) // (kernel - 1)
    return GeometryError(
        f"F {kernel} with dilation {dilation} covers ({kernel}-1)*{dilation}+1 = {covered}, which does not fit {place}",
        f"Use {f'dilation at most {dense}, ' if dense else ''}F at most {(most - 1) // dilation + 1}, or more padding.",
    )


def _nearest_tiling(size: int, kernel: int, stride: int, padding: int, dilation: int) -> str:
    """The smallest single changes of input, padding, stride or fit that work."""
    room = size - span(kernel, dilation) + padding
    steps, rest = divmod(room, stride)
    options = [f"input {size - rest}"] if rest < size else []
    options.append(f"input {size + stride - rest}")
    whole = next((more for more in range(2, 2 * stride + 1, 2) if (room + more) % stride == 0), None)
    if padding % 2 == 0 and whole:
        options.append(f"padding {(padding + whole) // 2}")
    smaller = next(divisor for divisor in range(stride - 1, 0, -1) if room % divisor == 0)
    options.append(f"stride {smaller}")
    options.append(f"fit crop (drops {rest}, gives {steps + 1})")
    if padding % 2 == 0:
        enough = padding // 2 + -(-(stride - rest) // 2)
        options.append(f"padding {enough} with fit crop (gives {(room - padding + 2 * enough) // stride + 1})")
    options.append(f"fit pad (adds {stride - rest}, gives {steps + 2})")
    return ", ".join(options)


class ReceptiveField(NamedTuple):
    """What one output cell sees of the input, along one axis, in input cells.

    size: cells seen; stride: input cells between the centres of neighbouring outputs;
    offset: centre of the first output's view, counted from the centre of the first input cell.
    Recurrences from Dumoulin & Visin 2016 and Araujo et al. 2019 (distill.pub/2019/computing-receptive-fields).
    """

    size: int = 1
    stride: int = 1
    offset: float = 0.0

    def through(self, kernel: int, stride: int, before: int, dilation: int = 1) -> ReceptiveField:
        """The receptive field after one more convolution or pooling along this axis.

        Args:
            kernel: F, cells of the window.
            stride: S, cells the window moves.
            before: cells of padding before the first; those after the last do not matter.
            dilation: D, 1 for a dense window.

        >>> ReceptiveField().through(3, 1, 1).through(3, 1, 1).through(3, 1, 1).size
        7
        """
        if kernel == stride == 1 and before == 0:
            return self
        reach = span(kernel, dilation) - 1
        return ReceptiveField(
            self.size + reach * self.stride,
            self.stride * stride,
            self.offset + (reach / 2 - before) * self.stride,
        )

    def merged(self, other: ReceptiveField) -> ReceptiveField:
        """The receptive field of a sum or concatenation of two branches: the smallest window that covers both.

        >>> ReceptiveField(size=3).merged(ReceptiveField(size=1)).size
        3
        """
        if self is other:
            return self
        low = min(self.offset - (self.size - 1) / 2, other.offset - (other.size - 1) / 2)
        high = max(self.offset + (self.size - 1) / 2, other.offset + (other.size - 1) / 2)
        return ReceptiveField(round(high - low) + 1, max(self.stride, other.stride), (low + high) / 2)
