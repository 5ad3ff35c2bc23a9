"""Images in object storage on a node that has a file system of its own: it brings them before anything trains."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import boto3
import numpy as np
import pytest
from buckets import KEYS, make_bucket, s3_server
from convscape.search.sweep import Sweep
from PIL import Image
from raylets import can_hide, raylets

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_hide(), reason="a node with a file system of its own takes root"),
]

SWEEP = """
name: photos
data: {{name: folder, root: '{root}', train: 180, validation: 60, memory: 1000}}
space: {{stages: 1, convolutions: 1, filters: [4, 6], kernel: 3}}
search: {{trials: 2, epochs: 1, finalists: 0, start: []}}
resources: {{precision: float32}}
"""


def upload(variables: dict[str, str], tmp_path: Path) -> str:
    """300 photos of two brightnesses in a new bucket; gives their URL."""
    url = make_bucket(variables)
    bucket = url.removeprefix("s3://").partition("/")[0]
    client = boto3.client("s3", endpoint_url=variables["AWS_ENDPOINT_URL"], region_name="us-east-1",
                          aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
                          aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"])  # fmt: skip
    random = np.random.default_rng(0)
    for number in range(300):
        file = tmp_path / "one.png"
        Image.fromarray((random.integers(0, 128, (8, 8)) + 127 * (number % 2)).astype(np.uint8)).save(file)
        client.upload_file(str(file), bucket, f"photos/{'ab'[number % 2]}/{number}.png")
    client.close()
    return f"s3://{bucket}/photos"


def test_a_node_brings_the_images_that_exceed_memory_or_says_why_not(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    with s3_server() as variables, raylets(tmp_path_factory.mktemp("home")) as cluster:
        cluster.environment |= {**variables, "XDG_CACHE_HOME": str(cache)}
        root = upload(variables, tmp_path)
        (tmp_path / "sweep.yaml").write_text(SWEEP.format(root=root))

        def launch() -> subprocess.CompletedProcess[str]:
            words = ["-m", "convscape", "launch", "sweep.yaml", "--replace", "--address", cluster.address]
            return subprocess.run(
                [sys.executable, *words], cwd=tmp_path, env=cluster.environment, capture_output=True, text=True,
                check=False, timeout=240,
            )  # fmt: skip

        first = cluster.node(1, hidden=[cache])
        ended = launch()
        assert ended.returncode == 0, ended.stderr
        assert [record.completed for record in Sweep.open("photos", tmp_path / "sweeps").trials()] == [True, True]
        there = Path(f"/proc/{cluster.processes(first)[0].pid}/root{cache}")
        assert len(list(there.rglob("*.png"))) == len(list(cache.rglob("*.png"))) == 300
        nobody = {"AWS_SECRET_ACCESS_KEY": "", "AWS_ACCESS_KEY_ID": "", "AWS_EC2_METADATA_DISABLED": "true"}
        cluster.node(1, hidden=[cache], environment=nobody)
        ended = launch()
    assert ended.returncode == 4
    assert "cannot bring the images: " in ended.stderr
    assert "credentials" in ended.stderr
