"""A world to search in: what a design reaches after how many epochs and how long they take, as a table measured it.

A design of the table has its own curve. Any other has one that is predicted: extremely randomised trees (Geurts et al.
2006, scikit-learn's) learn the table's curves from the network's layers and the recipe, and the design then gets the
error that they made on some design of the table, picked by its key, so that predicted designs differ as much as real
ones do. `World.error` says how large that error is. The table ends at 27 epochs: longer trainings reach what 27 do.
"""

from __future__ import annotations

import gzip
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from convscape.search.records import Design
from convscape.spaces import cost_table
from make import AN_EPOCH, IMAGES as INPUTS, PARTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

STABLE, SHORT, LONG = 18, 9, 27
"""Epochs that a training of LONG epochs has at a constant rate; epochs of the table's two lengths."""
DECAY = 0.3
"""Part of a training in which the rate goes down, of the schedule "wsd"."""
RUN_TO_RUN, EPOCH_TO_EPOCH = 0.03, 0.02
"""How much the logarithm of the error varies between runs of one design, and between epochs of one run."""
FOLDS = 10
"""Parts of the table, each of which is predicted from the others to learn how large errors are."""
TREES = 300
"""Trees of the surrogate."""


class World:
    """What designs reach, by a table that `make.py` has written.

    Args:
        file: the table, JSON lines, compressed where its name ends in .gz.
        half: 0 or 1 for every second design of the table alone, so that what is chosen on one half can be told of the
            other; None for all of them.
    """

    def __init__(self, file: Path, half: int | None = None) -> None:
        from sklearn.ensemble import ExtraTreesRegressor
        from sklearn.model_selection import cross_val_predict

        lines = _read(file)
        designs = {line["design"]: Design.from_json(line) for line in lines if "architecture" in line}
        runs = {(line["design"], line["length"]): line for line in lines if line.get("seed") == 0 and "test" in line}
        known = [n for n in designs if (n, LONG) in runs and len(runs[n, LONG]["curve"]) == LONG]
        gain = _gain_of_a_short_decay([(runs[n, SHORT], runs[n, LONG]) for n in known if (n, SHORT) in runs])
        known = [number for number in known if half is None or number % 2 == half]
        rows = [_row(runs[n, LONG], runs.get((n, SHORT)), gain) for n in known]
        self._rows = {designs[n].key: row for n, row in zip(known, rows, strict=True)}
        self.designs = [designs[number] for number in known]
        """The table's designs."""
        self.data = next(name for name, shape in INPUTS.items() if shape == self.designs[0].architecture.input)
        """Name of the table's images."""
        self.input, self.images = INPUTS[self.data], AN_EPOCH[self.data] * PARTS[self.data][0]
        """(C, H, W) of the images, and how many are trained on in an epoch."""
        features, wanted = np.array([_features(design) for design in self.designs]), np.array(rows)
        trees = ExtraTreesRegressor(TREES, min_samples_leaf=2, max_features=0.5, random_state=0, n_jobs=1)
        self._residuals = wanted - cross_val_predict(trees, features, wanted, cv=FOLDS)
        self._trees = trees.fit(features, wanted)
        spread = wanted[:, -1].std() or 1.0
        self.error = float(np.sqrt(np.mean(self._residuals[:, -1] ** 2)) / spread)
        """Root mean square error of predicted final errors, by their logarithm, as a part of the table's spread."""
        measured = {line["design"]: line["seconds"] for line in lines if line.get("seconds")}
        self._seconds = {designs[number].key: seconds for number, seconds in measured.items()}
        self._per_epoch = _seconds_of([(designs[number], seconds) for number, seconds in measured.items()])
        self.best = max(1 - math.exp(row[-1]) for row in rows)
        """The highest test accuracy of the table after its last epoch, 0 to 1."""

    def seconds(self, design: Design) -> float:
        """Seconds that an epoch of the design takes on one worker."""
        return self._seconds.get(design.key) or self._per_epoch(design)

    @property
    def full(self) -> float:
        """Seconds of a full training, the mean of the table's designs."""
        return LONG * float(np.mean([self.seconds(design) for design in self.designs]))

    def observed(self, design: Design, seed: int, epoch: int, length: int) -> float:
        """Validation accuracy, 0 to 1, that a run tells of after an epoch.

        Args:
            design: what is trained.
            seed: of the run; with the epoch it decides the luck.
            epoch: counted from 1.
            length: epochs that the run's schedule is made for.
        """
        chance = np.random.default_rng([seed, int(design.key, 16) % 2**32])
        luck = RUN_TO_RUN * chance.standard_normal() + EPOCH_TO_EPOCH * chance.standard_normal(epoch)[-1]
        return float(np.clip(1 - math.exp(self._value(design, epoch, length) + luck), 0.0, 1.0))

    def truth(self, design: Design, epoch: int, length: int) -> float:
        """Test accuracy, 0 to 1, without luck, of what a run has after an epoch."""
        row = self._row(design)
        return float(1 - math.exp(min(0.0, self._value(design, epoch, length) + row[-1] - row[-2])))

    def _row(self, design: Design) -> NDArray[np.float64]:
        row = self._rows.get(design.key)
        if row is None:
            predicted = self._trees.predict(np.array([_features(design)]))[0]
            row = predicted + self._residuals[int(design.key, 16) % len(self._residuals)]
            self._rows[design.key] = row
        return row

    def _value(self, design: Design, epoch: int, length: int) -> float:
        """The logarithm of the validation error: constant rate, then in a straight line to where the decay ends."""
        row, length = self._row(design), min(length, LONG)
        epoch = min(epoch, length)
        turn = (1 - DECAY) * length
        at_turn = float(np.interp(min(epoch, turn), np.arange(1, STABLE + 1), row[:STABLE]))
        if epoch <= turn:
            return at_turn
        short, long = row[STABLE], row[STABLE + 1]
        part = (math.log(length) - math.log(SHORT)) / (math.log(LONG) - math.log(SHORT))
        end = min(float(short + part * (long - short)), at_turn)
        return at_turn + (epoch - turn) / (length - turn) * (end - at_turn)


def _read(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as opened:
        return [json.loads(line) for line in opened]


def _error(accuracy: float) -> float:
    """The logarithm of an error, of one in 2,000 at least."""
    return math.log(max(5e-4, 1 - accuracy))


def _row(long: dict[str, Any], short: dict[str, Any] | None, gain: tuple[float, float]) -> NDArray[np.float64]:
    """A design's logarithms of errors: STABLE epochs at a constant rate, the ends of both lengths, the test's end."""
    errors = [_error(accuracy) for accuracy in long["curve"]]
    turn = errors[round((1 - DECAY) * SHORT) - 1]
    end = _error(short["curve"][-1]) if short else turn + gain[0] + gain[1] * (errors[-1] - errors[STABLE - 1])
    return np.array([*errors[:STABLE], end, errors[-1], _error(long["test"])])


def _gain_of_a_short_decay(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> tuple[float, float]:
    """What the decay of a short training brings, as a straight line in what that of a long one brings."""
    turn = round((1 - DECAY) * SHORT) - 1
    of_long = [_error(long["curve"][-1]) - _error(long["curve"][STABLE - 1]) for _, long in pairs]
    of_short = [_error(short["curve"][-1]) - _error(long["curve"][turn]) for short, long in pairs]
    slope, start = np.polyfit(of_long, of_short, 1)
    return float(start), float(slope)


def _seconds_of(measured: list[tuple[Design, float]]) -> Callable[[Design], float]:
    """Seconds of an epoch by a network's MACs, parameters and layers: the linear least squares of what was measured.

    Where nothing was, 0.1 s and 20 million MACs of an image a second.
    """
    if not measured:
        return lambda design: 0.1 + 5e-8 * design.macs
    rows, seconds = np.array([_work(design) for design, _ in measured]), np.array([each for _, each in measured])
    weights = np.linalg.lstsq(rows / seconds[:, None], np.ones(len(rows)))[0]  # errors as parts of the seconds
    return lambda design: max(float(seconds.min()), float(weights @ _work(design)))


def _work(design: Design) -> NDArray[np.float64]:
    return np.array([1.0, design.macs, design.parameters, len(design.architecture.layers)])


def _features(design: Design) -> list[float]:
    """What of a design the surrogate looks at: its layers in numbers, its cost, its recipe."""
    layers = design.architecture.layers
    convs = [layer for layer in layers if layer.kind == "conv"]
    kernels = [layer.kernel[0] for layer in convs] or [0]
    pools = [layer for layer in layers if layer.kind == "pool"]
    recipe = design.recipe
    return [
        len(convs), sum(layer.stride[0] > 1 for layer in convs), len(pools),
        sum(pool.mode == "average" for pool in pools), sum(layer.padding == "valid" for layer in convs),
        kernels[0], float(np.mean(kernels)), max(kernels),
        convs[0].filters if convs else 0, convs[-1].filters if convs else 0,
        sum(layer.kind == "batch_norm" for layer in layers) > 0, sum(layer.kind == "linear" for layer in layers),
        sum(layer.kind == "global_pool" for layer in layers),
        max((layer.rate for layer in layers if layer.kind == "dropout"), default=0.0),
        math.log(design.macs + 1), math.log(design.parameters + 1),
        cost_table(design.architecture).totals.receptive_field[0],
        math.log(recipe.learning_rate), math.log(recipe.weight_decay + 1e-6), recipe.batch_size,
        recipe.label_smoothing, recipe.flip, recipe.crop, recipe.cutout,
    ]  # fmt: skip
