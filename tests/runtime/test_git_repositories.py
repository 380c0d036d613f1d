"""What is read of repositories of every kind: what is committed, whatever surrounds it, and nothing is changed."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.runtime.git_errors import GitError
from abeja_emulator.runtime.git_repositories import Branch, Repository
from tests.runtime.repositories import TRAIN, URL, commit, files_of, git, new_repository

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

FILES = {"train.py": TRAIN.encode(), "helper.py": b"WORD = 1\n"}


@pytest.fixture
def name(tmp_path: Path) -> Path:
    """A repository whose branch master has a handler."""
    return new_repository(tmp_path / "name")


def read(folder: Path, out: Path, branch: str = "master") -> dict[str, bytes]:
    """Return path → content of what a branch has."""
    repository = Repository(folder, URL)
    repository.write(repository.branches()[branch].commit, out)
    return files_of(out)


def script(path: Path, text: str) -> None:
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


class TestBranches:
    """Which branches there are."""

    def test_of_a_clone(self, name: Path, tmp_path: Path) -> None:
        """Those of its origin too, by their own names; which of them is its HEAD is no branch."""
        git(name, "branch", "dev")
        git(tmp_path, "clone", "-q", str(name), "clone")
        made = commit(tmp_path / "clone", helper="WORD = 2\n")
        there = git(name, "rev-parse", "master")
        assert "refs/remotes/origin/HEAD" in git(tmp_path / "clone", "for-each-ref")
        assert Repository(tmp_path / "clone", URL).branches() == {
            "master": Branch(made, of_origin=False),
            "dev": Branch(there, of_origin=True),
        }

    def test_names(self, name: Path, tmp_path: Path) -> None:
        """With slashes, in any language, packed or not; a tag of the same name is none."""
        first = git(name, "rev-parse", "master")
        for branch in ("feature/a/b", "機能/猫", "v1", "line\u2028break"):
            git(name, "branch", branch)
        git(name, "pack-refs", "--all")
        commit(name, helper="WORD = 2\n")
        git(name, "tag", "v1")
        git(name, "tag", "-a", "-m", "t", "v2")
        git(name, "tag", "master", first)
        branches = Repository(name, URL).branches()
        assert set(branches) == {"feature/a/b", "機能/猫", "v1", "line\u2028break", "master"}
        assert branches["v1"].commit == first
        assert read(name, tmp_path / "out")["helper.py"] == b"WORD = 2\n"

    def test_no_text(self, name: Path) -> None:
        """One whose name is no UTF-8 is shown as a log can hold it."""
        if sys.platform != "linux":
            pytest.skip("names of files are text here")
        git(name, "update-ref", "refs/heads/\udcff", "HEAD")
        assert set(Repository(name, URL).branches()) == {"master", "\\xff"}

    def test_empty(self, tmp_path: Path) -> None:
        """A repository without a commit has none."""
        git(tmp_path, "init", "-q", "-b", "master")
        assert Repository(tmp_path, URL).branches() == {}

    def test_detached(self, name: Path) -> None:
        """What is checked out does not matter, and is no branch of its own."""
        git(name, "checkout", "-q", "--detach")
        commit(name, helper="WORD = 2\n")
        assert set(Repository(name, URL).branches()) == {"master"}


class TestKinds:
    """Repositories of every kind."""

    @pytest.mark.parametrize("option", ["--bare", "--mirror", "--shared", "--depth=1", "--no-checkout", "--origin=up"])
    def test_clones(self, name: Path, tmp_path: Path, option: str) -> None:
        """All have the same."""
        git(tmp_path, "clone", "-q", option, f"file://{name}" if "depth" in option else str(name), "clone")
        assert read(tmp_path / "clone", tmp_path / "out") == FILES

    def test_working_tree(self, name: Path, tmp_path: Path) -> None:
        """One of another repository has its branches, and says so when that is gone."""
        git(name, "worktree", "add", "-q", "-b", "dev", str(tmp_path / "tree"))
        commit(tmp_path / "tree", helper="WORD = 2\n")
        assert read(tmp_path / "tree", tmp_path / "first", "dev")["helper.py"] == b"WORD = 2\n"
        assert read(tmp_path / "tree", tmp_path / "second") == FILES
        shutil.rmtree(name)
        with pytest.raises(GitError, match="git cannot read it"):
            Repository(tmp_path / "tree", URL).branches()

    def test_files_elsewhere(self, name: Path, tmp_path: Path) -> None:
        """Where it says that its files are does not matter, even if there are none, as after `submodule deinit`."""
        git(name, "config", "core.worktree", "../../nowhere")
        assert read(name, tmp_path / "out") == FILES

    def test_other_digests(self, tmp_path: Path) -> None:
        """SHA-256 is read like SHA-1."""
        folder = new_repository(tmp_path / "other", "--object-format=sha256")
        assert len(git(folder, "rev-parse", "master")) == 64
        assert read(folder, tmp_path / "out") == FILES

    def test_a_folder_within(self, name: Path) -> None:
        """A folder of a repository is none, though git itself would look above it."""
        (name / "inner").mkdir()
        with pytest.raises(GitError, match="name a whole clone, bare or with its files"):
            Repository(name / "inner", URL).branches()

    @pytest.mark.parametrize("objects", ["blob:none", "tree:0"])
    def test_clone_in_part(self, name: Path, tmp_path: Path, objects: str) -> None:
        """What it lacks is not fetched, though it is as near as this; nor is a credential of its origin shown."""
        git(name, "config", "uploadpack.allowFilter", "true")
        git(tmp_path, "clone", "-q", "--no-checkout", f"--filter={objects}", f"file://{name}", "part")
        git(tmp_path / "part", "remote", "set-url", "origin", f"file://user:s3cret@localhost{name}")
        before = files_of(tmp_path / "part")
        with pytest.raises(GitError, match=r"clone it whole|name a whole clone") as refused:
            read(tmp_path / "part", tmp_path / "out")
        assert "s3cret" not in str(refused.value)
        assert files_of(tmp_path / "part") == before

    def test_a_secret_in_what_git_says(self, name: Path) -> None:
        """A value of its configuration that git complains about is shown without credentials."""
        git(name, "config", "core.repositoryFormatVersion", "https://user:s3cret@example.com")
        with pytest.raises(GitError, match=r"git cannot read it .*example.com") as refused:
            Repository(name, URL).branches()
        assert "s3cret" not in str(refused.value)

    def test_no_folder(self, tmp_path: Path) -> None:
        """One that is not there, or cannot be, is named."""
        with pytest.raises(GitError, match="there is no such folder"):
            Repository(tmp_path / "nowhere", URL)
        with pytest.raises(GitError, match=r"cannot be looked into \(File name too long\)"):
            Repository(tmp_path / ("a" * 300), URL)


class TestSurroundings:
    """What a person or a caller has set up."""

    def test_in_a_hook(self, name: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What git tells the hooks of another repository does not count."""
        other = new_repository(tmp_path / "other")
        commit(other, helper="WORD = 'other'\n")
        monkeypatch.setenv("GIT_DIR", str(other / ".git"))
        monkeypatch.setenv("GIT_WORK_TREE", str(other))
        monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
        monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other / ".git" / "objects"))
        monkeypatch.setenv("GIT_NAMESPACE", "other")
        monkeypatch.setenv("GIT_CONFIG_COUNT", "nonsense")
        assert read(name, tmp_path / "out") == FILES

    def test_configuration_of_a_person(self, name: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is not read: here it could not be."""
        (tmp_path / "git").mkdir()
        for file in (".gitconfig", "git/config"):
            (tmp_path / file).write_text("[core\n", encoding="utf-8")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        assert read(name, tmp_path / "out") == FILES

    def test_configuration_of_the_repository(self, name: Path, tmp_path: Path) -> None:
        """Lines end as they are committed, no hook, filter or monitor is run, and nothing of it changes."""
        (name / ".gitattributes").write_text("*.py text eol=crlf ident filter=mine export-ignore\n", encoding="utf-8")
        git(name, "add", "-A")
        git(name, "commit", "-q", "-m", "attributes")
        script(tmp_path / "told", f"touch {tmp_path}/ran; cat")
        for hook in ("post-checkout", "reference-transaction", "post-index-change"):
            script(name / ".git" / "hooks" / hook, f"touch {tmp_path}/ran")
        for key in (
            "filter.mine.smudge",
            "core.fsmonitor",
            "core.pager",
            "core.sshCommand",
            "core.alternateRefsCommand",
        ):
            git(name, "config", key, str(tmp_path / "told"))
        for key in ("core.autocrlf", "filter.mine.required", "pager.for-each-ref", "pager.ls-tree"):
            git(name, "config", key, "true")
        (tmp_path / "ran").unlink(missing_ok=True)
        before = files_of(name)
        found = read(name, tmp_path / "out")
        assert {path: found[path] for path in FILES} == FILES
        assert files_of(name) == before
        assert not (tmp_path / "ran").exists()

    def test_of_another_user(self, name: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whose it is does not matter: it is named, and nothing of it is run."""
        real = shutil.which("git")
        script(tmp_path / "bin" / "git", f'GIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec "{real}" "$@"')
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
        with pytest.raises(AssertionError, match="dubious ownership"):
            git(name, "log")
        assert read(name, tmp_path / "out") == FILES

    def test_no_current_folder(self, name: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """None is needed."""
        (tmp_path / "gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        assert read(name, tmp_path / "out") == FILES

    def test_programs_beside_it(self, name: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A program that a repository has is not taken for git, wherever programs are looked for."""
        script(name / "git", f"touch {tmp_path}/ran; exit 1")
        monkeypatch.setenv("PATH", ".", prepend=":")
        assert read(name, tmp_path / "out") == FILES
        assert not (tmp_path / "ran").exists()

    def test_no_git(self, name: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It says that git has to be installed."""
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(GitError, match=r"git is needed to read .*name and cannot be started .*; install it"):
            Repository(name, URL).branches()


class TestCommits:
    """What commits can be."""

    def test_signed(self, name: Path, tmp_path: Path) -> None:
        """A signature, which nobody checks, is in no one's way."""
        head, _, message = git(name, "cat-file", "commit", "master").partition("\n\n")
        signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n nonsense\n -----END PGP SIGNATURE-----"
        signed = f"{head}\n{signature}\n\n{message}\n".encode()
        made = git(name, "hash-object", "-t", "commit", "-w", "--stdin", put=signed)
        git(name, "update-ref", "refs/heads/master", made)
        assert "gpgsig" in git(name, "cat-file", "commit", "master")
        git(name, "config", "log.showSignature", "true")
        assert read(name, tmp_path / "out") == FILES

    def test_replaced(self, name: Path, tmp_path: Path) -> None:
        """What stands for another object (git-replace) is of this repository alone: no clone has it."""
        other = git(name, "hash-object", "-w", "--stdin", put=b"WORD = 'replaced'\n")
        git(name, "replace", git(name, "rev-parse", "master:helper.py"), other)
        assert "replaced" in git(name, "cat-file", "blob", "master:helper.py")
        assert read(name, tmp_path / "out") == FILES

    def test_names_of_files(self, name: Path, tmp_path: Path) -> None:
        """Any that a folder can have, byte for byte."""
        names = ["a b", "猫.txt", 'quo"te', "new\nline", "tab\t", "-x", "\u2028"]
        for each in names + (["\udcff"] if sys.platform == "linux" else []):
            (name / each).write_bytes(each.encode(errors="surrogateescape"))
        commit(name)
        found = read(name, tmp_path / "out")
        assert set(names) < set(found)
        assert found == {path: content for path, content in files_of(name).items() if not path.startswith(".git/")}

    @pytest.mark.parametrize("entry", ["..", ".", ".git", ".GIT"])
    def test_names_that_lead_outside(self, name: Path, tmp_path: Path, entry: str) -> None:
        """No file of such a name is written, nor any other."""
        blob = bytes.fromhex(git(name, "hash-object", "-w", "--stdin", put=b"evil"))
        raw = b"100644 " + entry.encode() + b"\0" + blob
        tree = git(name, "hash-object", "-t", "tree", "-w", "--stdin", "--literally", put=raw)
        made = git(name, "commit-tree", "-m", "evil", tree)
        git(name, "update-ref", "refs/heads/master", made)
        with pytest.raises(GitError, match="which no folder can have"):
            read(name, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_folder_that_is_no_text(self, name: Path, tmp_path: Path) -> None:
        """It is shown as a log can hold it, and read all the same."""
        if sys.platform != "linux":
            pytest.skip("names of files are text here")
        name.rename(tmp_path / "\udcff")
        assert Repository(tmp_path / "\udcff", URL).folder == f"{tmp_path}/\\xff"
        assert read(tmp_path / "\udcff", tmp_path / "out") == FILES
