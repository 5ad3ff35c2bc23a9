"""The rules of the house that import-linter does not know: sizes, faces, questions in place of names, quiet imports."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import convscape
import pytest
from convscape.search.records import Role, State
from convscape.search.scheduling import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(convscape.__file__).parent
ROOMS = ("spaces", "trainers", "search", "dashboards", "testing")
FILES = sorted([*ROOT.glob("*.py"), *(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))])
TREES = {file.relative_to(ROOT): ast.parse(file.read_text()) for file in FILES}


def nodes(*kinds: type[ast.AST]) -> Iterator[tuple[Path, ast.AST]]:
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                yield file, node


def is_package(parts: tuple[str, ...]) -> bool:
    return (ROOT.joinpath(*parts) / "__init__.py").exists()


def imported(file: Path, node: ast.ImportFrom) -> tuple[str, ...]:
    """What an import of our own names, below the root."""
    package = file.parts[:-1]
    base = package[: len(package) - (node.level - 1)]
    return (*base, *(node.module.split(".") if node.module else ()))


def test_no_room_is_crowded() -> None:
    counts = {folder: len(list(folder.glob("*.py"))) for folder in {file.parent for file in FILES}}
    assert max(counts.values()) <= 24
    assert counts[ROOT / "search"] <= 4


def test_rooms_import_from_faces_alone() -> None:
    """A module is imported by its own package and those inside; others ask the package for a name it exports."""
    deep: list[str] = []
    for file, node in nodes(ast.ImportFrom):
        assert isinstance(node, ast.ImportFrom)
        if not node.level or file.name == "__init__.py":
            continue
        target = imported(file, node)
        named = [(*target, alias.name) for alias in node.names] if is_package(target) else [target]
        for module in named:
            inside = file.parts[: len(module) - 1] == module[:-1]
            if not inside and not is_package(module) and ROOT.joinpath(*module).with_suffix(".py").exists():
                exported = (ROOT.joinpath(*module[:-1]) / "__init__.pyi").read_text()
                if len(module) == len(target) or not re.search(rf"\bas {module[-1]}\b", exported):
                    deep.append(f"{file}:{node.lineno} imports {'.'.join(module)}")
    assert not deep


@pytest.mark.parametrize("room", sorted({str(file.parent) for file in TREES if file.name == "__init__.py"}))
def test_a_room_says_what_it_is_for_and_exports_what_is_there(room: str) -> None:
    docstring = ast.get_docstring(TREES[Path(room) / "__init__.py"])
    assert docstring
    assert len(docstring.splitlines()[0]) > 20
    package = importlib.import_module(".".join(("convscape", *Path(room).parts)))
    assert package.__all__
    for name in package.__all__:
        assert getattr(package, name) is not None


def test_states_and_roles_are_asked_not_compared() -> None:
    names = {*get_args(State), *get_args(Role)} - {"start"}  # that is a word of its own in many places
    compared: list[str] = []
    for file, node in nodes(ast.Compare, ast.Match):
        if file == Path("search/records/trial.py") or file.parts[0] == "testing":
            continue
        parts = [node.left, *node.comparators] if isinstance(node, ast.Compare) else node.cases  # pyright: ignore[reportAttributeAccessIssue]
        values = {leaf.value for part in parts for leaf in ast.walk(part) if isinstance(leaf, ast.Constant)}
        if values & names:
            compared.append(f"{file}:{node.lineno} compares {values & names}")  # pyright: ignore[reportAttributeAccessIssue]
    assert not compared


def test_the_engine_decides_and_does_little_else() -> None:
    assert sum(callable(value) or isinstance(value, property) for value in vars(Engine).values()) < 20
    for file in FILES:
        if file.parent == ROOT / "search" / "scheduling":
            assert len(file.read_text().splitlines()) <= 300, file


def test_records_of_many_fields_are_built_by_keyword() -> None:
    large = {
        node.name
        for _, node in nodes(ast.ClassDef)
        if isinstance(node, ast.ClassDef)
        and any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)
        and sum(isinstance(line, ast.AnnAssign) for line in node.body) > 4
    }
    assert {"TrialRecord", "TrialSummary", "SweepProgress", "Job", "Report", "EpochResult", "Setup", "Design"} <= large
    positional: list[str] = []
    for file, node in nodes(ast.Call):
        assert isinstance(node, ast.Call)
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in large and len(node.args) > 4:
            positional.append(f"{file}:{node.lineno} builds {name}")
    assert not positional


def test_public_docstrings_can_be_read_alone() -> None:
    elsewhere = re.compile(
        r"^(The same|As above|Those|Its |Theirs|Ditto)\b|\b(is|are) its\b|[Ll]ikewise|[Tt]he same (of|as there)\b"
    )
    found: list[str] = []
    for file, node in nodes(ast.FunctionDef, ast.ClassDef):
        assert isinstance(node, ast.FunctionDef | ast.ClassDef)
        docstring = ast.get_docstring(node) or ""
        if not node.name.startswith("_") and elsewhere.search(docstring):
            found.append(f"{file}:{node.lineno} {node.name}")
    assert not found


QUIET = """
import atexit, importlib, logging, pkgutil, subprocess, sys, threading
import convscape

def ours() -> str:
    "The module of this project whose import does it, unless another package's import does."
    frame = sys._getframe(2)
    while frame:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("importlib"):
            return ""
        if name.startswith("convscape"):
            return name
        frame = frame.f_back
    return ""

done = []
def watched(owner, name):
    former = getattr(owner, name)
    def call(*arguments, **options):
        if module := ours():
            done.append(f"{module}: {name}")
        return former(*arguments, **options)
    setattr(owner, name, call)

watched(atexit, "register")
watched(subprocess.Popen, "__init__")
watched(threading.Thread, "start")
watched(logging.Logger, "setLevel")
watched(logging.Logger, "addHandler")
for module in pkgutil.walk_packages(convscape.__path__, "convscape."):
    if module.name.split(".")[1] in ("spaces", "trainers", "search", "dashboards", "cli"):
        importlib.import_module(module.name)
assert {"ray", "optuna", "torch"} <= set(sys.modules)
print(done)
"""


def test_nothing_happens_at_import() -> None:
    """No process, no thread, no `atexit`, no changed logging, whichever module is imported."""
    told = subprocess.check_output([sys.executable, "-W", "ignore", "-c", QUIET], text=True)
    assert told.splitlines()[-1] == "[]"
