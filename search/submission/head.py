"""The head of a Ray cluster as it is reached from outside: its job API, over HTTP, with this user's token."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...spaces import SweepError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from ray.job_submission import JobDetails, JobSubmissionClient
    from requests import Response

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 120.0
"""Seconds within which a head must take a connection, and within which it must answer; it may unpack what is sent."""
SILENT_SECONDS = 30.0
"""Seconds without a line of a log, after which is asked whether the job is still there."""
GONE_SECONDS = 60.0
"""Seconds of no answer after which a head whose log is followed counts as gone."""
POLLED_EVERY = 0.2
"""Seconds between two looks at a job that is waited for."""
OURS, SWEEP, FOLDER, COMMAND = "convscape", "convscape_sweep", "convscape_folder", "convscape_command"
"""Keys of a job's metadata: version of the Convscape that sent it, name and folder of the sweep, and the command."""
RUNS = ("launch", "resume")
"""Commands whose job runs a sweep."""
_URL = re.compile(r"https?://(\[[\da-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?(/[\w./-]*)?", re.ASCII)
_START = (
    "Is the cluster up, and its dashboard's port (8265) open to here? `ssh -L 8265:127.0.0.1:8265 HEAD` makes it "
    "http://127.0.0.1:8265."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job on the head that Convscape sent."""

    id: str
    """The submission id of the job."""
    command: str
    """The command that it runs: "launch", "status", …"""
    folder: str
    """`folder` of its sweep, as the head reads it."""
    started: int
    """When it was sent, in milliseconds since 1970 by the head's clock."""
    ended: bool
    """Whether it runs no more."""
    state: str
    """Ray's word for how it stands: PENDING, RUNNING, SUCCEEDED, FAILED, STOPPED."""
    code: int | None
    """The command's exit code; None where there is none, or not yet."""
    message: str
    """What Ray says of its end."""


class Head:
    """The job API of a running cluster's head.

    Args:
        url: its dashboard's address, as in "http://10.0.0.1:8265".

    Raises:
        SweepError: it is no such address, nobody answers there, what answers is no job API, it does not take this
            user's token, or it runs another version of Ray.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        if not _URL.fullmatch(url):
            raise SweepError(
                f"{url!r:.80} is no address of a Ray cluster's job API",
                "Write http://HOST:8265, the address of the cluster's dashboard.",
            )
        self._client = self._connect()

    def jobs(self, sweep: str) -> list[Job]:
        """The jobs that were sent for the sweeps of a name, the latest first."""
        found = self._ask(lambda: self._client.list_jobs())
        ours = [job for job in found if (job.metadata or {}).get(SWEEP) == sweep and OURS in (job.metadata or {})]
        return sorted(map(_job, ours), key=lambda job: -job.started)

    def job(self, id: str) -> Job:
        """How a job stands.

        Raises:
            SweepError: the head does not know it, or does not answer.
        """
        return _job(self._ask(lambda: self._client.get_job_info(id), id))

    def submit(self, id: str, entrypoint: str, modules: Sequence[Path], metadata: dict[str, str]) -> None:
        """Sends a job, which gets no CPU of the cluster's for itself and runs on the head.

        Args:
            id: its submission id, which no other job has.
            entrypoint: what the head's shell is to run.
            modules: folders that travel with it, and of which each is found in `sys.path` there.
            metadata: what everybody who sees the dashboard may read.
        """
        environment = {"py_modules": [str(module) for module in modules]}
        self._ask(
            lambda: self._client.submit_job(
                submission_id=id,
                entrypoint=entrypoint,
                runtime_env=environment,
                metadata=metadata,
            )
        )

    def wait(self, id: str) -> Job:
        """Waits until a job has ended."""
        while not (job := self.job(id)).ended:
            time.sleep(POLLED_EVERY)
        return job

    def log(self, id: str) -> str:
        """All that a job has written so far, with Ray's own lines."""
        return self._ask(lambda: self._client.get_job_logs(id), id)

    def follow(self, id: str, take: Callable[[str], None]) -> Job:
        """Hands on what a job writes, as it comes, until it has ended. A connection that breaks is made again.

        Args:
            id: the job's.
            take: gets each part of the log once and in order.

        Raises:
            SweepError: the job, or the head, is not there any more.
        """
        return asyncio.run(self._follow(id, take))

    def stop(self, id: str) -> None:
        """Ends a job: its processes get SIGTERM, and are killed three seconds later."""
        self._ask(lambda: self._client.stop_job(id), id)

    def forget(self, id: str) -> None:
        """Takes a job that has ended out of the head's list."""
        self._ask(lambda: self._client.delete_job(id), id)

    async def _follow(self, id: str, take: Callable[[str], None]) -> Job:
        seen, heard = 0, time.monotonic()
        while True:
            whole, skip = True, seen
            stream = self._client.tail_job_logs(id)
            try:
                async for part in _until_silent(stream):
                    heard = time.monotonic()
                    new = part[skip:]
                    skip -= len(part) - len(new)
                    seen += len(new)
                    if new:
                        take(new)
            except (OSError, RuntimeError, TimeoutError, _http_errors()):
                whole = False
            try:
                job = await asyncio.to_thread(self.job, id)
                heard = time.monotonic()
            except _UnreachableError:
                if time.monotonic() - heard > GONE_SECONDS:
                    raise
                await asyncio.sleep(2)
                continue
            if job.ended and whole:
                return job
            await asyncio.sleep(0.5)

    def _connect(self) -> JobSubmissionClient:
        os.environ["RAY_API_SERVER_ADDRESS"] = self.url  # else Ray takes RAY_ADDRESS for what was meant
        import ray
        from ray.exceptions import AuthenticationError
        from ray.job_submission import JobSubmissionClient

        for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "ray"]:
            logging.getLogger(name).setLevel(logging.ERROR)  # they tell of each upload

        class Client(JobSubmissionClient):
            """Ray's own, which would wait for ever."""

            def _do_request(self, method: str, endpoint: str, **options: Any) -> Response:
                options.setdefault("timeout", (CONNECT_SECONDS, ANSWER_SECONDS))
                return super()._do_request(method, endpoint, **options)

        def connect() -> Client:
            """Offers the token where it is asked for alone: whoever answers there would have it."""
            try:
                return Client(self.url)
            except AuthenticationError:
                if not (headers := token_headers()):
                    raise
                return Client(self.url, headers=headers)

        client = self._ask(connect)
        ask = client._do_request  # noqa: SLF001 - Ray 2.52 does not keep what it was told of that itself
        said = self._ask(lambda: ask("GET", "/api/version").json())
        there, here = said["ray_version"], ray.__version__
        if there.split(".")[:2] != here.split(".")[:2]:
            raise SweepError(
                f"the cluster at {self.url} runs Ray {there:.20}, and here is Ray {here}",
                f"Install the cluster's here: pip install 'ray[default,tune]=={there:.20}'",
            )
        return client

    def _ask(self, question: Callable[[], Any], id: str = "") -> Any:
        """What the head answers, where all that may go wrong becomes an error that says what to do."""
        from ray.exceptions import AuthenticationError
        from requests.exceptions import RequestException

        try:
            return question()
        except AuthenticationError:
            raise SweepError(
                f"the cluster at {self.url} does not take the token of this machine",
                "Copy ~/.ray/auth_token from the cluster's head to the same place here (chmod 600), or name a copy "
                "of it by RAY_AUTH_TOKEN_PATH.",
            ) from None
        except (ConnectionError, TimeoutError) as error:
            if any(sign in str(error.__context__) for sign in ("BadStatusLine", "RemoteDisconnected", "aborted")):
                raise self._no_job_api() from None
            raise _UnreachableError(
                f"nobody answers at {self.url}: {_short(error.__context__ or error)}", _START
            ) from None
        except (RequestException, ValueError, KeyError, TypeError) as error:
            if isinstance(error, RequestException) and getattr(error, "response", None) is None and _no_answer(error):
                raise _UnreachableError(f"nobody answers at {self.url}: {_short(error)}", _START) from None
            raise self._no_job_api() from None
        except RuntimeError as error:
            raise self._refused(str(error), id) from None

    def _no_job_api(self) -> SweepError:
        return SweepError(
            f"what answers at {self.url} is no job API of Ray's",
            "Give the address of the cluster's dashboard, as `ray start --head` prints it; its port is 8265 as a rule, "
            "and `ray[default]` must be installed there.",
        )

    def _refused(self, said: str, id: str) -> SweepError:
        if "returned 404" in said:
            return self._no_job_api()
        if id and "does not exist" in said:
            return SweepError(
                f"the cluster at {self.url} does not know job {id} any more",
                "Its head was started anew, or somebody deleted the job. What the sweep has trained lies in its folder "
                f"on the head: `convscape status NAME --address {self.url}`, then `resume`.",
            )
        if "413" in said or "Too Large" in said or "exceeds the maximum size" in said:
            return SweepError(
                f"the cluster at {self.url} does not take so large a job: {said:.200}",
                "Copy the images to the head, and name that folder as data.root.",
            )
        if re.search(r"status code 5\d\d", said):  # of a head that restarts, or of a proxy before it
            return _UnreachableError(f"the cluster at {self.url} fails to answer: {said:.200}", _START)
        return SweepError(f"the cluster at {self.url} refuses that: {said:.300}", "Look at the head's dashboard.")


class _UnreachableError(SweepError):
    """Nobody answers, or with an error of the server's own, for now."""


def token_headers() -> dict[str, str]:
    """The header that offers this user's token to a cluster, as Ray looks for it; {} where there is none.

    Raises:
        SweepError: RAY_AUTH_TOKEN_PATH names a file that cannot be read.
    """
    token, named = os.environ.get("RAY_AUTH_TOKEN", ""), os.environ.get("RAY_AUTH_TOKEN_PATH")
    if not token:
        try:
            token = (Path(named) if named else Path.home() / ".ray" / "auth_token").read_text().strip()
        except (OSError, RuntimeError, ValueError):
            if named:
                raise SweepError(
                    f"RAY_AUTH_TOKEN_PATH: {named} cannot be read", "Name the file that holds the cluster's token."
                ) from None
    if not re.fullmatch(r"[!-~]*", token):
        raise SweepError("Ray's token holds what no HTTP header may", "Copy ~/.ray/auth_token from the cluster's head.")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _job(details: JobDetails) -> Job:
    metadata = details.metadata or {}
    return Job(
        id=details.submission_id or "",
        command=metadata.get(COMMAND, ""),
        folder=metadata.get(FOLDER, ""),
        started=details.start_time or 0,
        ended=details.status.is_terminal(),
        state=str(details.status.value),
        code=details.driver_exit_code,
        message=details.message or "",
    )


async def _until_silent(stream: Any) -> AsyncGenerator[str, None]:
    """The parts of a stream.

    Raises:
        TimeoutError: none came for SILENT_SECONDS.
    """
    try:
        while True:
            try:
                yield await asyncio.wait_for(anext(stream), SILENT_SECONDS)
            except StopAsyncIteration:
                return
    finally:
        await stream.aclose()


def _http_errors() -> type[Exception]:
    from aiohttp import ClientError

    return ClientError


def _no_answer(error: Exception) -> bool:
    from requests.exceptions import ConnectionError as Refused, Timeout

    return isinstance(error, Refused | Timeout)


def _short(error: BaseException) -> str:
    """Why there is no answer, in a few words: what requests says is the history of its attempts."""
    said = str(error)
    for sign, words in (
        ("Name or service not known", "no such host is known here"),
        ("NameResolution", "no such host is known here"),
        ("refused", "connection refused"),
        ("timed out", "no answer within seconds"),
        ("CERTIFICATE", "its certificate is not one that is known here"),
    ):
        if sign in said:
            return words
    return "the connection fails"
