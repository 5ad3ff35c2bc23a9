"""A class of somebody's own: found by its import path, and whatever it gets wrong said with its key."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from convscape.spaces.custom import CustomSpace
from convscape.spaces.errors import DataError, SpaceError
from convscape.spaces.import_path import import_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SPACE = """{top}
from convscape.spaces.architecture import Architecture
from convscape.spaces.errors import SpaceError
from convscape.spaces.layers import Conv, Flatten, Linear

class Mine:
    def __init__(self, filters=4):
        {init}
        self.filters = filters

    def check(self, input):
        {check}

    def sample(self, trial, input, classes):
        {sample}
        return Architecture(input, (Conv(self.filters), Flatten(), Linear(classes)), classes)

number = 3
"""
INPUT = (1, 8, 8)


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules and the path as they were."""
    modules, path = set(sys.modules), list(sys.path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # files change faster than their times
    yield
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    sys.path[:] = path


@pytest.fixture
def mine(tmp_path: Path) -> Callable[..., CustomSpace]:
    """Opens the space above with lines of its methods put in."""

    def made(path: str = "mine.Mine", settings: dict[str, Any] | None = None, **lines: str) -> CustomSpace:
        sys.modules.pop("mine", None)
        text = SPACE.format(**{"top": "", "init": "pass", "check": "pass", "sample": "pass", **lines})
        (tmp_path / "mine.py").write_text(text)
        return CustomSpace(path, settings or {}, [tmp_path])

    return made


def refused(call: Callable[[], Any]) -> SpaceError:
    with pytest.raises(SpaceError) as caught:
        call()
    return caught.value


def sampled(space: CustomSpace, classes: int = 10) -> Any:
    return space.sample(optuna.create_study().ask(), INPUT, classes)


def test_settings_are_given_to_the_class(mine: Any) -> None:
    assert sampled(mine(settings={"filters": 7})).layers[0].filters == 7
    assert sampled(mine("mine:Mine")).layers[0].filters == 4


def test_without_a_size_there_is_none(mine: Any) -> None:
    assert mine().size(INPUT) is None
    assert mine(check="pass\n    def size(self, input):\n        return 12").size(INPUT) == 12


@pytest.mark.parametrize(
    ("path", "says", "remedy"),
    [
        ("Mine", "'Mine' is no import path", "my_module.MySpace"),
        (3, "3 is no import path", ""),
        ("mine..Mine", "is no import path", ""),
        ("mne.Mine", "mne.Mine: there is no module mne", "Looked for in {folder}, on PYTHONPATH"),
        ("mine.inner.Mine", "there is no module mine.inner", ""),
        ("mine.Min", "mine.Min: mine has no class Min", "Did you mean 'Mine'? Looked for in {folder}/mine.py."),
        ("mine.number", "mine.number is no class", ""),
        ("mine.SpaceError", "mine.SpaceError is of another module", "defined in mine"),
    ],
)
def test_paths_that_lead_nowhere(mine: Any, tmp_path: Path, path: Any, says: str, remedy: str) -> None:
    error = refused(lambda: mine(path))
    assert error.key == "space.class"
    assert error.message.startswith("space.class: ")
    assert says in error.message
    assert remedy.format(folder=tmp_path) in error.remedy


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ({"init": "1 +"}, "mine cannot be imported: SyntaxError: invalid syntax (mine.py, line 8)"),
        ({"top": "import no_such_module"}, "mine needs a module no_such_module"),
        ({"top": "1 / 0"}, "mine cannot be imported: ZeroDivisionError: division by zero (mine.py, line 1)"),
        ({"top": "raise SystemExit(3)"}, "mine cannot be imported: SystemExit: 3 (mine.py, line 1)"),
        ({"init": "raise ValueError('too odd')"}, "mine.Mine() raised ValueError: too odd (mine.py, line 8)"),
    ],
)
def test_a_module_or_class_that_raises_is_quoted(mine: Any, lines: dict[str, str], says: str) -> None:
    error = refused(lambda: mine(**lines))
    assert error.key == "space.class"
    assert says in error.message


def test_missing_methods_are_named(mine: Any) -> None:
    error = refused(
        lambda: mine(sample="pass\n\nclass Less(Mine):\n    sample = None\n    def _(a):", path="mine.Less")
    )
    assert "mine.Less has no method sample(trial, input, classes)" in error.message


def test_a_setting_the_class_does_not_take_names_the_nearest(mine: Any) -> None:
    error = refused(lambda: mine(settings={"filter": 3}))
    assert (error.key, error.remedy) == ("space.filter", "Did you mean 'filters'?")


def test_a_class_s_own_space_error_keeps_its_key(mine: Any) -> None:
    error = refused(lambda: mine(init="raise SpaceError('space.filters: odd', 'Make it even.', key='space.filters')"))
    assert (error.message, error.remedy, error.key) == ("space.filters: odd", "Make it even.", "space.filters")
    error = refused(lambda: mine(check="raise SpaceError('images too small')").check(INPUT))
    assert (error.message, error.key) == ("images too small", "space.class")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("return None", "mine.Mine.sample() returned a NoneType, not an Architecture"),
        ("input = (1, 9, 9)", "returned a network for images of (1, 9, 9), not one for (1, 8, 8)"),
        ("classes = 3", "returned a network of 3 classes, not one of 10"),
        ("self.filters = 0", "mine.Mine.sample() raised ArchitectureError: Conv: `filters` (=0) must be"),
        ("trial.suggest_int('a', 3, 1)", "mine.Mine.sample() raised ValueError: "),
    ],
)
def test_what_sample_gets_wrong_is_said(mine: Any, line: str, says: str) -> None:
    space = mine(sample=line)
    space.check(INPUT)
    error = refused(lambda: sampled(space))
    assert error.key == "space.class"
    assert says in error.message
    assert "(own.py" not in error.message


def test_the_line_of_ones_own_code_is_named_not_of_ours(mine: Any) -> None:
    assert refused(lambda: sampled(mine(sample="Conv(0)"))).message.endswith("(mine.py, line 15)")


@pytest.mark.parametrize(
    "line",
    [
        "Architecture(input, (Linear(classes),), classes + 1)",  # raised under code that dataclasses wrote
        "trial.suggest_int('a', 3, 1)",  # in Optuna
        "int('three')",
        "import json; json.loads('{')",  # in Python's own library
    ],
)
def test_the_line_named_is_in_a_file_of_ones_own(mine: Any, line: str) -> None:
    assert refused(lambda: sampled(mine(sample=line))).message.endswith("(mine.py, line 15)")


def test_the_line_named_is_theirs_also_where_a_room_inside_spaces_raises(mine: Any) -> None:
    line = "from convscape.spaces import ConvSpace; ConvSpace(stages=1).sample(None, input, classes)"
    assert refused(lambda: sampled(mine(sample=line))).message.endswith("(mine.py, line 15)")


def test_what_was_advised_is_kept(mine: Any) -> None:
    error = refused(
        lambda: sampled(
            mine(top="from convscape.spaces import parse_notation", sample="parse_notation('INPUT[8x8x1] -> RLU')")
        )
    )
    assert error.remedy == "Did you mean 'RELU'?"
    assert "sample() raised NotationError: column 17: expected a layer" in error.message
    assert refused(lambda: sampled(mine(sample="1 / 0"))).remedy == ""


def test_folders_come_before_what_is_installed_and_hide_nothing_later(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def mine(): return 1")
    sys.modules.pop("mine", None)
    assert import_object("mine.mine", "function", [tmp_path], DataError)() == 1
    assert sys.path[-1] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1


def test_a_module_of_the_same_name_from_elsewhere_is_not_taken_for_it(tmp_path: Path) -> None:
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        (folder / "twin.py").write_text(f"def where(): return {folder.name!r}")
    assert import_object("twin.where", "function", [tmp_path / "one"], DataError)() == "one"
    assert import_object("twin.where", "function", [tmp_path / "one", tmp_path / "two"], DataError)() == "one"
    with pytest.raises(DataError, match=r"one.twin\.py was imported by that name before .*two.twin\.py: rename one"):
        import_object("twin.where", "function", [tmp_path / "two"], DataError)


def test_nor_is_a_folder_without_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (tmp_path / "one", tmp_path / "two"):
        (folder / "bare").mkdir(parents=True)
        (folder / "bare" / "inner.py").write_text(f"def where(): return {folder.name!r}")
    (tmp_path / "two" / "bare" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "one"))
    __import__("bare.inner")
    with pytest.raises(DataError, match=r"was imported by that name before .*two.bare.__init__\.py: rename one"):
        import_object("bare.inner.where", "function", [tmp_path / "two"], DataError)


KINDS = """
from functools import cache
from bag.inner import again
from bag_of_others import others

@cache
def plain(): pass

class Kind:
    def __call__(self): pass

one = Kind()
"""


@pytest.mark.parametrize(
    ("name", "what", "says"),
    [
        ("bag.plain", "function", ""),
        ("bag.one", "function", ""),
        ("bag.again", "function", ""),
        ("bag.Kind", "class", ""),
        ("bag.Kind", "function", "bag.Kind is no function"),
        ("bag.plain", "class", "bag.plain is no class"),
        ("bag.inner.up", "function", "bag.inner.up is of another module, bag.other"),
        ("bag.others", "function", "bag.others is of another module, bag_of_others"),
    ],
)
def test_what_is_named_is_of_its_kind_and_defined_there(tmp_path: Path, name: str, what: str, says: str) -> None:
    (tmp_path / "bag").mkdir()
    (tmp_path / "bag" / "__init__.py").write_text(KINDS)
    (tmp_path / "bag" / "inner.py").write_text("from bag.other import up\ndef again(): pass")
    (tmp_path / "bag" / "other.py").write_text("def up(): pass")
    (tmp_path / "bag_of_others.py").write_text("def others(): pass")
    if not says:
        assert callable(import_object(name, what, [tmp_path], DataError))
        return
    with pytest.raises(DataError, match=says):
        import_object(name, what, [tmp_path], DataError)
