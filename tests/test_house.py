"""The rules of the house that import-linter does not know: sizes, faces, questions in place of names, quiet imports."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import convscape
import pytest
from convscape.search.records import Role, State
from convscape.search.scheduling import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(convscape.__file__).parent
ROOMS = ("spaces", "trainers", "search", "dashboards", "commands", "testing")
FILES = sorted([*ROOT.glob("*.py"), *(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))])
TREES = {file.relative_to(ROOT): ast.parse(file.read_text()) for file in FILES}


def nodes(*kinds: type[ast.AST]) -> Iterator[tuple[Path, ast.AST]]:
    for file, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                yield file, node


def is_package(parts: tuple[str, ...]) -> bool:
    return (ROOT.joinpath(*parts) / "__init__.py").exists()


def imported(file: Path, node: ast.ImportFrom) -> tuple[str, ...] | None:
    """What a `from … import` of our own names, below the root, whether relative or absolute."""
    named = tuple(node.module.split(".")) if node.module else ()
    if node.level:
        return (*file.parts[: len(file.parts) - node.level], *named)
    return named[1:] if named[:1] == ("convscape",) else None


def test_no_room_is_crowded() -> None:
    counts = {folder: len(list(folder.glob("*.py"))) for folder in {file.parent for file in FILES}}
    assert max(counts.values()) <= 24
    assert counts[ROOT / "search"] <= 4


def test_rooms_import_from_faces_alone() -> None:
    """A module is imported by its own package and those inside; others ask the package for a name it exports."""
    deep: list[str] = []
    for file, node in nodes(ast.ImportFrom):
        assert isinstance(node, ast.ImportFrom)
        target = imported(file, node)
        if target is None or file.name == "__init__.py":
            continue
        named = [(*target, alias.name) for alias in node.names] if is_package(target) else [target]
        for module in named:
            inside = file.parts[: len(module) - 1] == module[:-1]
            if not inside and not is_package(module) and ROOT.joinpath(*module).with_suffix(".py").exists():
                exported = (ROOT.joinpath(*module[:-1]) / "__init__.pyi").read_text()
                if len(module) == len(target) or not re.search(rf"\bas {module[-1]}\b", exported):
                    deep.append(f"{file}:{node.lineno} imports {'.'.join(module)}")
    assert not deep


def test_what_is_private_stays_in_its_file() -> None:
    taken: list[str] = []
    for file, node in nodes(ast.ImportFrom):
        assert isinstance(node, ast.ImportFrom)
        if imported(file, node) is not None:
            taken += [f"{file}: {each.name}" for each in node.names if re.match("_(?!_)", each.name)]
    assert not taken, taken


def dotted(file: Path) -> tuple[str, ...]:
    """A file below the root as a module, a package's `__init__.py` as the package."""
    return file.with_suffix("").parts[: -1 if file.name == "__init__.py" else None]


def home(package: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The file that a name of a package comes from, through as many faces as it passes."""
    stub = ROOT.joinpath(*package) / "__init__.pyi"
    for node in ast.parse(stub.read_text()).body if stub.exists() else ():
        if isinstance(node, ast.ImportFrom) and any(name in (alias.asname, alias.name) for alias in node.names):
            return module_of((*package, *(node.module or "").split(".")), name)
    inside = (*package, name)
    return inside if is_package(inside) or ROOT.joinpath(*inside).with_suffix(".py").exists() else package


def module_of(target: tuple[str, ...], name: str) -> tuple[str, ...]:
    return home(target, name) if is_package(target) else target


def imports() -> Iterator[tuple[tuple[str, ...], tuple[str, ...], str]]:
    """Every import of our own, in functions and under TYPE_CHECKING too: who, the file it ends at, where it stands."""
    for file, node in nodes(ast.ImportFrom, ast.Import):
        where = f"{file}:{node.lineno}"  # pyright: ignore[reportAttributeAccessIssue]
        if isinstance(node, ast.Import):
            for path in (alias.name.split(".") for alias in node.names):
                if path[0] == "convscape":
                    yield dotted(file), tuple(path[1:]), where
        elif isinstance(node, ast.ImportFrom) and (target := imported(file, node)) is not None:
            for alias in node.names:
                yield dotted(file), module_of(target, alias.name), where


def test_no_cycle_even_through_faces() -> None:
    """A face imports lazily, so import-linter sees no cycle through it: names are followed to the files they are of."""
    graph: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for importer, module, _ in imports():
        graph.setdefault(importer, set()).add(module)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(".".join(module) for module in error.args[1])) from None


def test_imports_run_downwards_even_through_faces() -> None:
    """The layers of pyproject.toml, held by the files that imported names come from."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    upwards: list[str] = []
    for contract in contracts:
        if contract["type"] == "layers":
            container = tuple(contract["containers"][0].split(".")[1:])
            depth = len(container)
            height = {room: -number for number, rooms in enumerate(contract["layers"]) for room in rooms.split(" | ")}
            for importer, module, where in imports():
                if importer[:depth] == module[:depth] == container and len(importer) > depth < len(module):
                    above, below = importer[depth], module[depth]
                    if above in height and above != below and height[below] >= height[above]:
                        upwards.append(f"{where} imports {'.'.join(module)}")
    assert not upwards


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
    names = {*get_args(State), *get_args(Role)}
    compared: list[str] = []
    for file, node in nodes(ast.Compare, ast.Match):
        if file == Path("search/records/trial.py"):
            continue
        parts = [node.left, *node.comparators] if isinstance(node, ast.Compare) else node.cases  # pyright: ignore[reportAttributeAccessIssue]
        values = {leaf.value for part in parts for leaf in ast.walk(part) if isinstance(leaf, ast.Constant)}
        asked = {leaf.attr for part in parts for leaf in ast.walk(part) if isinstance(leaf, ast.Attribute)}
        looked = names if asked & {"state", "role"} else names - {"start"}  # a word of its own in many places
        if values & looked:
            compared.append(f"{file}:{node.lineno} compares {values & looked}")  # pyright: ignore[reportAttributeAccessIssue]
    assert not compared


def test_the_engine_decides_and_does_little_else() -> None:
    assert sum(callable(value) or isinstance(value, property) for value in vars(Engine).values()) < 20
    for file in FILES:
        if file.parent == ROOT / "search" / "scheduling":
            assert len(file.read_text().splitlines()) <= 300, file


def fields_given(node: ast.ClassDef) -> int:
    """How many fields a record is made with; 0 for other classes."""
    made = [*node.decorator_list, *node.bases]
    if not any(word in ast.unparse(one) for one in made for word in ("dataclass", "NamedTuple")):
        return 0
    lines = [ast.unparse(line) for line in node.body if isinstance(line, ast.AnnAssign)]
    return sum("init=False" not in line and "ClassVar" not in line for line in lines)


LAYERS = {"Conv", "LocallyConnected", "Pool", "LocalResponseNorm", "PaddedMaxPool2d", "PaddedAvgPool2d"}
"""They are written as PyTorch's are: filters, kernel, stride, padding."""
LEADING = {"Source": 3}
"""Images, labels and classes are what a data set of one's own returns."""


def test_records_of_many_fields_are_built_by_keyword() -> None:
    """The first may stand for itself. Tests, benchmarks and examples are held to it, too."""
    trees = [*TREES.items(), *others()]
    classes = [node for _, tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    large = {node.name for node in classes if fields_given(node) > 4} - LAYERS
    assert {"TrialRecord", "SweepProgress", "Job", "Report", "EpochResult", "Design", "Dataset", "Row", "Step"} <= large
    positional: list[str] = []
    for file, node in ((file, node) for file, tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in large and len(node.args) > LEADING.get(name, 1):
                positional.append(f"{file}:{node.lineno} builds {name}")
    assert not positional


def others() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("tests", "benchmarks", "examples"):
        for file in (ROOT / folder).rglob("*.py"):
            yield file.relative_to(ROOT), ast.parse(file.read_text())


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, int, str | None]]:
    """Name, line and docstring of all that is public in a module: classes, functions, methods, documented values."""
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if node.name.startswith(("_", "test_")):
                continue
            yield prefix + node.name, node.lineno, ast.get_docstring(node) or ""
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(following, ast.Expr):
            match following.value:
                case ast.Constant(value=str(docstring)):
                    yield prefix + ast.unparse(node).split("=")[0].strip(), node.lineno, docstring


def test_public_docstrings_can_be_read_alone() -> None:
    elsewhere = re.compile(
        r"^(The same|As above|Those|Its |Theirs|Ditto)\b|\b(is|are) its\b|[Ll]ikewise|[Tt]he same (of|as there)\b"
    )
    found: list[str] = []
    for file, tree in TREES.items():
        for name, line, docstring in [("module", 1, ast.get_docstring(tree)), *public(tree.body)]:
            said_by_torch = file.parts[0] == "trainers" and name.endswith((".forward", ".extra_repr"))
            if not said_by_torch and (not docstring or elsewhere.search(docstring)):
                found.append(f"{file}:{line} {name}: {docstring or 'says nothing'}")
    assert not found


QUIET = """
import atexit, importlib, logging, os, pkgutil, signal, subprocess, sys, threading, warnings
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
watched(threading.Thread, "__init__")
watched(logging.Logger, "setLevel")
watched(logging.Logger, "addHandler")
watched(logging, "basicConfig")
watched(signal, "signal")
watched(warnings, "simplefilter")
watched(warnings, "filterwarnings")
watched(os, "putenv")
served = "convscape.search.tracking.picture_model"  # MLflow runs it, in other processes: it sets a model there
for module in pkgutil.walk_packages(convscape.__path__, "convscape."):
    room = module.name.split(".")[1]
    if module.name != served and room in ("spaces", "trainers", "search", "dashboards", "commands", "cli"):
        importlib.import_module(module.name)
assert {"ray", "optuna", "torch"} <= set(sys.modules)
print(done)
"""


def test_nothing_happens_at_import() -> None:
    """No process, thread, `atexit` or signal handler, no changed logging, warnings or environment, in any module."""
    told = subprocess.check_output([sys.executable, "-W", "ignore", "-c", QUIET], text=True)
    assert told.splitlines()[-1] == "[]"
