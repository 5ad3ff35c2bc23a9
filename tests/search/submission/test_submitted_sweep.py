"""Sweeps sent to a real Ray cluster: a head without CPUs that wants a token, a node, and a laptop they do not see."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from convscape.search.submission import Head
from convscape.spaces import SweepError
from PIL import Image
from servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
TINY = """
name: {name}
data: {data}
space: {space}
search: {{finalists: 0, trials: {trials}, epochs: 1, start: []}}
resources: {{precision: float32}}
"""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A running cluster, and the laptop from which it is reached."""

    url: str
    home: Path
    laptop: Path

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Begins a command on the laptop."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "convscape", *arguments],
            cwd=self.laptop,
            env={**kept, "HOME": str(self.laptop), "PYTHONUNBUFFERED": "1", **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def type(self, *arguments: str, **more: str) -> tuple[int, str, str]:
        """Exit code, output and errors of a command on the laptop."""
        with self.start(*arguments, **more) as running:
            output, errors = running.communicate(timeout=240)
        return running.returncode, output, errors


def _hidden(folder: Path) -> list[str]:
    """What a command begins with so that it does not see a folder; root alone can do that."""
    if os.getuid() or subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        return []
    hide = f'mount --make-rprivate / && mount -t tmpfs none {folder} && exec "$@"'
    return ["unshare", "-m", "bash", "-c", hide, "bash"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    laptop, home = tmp_path_factory.mktemp("laptop"), tmp_path_factory.mktemp("home")
    for place in (laptop, home):
        (place / ".ray").mkdir()
        (place / ".ray" / "auth_token").write_text("5" * 64)
        (place / ".ray" / "auth_token").chmod(0o600)
    short = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # its sockets' paths have a limit
    port, dashboard = free_port(), free_port()
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment |= {"HOME": str(home), "RAY_AUTH_MODE": "token", "PATH": programs}
    ray = [*_hidden(laptop), sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
    head = [f"--port={port}", "--num-cpus=0", f"--temp-dir={short}", "--head", "--dashboard-host=127.0.0.1"]
    head += [f"--dashboard-port={dashboard}", f"--ray-client-server-port={free_port()}"]
    node = [f"--address=127.0.0.1:{port}", "--num-cpus=2"]
    started: list[subprocess.Popen[bytes]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(laptop))
        try:
            log = short / "started.log"
            for count, own in enumerate((head, node), 1):
                command = [*ray, *own, "--node-ip-address=127.0.0.1", f"--dashboard-agent-listen-port={free_port()}"]
                with log.open("ab") as told:
                    started.append(subprocess.Popen(command, env=environment, cwd=home, stdout=told, stderr=told))
                until = time.monotonic() + 120
                while log.read_text().count("Ray runtime started") < count and time.monotonic() < until:
                    time.sleep(0.5)
            while time.monotonic() < until:
                try:
                    Head(f"http://127.0.0.1:{dashboard}")
                    break
                except SweepError:
                    time.sleep(1)
            yield Cluster(url=f"http://127.0.0.1:{dashboard}", home=home, laptop=laptop)
        finally:
            for process in reversed(started):
                process.send_signal(signal.SIGTERM)
                process.wait(60)
            shutil.rmtree(short, ignore_errors=True)


def test_a_sweep_with_its_images_and_code_runs_where_nobody_sees_the_laptop(cluster: Cluster) -> None:
    """It prints what launch prints, brings the export, and can be asked about, resumed and exported again."""
    for name in ("dark", "light"):
        (cluster.laptop / "photos" / name).mkdir(parents=True)
        for number in range(30):
            noise = np.random.default_rng(number).integers(0, 128, (8, 8), np.uint8) + 127 * (name == "light")
            Image.fromarray(noise.astype(np.uint8)).save(cluster.laptop / "photos" / name / f"{number}.png")
    shutil.copy(Path(__file__).parents[3] / "examples" / "own_space.py", cluster.laptop / "mine.py")
    space = "{class: mine.FireSpace, modules: 1, squeeze: [4, 8], expand: [8, 16]}"
    file = TINY.format(name="leaves", data="{name: folder, root: photos, size: 8}", space=space, trials=2)
    (cluster.laptop / "sweep.yaml").write_text(file)
    code, output, errors = cluster.type("launch", "sweep.yaml", "--submit", cluster.url, "--export", "out/winner")
    assert code == 0, errors + output
    assert "60 files of images travel with the sweep" in errors
    assert "starting workers" in errors, "progress is told as it is"
    assert "Leaderboard of sweep leaves" in output
    assert "Exported to out/winner:" in output
    assert f"convscape resume leaves --address {cluster.url}" in output, "what is advised can be typed here"
    assert (cluster.laptop / "out" / "winner" / "proof.json").exists()
    there = cluster.home / "convscape"
    config = json.loads((there / "sweeps" / "leaves" / "config.json").read_text())
    assert config["data"]["root"].startswith(str(there / "sent")), "the head's own"
    assert not list((there / ".exports").iterdir())

    shutil.rmtree(cluster.laptop / "photos")
    code, output, errors = cluster.type("status", "leaves", "--address", cluster.url, "-o", "json")
    assert code == 0, errors
    assert json.loads(output)["counts"]["completed"] == 2
    assert errors == ""
    code, output, errors = cluster.type("resume", "leaves", "--set", "search.trials=3", "--address", cluster.url)
    assert code == 0, errors + output
    code, output, errors = cluster.type("export", "leaves", "--to", "again", "--trial", "0", "--address", cluster.url)
    assert (code, "Exported to again:" in output) == (0, True), errors

    jobs = Head(cluster.url).jobs("leaves")
    assert [job.command for job in jobs] == ["resume", "launch"], "of those that look none is left in the list"
    code, output, errors = cluster.type("launch", "sweep.yaml", "--submit", cluster.url, "--set", "data.root=/nowhere")
    assert (code, output) == (4, "")
    assert "sweep 'leaves' is already in" in errors


def test_a_sweep_is_left_and_found_again(cluster: Cluster) -> None:
    space = "{stages: 1, convolutions: 1, filters: [4, 8], kernel: 3, hidden: 0}"
    file = TINY.format(name="long", data="{name: digits, train: 200, validation: 100}", space=space, trials=5000)
    (cluster.laptop / "long.yaml").write_text(file)
    with cluster.start("launch", "long.yaml", "--submit", cluster.url) as running:
        assert running.stderr is not None
        told = ""
        for line in running.stderr:
            told += line
            if re.search(r"trials: [1-9][\d,]* ended", line):
                break
        running.send_signal(signal.SIGINT)
        output, errors = running.communicate(timeout=60)
    assert running.returncode == 130, told + errors
    assert f"convscape stop long --address {cluster.url}" in errors
    code, output, errors = cluster.type("launch", "long.yaml", "--submit", cluster.url, "--detach")
    assert (code, "runs on" in errors, output) == (4, True, ""), errors
    code, output, errors = cluster.type("stop", "long", "--address", cluster.url)
    assert (code, "long ends after its running epochs" in output) == (0, True), errors + output
    head = Head(cluster.url)
    [job] = head.jobs("long")
    ended = head.wait(job.id)
    assert ended.code == 130
    assert (cluster.home / "convscape" / "sweeps" / "long" / "config.json").exists(), "it can be resumed"


def test_what_is_wrong_is_said_in_one_screen(cluster: Cluster) -> None:
    other = cluster.laptop / "other_token"
    other.write_text("6" * 64)
    code, output, errors = cluster.type("status", "x", "--address", cluster.url, RAY_AUTH_TOKEN_PATH=str(other))
    assert (code, output) == (4, "")
    assert "does not take the token of this machine" in errors
    code, output, errors = cluster.type("status", "nobodys", "--address", cluster.url)
    assert (code, output) == (4, "")
    assert "no sweep 'nobodys'" in errors
    with pytest.raises(SweepError, match="does not know job convscape-gone any more"):
        Head(cluster.url).job("convscape-gone")
    command = ("sync", "x", "--to", "http://me:very-secret-1@mlflow.example", "--address", cluster.url)
    code, output, errors = cluster.type(*command)
    assert (code, "everybody who sees the cluster's dashboard" in errors) == (2, True), errors
    assert "very-secret" not in errors
