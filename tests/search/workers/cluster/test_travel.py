"""On a node that has none of the driver's files: code travels there, and what does not fit is refused by name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import convscape
import pytest
from raylets import Raylets, can_hide, raylets

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_hide(), reason="a node with a file system of its own takes root"),
]

ROOT = Path(convscape.__file__).resolve().parent
SWEEP = """
name: joined
data: {name: mine.images, root: ROOT, train: 200, validation: 100, memory: 1000}
space: {class: mine.Space}
search: {trials: 2, epochs: 1, finalists: 0, start: []}
resources: {precision: float32}
"""
MINE = """
import pathlib

import numpy as np
from convscape.spaces import parse_notation
from lists import CLASSES


class Space:
    def check(self, input):
        pass

    def sample(self, trial, input, classes):
        return parse_notation(f"INPUT[8x8x1] -> CONV3-{trial.suggest_int('filters', 4, 8)} -> RELU -> FC-{classes}")


class Images:
    classes = CLASSES

    def __init__(self, root):
        self.seed = int(root.read_text())

    def __len__(self):
        return 400

    def __getitem__(self, index):
        label = index % 3
        image = np.random.default_rng([self.seed, index]).integers(0, 80, (1, 8, 8)) + 80 * label
        return image.astype("uint8"), label


def images(root):
    import convscape

    (root.parent / "imported").open("a").write(f"{pathlib.Path(__file__)} {convscape.__file__}\\n")
    return Images(root)
"""


@pytest.fixture(scope="module")
def other_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path on which another Convscape is installed, which cannot be imported."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "convscape").mkdir()
    (folder / "convscape" / "__init__.py").write_text("raise ImportError('another version')")
    return folder


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep file and its code, in `code`; the images' seed is in `data`."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "code").mkdir()
    (folder / "data").mkdir()
    (folder / "code" / "mine.py").write_text(MINE)
    (folder / "code" / "lists.py").write_text("CLASSES = ['dark', 'grey', 'bright']")
    (folder / "data" / "seed").write_text("1")
    (folder / "numpy.py").write_text("raise SystemExit('what lies in the current folder was imported')")
    (folder / "sweep.yaml").write_text(SWEEP.replace("ROOT", str(folder / "data" / "seed")) + "code: [code]\n")
    return folder


@pytest.fixture(scope="module")
def cluster(other_version: Path, sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Raylets]:
    hidden = [*(ROOT / room for room in ("spaces", "trainers", "search")), sweep / "code"]
    with raylets(tmp_path_factory.mktemp("home")) as cluster:
        cluster.node(2, hidden=hidden, environment={"PYTHONPATH": str(other_version)})
        yield cluster


def run(sweep: Path, cluster: Raylets, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=sweep, env=cluster.environment, capture_output=True, text=True, check=False, timeout=240
    )


def launch(sweep: Path, cluster: Raylets) -> subprocess.CompletedProcess[str]:
    return run(sweep, cluster, "-m", "convscape", "launch", "sweep.yaml", "--replace", "--address", cluster.address)


def test_code_of_ones_own_and_convscape_itself_are_those_of_the_driver(sweep: Path, cluster: Raylets) -> None:
    ended = launch(sweep, cluster)
    assert ended.returncode == 0, ended.stderr
    files = {
        line
        for line in (sweep / "data" / "imported").read_text().splitlines()
        if not line.startswith(str(sweep / "code"))
    }
    assert files, "no worker has called the function"
    for line in files:
        mine, ours = map(Path, line.split())
        assert mine == ours.parent / "sent" / "0" / "mine.py"
        assert "py_modules_files" in ours.parts


ASKING = """
import os
from dataclasses import replace

import ray
from convscape.search.config.schema import ResourcesConfig
from convscape.search.workers.cluster.address import token_mode
from convscape.search.workers.cluster.starting import start_ray
from convscape.search.workers.cluster.node_check import NodeCheck
from convscape.search.workers.cluster.node_guard import NodeGuard, problem_on_this_node
from convscape.search.workers.cluster.nodes import alive_nodes
from convscape.spaces import SweepError
from convscape.trainers.data import load_dataset

resources = ResourcesConfig(address=ADDRESS)
os.environ.update(token_mode(ADDRESS))


def refusal(call, *arguments):
    try:
        call(*arguments)
    except SweepError as error:
        return error.message
    raise AssertionError(f"{call} refuses nothing")


ours, ray.__version__ = ray.__version__, "1.2.3"  # a second Ray is not installed: the driver has to be the other one
told = refusal(start_ray, resources)
assert f"runs Ray {ours} on Python" in told and "this machine Ray 1.2.3 on Python" in told, told

ray.__version__ = ours
start_ray(resources)
head, node = alive_nodes()
check = NodeCheck.of(load_dataset("digits", train=40, validation=20), [])
guard = NodeGuard(check, resources)
guard.ask()
assert guard.check.asked == {node.id}, "no trial has room on the head"

other = replace(check, versions={**check.versions, "torch": "1.13.0"})
told = refusal(NodeGuard(other, resources).ask)
assert told.startswith(f"resources.address: node {node.address} ({node.host}) has torch "), told
assert told.endswith("and the driver has torch 1.13.0"), told
NodeGuard(other, ResourcesConfig(cpus=1000)).ask()

on_the_node = ray.remote(num_cpus=1)(problem_on_this_node)
assert ray.get(on_the_node.remote(check)) is None
told = ray.get(on_the_node.remote(other))
assert told[0].endswith("and the driver has torch 1.13.0"), told
assert ray.get(on_the_node.remote(replace(other, asked=frozenset({node.id})))) is None
print("done")
"""


def test_versions_that_do_not_fit_are_told_with_the_node_and_both(sweep: Path, cluster: Raylets) -> None:
    (sweep / "numpy.py").unlink(missing_ok=True)  # `python -c` looks there first
    done = run(sweep, cluster, "-c", ASKING.replace("ADDRESS", repr(cluster.address)))
    assert done.stdout == "done\n", done.stderr


def test_a_node_that_does_not_see_the_images_is_named_before_anything_trains(sweep: Path, cluster: Raylets) -> None:
    """The last one here, since Ray takes seconds to see that its node is gone."""
    cluster.node(2, hidden=[sweep / "data"])
    ended = launch(sweep, cluster)
    assert ended.returncode == 4
    refused = r"resources.address: node \S+ \(\S+\) does not see the images as the driver does: (.*)"
    told = re.search(refused, ended.stderr)
    assert told, ended.stderr
    assert "mine.images failed: FileNotFoundError" in told[1]
    assert "data.memory" in ended.stderr
