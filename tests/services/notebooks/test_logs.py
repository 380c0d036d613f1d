"""The logs of notebooks: what is in them, and the two ways of paging."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from abeja_emulator.services.logs.pages import LINES_PER_PAGE, NOTEBOOK_LOG, Logs
from tests.services.notebooks.test_notebooks import NOTEBOOKS
from tests.services.wire import Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.notebook.api.client import APIClient

    from abeja_emulator.platform import Platform

ZULU_MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def write(platform: Platform, notebook: dict[str, Any], *messages: str) -> None:
    """Append lines to the log of a notebook."""
    with platform.world.store.transaction():
        for message in messages:
            Logs(platform.world, NOTEBOOK_LOG).write(notebook["id"], message)


def messages(page: dict[str, Any]) -> list[str]:
    """Return the messages of a page."""
    return [event["message"] for event in page["events"]]


def test_what_happens_is_in_it(api: APIClient, organization: str, notebook: dict[str, Any]) -> None:
    """Each start and stop is in the log, newest first, with what it was started on; and that no Jupyter runs."""
    api.stop_notebook(organization, "definition", notebook["id"])
    api.start_notebook(organization, "definition", notebook["id"], "lab")
    page = api.get_notebook_recent_logs(organization, "definition", notebook["id"])
    check_answer("get_notebook_recent_logs", page)
    last, stopped, first = messages(page)
    assert "(lab) was started" in last
    assert "was stopped" in stopped
    assert "(notebook) was started on cpu-1 with abeja-inc/all-cpu:19.10; no Jupyter runs" in first
    assert all(ZULU_MILLISECONDS.fullmatch(event["timestamp"]) for event in page["events"])


def test_times(platform: Platform, api: APIClient, organization: str, notebook: dict[str, Any]) -> None:
    """A line has the time at which it was written, by the Platform's clock."""
    platform.clock.advance(86_400)
    write(platform, notebook, "a day later")
    newest, first = api.get_notebook_recent_logs(organization, "definition", notebook["id"])["events"]
    assert first["timestamp"][:10] == notebook["created_at"][:10] < newest["timestamp"][:10]


def test_following(platform: Platform, api: APIClient, organization: str, notebook: dict[str, Any]) -> None:
    """A forward token gives what came since, once, and nothing while nothing comes."""
    arguments = (organization, "definition", notebook["id"])
    page = api.get_notebook_recent_logs(*arguments)
    for new in ([], ["one", "two"], [], ["three"]):
        write(platform, notebook, *new)
        page = api.get_notebook_recent_logs(*arguments, next_forward_token=page["next_forward_token"])
        assert messages(page) == new[::-1]


def test_a_page_behind_another(platform: Platform, api: APIClient, organization: str, notebook: dict[str, Any]) -> None:
    """Backward tokens lead to the first line, page by page, and then to an empty page; forward ones lead back."""
    lines = [f"line {number}" for number in range(2 * LINES_PER_PAGE + 10)]
    arguments = (organization, "definition", notebook["id"])
    write(platform, notebook, *lines)
    seen: list[list[str]] = []
    page = api.get_notebook_recent_logs(*arguments)
    while page["events"]:
        seen.append(messages(page))
        page = api.get_notebook_recent_logs(*arguments, next_backward_token=page["next_backward_token"])
    assert [len(each) for each in seen] == [LINES_PER_PAGE, LINES_PER_PAGE, 11]
    assert [line for each in seen for line in each][:-1] == lines[::-1]
    assert page["next_backward_token"]
    back: list[str] = []
    while True:
        page = api.get_notebook_recent_logs(*arguments, next_forward_token=page["next_forward_token"])
        if not page["events"]:
            break
        back[:0] = messages(page)
    assert back == [line for each in seen for line in each]


def test_back_from_the_end(platform: Platform, api: APIClient, organization: str, notebook: dict[str, Any]) -> None:
    """The backward token of the empty page at the end leads to the newest lines again."""
    arguments = (organization, "definition", notebook["id"])
    write(platform, notebook, "one", "two")
    page = api.get_notebook_recent_logs(*arguments)
    end = api.get_notebook_recent_logs(*arguments, next_forward_token=page["next_forward_token"])
    assert end["events"] == []
    again = api.get_notebook_recent_logs(*arguments, next_backward_token=end["next_backward_token"])
    assert again["events"] == page["events"]


def test_empty_log(platform: Platform) -> None:
    """Tokens of a log without lines stand for its beginning: nothing is before, and what comes is behind."""
    logs = Logs(platform.world, NOTEBOOK_LOG)
    with platform.world.store.transaction():
        page = logs.recent("1")
        logs.write("1", "first")
        assert page["events"] == logs.recent("1", backward=page["next_backward_token"])["events"] == []
        assert messages(logs.recent("1", forward=page["next_forward_token"])) == ["first"]


def test_tokens_of_others(
    wire: Wire, api: APIClient, organization: str, notebook: dict[str, Any], platform: Platform
) -> None:
    """A token is good for its log and its way only, and one at a time; an empty one is none."""
    other = api.create_notebook(organization, "definition")
    write(platform, other, "theirs")
    page = api.get_notebook_recent_logs(organization, "definition", other["id"])
    with pytest.raises(abeja.exceptions.BadRequest, match="not issued for this query"):
        api.get_notebook_recent_logs(
            organization, "definition", notebook["id"], next_forward_token=page["next_forward_token"]
        )
    path = f"{NOTEBOOKS}/{other['id']}/recentlogs"
    check_refusal(wire("GET", path, params={"next_forward_token": page["next_backward_token"]}), 400, "token")
    check_refusal(wire("GET", path, params={"next_backward_token": "x.y"}), 400, "token")
    both = {name: page[name] for name in ("next_forward_token", "next_backward_token")}
    check_refusal(wire("GET", path, params=both), 400, "both")
    assert wire("GET", path, params={"next_forward_token": ""}).json() == page
