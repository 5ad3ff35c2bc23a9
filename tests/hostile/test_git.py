"""A folder of code may be anybody's repository: asking for its commit runs none of the programs that it names."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from convscape.search.driver.provenance import commit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A repository with one commit."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "a.txt").write_text("1")
    return tmp_path / "theirs"


@pytest.fixture
def git(theirs: Path) -> Callable[..., str]:
    """Runs git in it."""

    def run(*arguments: str) -> str:
        who = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
        done = subprocess.run(["git", *who, *arguments], cwd=theirs, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    run("init")
    run("add", ".")
    run("commit", "-m", "one")
    return run


def test_neither_monitor_nor_hook_nor_filter_is_run(tmp_path: Path, theirs: Path, git: Callable[..., str]) -> None:
    clean = commit(theirs)
    assert clean == git("rev-parse", "HEAD")
    (theirs / "a.txt").write_text("22")
    assert commit(theirs) == f"{clean}-dirty"
    program = f"touch {tmp_path / 'ran'}"
    git("config", "core.fsmonitor", program)
    hook = theirs / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{program}\n")
    hook.chmod(0o755)
    os.utime(theirs / "a.txt", (1, 1))  # so that git looks at it anew
    assert commit(theirs) == f"{clean}-dirty"
    assert not (tmp_path / "ran").exists()
    git("config", "filter.theirs.clean", f"{program}; cat")
    (theirs / ".gitattributes").write_text("*.txt filter=theirs\n")
    assert commit(theirs) == f"{clean}-unchecked"
    assert not (tmp_path / "ran").exists()


def test_no_transport_is_run_for_what_the_repository_lacks(
    tmp_path: Path, theirs: Path, git: Callable[..., str]
) -> None:
    head, tree = git("rev-parse", "HEAD"), git("rev-parse", "HEAD^{tree}")
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": f"ext::touch {tmp_path / 'ran'}",
        "remote.origin.promisor": "true",
        "protocol.ext.allow": "always",
    }.items():
        git("config", key, value)
    (theirs / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    assert commit(theirs) == f"{head}-unchecked"
    assert not (tmp_path / "ran").exists()


def test_what_git_does_not_answer_is_unchecked(
    tmp_path: Path, theirs: Path, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does that is too old to know --show-scope."""
    head = git("rev-parse", "HEAD")
    (tmp_path / "git").write_text(
        f'#!/bin/sh\ncase "$*" in *--show-scope*) exit 129;; esac\n{shutil.which("git")} "$@"\n'
    )
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert commit(theirs) == f"{head}-unchecked"
