"""Passwords, tokens and keys: in no file, line, tag, param or error, and still of use."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
from convscape import cli
from convscape.dashboards import links
from convscape.search import driver
from convscape.search.config import parse_sweep_file
from convscape.search.tracking import Tracker, hide, reveal, secrets, sync, without_secrets
from convscape.spaces import ConfigError, SweepError
from hypothesis import assume, given, strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

S = "s3cr3t-Wort"
URIS = [
    f"http://user:{S}@127.0.0.1:9/", f"http://127.0.0.1:9/?password={S}", f"http://127.0.0.1:9/?a=b&token={S}",
    f"http://user:pa/{S}@127.0.0.1:9/", f"http://a:p@{S}@127.0.0.1:9/", f"http://me@home:{S}@127.0.0.1:9/",
    f"http://{S}@127.0.0.1:9/", f"postgresql://me:{S}@127.0.0.1:9/db", f"postgresql://127.0.0.1:9/db?user=me&password={S}",
    f"https://127.0.0.1:9/?a=b&sig={S}", f"postgresql://u:12/{S}@127.0.0.1:9/db",
    f"postgresql+psycopg2://me:{S}@127.0.0.1:9/db?sslmode=require", f"https://127.0.0.1:9/?api_key={S}",
    f"postgresql://127.0.0.1:9/db?a=b;token={S}", f"https://127.0.0.1:9/?a=b#access_token={S}", f"https://127.0.0.1:9/?%74oken={S}",
    f"postgresql://127.0.0.1:9/db?masterKey={S}",
]  # fmt: skip
SWEEP = """
name: quiet
data: {name: digits, train: 100, validation: 50}
space: {stages: 1, convolutions: 1, filters: 4, kernel: 3, dropout: 0.0, hidden: 0}
search: {finalists: 0, trials: 1, epochs: 1}
resources: {runner: inline, precision: float32}
"""


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process."""
    monkeypatch.setattr(secrets, "_held", {})
    monkeypatch.setattr(secrets, "_revealed", set())


@pytest.fixture(autouse=True)
def none_held(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """A command, as `run("status", "quiet")`: gives all that it printed."""

    def command(*arguments: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit):
            cli.main(list(arguments))
        said = "".join(capsys.readouterr())
        assert "fault of Convscape" not in said
        return said

    return command


def files_with(secret: str, folder: Path) -> list[str]:
    return [str(file) for file in folder.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]


@pytest.mark.parametrize("uri", URIS)
def test_it_is_taken_out_and_put_back(uri: str) -> None:
    hidden = hide(uri)
    assert S not in hidden
    assert hide(hidden) == hidden
    assert urlsplit(reveal(hidden)).hostname == "127.0.0.1"
    assert unquote(reveal(hidden)) == unquote(uri)


LETTERS = st.sampled_from("@:/?#%&=+ ${}a1") | st.characters(exclude_categories=["Cs", "Cc"])
TYPED = (
    st.lists(LETTERS, min_size=1, max_size=12)
    .map("".join)
    # With these an address means something else to everybody: 5000/ is a port, and a@b/ a host.
    .filter(lambda text: not re.search(r"^\d{1,5}[/?#]|@[^/?#]*[/?#]|\$\{\w+\}", text))
)


@given(
    st.sampled_from(["postgresql", "mysql+pymysql", "http", "https"]),
    st.text("abc@.-", min_size=1, max_size=6),
    TYPED,
    st.sampled_from(["", "/", "/db", "/db?sslmode=require", "/?a=b&c=d"]),
)
def test_any_password_can_be_had_back(scheme: str, user: str, password: str, path: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        forget(patch)
        hidden = hide(f"{scheme}://{user}:{password}@host{path}")
        name = "MLFLOW" if scheme.startswith("http") else "CONVSCAPE"
        assert hidden == f"{scheme}://{user}:${{{name}_TRACKING_PASSWORD}}@host{path}"
        whole = urlsplit(reveal(hidden))
        assert whole.hostname == "host"
        assert unquote(whole.password or "", errors="surrogateescape") == unquote(password, errors="surrogateescape")


@given(
    st.sampled_from(["http://host", "https://host:5000", "http://[::1]:5000", "postgresql://host:5432"]),
    st.text("ab@:~/", max_size=6),
    st.lists(st.tuples(st.sampled_from(["user", "mail", "token", "password"]), st.text("ab@:/?#", max_size=6))),
)
def test_where_there_is_no_user_only_secrets_of_the_query_are_hidden(
    start: str, path: str, query: list[tuple[str, str]]
) -> None:
    assume(start.startswith("http") or "@" not in path)
    with pytest.MonkeyPatch.context() as patch:
        forget(patch)
        before = f"{start}/{path}"
        hidden = hide(f"{before}?{'&'.join(f'{name}={value}' for name, value in query)}")
        assert hidden.startswith(f"{before}?")
        shown = [part.partition("=") for part in hidden.removeprefix(f"{before}?").split("&")] if query else []
        for (name, value), (known, _, left) in zip(query, shown, strict=True):
            assert known == name
            secret = name in ("token", "password") and value
            assert re.fullmatch(r"\$\{CONVSCAPE_TRACKING_\w+\}", left) if secret else left == value
        assert urlsplit(reveal(hidden)).hostname == urlsplit(start).hostname


def test_two_stores_keep_two_passwords() -> None:
    one, other = hide("postgresql://a:first-one@host/db"), hide("postgresql://a:second-one@host/db")
    assert (reveal(one), reveal(other)) == ("postgresql://a:first-one@host/db", "postgresql://a:second-one@host/db")


def test_a_later_process_finds_it_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = hide(f"postgresql://me:{S}@host/db")
    monkeypatch.setattr(secrets, "_held", {})
    with pytest.raises(SweepError, match="CONVSCAPE_TRACKING_PASSWORD, which is not set"):
        reveal(hidden)
    monkeypatch.setenv("CONVSCAPE_TRACKING_PASSWORD", "p@ss/word")
    assert reveal(hidden) == "postgresql://me:p%40ss%2Fword@host/db"
    assert "p@ss/word" not in without_secrets("no access with p@ss/word or p%40ss%2Fword")


@pytest.mark.parametrize("uri", URIS)
def test_an_error_about_it_does_not_tell_it(uri: str) -> None:
    for setting in (f"tracking.uri=ftp{uri[uri.index(':') :]}", f"tracking={uri}"):
        with pytest.raises(ConfigError) as caught:
            parse_sweep_file(SWEEP, overrides=[setting])
        assert S not in str(caught.value)


def test_a_long_token_is_cut_out_before_the_rest_is_cut_off() -> None:
    token = "q7" * 60
    with pytest.raises(ConfigError) as caught:
        parse_sweep_file(f"{SWEEP}tracking: https://user:{token}@host")
    assert "q7q7" not in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        parse_sweep_file(f"{SWEEP}code: https://user:{token}@host")
    assert "q7q7" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"postgres://u:pa'{S}@h is no store", f"postgres://u:pa {S}@h", f"http:/user:{S}@host", f"https://h/?sig={S}",
        f"http://me@home:{S}@h", f"https://h/?password=a'{S}", f"http://{S}@h", f"'http://u:a/{S}@h'",
    ],
)  # fmt: skip
def test_an_address_in_a_text_is_shown_without_it(text: str) -> None:
    assert S not in without_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://mlflow:5000/?user=me@corp.com", "http://host:5000: ask me@corp.com", "http://host, me@corp.com",
        "postgresql://me:${CONVSCAPE_TRACKING_PASSWORD}@h/db", "postgresql://me@h/db", "http://h/?design=3",
    ],
)  # fmt: skip
def test_an_address_without_one_is_shown_whole(text: str) -> None:
    assert without_secrets(text) == text


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("uri", URIS)
def test_no_file_and_no_error_of_sending_has_it(uri: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = parse_sweep_file(SWEEP, overrides=[f"tracking.uri={uri}", f"folder={tmp_path}"])
    assert S not in json.dumps(config.to_json())
    tracker = Tracker(tmp_path / "quiet", uri=config.tracking_uri, experiment="e", sweep="quiet")
    tracker.start(params={}, tags={})
    tracker.close()
    for to in (None, uri):
        with pytest.raises(SweepError, match="did not take") as caught:
            sync(tmp_path / "quiet", to)
        assert S not in str(caught.value)
    assert files_with(S, tmp_path) == []
    assert S not in caplog.text


@pytest.mark.slow
@pytest.mark.usefixtures("quiet")
def test_a_sweep_writes_and_prints_it_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    monkeypatch.chdir(tmp_path)
    launched = ["launch", "sweep.yaml", "--set", f"tracking.uri=http://user:pa/{S}@127.0.0.1:9/?token={S}-2"]
    assert S not in run(*launched, "--dry-run")
    said = run(*launched)
    assert S not in said
    assert "need CONVSCAPE_TRACKING_TOKEN and MLFLOW_TRACKING_PASSWORD in the environment" in caplog.text
    for password in ("", S):
        forget(monkeypatch)
        if password:
            monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
            monkeypatch.setenv("CONVSCAPE_TRACKING_TOKEN", password)
        said = run("compare", "quiet")
        assert said.rstrip().endswith("http://127.0.0.1:9")
        for command in (["status"], ["resume"], ["compare", "-o", "json"]):
            said += run(command[0], "quiet", *command[1:])
        sent = run("sync", "quiet")
        assert ("did not take" if password else "needs the environment variable") in sent
        assert S not in said + sent
    assert files_with(S, tmp_path) == []


def test_what_is_printed_passes_by_no_secret_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, run: Callable[..., str], tmp_path: Path
) -> None:
    for name, value in {
        "WANDB_API_KEY": S, "MYSQL_PWD": S, "SECRET_KEY": S, "DATABASE_URL": f"mysql://me:{S}@h/db",
        "MLFLOW_TRACKING_URI": f"https://h/?token={S}",
    }.items():  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert S not in run("launch", str(tmp_path / f"{S}.yaml")), name


def test_what_was_taken_from_the_environment_is_cut_out_of_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSCAPE_TRACKING_GATE", "word")
    reveal("http://h/?gate=${CONVSCAPE_TRACKING_GATE}")
    assert without_secrets("no word of it, nor in words") == "no *** of it, nor in words"


def test_words_and_numbers_are_no_secrets(monkeypatch: pytest.MonkeyPatch, run: Callable[..., str]) -> None:
    before = run("describe", "lenet5", "-o", "json")
    monkeypatch.setenv("X_TOKEN", str(max(layer["parameters"] for layer in json.loads(before)["layers"])))
    monkeypatch.setenv("DB_PASSWORD", "postgres")
    monkeypatch.setenv("Z_SECRET", "AVGPOOL")
    assert run("describe", "lenet5", "-o", "json") == before
    assert without_secrets("postgresql://h/db of postgres") == "postgresql://h/db of postgres"
    hide("postgresql://me:postgres@h/db")
    assert without_secrets("postgresql://h/db of postgres") == "postgresql://h/db of ***"


@pytest.mark.parametrize("piece", ["?key", "&key=", "http://a:", "a:/", "x", "@", "://a@", "?" + "token" * 9])
def test_a_long_text_takes_no_long_time(piece: str) -> None:
    assert without_secrets(piece * 20_000)


def test_what_is_printed_as_json_stays_json(run: Callable[..., str]) -> None:
    hide('postgresql://me:"parameters"@h/db')
    hide("postgresql://me:48120@h/db")
    assert json.loads(run("describe", "lenet5", "-o", "json"))["layers"][8]["parameters"] == 48120


def test_a_traceback_does_not_tell_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError(f"http://me:{S}@host")

    monkeypatch.setattr(driver, "resume", broken)
    with pytest.raises(SystemExit):
        cli.main(["resume", "quiet", "--debug"])
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert S not in said


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("http://evil/?x=${AWS_SECRET_ACCESS_KEY}", "begins with MLFLOW_TRACKING_ or"),
        ("http://me:${HOME}@evil", "begins with MLFLOW_TRACKING_ or"),
        ("http://evil/${MLFLOW_TRACKING_PASSWORD}", "for a whole user name"),
        ("http://me:a${MLFLOW_TRACKING_PASSWORD}@h", "for a whole user name"),
    ],
)
def test_no_other_variable_of_the_environment_is_sent(uri: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", S)
    with pytest.raises(ConfigError, match=says):
        parse_sweep_file(SWEEP, overrides=[f"tracking.uri={uri}"])
    if "MLFLOW" not in uri:
        with pytest.raises(SweepError, match="begin with MLFLOW_TRACKING_ or"):
            reveal(uri)


def test_a_whole_value_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "p@ss")
    uri = "http://${MLFLOW_TRACKING_PASSWORD}:${MLFLOW_TRACKING_PASSWORD}@h/?a=${MLFLOW_TRACKING_PASSWORD}"
    assert parse_sweep_file(SWEEP, overrides=[f"tracking.uri={uri}"]).tracking_uri == uri
    assert reveal(uri) == "http://p%40ss:p%40ss@h/?a=p%40ss"


def test_the_command_that_opens_a_database_keeps_the_user_and_has_the_shell_put_the_password_in() -> None:
    command = without_secrets(links(hide(f"postgresql://me:{S}@h/db")))
    assert "postgresql://me:${CONVSCAPE_TRACKING_PASSWORD}@h/db" in shlex.split(command)
    assert '"${CONVSCAPE_TRACKING_PASSWORD}"' in command


@pytest.mark.usefixtures("quiet")
def test_a_spool_of_former_times_with_a_password_goes_on_without_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    raw = f"http://me:{S}@127.0.0.1:9"
    for uri in (raw, hide(raw)):
        Tracker(tmp_path / "quiet", uri=uri, experiment="e", sweep="quiet").close()
    assert caplog.text == ""


def test_what_only_sounds_like_a_secret_stays() -> None:
    link = "http://host:5000/#/experiments/1/runs?searchFilter=x&orderByKey=metrics.best_accuracy&keyword=a"
    assert without_secrets(link) == link
    for secret in ("key", "api_key", "accessKey", "sig", "pw", "jwt", "odbc_connect"):
        assert "S3cret" not in without_secrets(f"mssql://host/?a=1&{secret}=S3cret"), secret
        assert "S3cret" not in hide(f"mssql://host/?a=1&{secret}=S3cret"), secret
