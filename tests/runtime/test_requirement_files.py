"""What a source directory asks for, read without installing anything."""

from __future__ import annotations

import importlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.runtime.requirement_files import RequirementsError, project_of, wanted_of
from tests.runtime.packages import make_wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def digest(root: Path) -> str:
    """Return what the content of a root is told by."""
    wanted = wanted_of(root)
    assert wanted is not None
    return wanted.digest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root whose requirements refer to all that they can refer to."""
    folder = tmp_path / "root"
    make_wheel(folder / "wheels", "one")
    make_wheel(folder, "two")
    (folder / "more").mkdir()
    (folder / "more" / "others.txt").write_text("--constraint=limits.txt\nseven ; python_version < '3'\n")
    (folder / "more" / "limits.txt").write_text("one<2\n")
    for name in ("three", "four", "five"):
        (folder / name / "package").mkdir(parents=True)
        (folder / name / "package" / "module.py").write_text("text")
    (folder / "train.py").write_text("def handler(context): pass\n")
    (folder / "requirements.txt").write_text(
        """
        # -r comment.txt
        --find-links ./wheels
        -r more/others.txt
        One[extra]>=1,\\
            <3  # a comment
        two-1.0-py3-none-any.whl
        ./three[extra] ; python_version > "3"
        four @ file:./four
        -e ./five
        six==${SIX}
        """
    )
    return folder


def test_the_same_content_elsewhere_is_the_same(root: Path, tmp_path: Path) -> None:
    """But for what is installed from where it is, which stays there."""
    before = digest(root)
    moved = shutil.copytree(root, tmp_path / "moved")
    assert digest(moved) != before
    text = (root / "requirements.txt").read_text().replace("-e ./five", "./five")
    for folder in (root, moved):
        (folder / "requirements.txt").write_text(text)
    assert digest(moved) == digest(root)


@pytest.mark.parametrize(
    "name",
    [
        "requirements.txt",
        "more/others.txt",
        "more/limits.txt",
        "wheels/one-1.0-py3-none-any.whl",
        "wheels/new.whl",
        "two-1.0-py3-none-any.whl",
        "three/package/module.py",
        "four/package/module.py",
        "five/package/new.py",
    ],
)
def test_what_decides(root: Path, name: str) -> None:
    """The text of each file that is referred to, and what is in each folder."""
    before = digest(root)
    with (root / name).open("a") as file:
        file.write("# changed")
    assert digest(root) != before


@pytest.mark.parametrize(
    "name", ["train.py", "five/package/__pycache__/module.pyc", "three/build/lib.py", "comment.txt"]
)
def test_what_does_not(root: Path, name: str) -> None:
    """The source itself, what only a comment names, and what installing leaves behind."""
    before = digest(root)
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("# changed")
    assert digest(root) == before


def test_variables_decide(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that a file names."""
    found = []
    for value in ("1", "2"):
        monkeypatch.setenv("SIX", value)
        monkeypatch.setenv("SEVEN", value)
        found.append(digest(root))
    monkeypatch.setenv("SIX", "1")
    assert (digest(root) == found[0], found[0] == found[1]) == (True, False)


def test_the_projects_it_names(root: Path) -> None:
    """Of all files but constraints; a path tells its project as far as its name does."""
    wanted = wanted_of(root)
    assert wanted is not None
    assert wanted.projects == {"one", "two", "four", "six", "seven"}
    assert (wanted.file, wanted.folders, wanted.made) == ("requirements.txt", True, None)


def test_files_that_refer_to_each_other(tmp_path: Path) -> None:
    """They are read once; one that is not there is for the installer to complain about."""
    (tmp_path / "requirements.txt").write_text("-r a.txt\n-r none.txt\n--find-links wheels\n")
    (tmp_path / "a.txt").write_text("-c requirements.txt\n-r requirements.txt\na\n")
    wanted = wanted_of(tmp_path)
    assert wanted is not None
    assert wanted.projects == {"a"}
    assert not wanted.folders


@pytest.mark.parametrize(
    ("requirement", "project"),
    [
        ("abeja-sdk", "abeja-sdk"),
        ("Abeja_SDK [extra] >= 2, < 3 ; python_version < '3.9'", "abeja-sdk"),
        ("abeja.sdk~=2.3", "abeja-sdk"),
        ("abeja-sdk @ https://example.com/x.whl", "abeja-sdk"),
        ("abeja-sdk[extra]@./folder", "abeja-sdk"),
        ("git+https://example.com/some/repository@main#egg=abeja-sdk&subdirectory=a", "abeja-sdk"),
        ("./wheels/abeja_sdk-2.3.6-py3-none-any.whl", "abeja-sdk"),
        ("https://example.com/a-1/abeja-sdk-2.3.6.tar.gz", "abeja-sdk"),
        ("abeja-sdk==2.3.6 --hash=sha256:abc", "abeja-sdk"),
        ("./folder", None),
        ("--no-index", None),
        ("", None),
    ],
)
def test_the_project_of_a_requirement(requirement: str, project: str | None) -> None:
    """In one form, whatever its own."""
    assert project_of(requirement) == project


def test_nothing_is_asked_for(tmp_path: Path) -> None:
    """A folder of that name is none of the files."""
    (tmp_path / "requirements.txt").mkdir()
    assert wanted_of(tmp_path) is None


PIPFILE = """
    [[source]]
    name = "pypi"
    url = "https://one.example/simple"

    [[source]]
    name = "mine"
    url = "https://two.example/simple"

    [packages]
    a = "*"
    b = ">=1,<2"
    c = "1.0"
    d = {version = "~=1.0", extras = ["x", "y"], markers = "python_version < '3.9'"}
    e = {version = "*", sys_platform = "== 'win32'", os_name = "== 'nt'"}
    f = {git = "https://example.com/f", ref = "abc", subdirectory = "sub"}
    g = {path = ".", editable = true}
    h = {file = "./wheels/h.whl"}

    [dev-packages]
    pytest = "*"
"""

LINES = (
    "--extra-index-url https://two.example/simple",
    "a",
    "b>=1,<2",
    "c==1.0",
    "d[x,y]~=1.0 ; python_version < '3.9'",
    "e ; (os_name == 'nt') and (sys_platform == 'win32')",
    "git+https://example.com/f@abc#egg=f&subdirectory=sub",
    "-e .",
    "./wheels/h.whl",
)


@pytest.fixture
def pipfile(tmp_path: Path) -> Callable[..., Any]:
    """Write a Pipfile, and its lock if there is one, beside a requirements.txt; return what is wanted."""

    def write(text: str, lock: Any = None) -> Any:
        (tmp_path / "Pipfile").write_text(text)
        (tmp_path / "requirements.txt").write_text("z\n")
        if lock is not None:
            (tmp_path / "Pipfile.lock").write_text(lock if isinstance(lock, str) else json.dumps(lock))
        return wanted_of(tmp_path)

    return write


def test_a_pipfile_without_a_lock(pipfile: Callable[..., Any]) -> None:
    """Its packages as pip writes them; registries besides the usual one; nothing for development."""
    wanted = pipfile(PIPFILE)
    assert (wanted.file, wanted.made) == ("Pipfile", LINES)
    assert wanted.projects == set("abcdefgh")
    assert wanted.remarks == ("there is no Pipfile.lock: the versions are those of today",)


def test_a_pipfile_with_a_lock(pipfile: Callable[..., Any]) -> None:
    """The lock alone decides, but for nothing of `develop`."""
    entries = {
        "a": {"version": "==1.2", "hashes": ["sha256:abc"], "index": "pypi"},
        "b": {"version": "==1.5", "markers": "python_version >= '3'", "extras": ["x"]},
    }
    lock = {
        "_meta": {"sources": [{"name": "pypi", "url": "https://one.example"}]},
        "default": entries,
        "develop": {"c": {}},
    }
    wanted = pipfile(PIPFILE, lock)
    assert wanted.made == ("a==1.2", "b[x]==1.5 ; python_version >= '3'")
    assert (wanted.projects, wanted.remarks) == ({"a", "b"}, ())
    entries["a"]["version"] = "==1.3"
    assert pipfile(PIPFILE, lock).digest != wanted.digest


def test_an_empty_pipfile(pipfile: Callable[..., Any]) -> None:
    """It asks for an environment with nothing in it, and requirements.txt is not looked at."""
    assert pipfile("").made == ()


@pytest.mark.parametrize(
    ("text", "lock"),
    [
        ("[packages", None),
        ("packages = 3", None),
        ("[packages]\na = 3", None),
        ("[packages]\na = {extras = 3}", None),
        ("source = 3", None),
        ("[[source]]\nname = 'mine'", None),
        ("", "{"),
        ("", "[]"),
        ("", {"default": {"a": None}}),
        ("", {"default": {"a": {"version": 3}}}),
        ("", {"_meta": None}),
    ],
)
def test_what_cannot_be_read(pipfile: Callable[..., Any], text: str, lock: Any) -> None:
    """It is an error of the user's, not of ours."""
    with pytest.raises(RequirementsError, match=r"cannot be read: .* Put it right, or use requirements.txt"):
        pipfile(text, lock)


def test_without_a_reader_of_toml(pipfile: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which library is missing."""

    def nothing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", nothing)
    with pytest.raises(
        RequirementsError, match=r"a Pipfile is TOML, and the library toml\w+ that reads it is not there"
    ):
        pipfile(PIPFILE)
