"""What travels with a sweep: local files in pieces, as paths on the head; nothing secret, nothing that nobody named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from convscape.search.config import parse_sweep_file, read_sweep_file, written_setting
from convscape.search.submission import pack, parcel as parcels
from convscape.search.workers import packaged
from convscape.spaces import ConfigError
from PIL import Image

SPACE = (Path(__file__).parents[3] / "examples" / "own_space.py").read_text()


def laptop(folder: Path) -> Path:
    """A sweep file that names images, code, weights and a network of this machine."""
    for name in ("a", "b"):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(3):
            noise = np.random.default_rng(number).integers(0, 255, (8, 8), np.uint8)
            Image.fromarray(noise).save(folder / "photos" / name / f"{number}.png")
    (folder / "spaces").mkdir()
    module = f"mine_{folder.name}"  # a process imports one module of a name
    (folder / "spaces" / f"{module}.py").write_text(SPACE)
    (folder / "spaces" / "letters.txt").write_text("private")
    (folder / "spaces" / "env").mkdir()
    (folder / "spaces" / "env" / "pyvenv.cfg").touch()
    (folder / "spaces" / "env" / "installed.py").touch()
    (folder / "old.safetensors").write_bytes(b"weights")
    file = folder / "sweep.yaml"
    file.write_text(
        f"name: leaves\ndata: {{name: folder, root: '{folder}/photos'}}\n"
        f"space: {{class: {module}.FireSpace, modules: 1}}\n"
        f"code: ['{folder}/spaces']\nrecipe: {{weights: [null, '{folder}/old.safetensors']}}\n"
        "tracking: {uri: 'https://me:very-secret-1@mlflow.example'}\nresources: {address: '1.2.3.4:5', cpus: 2}\n"
    )
    return file


def test_local_files_become_paths_on_the_head(tmp_path: Path) -> None:
    config = read_sweep_file(laptop(tmp_path), trust="folders")
    packed = pack(config)
    sent = f"~/convscape/sent/{packed.digest}"
    assert packed.values["data"]["root"] == f"{sent}/images"
    assert packed.values["code"] == [f"{sent}/code/0"]
    assert packed.values["recipe"]["weights"] == [None, f"{sent}/weights/1/old.safetensors"]
    assert packed.values["resources"] == {"address": "auto", "cpus": 2}
    assert len([name for name in packed.files if name.startswith("images/")]) == 6
    assert f"code/0/mine_{tmp_path.name}.py" in packed.files
    assert not any("letters" in name for name in packed.files), "what is no code stays"
    assert not any("installed" in name for name in packed.files), "an environment stays"
    assert str(tmp_path) not in json.dumps(packed.values)


def test_no_password_travels(tmp_path: Path) -> None:
    packed = pack(read_sweep_file(laptop(tmp_path), trust="folders"))
    (name,) = packed.needs  # numbered, where another password was held before
    assert name.startswith("MLFLOW_TRACKING_PASSWORD")
    written = tmp_path / "written"
    written.mkdir()
    found = b"".join(path.read_bytes() for folder in packed.write(written) for path in folder.iterdir())
    assert b"very-secret" not in found
    assert f"${{{name}}}".encode() in found


def test_the_archive_is_named_by_what_it_holds(tmp_path: Path) -> None:
    config = read_sweep_file(laptop(tmp_path), trust="folders")
    first = pack(config).digest
    assert pack(config).digest == first
    (tmp_path / "old.safetensors").write_bytes(b"others")
    assert pack(config).digest != first


def test_too_many_images_are_not_sent_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = read_sweep_file(laptop(tmp_path), trust="folders")
    monkeypatch.setattr(parcels, "MOST", 3_000)
    packed = pack(config, {"data.root": "~/photos"})
    assert packed.values["data"]["root"] == "~/photos"
    assert "too many to travel" in packed.notes[0]
    assert not any(name.startswith("images/") for name in packed.files)
    monkeypatch.setattr(parcels, "MOST", 5)
    with pytest.raises(ConfigError, match="code: more than"):
        pack(config)


def test_a_root_that_is_not_here_is_the_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "sweep.yaml"
    file.write_text("name: a\nfolder: ~/runs\ndata: {name: mnist, root: ~/data}\n")
    written = {key: written_setting(file, key) for key in ("data.root", "folder")}
    packed = pack(read_sweep_file(file), written)
    assert packed.values["data"]["root"] == "~/data", "not this machine's home"
    assert packed.values["folder"] == "~/runs"
    assert written_setting(file, "data.root", ["data.root=/x"]) == "/x"
    assert written_setting(file, "space.kernel") is None


def test_a_file_that_somebodys_own_function_reads_travels(tmp_path: Path) -> None:
    (tmp_path / "cells.npz").write_bytes(b"images")
    (tmp_path / "mine.py").write_text("def cells(root): ...\n")
    file = tmp_path / "sweep.yaml"
    file.write_text(f"name: a\ndata: {{name: mine.cells, root: '{tmp_path}/cells.npz'}}\ncode: ['{tmp_path}']\n")
    packed = pack(read_sweep_file(file, trust="folders"))
    assert packed.files["images/cells.npz"] == tmp_path / "cells.npz"
    assert packed.values["data"]["root"] == f"~/convscape/sent/{packed.digest}/images/cells.npz"


def test_only_what_a_data_set_consists_of_travels(tmp_path: Path) -> None:
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "other"):
        (raw / name).write_text("x")
    (tmp_path / "taxes.pdf").write_text("x")
    config = parse_sweep_file(f"name: a\ndata: {{name: fashion-mnist, root: '{tmp_path}'}}\n")
    assert sorted(pack(config).files) == [
        "images/FashionMNIST/raw/t10k-labels-idx1-ubyte",
        "images/FashionMNIST/raw/train-images-idx3-ubyte",
    ]


def test_what_suits_this_machine_alone_is_left_out() -> None:
    config = parse_sweep_file("name: a\ndata: {name: digits}\nresources: {cpus: 7, gpus: 1}\n")
    assert pack(config, machine=["cpus"]).values["resources"] == {"gpus": 1, "address": "auto"}
    with pytest.raises(ConfigError, match="head alone"):
        pack(parse_sweep_file("name: a\ndata: {name: digits}\nresources: {runner: inline}\n"))


def on_head(home: Path, places: list[Path], job: dict[str, Any], *command: str) -> subprocess.CompletedProcess[str]:
    """Runs what a job runs on the head, in a home of its own."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "convscape.search.submission.on_head", json.dumps(job), *command],
        env={**os.environ, "HOME": str(home), **({"PYTHONPATH": os.pathsep.join(map(str, places))} if places else {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.slow
def test_the_pieces_are_put_together_on_the_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By Convscape's package as it is sent, too, in which nothing of the checkout is but modules."""
    monkeypatch.setattr(parcels, "LARGEST_PIECE", 3_000)
    packed = pack(read_sweep_file(laptop(tmp_path), trust="folders"))
    places = []
    (tmp_path / "sent").mkdir()
    pieces = packed.write(tmp_path / "sent")
    assert len(pieces) > 3
    with packaged(()) as own:
        for number, piece in enumerate([own, *pieces]):  # as Ray does, each in its own
            places.append(tmp_path / f"ray{number}")
            places[-1].mkdir()
            shutil.move(piece, places[-1] / piece.name)
    assert not list(places[0].rglob("pyproject.toml"))
    home = tmp_path / "home"
    home.mkdir()
    job = {"address": "http://h:1", "digest": packed.digest, "parts": len(pieces) - 1, "sweep": "leaves"}
    ended = on_head(home, places, job, "status", "leaves")
    assert ended.returncode == 4
    assert ended.stdout.startswith("2 convscape: no sweep 'leaves' in "), ended
    there = home / "convscape"
    assert (there / "sent" / packed.digest / "code" / "0" / f"mine_{tmp_path.name}.py").read_text() == SPACE
    assert json.loads((there / "submitted" / "leaves.yaml").read_text()) == packed.values
    for name, path in packed.files.items():
        assert (there / "sent" / packed.digest / name).read_bytes() == path.read_bytes()
    ended = on_head(home, places[:-1], job | {"digest": "ff"}, "status", "leaves")
    assert (ended.returncode, "0 of" in ended.stdout) == (4, True), ended
    assert not (there / "sent" / "ff").exists(), "whole or not at all"


def test_a_variable_that_the_head_lacks_is_named_before_anything_begins(tmp_path: Path) -> None:
    ended = on_head(tmp_path, [], {"address": "x", "needs": ["MLFLOW_TRACKING_PASSWORD"]}, "launch", "x.yaml")
    assert ended.returncode == 4
    assert "2 convscape: tracking.uri needs MLFLOW_TRACKING_PASSWORD in the environment" in ended.stdout
    assert list(tmp_path.iterdir()) == []
