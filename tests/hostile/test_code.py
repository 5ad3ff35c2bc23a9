"""Code that data names: nothing runs that a person did not say may run. Each attack leaves a mark where it ran."""

from __future__ import annotations

import json
import os
import py_compile
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from convscape.cli import main
from convscape.search import Sweep, launch, resume
from convscape.search.config import load_data, parse_sweep_file, read_sweep_file, remember, trust
from convscape.spaces import ConfigError, ConvscapeError
from convscape.tests.tiny_sweep import TINY

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = """
import pathlib
pathlib.Path({mark!r}).touch()

from shutil import rmtree
from optuna.samplers import RandomSampler
from convscape.spaces import Architecture, Conv, Flatten, Linear

def images(root):
    import numpy as np
    return np.arange(60 * 64, dtype=np.uint8).reshape(60, 8, 8), np.arange(60) % 2

class Sampler(RandomSampler):
    pass

class Space:
    def check(self, input):
        pass

    def sample(self, trial, input, classes):
        return Architecture(input, (Conv(trial.suggest_int("filters", 1, 9)), Flatten(), Linear(classes)), classes)
"""


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What the module makes when it is imported."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # files change faster than their times
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "theirs.py").write_text(MODULE.format(mark=str(tmp_path / "ran")))
    _forget()
    yield tmp_path / "ran"
    _forget()


def _forget() -> None:
    """As in a new process."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("theirs", "package")]:
        del sys.modules[name]


def text(folder: Path, **named: Any) -> str:
    sections = {"data": {"name": "digits"}, **named}
    return json.dumps({"name": "theirs", "folder": str(folder), "code": [str(folder / "code")], **sections})


NAMED = {
    "space.class": {"space": {"class": "theirs.Space"}},
    "data.name": {"data": {"name": "theirs.images"}},
    "search.sampler": {"search": {"sampler": "theirs.Sampler"}},
}


@pytest.mark.parametrize("key", NAMED)
def test_a_sweep_file_that_is_only_looked_at_runs_nothing(tmp_path: Path, mark: Path, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"{key}: theirs\.\w+ is code, in .*code.theirs\.py.*\n.*--trust-code"):
        load_data(parse_sweep_file(text(tmp_path, **NAMED[key])))
    assert not mark.exists()


@pytest.mark.parametrize("key", NAMED)
@pytest.mark.usefixtures("mark")
def test_what_may_run_does(tmp_path: Path, key: str) -> None:
    load_data(parse_sweep_file(text(tmp_path, **NAMED[key]), trust="folders"))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("os.system", "os is Python's own"),
        ("shutil.rmtree", "shutil is Python's own"),
        ("runpy.run_path", "runpy is Python's own"),
        ("builtins.exec", "builtins is Python's own"),
        ("__main__.run", "__main__ is Python's own"),
        ("numpy.fromfile", "numpy.fromfile is code, among what is installed"),
        ("theirs.rmtree", "is of another module, shutil"),
        ("theirs.Sampler", "theirs.Sampler is no function"),
    ],
)
@pytest.mark.usefixtures("mark")
def test_what_is_not_a_function_of_theirs_is_never_called(tmp_path: Path, name: str, says: str) -> None:
    root = tmp_path / "kept"
    root.mkdir()
    with pytest.raises(ConvscapeError, match=says):
        load_data(parse_sweep_file(text(tmp_path, data={"name": name, "root": str(root)}), trust="folders"))
    assert root.exists()


PYTHONS = Path(shutil.__file__).parent
INSTALLED = Path(np.__file__).parents[1]


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("shutil.rmtree", PYTHONS, "shutil is Python's own"),
        ("numpy.fromfile", INSTALLED, r"numpy.fromfile is code, in .*site-packages.*--trust-code"),
        ("shutil.rmtree", "empty", "shutil is Python's own"),
        ("numpy.fromfile", "empty", r"among what is installed.*empty.numpy is no package.*--trust-code"),
        ("numpy.fromfile", "linked", r"numpy.fromfile is code, in .*linked.numpy.*--trust-code"),
    ],
)
@pytest.mark.usefixtures("mark")
def test_no_folder_of_theirs_makes_what_is_installed_theirs(
    tmp_path: Path, name: str, code: str | Path, says: str
) -> None:
    for folder in ("empty/numpy", "empty/shutil", "linked", "kept"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "linked" / "numpy").symlink_to(Path(np.__file__).parent)
    named = text(tmp_path, code=[str(tmp_path / code)], data={"name": name, "root": str(tmp_path / "kept")})
    with pytest.raises(ConvscapeError, match=f"(?s){says}"):
        load_data(parse_sweep_file(named, trust="folders"))
    assert (tmp_path / "kept").exists()


@pytest.mark.usefixtures("mark")
def test_a_folder_that_is_no_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "code" / "bare").mkdir()
    (tmp_path / "code" / "bare" / "inner.py").write_text("def images(root): pass")
    named = parse_sweep_file(text(tmp_path, data={"name": "bare.inner.images"}), trust="everything")
    with pytest.raises(ConvscapeError, match=r"code.bare is no package: it has no __init__\.py"):
        load_data(named)


def test_a_file_is_no_folder_of_code(tmp_path: Path) -> None:
    """Python imports from a zip file, too."""
    (tmp_path / "code.zip").touch()
    with pytest.raises(ConfigError, match=r"code: .*code\.zip is no folder"):
        parse_sweep_file(text(tmp_path, code=[str(tmp_path / "code.zip")]))


def test_installed_code_needs_a_word_more(tmp_path: Path) -> None:
    named = text(tmp_path, data={"name": "mlflow.set_experiment", "root": "x"})
    with pytest.raises(ConfigError, match="among what is installed"):
        load_data(parse_sweep_file(named, trust="folders"))


@pytest.mark.parametrize("sampler", ["optuna.samplers.BruteForceSampler", "optuna:samplers.BruteForceSampler"])
def test_a_sampler_of_optuna_s_is_no_code(tmp_path: Path, mark: Path, sampler: str) -> None:
    """Nor is a module of that name in their folder taken for it."""
    (tmp_path / "code" / "optuna.py").write_text(MODULE.format(mark=str(mark)))
    found = parse_sweep_file(text(tmp_path, search={"sampler": sampler}))
    assert found.samplers().name == sampler
    assert not mark.exists()


def test_nothing_else_of_optuna_s_is_a_sampler_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"optuna\.storages\.RDBStorage is code, among what is installed"):
        parse_sweep_file(text(tmp_path, search={"sampler": "optuna.storages.RDBStorage"}), trust="folders")


def images(**settings: Any) -> dict[str, Any]:
    return {"data": {"name": "theirs.images", **settings}}


def trusted(file: Path, **named: Any) -> None:
    """Writes a sweep file, and has a person say that its code may run."""
    file.write_text(text(file.parent, **named))
    remember(file, read_sweep_file(file, trust="folders").named_code, "folders")
    assert read_sweep_file(file).trust == "folders"


def refused(file: Path) -> str:
    with pytest.raises(ConfigError, match="--trust-code") as caught:
        load_data(read_sweep_file(file))
    return caught.value.message


def test_what_a_person_said_holds_until_the_code_changes(tmp_path: Path, mark: Path) -> None:
    file, code = tmp_path / "sweep.yaml", tmp_path / "code"
    file.write_text(text(tmp_path, **images()))
    assert refused(file).endswith("with your rights; nobody has said yet that it may run")
    (code / "inner").mkdir()
    trusted(file, **images())
    for added in (code / "helper.py", code / "inner" / "helper.py", code / "inner" / "numpy.so"):
        added.touch()
        assert f"; {added} was added since" in refused(file)
        added.unlink()
    (code / "more").symlink_to(code / "inner")
    assert f"; {code / 'more'} was added since" in refused(file)
    (code / "more").unlink()
    (code / "inner" / "proof.json").touch()
    (code / "inner" / "model.py").touch()  # an export that came since
    assert read_sweep_file(file).trust != "nothing"
    (code / "proof.json").touch()
    (code / "model.py").touch()
    assert f"; {code / 'model.py'} was added since" in refused(file)
    (code / "model.py").unlink()
    trusted(file, **images())
    (code / "inner" / "model.py").write_text("changed = True")
    assert f"; {code / 'inner' / 'model.py'} was changed since" in refused(file)
    trusted(file, **images())
    theirs = (code / "theirs.py").read_text()
    (code / "theirs.py").write_text(theirs + "#")
    assert f"; {code / 'theirs.py'} was changed since" in refused(file)
    (code / "theirs.py").write_text(theirs)
    load_data(read_sweep_file(file))
    assert mark.exists()


def test_what_a_person_said_holds_until_other_code_is_named_or_called_with_something_else(
    tmp_path: Path, mark: Path
) -> None:
    file = tmp_path / "sweep.yaml"
    trusted(file, **images())
    file.write_text(text(tmp_path, **images(root="elsewhere")))
    assert "; data.name, or what it is called with, is not what you said" in refused(file)
    file.write_text(text(tmp_path, **images(), search={"sampler": "theirs.Sampler"}))
    assert "; search.sampler, or what it is called with, is not what you said" in refused(file)
    mark.unlink(missing_ok=True)  # what `trusted` ran
    trusted(file, search={"sampler": {"class": "theirs.Sampler"}})
    file.write_text(text(tmp_path, search={"sampler": {"class": "theirs.Sampler", "seed": 3}}))
    assert "; search.sampler, or what it is called with, is not what you said" in refused(file)
    trusted(file, space={"class": "theirs.Space"})
    file.write_text(text(tmp_path, space={"class": "theirs.Space", "deep": True}))
    assert "; space.class, or what it is called with, is not what you said" in refused(file)


@pytest.mark.usefixtures("mark")
def test_a_refused_launch_is_no_word(tmp_path: Path) -> None:
    """Nor is a launch the word for what is installed."""
    (tmp_path / "evil.npy").touch()
    file = tmp_path / "sweep.yaml"
    named = {
        "data": {"name": "numpy.load", "root": str(tmp_path / "evil.npy")},
        "search": {"sampler": "theirs.Sampler"},
    }
    file.write_text(text(tmp_path, **named))
    with pytest.raises(ConfigError, match="--trust-code"):
        launch(file, progress=False)
    assert read_sweep_file(file, trust="folders").trust == "folders"
    assert "nobody has said" in refused(file)
    trusted(file, **named)
    assert "numpy.load is code, among what is installed" in refused(file)
    remember(file, read_sweep_file(file).named_code, "everything")
    assert read_sweep_file(file, trust="folders").trust == "everything"


@pytest.mark.usefixtures("mark")
def test_odd_files_among_the_code_neither_hang_nor_fail(tmp_path: Path) -> None:
    code = tmp_path / "code"
    os.mkfifo(code / "pipe.py")
    (code / "gone.py").symlink_to("nowhere")
    (code / "circle").symlink_to(code)
    (code / "round").symlink_to(code)
    (code / "closed.py").touch(0)
    (code / "closed").mkdir(0)
    trusted(tmp_path / "sweep.yaml", **images())


@pytest.mark.usefixtures("mark", "quiet")
def test_a_typed_launch_runs_however_much_code_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trust, "MOST_FILES", 1)
    file = tmp_path / "sweep.yaml"
    file.write_text(TINY)
    overrides = [f"folder={tmp_path}", f"code=[{tmp_path / 'code'}]", "search.sampler=theirs.Sampler"]
    launch(file, overrides=[*overrides, "search.trials=1", "search.epochs=1"], progress=False)
    assert "holds more than 1 modules and folders. Put the modules that the sweep needs into a folder" in caplog.text
    with pytest.raises(ConfigError, match="nobody has said"):
        read_sweep_file(file, overrides)


def test_of_the_current_folder_only_what_is_needed_counts(
    tmp_path: Path, mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "code" / "sweep.yaml"
    file.write_text(json.dumps({"name": "theirs", **images()}))
    assert read_sweep_file(file).code == [tmp_path / "code"]
    assert read_sweep_file(file, ["data.name=others.images"]).code == [tmp_path / "code", tmp_path]
    assert not mark.exists()


def test_sample_asks_once_and_again_when_the_code_has_changed(
    tmp_path: Path, mark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(text(tmp_path, **images()))

    def sample(*options: str) -> tuple[object, str]:
        mark.unlink(missing_ok=True)
        sys.modules.pop("theirs", None)
        with pytest.raises(SystemExit) as ended:
            main(["sample", str(file), *options])
        return ended.value.code, capsys.readouterr().err

    assert sample()[0] == 2
    assert not mark.exists()
    assert sample("--trust-code", "--set", "space.stages=9", "--set", "space.padding=valid")[0] == 2  # no network fits
    assert sample()[0] == 2
    assert sample("--trust-code") == (0, "")
    assert mark.exists()
    assert sample() == (0, "")
    assert mark.exists()
    (tmp_path / "code" / "theirs.py").write_text((tmp_path / "code" / "theirs.py").read_text() + "#")
    code, error = sample()
    assert (code, mark.exists()) == (2, False)
    assert "theirs.py was changed since" in error


@pytest.mark.parametrize("key", NAMED)
@pytest.mark.usefixtures("quiet")
def test_a_sweep_folder_from_elsewhere_runs_nothing(tmp_path: Path, mark: Path, key: str) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    sections = {"data": {"name": "digits", "train": 30, "validation": 15}, **NAMED[key]}
    settings = {f"{at}.{name}": value for at, named in sections.items() for name, value in named.items()}
    if key == "space.class":
        del settings["space.class"]
        settings["space"] = {"class": "theirs.Space"}
    if key == "data.name":
        settings |= {"data.train": 30, "data.validation": 15}
    overrides = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
    overrides += [f"folder={tmp_path / 'mine'}", f"code=[{tmp_path / 'code'}]", "search.trials=1", "search.epochs=1"]
    launch(file, overrides=overrides, progress=False)
    resume("tiny", tmp_path / "mine", progress=False)
    shutil.copytree(tmp_path / "mine", tmp_path / "theirs")
    mark.unlink()
    sys.modules.pop("theirs", None)
    if key == "data.name":
        with pytest.raises(ConfigError, match="--trust-code"):
            Sweep.open("tiny", tmp_path / "theirs").export(tmp_path / "out", formats=(), insight=False)
    else:  # the design is in the study: nothing has to be asked
        Sweep.open("tiny", tmp_path / "theirs").export(tmp_path / "first", formats=(), insight=False)
    with pytest.raises(ConfigError, match=rf"(?s){key}.*--trust-code"):
        resume("tiny", tmp_path / "theirs", overrides=["search.trials=2"], progress=False)
    assert not mark.exists()
    resume("tiny", tmp_path / "theirs", overrides=["search.trials=2"], progress=False, trust_code=True)
    assert mark.exists()
    Sweep.open("tiny", tmp_path / "theirs").export(tmp_path / "out", formats=(), insight=False)


def test_another_python_s_library_is_installed_code(tmp_path: Path, mark: Path) -> None:
    library = tmp_path / "lib"
    (library / "theirs").mkdir(parents=True)
    for name in ("os.py", "site.py"):
        (library / name).touch()
    (tmp_path / "code" / "theirs.py").rename(library / "theirs" / "__init__.py")
    for named in ("theirs.images", "convscape.search.launch"):
        text = json.dumps({"name": "a", "code": [str(library)], "data": {"name": named, "root": "x"}})
        with pytest.raises(ConfigError, match="--trust-code"):
            load_data(parse_sweep_file(text, trust="folders"))
    with pytest.raises(ConvscapeError, match="test is Python's own"):
        load_data(parse_sweep_file(text.replace(named, "test.support.rmtree"), trust="everything"))
    assert not mark.exists()


def compiled(source: Path, read: str, hidden: str) -> None:
    """Writes a module, and beside it the compiled file of another that says it was made of this one."""
    size = max(len(read), len(hidden))
    for content in (hidden, read):
        source.write_text(content.ljust(size))
        os.utime(source, (1, 1))
        if content == hidden:
            py_compile.compile(str(source))


@pytest.mark.parametrize("name", ["theirs", "package.theirs"])
@pytest.mark.parametrize("others", [(), ("os.py", "site.py")], ids=["alone", "in what looks like Python's own folder"])
def test_a_compiled_file_is_not_taken_for_the_source_that_a_person_read(
    tmp_path: Path, mark: Path, name: str, others: tuple[str, ...]
) -> None:
    code = tmp_path / "code"
    (code / "package").mkdir()
    for file in (Path("package", "__init__.py"), *others):
        (code / file).touch()
    hidden = MODULE.format(mark=str(mark))
    compiled(code.joinpath(*name.split(".")).with_suffix(".py"), hidden.replace(".touch()", ""), hidden)
    named = text(tmp_path, data={"name": f"{name}.images"})
    load_data(parse_sweep_file(named, trust="everything" if others else "folders"))
    assert not mark.exists()


def test_nor_is_one_that_is_imported_later_by_another_name_of_the_folder(
    tmp_path: Path, mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "code" / "theirs.py").write_text(
        "def images(root):\n    from package import images\n    return images(root)"
    )
    hidden = MODULE.format(mark=str(mark))
    compiled(tmp_path / "code" / "package.py", hidden.replace(".touch()", ""), hidden)
    (tmp_path / "link").symlink_to(tmp_path / "code")
    monkeypatch.syspath_prepend(tmp_path / "code")
    named = text(tmp_path, code=[str(tmp_path / "link")], data={"name": "theirs.images"})
    load_data(parse_sweep_file(named, trust="folders"))
    assert not mark.exists()


def test_the_source_of_an_export_is_imported_by_no_code(tmp_path: Path, mark: Path) -> None:
    code = tmp_path / "code"
    (code / "package").mkdir()
    (code / "package" / "__init__.py").touch()
    (code / "package" / "images.py").write_text(
        "try:\n    from package import model\nexcept ImportError:\n    pass\ndef images(root): return 3"
    )
    file = tmp_path / "sweep.yaml"
    file.write_text(text(tmp_path, data={"name": "package.images.images"}))
    remember(file, read_sweep_file(file).named_code, "folders")
    (code / "package" / "model.py").write_text(MODULE.format(mark=str(mark)))
    (code / "package" / "proof.json").write_text("{}")
    with pytest.raises(ConvscapeError, match="images"):
        load_data(read_sweep_file(file))
    assert "package.images" in sys.modules
    assert not mark.exists()


@pytest.mark.usefixtures("mark")
def test_code_in_an_archive_is_not_found(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("inner/zipped.py", "def images(root): pass")
    named = text(tmp_path, code=[str(tmp_path / "code.zip" / "inner")], data={"name": "zipped.images"})
    with pytest.raises(ConvscapeError, match="there is no module zipped"):
        load_data(parse_sweep_file(named, trust="everything"))


@pytest.mark.slow
@pytest.mark.parametrize("command", [["launch", "s.yaml", "--replace"], ["status", "theirs"]])
def test_what_lies_in_the_current_folder_is_not_imported(tmp_path: Path, mark: Path, command: list[str]) -> None:
    """Neither here, nor in the workers, which Ray would have look there first."""
    (tmp_path / "s.yaml").write_text(
        "name: theirs\ndata: {name: digits, train: 100, validation: 50}\n"
        "space: {stages: 1, convolutions: 1, filters: 4}\n"
        "search: {trials: 1, epochs: 1, finalists: 0, start: []}\nresources: {runner: ray, precision: float32}\n"
    )
    for name in ("pandas.py", "random.py", "cloudpickle.py", "numpy.py"):
        (tmp_path / name).write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nraise SystemExit")
    ended = subprocess.run(
        [sys.executable, "-m", "convscape", *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert not mark.exists(), ended.stderr
    assert ended.returncode == (0 if command[0] == "launch" else 4), ended.stderr
