"""What is installed: one top-level name, every room, no tests; and the version of the package."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path
from zipfile import ZipFile

import convscape
from convscape.search.workers.cluster.package import own_files

ROOT = Path(convscape.__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = ("spaces", "trainers", "search", "dashboards", "commands", "testing")


def test_every_folder_with_code_is_packaged() -> None:
    folders = {path.parent.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    packages = {".".join(("convscape", *folder.parts)) for folder in folders} | {"convscape"}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages


def test_the_version_and_the_command_are_the_package_s() -> None:
    assert convscape.__version__ == PROJECT["project"]["version"] == version("convscape")
    (command,) = entry_points(group="console_scripts", name="convscape")
    assert command.value == "convscape.cli:main"


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with ZipFile(archive(tmp_path)) as files:  # a build beside the sources would leave folders there
        files.extractall(source)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = [Path(name) for name in ZipFile(wheel).namelist()]
    dist_info = f"convscape-{convscape.__version__}.dist-info"
    assert {name.parts[0] for name in names} == {"convscape", dist_info}
    code = {name.relative_to("convscape") for name in names if name.suffix == ".py"}
    assert code == {
        path.relative_to(ROOT)
        for path in [*ROOT.glob("*.py"), *(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))]
    }
    assert Path("convscape/py.typed") in names
    pages = {name.relative_to("convscape") for name in names if name.suffix in (".html", ".css", ".js")}
    assert pages == {file for file in own_files() if file.suffix in (".html", ".css", ".js")}
    assert {Path("dashboards/page/page.html"), Path("dashboards/page/static/plots.js")} < pages
    sent = {file for file in own_files() if file.suffix == ".py"}
    assert sent == code, "what is sent to the nodes of a cluster is what would be installed"
    assert not [name for name in names if "tests" in name.parts or "test" in name.name]


def archive(folder: Path) -> Path:
    """The sources as they lie here: what a build needs of them."""
    path = folder / "source.zip"
    with ZipFile(path, "w") as files:
        for file in [*ROOT.glob("*"), *(file for room in ROOMS for file in (ROOT / room).rglob("*"))]:
            if file.is_file() and "__pycache__" not in file.parts:
                files.write(file, file.relative_to(ROOT))
        files.writestr("tests/test_nothing.py", "")
        files.writestr("benchmarks/nothing.py", "")
    return path
