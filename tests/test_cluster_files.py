"""cluster.yaml and examples/cluster: each is checked by what can check it on one machine."""

from __future__ import annotations

import copy
import re
import shlex
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import convscape
import kuberay
import mlflow
import psycopg2
import pytest
import typer
import yaml
from convscape import cli
from ray.autoscaler._private.util import prepare_config, validate_config
from servers import Postgres, Server

ROOT = Path(convscape.__file__).parent
CLUSTER = ROOT / "examples" / "cluster"
LAUNCHED = (ROOT / "cluster.yaml", CLUSTER / "on-premise.yaml")
"""What `ray up` takes."""
MANIFESTS = (CLUSTER / "raycluster.yaml", CLUSTER / "rayjob.yaml")
PINNED = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
WHEEL = f"convscape-{convscape.__version__}-py3-none-any.whl"


def program(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def launched(file: Path) -> dict[str, Any]:
    """The file as the launcher fills it in."""
    return prepare_config(yaml.safe_load(file.read_text()))


def commands(config: dict[str, Any]) -> list[str]:
    return [line for key, lines in sorted(config.items()) if key.endswith("_commands") for line in lines]


@pytest.mark.parametrize("file", LAUNCHED, ids=lambda file: file.name)
def test_a_cluster_file_passes_the_launchers_own_check(file: Path) -> None:
    config = launched(file)
    validate_config(config)
    for kind, node in config["available_node_types"].items():
        assert node["max_workers"] >= node["min_workers"], kind
    broken = copy.deepcopy(config) | {"idle_timeout_minuets": 5}
    with pytest.raises(Exception, match="idle_timeout_minuets"):
        validate_config(broken)


@pytest.mark.parametrize("file", LAUNCHED, ids=lambda file: file.name)
def test_a_cluster_file_copies_the_token_the_constraints_and_this_versions_wheel(file: Path) -> None:
    config = launched(file)
    here = {Path(local) for local in config["file_mounts"].values()}
    assert here == {Path("~/.ray/auth_token"), Path("constraints.txt"), Path("dist", WHEEL)}
    (install,) = [line for line in config["setup_commands"] if WHEEL in line]
    home = "/home/" + (config["auth"]["ssh_user"])
    named = {
        word.replace("~", home, 1).removesuffix("[s3]")
        for word in shlex.split(install)
        if word.startswith("~") and "/bin/" not in word
    }
    assert named <= set(config["file_mounts"]), "what is installed is what is copied"


@pytest.mark.parametrize("file", [*LAUNCHED, *CLUSTER.iterdir()], ids=lambda file: file.name)
def test_a_version_that_is_named_is_that_of_the_constraints(file: Path) -> None:
    """Pip refuses to install another one beside them."""
    for name, version in re.findall(r"([\w.-]+)==([\w.]+)", file.read_text()):
        assert PINNED[name] == version


@pytest.mark.parametrize("file", LAUNCHED, ids=lambda file: file.name)
def test_the_commands_of_a_cluster_file_are_sound_shell(file: Path, tmp_path: Path) -> None:
    script = tmp_path / "commands.sh"
    script.write_text("#!/bin/bash\n" + "".join(f"({line})\n" for line in commands(launched(file))))
    # SC1090 and SC1091 ask for a file that is made on the node.
    checked = subprocess.run(
        [program("shellcheck"), "--exclude=SC1090,SC1091", script], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("file", LAUNCHED, ids=lambda file: file.name)
def test_every_node_wants_the_token_and_pages_are_on_loopback(file: Path) -> None:
    config = launched(file)
    starts = [line for line in commands(config) if "ray start" in line]
    assert len(starts) == 2
    for line in starts:
        assert "RAY_AUTH_MODE=token" in line
    (head,) = [line for line in starts if "--head" in line]
    assert "--dashboard-host=127.0.0.1" in head
    assert not re.search(r"0\.0\.0\.0", file.read_text())


def test_the_head_trains_nothing_and_workers_come_and_go() -> None:
    config = launched(ROOT / "cluster.yaml")
    head = config["available_node_types"][config["head_node_type"]]
    assert head["resources"] == {"CPU": 0}
    workers = [node for name, node in config["available_node_types"].items() if name != config["head_node_type"]]
    assert len(workers) >= 2
    for node in workers:
        assert node["min_workers"] == 0 < node["max_workers"]
        assert node["resources"]["GPU"] >= 1
        assert node["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_a_manifest_has_what_kubernetes_and_kuberay_know_and_nothing_else(file: Path) -> None:
    for document in yaml.safe_load_all(file.read_text()):
        assert kuberay.mistakes(document) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.workerGroupSpecs.0.maxReplica", 4),
        ("spec.workerGroupSpecs.0.minReplicas", "0"),
        ("spec.headGroupSpec.rayStartParams.num-cpus", 0),
        ("spec.headGroupSpec.template.spec.containers.0.imagee", "x"),
        ("spec.headGroupSpec.template.spec.containers.0.resources.requests", [1]),
        ("spec.authOptions.mode", "tokn"),
        ("metadata.labls", {}),
    ],
)
def test_a_mistake_in_a_manifest_is_found(path: str, value: object) -> None:
    cluster = list(yaml.safe_load_all(MANIFESTS[0].read_text()))[-1]
    *above, last = path.split(".")
    part = cluster
    for word in above:
        part = part[int(word) if word.isdigit() else word]
    part[last] = value
    assert len(kuberay.mistakes(cluster)) == 1


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_a_manifest_wants_a_token_and_the_tested_ray(file: Path) -> None:
    spec = list(yaml.safe_load_all(file.read_text()))[-1]["spec"]
    cluster = spec.get("rayClusterSpec", spec)
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["rayVersion"] == PINNED["ray"]
    pods = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    images = {container["image"] for pod in pods for container in pod["template"]["spec"]["containers"]}
    assert images == {f"REGISTRY/convscape:{convscape.__version__}"}


def test_the_commands_that_files_give_convscape_are_some() -> None:
    """As `convscape launch` itself reads them."""
    job = list(yaml.safe_load_all((CLUSTER / "rayjob.yaml").read_text()))[-1]["spec"]["entrypoint"]
    (slurm,) = re.findall(r"watched (convscape launch .*?) \|\|", (CLUSTER / "slurm.sh").read_text())
    group = typer.main.get_command(cli.app)
    for line in (job, slurm.replace('"$@"', "")):
        name, command, *arguments = shlex.split(line)
        assert (name, command) == ("convscape", "launch")
        launch = group.commands[command]  # pyright: ignore[reportAttributeAccessIssue]
        assert launch.make_context(command, arguments).params["resume_"]


def test_the_batch_script_is_sound_shell() -> None:
    checked = subprocess.run([program("shellcheck"), CLUSTER / "slurm.sh"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_dockerfile_is_sound_and_has_the_tested_ray() -> None:
    file = CLUSTER / "Dockerfile"
    checked = subprocess.run([program("hadolint"), file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    text = file.read_text()
    assert f"FROM rayproject/ray:{PINNED['ray']}-" in text
    assert WHEEL in text


@pytest.mark.slow
def test_the_mlflow_server_of_the_cluster_file_keeps_runs_in_postgresql(tmp_path: Path) -> None:
    """Its command line as it stands, but for the port, the socket's folder and, in place of a bucket, a folder."""
    programs = Postgres.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    (line,) = [line for line in commands(launched(ROOT / "cluster.yaml")) if "mlflow server" in line]
    words = shlex.split(line.partition("bin/mlflow ")[2])
    files = tmp_path / "files"
    postgres = Postgres(programs)
    try:
        postgres.run("createdb", "-h", str(postgres.home), "-p", str(postgres.port), "-U", "postgres", "mlflow")
        backend = words[words.index("--backend-store-uri") + 1]
        assert backend == "postgresql+psycopg2:///mlflow?host=/var/run/postgresql"
        own = backend.replace("/var/run/postgresql", f"{postgres.home}&port={postgres.port}&user=postgres")
        server = Server(own, files)
        put = {backend: own, "5000": str(server.port), "s3://REPLACE-your-bucket/mlflow": files.as_uri()}
        assert put.keys() <= set(words)
        server.command = [program("mlflow"), *(put.get(word, word) for word in words)]
        try:
            server.start()
            client = mlflow.MlflowClient(server.uri)
            run = client.create_run(client.create_experiment("kept"))
            client.log_metric(run.info.run_id, "accuracy", 0.5)
            client.log_text(run.info.run_id, "words", "said.txt")
            assert next(files.rglob("said.txt")).read_text() == "words"
        finally:
            server.kill()
        place = {"host": str(postgres.home), "port": postgres.port, "user": "postgres", "dbname": "mlflow"}
        with closing(psycopg2.connect(**place)) as database, database.cursor() as asking:
            asking.execute("SELECT key, value FROM metrics WHERE run_uuid = %s", (run.info.run_id,))
            assert asking.fetchall() == [("accuracy", 0.5)]
    finally:
        postgres.stop()
