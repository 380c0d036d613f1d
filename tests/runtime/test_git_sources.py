"""Sources of versions from git: what is committed in a repository of this machine, and nothing from a network."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.emulation import Emulation
from abeja_emulator.platform import Platform
from abeja_emulator.report.recorder import Recorder
from abeja_emulator.report.records import pack
from abeja_emulator.runtime.git_sources import GitError, GitSources
from abeja_emulator.services.training.definitions import Definitions
from tests.runtime.repositories import TRAIN, URL, commit, git, new_repository
from tests.services.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abeja_emulator.services.training.records import JobDefinitionVersion

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose branch master has a handler."""
    return new_repository(tmp_path / "name")


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
    commit(repository, helper="WORD = 2\n")
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


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    """The job fails and says so."""
    (tmp_path / "plain").mkdir()
    sources = GitSources.parse([f"{URL} = {tmp_path / 'plain'}"])
    with Platform() as platform, Emulation(platform, tmp_path / "jobs", execution={"git": sources}) as emulation:
        job = emulation.executor.wait(made(emulation), 60)
        assert job.status == "Failed"
        assert "git cannot read it" in job.log


def version_of(emulation: Emulation, url: str = URL, branch: str = "master") -> JobDefinitionVersion:
    """Make a version from git through the API, and return what is kept of it."""
    job = emulation.platform.look.job(made(emulation, url, branch))
    definitions = Definitions(emulation.platform.world)
    with emulation.platform.world.store.reading():
        definition = definitions.get(job.organization_id, job.job_definition_id)
        return definitions.version(definition, str(job.job_definition_version))


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Emulation]:
    """A platform whose jobs are not begun."""
    options: Any = {"jobs": "held"}
    with Platform() as platform, Emulation(platform, tmp_path / "jobs", **options) as emulation:
        yield emulation


def test_a_bare_repository_with_links_and_modes(held: Emulation, repository: Path, tmp_path: Path) -> None:
    """What is committed is written as it is: programs may be run, links are links."""
    (repository / "run.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    (repository / "run.sh").chmod(0o755)
    (repository / "link").symlink_to("train.py")
    commit(repository)
    git(tmp_path, "clone", "-q", "--bare", str(repository), "bare.git")
    out = tmp_path / "out"
    GitSources({URL: tmp_path / "bare.git"}).check_out(version_of(held), out)
    assert (out / "run.sh").stat().st_mode & 0o111
    assert (out / "link").is_symlink()
    assert (out / "link").read_text(encoding="utf-8") == TRAIN


def test_a_branch_of_the_origin(held: Emulation, repository: Path, tmp_path: Path) -> None:
    """It is found, and told from one that was made here."""
    git(repository, "branch", "dev")
    git(tmp_path, "clone", "-q", str(repository), "clone")
    sources = GitSources({URL: tmp_path / "clone"})
    assert f" of origin/dev of {URL}, " in sources.check_out(version_of(held, branch="dev"), tmp_path / "dev")
    assert f" of master of {URL}, " in sources.check_out(version_of(held), tmp_path / "master")


@pytest.mark.parametrize("branch", ["HEAD", "origin/dev", "refs/heads/master", "v1"])
def test_what_is_no_branch(held: Emulation, repository: Path, tmp_path: Path, branch: str) -> None:
    """The HEAD of an origin, a branch by a longer name, a tag: none is, and what is named instead can be asked for."""
    git(repository, "branch", "dev")
    git(repository, "tag", "v1")
    git(tmp_path, "clone", "-q", str(repository), "clone")
    with pytest.raises(GitError, match=rf"has no branch '{branch}' in .*clone, which has dev, master; make or fetch"):
        GitSources({URL: tmp_path / "clone"}).check_out(version_of(held, branch=branch), tmp_path / "out")


def test_many_branches(held: Emulation, repository: Path, tmp_path: Path) -> None:
    """Ten of them are named; of none it is said that there are none."""
    for number in range(11):
        git(repository, "branch", f"b{number:02}")
    version = version_of(held, branch="nowhere")
    with pytest.raises(GitError, match=r"which has b00, .*, b09 and 2 more; "):
        GitSources({URL: repository}).check_out(version, tmp_path / "out")
    git(tmp_path, "init", "-q", "empty")
    with pytest.raises(GitError, match="which has none at all; "):
        GitSources({URL: tmp_path / "empty"}).check_out(version, tmp_path / "out")


def test_which_line_counts(held: Emulation, repository: Path, tmp_path: Path) -> None:
    """A URL before a pattern, a longer pattern before a shorter one."""
    lines = ["* = a", "https://github.com/owner/* = b", "https://github.com/owner/other = c", f"{URL}.git = name"]
    sources = GitSources.parse(lines, [tmp_path])
    assert str(repository) in sources.check_out(version_of(held), tmp_path / "out")
    for url, folder in {f"{URL}2": "b", "https://example.com/x": "a", "https://github.com/owner/other/": "c"}.items():
        with pytest.raises(GitError, match=f"{tmp_path / folder} stands for {url}, and there is no such folder"):
            sources.check_out(version_of(held, url), tmp_path / "out")


def test_names_that_are_no_text(repository: Path, tmp_path: Path) -> None:
    """A log can hold them: the job fails because of its branch, and says so."""
    git(repository, "update-ref", "refs/heads/\udcff", "HEAD")
    repository.rename(tmp_path / "\udcfe")
    sources = GitSources({URL: tmp_path / "\udcfe"})
    with Platform() as platform, Emulation(platform, tmp_path / "jobs", execution={"git": sources}) as emulation:
        assert emulation.executor.wait(made(emulation), 60).status == "Complete"
        job = emulation.executor.wait(made(emulation, branch="nowhere"), 60)
        assert job.status == "Failed"
        assert "\\xfe, which has \\xff, master; make" in job.log


@pytest.mark.parametrize(
    "who",
    ["QXVJ", "QXVJ:x-oauth-basic", "user:QXVJ", "user:QX/VJ", "user:QX@VJ"],
    ids=["user", "user-and-word", "password", "slash", "at-sign"],
)
@pytest.mark.parametrize("runs", ["immediate", "held"])
def test_credentials(repository: Path, tmp_path: Path, who: str, runs: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The API shows the URL as it was sent; no log, message, record of calls, report or text of an object does."""
    lines = [f"https://{who}@github.com/owner/name = {repository}", f"https://{who}@example.com/* = {tmp_path / 'no'}"]
    options: Any = {"jobs": runs, "execution": {"git": GitSources.parse(lines)}}
    with Platform() as platform, Emulation(platform, tmp_path / "jobs", **options) as emulation:
        recorder = Recorder(platform)
        for place, branch, status in (
            ("github.com/owner/name", "master", "Complete"),
            ("github.com/owner/name", "nowhere", "Failed"),
            ("example.com/owner/name", "master", "Failed"),
            ("example.org/owner/name", "master", "Failed"),
        ):
            url = f"https://{who}@{place}"
            job = made(emulation, url, branch)
            done = emulation.trainer.run(job) if runs == "held" else emulation.executor.wait(job, 60)
            assert done.status == status, done.log
            assert place in done.log
            record = platform.look.job(job)
            path = f"/organizations/{{org}}/training/definitions/train/versions/{record.job_definition_version}"
            assert Wire(platform)("GET", path).json()["git_url"] == url
            refusal = Wire(platform)("GET", f"{path}/source").text
            assert place in refusal
            check_secret(done.log, repr(done), repr(record), repr(list(platform.journal)), refusal)
        report = json.dumps(pack(recorder.record("test")))
        assert "example.org/owner/name" in report
        version = version_of(emulation, f"https://{who}@github.com/owner/name", "nowhere")
        assert "github.com/owner/name" in repr(version)
        check_secret(report, repr(version), *capfd.readouterr())


def check_secret(*texts: str) -> None:
    """Check that no part of a credential is in a text."""
    for text in texts:
        assert "QX" not in text
        assert "VJ" not in text
