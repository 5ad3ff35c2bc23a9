"""`make gpu` without a GPU: its order, what it leaves out, what it makes of failures, and a sample of its checks."""

from __future__ import annotations

import ast
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gpu import checkout, results, running, summary, watching
from gpu.ordering import SAMPLE, in_order
from gpu.plugin import Telling
from gpu.results import Figure, Result

if TYPE_CHECKING:
    from collections.abc import Callable

GPU = Path(__file__).parent / "gpu"
WITHOUT = (
    "ray", "torchvision", "optuna", "cmaes", "scipy", "threadpoolctl", "mlflow", "pandas", "PIL", "lazy_loader",
    "pydantic", "yaml", "rich", "sklearn", "typer", "hypothesis", "pillow_heif", "matplotlib", "captum", "onnx",
    "onnxscript", "onnxruntime",
)  # fmt: skip
HIDING = f"""
import importlib.machinery as machinery
found = machinery.PathFinder.find_spec
def find_spec(cls, name, path=None, target=None):
    spec = found(name, path, target)
    installed = spec is not None and "site-packages" in str(spec.origin)
    return None if installed and name.partition(".")[0] in {WITHOUT!r} else spec
machinery.PathFinder.find_spec = classmethod(find_spec)
"""


def test_what_matters_most_comes_first_and_of_many_memory_cases_a_sample() -> None:
    checks = [("memory", "sampled")] * (SAMPLE + 2) + [
        ("rest", "latency"),
        ("compile", "step"),
        ("correctness", "step"),
    ]
    order = in_order(checks)
    assert [checks[at][0] for at in order] == ["correctness"] + ["memory"] * SAMPLE + ["compile", "rest"] + [
        "memory"
    ] * 2
    assert order[1 : SAMPLE + 1] == list(range(SAMPLE))
    assert order[-2:] == [SAMPLE, SAMPLE + 1]


def case(outcome: str, **more: Any) -> Result:
    return Result(**{"id": "x", "check": "a step is right", "group": "correctness", "outcome": outcome, **more})


def test_the_cases_of_a_check_are_one_row_with_the_range_of_what_they_measured() -> None:
    cases = [case("passed", seconds=1.0, figures=(Figure(name="off by", value=value),)) for value in (1.0, 4.0, 2.0)]
    cases += [case("failed", why="boom"), case("left out", why="left out: time; GPU_SECONDS gives more")]
    row = summary.rows_of([case("passed", check="latency", group="rest"), *cases])[0]
    assert (row.check, row.seconds) == ("a step is right", 3.0)
    assert row.outcome == "3 passed, 1 failed, 1 left out: time"
    assert row.figure == "off by 2 (1 to 4, n = 3)"
    assert summary.failures(cases) == "FAILED  a step is right\n    boom"
    told = summary.to_json(cases, {"torch": "2"}, seconds=3.0, benchmark=None, failed=True)
    assert told["checks"] == {"passed": 3, "failed": 1, "skipped": 0, "left_out": 1}
    left_out = summary.to_json([case("left out")], {}, seconds=1.0, benchmark=None, failed=False)
    assert left_out["gpu"] == "passed in part", "what did not run was not proved"
    assert json.loads(json.dumps(told))["results"][1]["figures"] == [{"name": "off by", "value": 4.0, "unit": ""}]


BENCHMARK = """
import json, sys
print("images a second", *sys.argv[1:], flush=True)
print(json.dumps({told}))
sys.exit({code})
"""
ROWS = {
    "benchmark": "gpu",
    "rows": [{"group": "small", "name": "ours", "value": 12345.6, "unit": "images/s", "of": "bare"}],
    "left_out": ["large"], "failed": [],
}  # fmt: skip
MADE_UP = """
import os, signal, sys, time
import pytest

@pytest.mark.gpu("memory")
def test_a_hanging_check(): time.sleep(600)

@pytest.mark.gpu("correctness")
def test_a_failing_check(): assert 1 + 1 == 3

@pytest.mark.gpu("correctness")
def test_a_check_that_spoils_cuda():
    os.environ["SPOILT"] = "yes"
    raise RuntimeError("CUDA error: an illegal memory access was encountered")

@pytest.mark.gpu("correctness")
def test_a_check_after_that(): assert "SPOILT" not in os.environ

@pytest.mark.gpu("sharing")
def test_a_crashing_check():
    os.kill(os.getpid(), signal.SIGSEGV)

@pytest.mark.gpu("sharing")
@pytest.mark.parametrize("number", [0, 1])
def test_a_good_check(number): pass

@pytest.mark.gpu("rest")
def test_a_check_that_skips(): pytest.skip("no second GPU")
"""


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts made-up checks in place of the real ones."""

    def put(text: str) -> Path:
        folder = tmp_path / "checks"
        folder.mkdir()
        (folder / "test_made_up.py").write_text(text)
        ini = (GPU / "pytest.ini").read_text().replace("pythonpath = ..", f"pythonpath = {GPU.parent}")
        (folder / "pytest.ini").write_text(ini)
        monkeypatch.setattr(watching, "CHECKS", folder)
        monkeypatch.setattr(running, "BENCHMARK", tmp_path / "gpu.py")
        return folder

    return put


def run(*arguments: str) -> int:
    return running.main(["--device", "cpu", *arguments])


def test_no_check_ends_the_others_and_a_failure_is_told_where_it_happens_and_at_the_end(
    made_up: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = made_up(MADE_UP)
    (folder.parent / "gpu.py").write_text(BENCHMARK.format(told=repr(ROWS), code=0))
    monkeypatch.setattr(running, "LONGEST", 2.0)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")  # as a machine may have it
    code = run("--seconds", "200", "--quick", "--out", str(tmp_path / "kept" / "gpu.txt"))
    printed = capsys.readouterr().out
    lines, told = printed.splitlines(), json.loads(printed.splitlines()[-1])
    assert (tmp_path / "kept" / "gpu.txt").read_text() == printed
    assert code == 1
    assert told["gpu"] == "failed"
    assert told["checks"] == {"passed": 3, "failed": 4, "skipped": 1, "left_out": 0}
    outcomes = {result["check"]: (result["outcome"], result.get("why", "")) for result in told["results"]}
    assert "assert (1 + 1) == 3" in outcomes["a failing check"][1]
    assert "illegal memory access" in outcomes["a check that spoils cuda"][1]
    assert outcomes["a crashing check"][1].startswith("Its process ended by SIGSEGV.")
    assert "in test_a_crashing_check" in outcomes["a crashing check"][1]
    assert outcomes["a hanging check"][1].startswith("It took more than 2 s, and was ended.")
    assert outcomes["a check that skips"] == ("skipped", "no second GPU")
    table = lines.index(next(line for line in lines if line.startswith("check ")))
    failing = [at for at, line in enumerate(lines) if "assert (1 + 1) == 3" in line or "assert 1 + 1 == 3" in line]
    assert failing[0] < table < failing[-1]
    rows = {line.split("  ")[0]: line for line in lines[table + 1 :] if line.strip()}
    assert "2 passed" in rows["a good check"]
    assert "failed" in rows["a failing check"]
    seconds = int(printed.partition("images a second --device cpu --seconds ")[2].split()[0])
    assert 50 < seconds < 200  # what the checks left
    assert "12,346 images/s of bare" in rows["small: ours"]
    assert "left out" in rows["large"]
    assert told["benchmark"] == ROWS


def test_a_check_for_which_there_is_no_time_is_left_out(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    lines = tmp_path / "results.jsonl"
    assert Telling(lines, deadline=time.time() + 100).pytest_runtest_protocol(request.node) is None
    assert not lines.exists()
    assert Telling(lines, deadline=time.time()).pytest_runtest_protocol(request.node) is True
    [left] = results.results(results.read(lines))
    assert (left.check, left.outcome) == ("a check for which there is no time is left out", "left out")
    assert summary.rows_of([left])[0].outcome == "left out: time"


@pytest.mark.parametrize(
    ("told", "code", "why"),
    [
        (ROWS, 3, "benchmarks/gpu.py ended with exit code 3"),
        ("no JSON object", 0, "benchmarks/gpu.py's last line is no JSON"),
        ({**ROWS, "failed": ["ours at 224"]}, 0, "benchmarks/gpu.py names failures"),
    ],
)
def test_a_benchmark_that_fails_fails_the_run(
    told: object, code: int, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr(running, "BENCHMARK", tmp_path / "gpu.py")
    (tmp_path / "gpu.py").write_text(BENCHMARK.format(told=repr(told), code=code))
    options = running._options(["--device", "cpu", "--seconds", "60"])
    session = running.Session(running.Printer(None), options, time.time())
    session._results = [case("passed")]
    session.measure(dict(os.environ))
    assert session.summarise() == 1
    assert why in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_that_checked_nothing_has_not_succeeded(made_up: Callable[[str], Path], capsys) -> None:
    made_up("def test_a_check(): pass\n")
    assert run("--seconds", "60", "-k", "no_such_check") == 1
    printed = capsys.readouterr().out
    assert "No check was run." in printed
    assert "benchmarks/gpu.py is not there: nothing is measured." in printed


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["--seconds", "0"], "'0' is no number of seconds above 0"),
        (["--seconds", "soon"], "'soon' is no number of seconds above 0"),
        (["--device", "gpu"], "invalid choice: 'gpu'"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*asked)
    assert caught.value.code == 2
    assert why in capsys.readouterr().err


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(checkout, "NEEDED", ("pytest", "no_such_package"))
    assert run() == 2
    assert "has no no_such_package: the checks need torch, numpy, safetensors, pytest" in capsys.readouterr().err


def test_an_older_python_is_refused_in_a_line_that_it_can_read(monkeypatch: pytest.MonkeyPatch) -> None:
    ast.parse((GPU / "__main__.py").read_text(), feature_version=(3, 4))
    monkeypatch.setattr(sys, "version_info", (3, 8, 10, "final", 0))
    with pytest.raises(
        SystemExit, match=r"needs Python 3.11 or newer, and this is 3.8. Use: make gpu PYTHON=python3.12"
    ):
        runpy.run_path(str(GPU / "__main__.py"), run_name="__main__")


def bare_environment(folder: Path) -> dict[str, str]:
    """An environment in which nothing is installed but what the checks need, nor this checkout."""
    (folder / "sitecustomize.py").write_text(HIDING)
    return {**os.environ, "PYTHONPATH": str(folder)}


SAMPLED = "exported and float32 or 1x1 or plain and float32 and loss or sampled_networks and 29"


@pytest.mark.slow
def test_a_sample_of_the_checks_passes_on_the_cpu_with_four_packages_alone(tmp_path: Path) -> None:
    command = [sys.executable, str(GPU), "--device", "cpu", "--seconds", "200", "--without-benchmark", "-k", SAMPLED]
    done = subprocess.run(command, env=bare_environment(tmp_path), cwd=tmp_path, capture_output=True, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout
    assert told["checks"] == {"passed": 4, "failed": 0, "skipped": 0, "left_out": 0}
    assert {result["group"] for result in told["results"]} == {"correctness", "memory"}
    assert {"torch", "driver", "card", "numpy", "safetensors", "pytest", "checkout"} <= set(told["versions"])
    ratios = [figure["value"] for result in told["results"] for figure in result["figures"] if "over" in figure["name"]]
    assert len(ratios) == 6
    assert all(0.7 < ratio < 1.3 for ratio in ratios)
    assert "every layer goes forward and backward as on the cpu" in done.stdout.partition("\ncheck ")[2]


@pytest.mark.slow
def test_trials_in_processes_need_no_more(tmp_path: Path) -> None:
    """They train by the code of a sweep's workers, which must not come to need Ray or pydantic."""
    command = [
        sys.executable,
        str(GPU),
        "--device",
        "cpu",
        "--seconds",
        "300",
        "--without-benchmark",
        "-k",
        "four_trials",
    ]
    done = subprocess.run(command, env=bare_environment(tmp_path), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["checks"]["passed"] == 1


def test_without_a_gpu_it_says_so_and_ends(tmp_path: Path) -> None:
    environment = {**bare_environment(tmp_path), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, str(GPU)], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "There is no GPU here that PyTorch" in done.stdout.splitlines()[-1]


def test_an_interrupted_run_tells_what_it_has_and_leaves_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "test_made_up.py").write_text(
        "import os, pathlib, time\ndef test_a_good_check(): pass\n"
        "def test_hanging():\n"
        f"    pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
        "    time.sleep(600)\n"
    )
    shutil.copy(GPU / "pytest.ini", folder)
    started = (
        f"import signal, sys; sys.path.insert(0, {str(GPU.parent)!r})\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell has what it runs behind ignore it
        "from gpu import running, watching\nfrom pathlib import Path\n"
        f"watching.CHECKS = Path({str(folder)!r})\n"
        "sys.exit(running.main(['--device', 'cpu', '--without-benchmark']))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", started], stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted: what was left was not checked." in output
    assert json.loads(output.splitlines()[-1])["checks"]["passed"] == 1
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
