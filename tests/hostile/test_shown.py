"""Names that steer a terminal, or that would be code where they are written down: shown and kept as text."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from convscape.cli import main
from convscape.spaces import printable
from hypothesis import given, strategies as st
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07",
    '"""\nimport pathlib; pathlib.Path("ran").touch()\n"""',
    "<script>alert(1)<\u2044script>",
)
"""A class's name that clears the screen, one that ends a docstring, and markup."""
ODD_FILE = "broken\x1b[2J\x9b2J\u202e.png"
"""The name of a file that is skipped: with two ways to clear a screen, and one to write from right to left."""
SWEEP = """
name: hostile
space: {stages: 1, convolutions: 1, filters: 4, kernel: 3, dropout: 0.0, hidden: 0}
search: {finalists: 0, trials: 2, epochs: 1}
resources: {runner: inline, precision: float32}
"""


@given(st.text())
def test_what_is_shown_steers_nothing(text: str) -> None:
    shown = printable(text)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert shown.count("\n") == text.count("\n")
    assert printable(shown) == shown


@pytest.mark.usefixtures("quiet")
def test_every_command_shows_hostile_names_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(0)
    images = tmp_path / "images\x1b[2J"
    for name in HOSTILE:
        (images / name).mkdir(parents=True)
        for number in range(12):
            pixels = random.integers(0, 256, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(images / name / f"{number}.png")
        (images / name / ODD_FILE).write_text("no picture")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.yaml").write_text(SWEEP + f"data: {{name: folder, root: {json.dumps(str(images))}}}\n")
    shown = ""
    commands = [
        ["launch", "sweep.yaml", "--dry-run"], ["sample", "sweep.yaml"], ["launch", "sweep.yaml", "--export", "out"],
        ["status", "hostile"], ["compare", "hostile"], ["export", "hostile", "--to", "out"],
        ["launch", "\x1b[2Jno.yaml"], ["status", "\x1b[2J"], ["describe", "\x1b[2J"],
    ]  # fmt: skip
    for command in commands:
        with pytest.raises(SystemExit):
            main(command)
        said = capsys.readouterr()
        assert all(line.isprintable() for line in (said.out + said.err).split("\n")), command
        shown += said.out + said.err
    assert r"images\x1b[2J" in shown
    assert r"broken\x1b[2J" in shown
    assert not (tmp_path / "ran").exists()
    picture = next((images / HOSTILE[0]).glob("[0-9]*.png"))
    broken = picture.with_name(ODD_FILE)
    run = subprocess.run(
        [sys.executable, "out/model.py", picture, broken], check=False, capture_output=True, cwd=tmp_path, text=True
    )
    assert run.returncode == 1
    assert all(line.isprintable() for line in (run.stdout + run.stderr).splitlines())
    assert (len(run.stdout.splitlines()), len(run.stderr.splitlines())) == (1, 1)
    assert not (tmp_path / "ran").exists()


def test_an_exported_model_goes_on_after_a_picture_it_cannot_read(tmp_path: Path, exported_digits: Path) -> None:
    Image.new("LAB", (8, 8)).save(tmp_path / "lab.tif")
    Image.new("RGB", (8, 8)).save(tmp_path / "eps.png", "EPS")
    Image.new("1", (14_000, 14_000)).save(tmp_path / "bomb.png")
    Image.new("L", (8, 8)).save(tmp_path / "grey.png")
    whole = (tmp_path / "grey.png").read_bytes()
    (tmp_path / "broken.png").write_bytes(whole[:12] + b"\x1b[2J" + whole[16:])  # a SyntaxError of Pillow's
    names = ("lab.tif", "eps.png", "bomb.png", "broken.png", "grey.png")
    said = subprocess.run(
        [sys.executable, "-W", "ignore", exported_digits / "model.py", *(tmp_path / name for name in names)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert said.returncode == 1
    for name, line in zip(names[:-1], said.stderr.splitlines(), strict=True):
        assert f"{name}: no picture that can be read: " in line
        assert line.isprintable()
        assert name != "eps.png" or "it is none of BMP, JPEG" in line  # Ghostscript is not started
    assert "grey.png: " in said.stdout
