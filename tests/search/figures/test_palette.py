"""The palette: to be told apart by the colour-blind, and to be seen on white and on the dark page."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import convscape
import numpy as np
import pytest
from convscape.search.figures import BLUE, FATES, GREY, SWEEP_COLORS, VERMILLION

# Full severity, Machado, Oliveira & Fernandes 2009, table 1 (linear RGB).
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
# sRGB to XYZ, D65 (IEC 61966-2-1), and its white point.
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])
APART = 20.0
"""CIE76 differences; 2.3 is just noticed."""
CONTRAST = 3.0
"""For graphics, WCAG 2.2, 1.4.11."""


def linear(color: str) -> np.ndarray:
    parts = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = XYZ @ np.clip(rgb, 0, 1) / WHITE
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def luminance(color: str) -> float:
    return float(np.array([0.2126, 0.7152, 0.0722]) @ linear(color))


def backgrounds() -> list[str]:
    style = Path(convscape.__file__).with_name("dashboards") / "page/static/style.css"
    light, dark, _print = re.findall(r"--paper: (#\w{6})", style.read_text())
    return [light, dark]


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("palette", [SWEEP_COLORS, tuple({fate.color for fate in FATES}), (BLUE, VERMILLION, GREY)])
def test_colours_that_are_drawn_together_are_told_apart(sight: str, palette: tuple[str, ...]) -> None:
    for one, other in itertools.combinations(palette, 2):
        seen = [lab(np.array(SIGHT[sight]) @ linear(color)) for color in (one, other)]
        assert np.linalg.norm(seen[0] - seen[1]) > APART, (one, other)


@pytest.mark.parametrize("color", [*SWEEP_COLORS, GREY])
def test_colours_are_seen_on_both_backgrounds(color: str) -> None:
    for background in backgrounds():
        darker, lighter = sorted([luminance(color), luminance(background)])
        assert (lighter + 0.05) / (darker + 0.05) >= CONTRAST, background


def test_no_fate_is_told_by_its_colour_alone() -> None:
    assert len({fate.symbol for fate in FATES}) == len(FATES)
    assert len({fate.dash for fate in FATES}) == len(FATES)
