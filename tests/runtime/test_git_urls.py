"""URLs of repositories: which are one and the same, which lines can be read, and what is never shown of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.runtime.git_errors import GitError
from abeja_emulator.runtime.git_urls import fits, hidden, plain, url_and_folder
from abeja_emulator.services.from_git import without_credentials
from tests.runtime.repositories import URL

#: What a password may hold in a URL; a slash is written otherwise there.
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/"), min_size=1)


@pytest.mark.parametrize(
    "url",
    [
        URL,
        f"{URL}/",
        f"{URL}.git",
        f"{URL}.git/",
        "https://GitHub.com/owner/name",
        "HTTPS://github.com/owner/name",
        "https://github.com:443/owner/name",
        "https://user@github.com/owner/name",
        "https://user:token@github.com/owner/name.git",
        "https://user:t@ken=:@github.com/owner/name",
        "https://user:tok/en@github.com/owner/name",
        "https://user:tok?en@github.com/owner/name",
        "https://github.com/owner/name.git?access_token=1",
        "https://:token@GITHUB.com:443/owner/name.git/",
    ],
)
def test_one_repository(url: str) -> None:
    """All these are one."""
    assert plain(url) == URL


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/Owner/name",
        "https://github.com/owner/name.github",
        "https://github.com:8443/owner/name",
        "https://github.com/owner/name@2",
        "https://github.com/owner/name/x",
        "https://example.com/owner/name",
    ],
)
def test_another_repository(url: str) -> None:
    """None of these is the same, nor are two of them."""
    assert plain(url) == url


def test_an_at_sign_in_the_path() -> None:
    """It is of the path when the host comes before it, with credentials as without."""
    assert plain("https://user:token@github.com/owner/a@b") == plain("https://github.com/owner/a@b")


@pytest.mark.parametrize(
    ("pattern", "fitting"),
    [
        ("*", True),
        ("https://*", True),
        ("https://github.com/owner/*", True),
        ("https://user:token@GitHub.com/owner/*.git", True),
        ("https://*.COM/owner/name", True),
        ("*/owner/name", True),
        ("*owner/name", True),
        ("*/Owner/name", False),
        ("https://github.com/*/other", False),
    ],
)
def test_patterns(pattern: str, *, fitting: bool) -> None:
    """Small letters of a host stand for large ones, those of a path only for themselves."""
    assert fits(plain(URL), plain(pattern)) is fitting


def test_a_pattern_of_large_letters() -> None:
    """What comes after a * may be of the path, where letters are as they are."""
    assert fits(plain("https://github.com/Owner/name"), plain("*Owner/name"))


@pytest.mark.parametrize(
    "line",
    [
        "name",
        "= ../name",
        f"{URL} =",
        "http://github.com/owner/name = ../name",
        "https://github.com = ../name",
        "git@github.com:owner/name.git = ../name",
        "git@github.com:owner/* = ../name",
        "ssh://git@github.com/owner/name = ../name",
        "ssh://*/owner/name = ../name",
        "github.com/owner/* = ../name",
        "../*.git = ../name",
        f"{URL}?access_token=1 = ../name",
    ],
)
def test_lines_that_cannot_be(line: str) -> None:
    """What no version could have as its URL is refused, and never waits in vain."""
    with pytest.raises(GitError, match=r"is not URL = PATH, such as .* begins with https://"):
        url_and_folder(line, ())


@pytest.mark.parametrize("line", [f"{URL} = ../a=b", f"{URL}=../a=b", f"https://u:t=1==@{URL[8:]} = ../a=b"])
def test_equals_signs(tmp_path: Path, line: str) -> None:
    """The first one behind the credentials is meant: tokens end with them, and paths may have them."""
    url, folder = url_and_folder(line, [tmp_path])
    assert (plain(url), folder) == (URL, tmp_path / "../a=b")
    assert without_credentials(url) == URL


def test_command_line_with_an_equals_sign() -> None:
    """The same where an option was taken apart at another one before."""
    url, folder = url_and_folder("https://user:a = b@github.com/owner/name=/name", ())
    assert (plain(url), folder) == (URL, Path("/name"))


def test_without_a_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full path needs none, a relative one says that it is gone."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert url_and_folder(f"{URL} = {tmp_path}", ()) == (URL, tmp_path)
    with pytest.raises(GitError, match=r"'\.\./name' is a path from the current folder, .* write the path in full"):
        url_and_folder(f"{URL} = ../name", ())


@pytest.mark.parametrize("path", ["~nobody-has-this-name/name", "a" * 300])
def test_paths_that_cannot_be(path: str) -> None:
    """They are named."""
    with pytest.raises(GitError, match="cannot be a path"):
        url_and_folder(f"{URL} = {path}", ())


@pytest.mark.parametrize(
    "url",
    [
        "https://{}@github.com/owner/name",
        "https://{}:x-oauth-basic@github.com/owner/name",
        "https://user:{}@github.com/owner/name",
        "https://user:{}/{}@github.com/owner/name",
        "https://user:{}@{}@github.com/owner/name",
        "https://user:{}@github.com/owner/name?token={}",
        "https://github.com/owner/name?access_token={}",
        "https:/user:{}@github.com/owner/name",
        "https//user:{}@github.com/owner/name",
        "https//{}@github.com/owner/name",
        "//user:{}@github.com/owner/name",
        "user:{}@github.com/owner/name",
        "{}@github.com:owner/name",
        "ssh://user:{}@github.com:22/owner/name",
        "HTTPS://user:{}@github.com",
    ],
)
def test_credentials_are_not_shown(url: str) -> None:
    """In a URL, or in what was meant to be one, while what it is the URL of can be told."""
    shown = without_credentials(url.replace("{}", "s3cret"))
    assert "s3cret" not in shown
    assert "github.com" in shown
    with pytest.raises(GitError) as refused:
        url_and_folder(url.replace("{}", "s3cret"), ())
    assert "s3cret" not in str(refused.value)


@given(user=SECRETS, password=SECRETS)
def test_any_credentials(user: str, password: str) -> None:
    """None are shown, and they make no difference."""
    url = f"https://{user}:{password}@github.com/owner/name"
    assert without_credentials(url) == plain(url) == URL
    assert hidden(f"fatal: cannot read '{url}': no") == f"fatal: cannot read '{URL}': no"
