"""Sources of versions from git: what is committed in a repository of this machine, and nothing from a network."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.emulation import Emulation
from abeja_emulator.platform import Platform
from abeja_emulator.runtime.git_sources import GitError, GitSources
from abeja_emulator.services.training.definitions import Definitions
from tests.services.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

URL = "https://github.com/owner/name"

TRAIN = "import helper\n\ndef handler(context):\n    print('committed', helper.WORD)\n"


def git(folder: Path, *arguments: str) -> str:
    """Run git in a repository, and return what it says."""
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose branch master has a handler."""
    folder = tmp_path / "name"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "master")
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    (folder / "helper.py").write_text("WORD = 1\n", encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


@pytest.fixture
def emulation(repository: Path, tmp_path: Path) -> Iterator[Emulation]:
    """A platform whose jobs find the repository in the place of its URL."""
    sources = GitSources.parse([f"{URL} = {repository}"])
    with Platform() as platform, Emulation(platform, tmp_path / "jobs", execution={"git": sources}) as emulation:
        yield emulation


def made(emulation: Emulation, url: str = URL, branch: str = "master") -> str:
    """Make a version from git and a job of it through the API, and return the job's id."""
    wire, path = Wire(emulation.platform), "/organizations/{org}/training/definitions"
    if Definitions(emulation.platform.world).find(emulation.platform.organization.id, "train") is None:
        assert wire("POST", path, json={"name": "train"}).status_code == 200
    new: dict[str, Any] = {"git_url": url, "git_branch": branch, "handler": "train:handler"}
    version = wire("POST", f"{path}/train/git/versions", json={**new, "image": "abeja-inc/all-cpu:19.10"}).json()
    number = version["job_definition_version"]
    job: str = wire("POST", f"{path}/train/versions/{number}/jobs", json={}).json()["training_job_id"]
    return job


def test_a_job_runs_what_is_committed(emulation: Emulation, repository: Path) -> None:
    """In a child: not what lies uncommitted in the folder; its log names the commit; a later job has a later."""
    (repository / "helper.py").write_text("WORD = 'uncommitted'\n", encoding="utf-8")
    first = emulation.executor.wait(made(emulation), 60)
    assert first.status == "Complete", first.log
    assert "committed 1" in first.log
    assert git(repository, "rev-parse", "HEAD") in first.log
    (repository / "helper.py").write_text("WORD = 2\n", encoding="utf-8")
    git(repository, "commit", "-q", "-a", "-m", "second")
    assert "committed 2" in emulation.executor.wait(made(emulation), 60).log


@pytest.mark.parametrize("rest", [".git", "/", ""])
@pytest.mark.parametrize("who", ["", "user:password@"])
def test_ways_to_write_a_url(emulation: Emulation, who: str, rest: str) -> None:
    """The same repository stands for all of them, and no password is in the log."""
    job = emulation.executor.wait(made(emulation, f"https://{who}github.com/owner/name{rest}"), 60)
    assert job.status == "Complete", job.log
    assert "password" not in job.log


@pytest.mark.parametrize(
    ("url", "branch", "words"),
    [
        ("https://user:password@example.com/other", "master", ["example.com/other", "abeja_git", "--git"]),
        (URL, "nowhere", ["no branch 'nowhere'", "which has master"]),
    ],
)
def test_what_cannot_be_had(emulation: Emulation, url: str, branch: str, words: list[str]) -> None:
    """The job fails, says why and what to do, and never with a password; in this process as in a child."""
    job = emulation.executor.wait(made(emulation, url, branch), 60)
    assert job.status == "Failed"
    for word in words:
        assert word in job.log
    assert "password" not in job.log + str(emulation.platform.look.job(job.id).status_message)


def test_in_this_process(repository: Path, tmp_path: Path) -> None:
    """A job that is held, run here: the same source; and one without a repository fails in the same words."""
    sources = GitSources.parse([f"https://github.com/owner/* = {repository}"])
    options: Any = {"jobs": "held", "execution": {"git": sources}}
    with Platform() as platform, Emulation(platform, tmp_path / "jobs", **options) as emulation:
        done = emulation.trainer.run(made(emulation))
        assert done.status == "Complete", done.log
        assert "committed 1" in done.log
        failed = emulation.trainer.run(made(emulation, "https://example.com/other"))
        assert failed.status == "Failed"
        assert "example.com/other" in failed.log


@pytest.mark.parametrize("line", ["name", "= ../name", "http://github.com/owner/name = ../name", f"{URL} ="])
def test_lines_that_cannot_be(line: str) -> None:
    """They are named, with an example of one."""
    with pytest.raises(GitError, match=r"is not URL = PATH, such as"):
        GitSources.parse([line])


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    """The job fails and says so."""
    (tmp_path / "plain").mkdir()
    sources = GitSources.parse([f"{URL} = {tmp_path / 'plain'}"])
    with Platform() as platform, Emulation(platform, tmp_path / "jobs", execution={"git": sources}) as emulation:
        job = emulation.executor.wait(made(emulation), 60)
        assert job.status == "Failed"
        assert "git cannot read it" in job.log


def test_a_bare_repository_with_links_and_modes(repository: Path, tmp_path: Path) -> None:
    """What is committed is written as it is: programs may be run, links are links."""
    (repository / "run.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    (repository / "run.sh").chmod(0o755)
    (repository / "link").symlink_to("train.py")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "more")
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(repository), str(bare)], check=True)
    with Platform() as platform, Emulation(platform, tmp_path / "jobs") as emulation:
        job = platform.look.job(made(emulation))
        definitions = Definitions(platform.world)
        definition = definitions.get(platform.organization.id, job.job_definition_id)
        version = definitions.version(definition, "1")
        GitSources({URL: bare}).check_out(version, tmp_path / "out")
    out = tmp_path / "out"
    assert (out / "run.sh").stat().st_mode & 0o111
    assert (out / "link").is_symlink()
    assert (out / "link").read_text(encoding="utf-8") == TRAIN
