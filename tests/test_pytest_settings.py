"""What options and configuration say is checked before a run begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abeja_emulator.pytest_settings import check_can_be_made

if TYPE_CHECKING:
    from pathlib import Path


def usage_error(pytester: pytest.Pytester, *options: str) -> str:
    """Run pytest with options that cannot be, and return what it says; nothing is run."""
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--abeja-emulate", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "Traceback" not in result.stderr.str()
    return result.stderr.str()


@pytest.mark.parametrize("below", ["kept", "kept/deeper/still"])
def test_nothing_is_kept_below_a_file(pytester: pytest.Pytester, below: str) -> None:
    """Neither by option nor by configuration; not after an hour of training, but at once."""
    (pytester.path / "notes.txt").touch()
    said = usage_error(pytester, "--abeja-keep", f"notes.txt/{below}")
    assert f"abeja_keep is '{pytester.path}/notes.txt/{below}', and '{pytester.path}/notes.txt' is a file; " in said
    assert usage_error(pytester, "-o", f"abeja_keep=notes.txt/{below}") == said


def test_a_file_is_no_folder_to_keep_in(pytester: pytest.Pytester) -> None:
    (pytester.path / "notes.txt").touch()
    assert "notes.txt', which is a file; it must be a folder" in usage_error(pytester, "--abeja-keep", "notes.txt")


@pytest.mark.parametrize("name", ["keep", "seed"])
def test_names_that_no_disk_can_hold(pytester: pytest.Pytester, name: str) -> None:
    """A sentence, and only the beginning of the name."""
    said = usage_error(pytester, f"--abeja-{name}", "x" * 300)
    assert f"abeja_{name} is '{pytester.path}"[:60] in said
    assert "x" * 200 not in said


def test_what_can_be_made_is_not_complained_about(tmp_path: Path) -> None:
    """In a folder that is there, in one that is not yet, and in place of a file or folder that is there."""
    (tmp_path / "report.html").touch()
    for name in ("report.html", "out/report.html", "a/b/c", ".", "/"):
        check_can_be_made("abeja_report", tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("name", ["report.html/page.html", "report.html/a/page.html", "link/page.html"])
def test_what_cannot_be_made(tmp_path: Path, name: str) -> None:
    """The sentence names the setting, the path, and what is in the way."""
    (tmp_path / "report.html").touch()
    (tmp_path / "link").symlink_to(tmp_path / "report.html")
    with pytest.raises(pytest.UsageError) as refused:
        check_can_be_made("abeja_report", tmp_path / name)
    above = tmp_path / name.partition("/")[0]
    assert str(refused.value) == (
        f"abeja_report is '{tmp_path / name}', and '{above}' is a file; nothing can be made below a file"
    )
    with pytest.raises(OSError, match=r"Not a directory|exists"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize("name", ["x" * 300, f"{'x' * 300}/report.html"])
def test_names_that_are_too_long(tmp_path: Path, name: str) -> None:
    with pytest.raises(pytest.UsageError, match=r"abeja_report is '.*', where nothing can be made: File name too long"):
        check_can_be_made("abeja_report", tmp_path / name)


@pytest.mark.parametrize("name", ["abeja_enforce_cidrs", "abeja_limits", "abeja_install_requirements"])
def test_what_is_neither_true_nor_false(pytester: pytest.Pytester, name: str) -> None:
    """Of a switch; the sentence names it."""
    said = usage_error(pytester, "-o", f"{name}=perhaps")
    assert f"{name}: invalid truth value 'perhaps'; it must be true or false" in said
