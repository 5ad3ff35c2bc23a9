"""Object storage for tests: an S3-compatible server of this process's, a folder as several machines see it, memory."""

from __future__ import annotations

import contextlib
import logging
import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "a-secret-that-is-none",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@contextlib.contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """Moto's server on 127.0.0.1; gives the variables by which s3fs finds it."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield {**KEYS, "AWS_ENDPOINT_URL": "http://{}:{}".format(*server.get_host_and_port())}
    finally:
        server.stop()


def make_bucket(variables: dict[str, str]) -> str:
    """A new bucket there; gives the URL of a folder in it."""
    import boto3

    name = f"bucket-{uuid.uuid4().hex[:12]}"
    keys = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    client = boto3.client("s3", endpoint_url=variables["AWS_ENDPOINT_URL"], region_name="us-east-1", **keys)
    client.create_bucket(Bucket=name)
    client.close()
    return f"s3://{name}/sweeps"


@contextlib.contextmanager
def folder_in(kind: str, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty folder in object storage of a kind: "memory", "file" or "s3"."""
    if kind == "memory":
        yield f"memory://{uuid.uuid4().hex}/sweeps"
    elif kind == "file":
        (tmp_path / "shared").mkdir()
        yield (tmp_path / "shared" / "sweeps").as_uri()
    else:
        with s3_server() as variables, pytest.MonkeyPatch.context() as patched:
            for name, value in variables.items():
                patched.setenv(name, value)
            yield make_bucket(variables)
