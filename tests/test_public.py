"""What the root of the package offers, and how little importing it costs."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import convscape
import pytest

HEAVY = ("torch", "torchvision", "ray", "mlflow", "optuna", "pandas", "numpy", "pydantic", "sklearn", "typer")


def test_the_public_names_are_these_and_no_others() -> None:
    assert sorted(convscape.__all__) == [
        "Architecture", "ConvSpace", "ConvscapeError", "Sweep", "SweepConfig", "ask", "compare", "launch",
        "load_architecture", "resume",
    ]  # fmt: skip
    for name in convscape.__all__:
        assert getattr(convscape, name).__name__ == name
        assert name in dir(convscape)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lunch'"):
        _ = convscape.lunch  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("module", "former", "home", "now"),
    [
        ("convscape", "find", "convscape", "load_architecture"),
        ("convscape.spaces.parsing", "parse", "convscape.spaces.parsing", "parse_notation"),
        ("convscape.trainers.sources", "Source", "convscape.trainers", "Source"),
    ],
)
def test_names_of_the_release_before_work_with_a_warning(module: str, former: str, home: str, now: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"^{module}\.{former} is called {home}\.{now} now$") as caught:
        found = getattr(import_module(module), former)
    assert caught[0].filename == __file__
    assert found is getattr(import_module(home), now)


def test_importing_loads_nothing_heavy() -> None:
    program = f"import sys, convscape; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"


def test_describing_a_network_loads_nothing_heavy() -> None:
    program = (
        "import sys\nfrom convscape.cli import main\n"
        "try:\n    main(['describe', 'lenet5'])\n"
        f"except SystemExit:\n    print([name for name in {HEAVY[:6]!r} if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).splitlines()[-1] == "[]"
