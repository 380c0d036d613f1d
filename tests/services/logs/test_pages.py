"""Logs of every kind, without a client: their owners and kinds are apart, and times are shown as they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.errors import BadRequest
from abeja_emulator.services.logs.pages import LINES_PER_PAGE, NOTEBOOK_LOG, RUN_LOG, SERVICE_LOG, Logs, Window
from abeja_emulator.services.logs.records import Line
from abeja_emulator.services.times import millisecond

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.platform import Platform

KINDS = (SERVICE_LOG, RUN_LOG, NOTEBOOK_LOG)


@pytest.fixture(params=KINDS)
def logs(request: pytest.FixtureRequest, platform: Platform) -> Iterator[Logs]:
    """The logs of one kind, within a transaction."""
    with platform.world.store.transaction():
        yield Logs(platform.world, request.param)


def messages(page: dict[str, Any]) -> list[str]:
    """Return the messages of a page, as they stand."""
    return [event["message"] for event in page["events"]]


def lines(*names: str) -> list[Line]:
    """Return lines a second apart."""
    return [Line(at=f"2024-01-02T03:04:{place:02}.123456", message=name) for place, name in enumerate(names)]


def test_owners_and_kinds_are_apart(logs: Logs, platform: Platform) -> None:
    """A log has the lines of its owner and kind, and deleting it takes no others."""
    every = [Logs(platform.world, kind) for kind in KINDS]
    for each in every:
        each.append("1", lines("one", "two"))
    logs.append("2", lines("other"))
    logs.delete("1")
    assert logs.page("1") == {"events": []}
    assert messages(logs.page("2")) == ["other"]
    assert sorted(len(each.page("1")["events"]) for each in every) == [0, 2, 2]


def test_tokens_are_of_one_log(logs: Logs, platform: Platform) -> None:
    """A token is no good for a log of another kind, for another owner, or for another way of paging."""
    logs.append("1", lines("line"))
    page = logs.recent("1")
    forward, backward = page["next_forward_token"], page["next_backward_token"]
    for other in (Logs(platform.world, kind) for kind in KINDS):
        with pytest.raises(BadRequest, match="not issued for this query"):
            other.recent("2" if other.page("1")["events"] else "1", forward)
    for wrong in ({"forward": backward}, {"backward": forward}):
        with pytest.raises(BadRequest, match="not issued for this query"):
            logs.recent("1", **wrong)
    with pytest.raises(BadRequest, match="not issued for this query"):
        logs.page("1", forward)


def test_forward_is_later(logs: Logs) -> None:
    """Forward are lines that came later, whatever their times, and backward those that came before."""
    logs.append("1", lines(*map(str, range(LINES_PER_PAGE))))
    first = logs.recent("1")
    logs.append("1", lines("later"))
    assert messages(logs.recent("1", first["next_forward_token"])) == ["later"]
    newest = logs.recent("1")
    assert messages(newest)[0] == "later"
    assert messages(logs.recent("1", backward=newest["next_backward_token"])) == ["0"]


def test_window(logs: Logs) -> None:
    """A window holds the lines of both of its ends; a token keeps to it."""
    logs.append("1", lines("0", "1", "2", "3"))
    window = Window("2024-01-02T03:04:01.123456", "2024-01-02T03:04:02.123456")
    assert messages(logs.page("1", window=window)) == ["1", "2"]
    page = logs.recent("1", window=window)
    assert messages(page) == ["2", "1"]
    assert logs.recent("1", page["next_forward_token"], window=window)["events"] == []
    with pytest.raises(BadRequest, match="another start_time"):
        logs.recent("1", page["next_forward_token"], window=Window("2024-01-02T03:04:01.123456"))


def test_how_times_are_shown(logs: Logs) -> None:
    """With microseconds, unless another way is asked for."""
    logs.append("1", lines("line"))
    assert logs.recent("1")["events"] == [{"message": "line", "timestamp": "2024-01-02T03:04:00.123456Z"}]
    assert logs.recent("1", shown=millisecond)["events"][0]["timestamp"] == "2024-01-02T03:04:00.123Z"
