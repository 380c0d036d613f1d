"""The log of a run, as the SDK and the command line page through it; how pages work is the logs' of services."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
from abeja.services import APIClient as ServicesAPI

from abeja_emulator.services.logs.pages import LINES_PER_PAGE, RUN_LOG, Logs
from abeja_emulator.services.logs.records import Line
from tests.services.runs.samples import write
from tests.services.wire import ZULU_MICROSECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.runs import APIClient

    from abeja_emulator.platform import Platform


def messages(page: dict[str, Any]) -> list[str]:
    """Return the messages of a page, as they stand."""
    return [event["message"] for event in page["events"]]


def test_no_lines(api: APIClient, organization: str, run: dict[str, Any]) -> None:
    """A new run has none: no token to go on from `logs`, both of them always from `recentlogs`."""
    where = (organization, run["deployment_id"], run["run_id"])
    assert api.get_run_logs(*where) == {"events": []}
    recent = api.get_run_recent_logs(*where)
    check_answer("get_run_recent_logs", recent)
    assert recent["events"] == []


def test_lines(api: APIClient, organization: str, run: dict[str, Any], platform: Platform) -> None:
    """Oldest first in `logs`, newest first in `recentlogs`, with their times; of this run and no other."""
    other = api.create_run(organization, run["deployment_id"], run["model_version_id"])
    write(platform, run, "one", "two")
    write(platform, other, "elsewhere")
    where = (organization, run["deployment_id"], run["run_id"])
    page = api.get_run_logs(*where)
    check_answer("get_run_logs", page)
    assert messages(page) == ["one", "two"]
    times = [event["timestamp"] for event in page["events"]]
    assert all(map(ZULU_MICROSECONDS.fullmatch, times))
    assert run["created_at"] < times[0] < times[1]
    assert api.get_run_recent_logs(*where)["events"] == page["events"][::-1]


def test_batches_of_lines(api: APIClient, organization: str, run: dict[str, Any], platform: Platform) -> None:
    """Lines that come many at a time have times of their own, and follow what was written."""
    write(platform, run, "first")
    lines = [Line(at=f"2024-01-02T03:04:0{number}.000000", message=str(number)) for number in range(3)]
    with platform.world.store.transaction():
        Logs(platform.world, RUN_LOG).append(run["run_id"], lines)
        Logs(platform.world, RUN_LOG).append(run["run_id"], [])
    write(platform, run, "last")
    page = api.get_run_logs(organization, run["deployment_id"], run["run_id"])
    assert messages(page) == ["first", "0", "1", "2", "last"]
    assert page["events"][1]["timestamp"] == "2024-01-02T03:04:00.000000Z"


def test_pages(api: APIClient, organization: str, run: dict[str, Any], platform: Platform) -> None:
    """Tokens lead through all of it, either way, and the last page of `logs` has none."""
    lines = [f"line {number}" for number in range(LINES_PER_PAGE + 5)]
    write(platform, run, *lines)
    where = (organization, run["deployment_id"], run["run_id"])
    first = api.get_run_logs(*where)
    last = api.get_run_logs(*where, next_token=first["next_token"])
    assert messages(first) + messages(last) == lines
    assert "next_token" not in last
    newest = api.get_run_recent_logs(*where)
    oldest = api.get_run_recent_logs(*where, next_backward_token=newest["next_backward_token"])
    assert messages(newest) + messages(oldest) == lines[::-1]
    back = api.get_run_recent_logs(*where, next_forward_token=oldest["next_forward_token"])
    assert messages(back) == messages(newest)


def test_times(
    api: APIClient, wire: Wire, path: str, organization: str, run: dict[str, Any], platform: Platform
) -> None:
    """Both bounds are included; the SDK sends them without a zone, in UTC, the command line as they were typed."""
    lines = [Line(at=f"2024-01-02T03:04:0{number}.000000", message=str(number)) for number in range(5)]
    with platform.world.store.transaction():
        Logs(platform.world, RUN_LOG).append(run["run_id"], lines)
    where = (organization, run["deployment_id"], run["run_id"])
    start, end = (datetime.datetime(2024, 1, 2, 3, 4, second, tzinfo=datetime.timezone.utc) for second in (1, 3))
    bounds = {"start_time": start, "end_time": end}
    assert messages(api.get_run_logs(*where, **bounds)) == ["1", "2", "3"]
    assert messages(api.get_run_recent_logs(*where, **bounds)) == ["3", "2", "1"]
    typed = {"start_time": "2024-01-02T12:04:03+09:00"}
    assert messages(wire("GET", f"{path}/{run['run_id']}/logs", params=typed).json()) == ["3", "4"]


@pytest.mark.parametrize(
    ("end", "query"),
    [
        ("logs", {"start_time": "yesterday"}),
        ("logs", {"end_time": "2024-01-02"}),
        ("logs", {"next_token": "x"}),
        ("recentlogs", {"start_time": "yesterday"}),
        ("recentlogs", {"next_forward_token": "x"}),
        ("recentlogs", {"next_backward_token": "x"}),
    ],
)
def test_not_well_formed(wire: Wire, path: str, run: dict[str, Any], end: str, query: dict[str, str]) -> None:
    """A time or a token that is none is 400."""
    words = "token" if "token" in next(iter(query)) else next(iter(query))
    check_refusal(wire("GET", f"{path}/{run['run_id']}/{end}", params=query), 400, words)


def test_a_service_is_no_run(api: APIClient, organization: str, run: dict[str, Any], wire: Wire, path: str) -> None:
    """A token of the log of a service is not one of a run's, nor is the log."""
    service = ServicesAPI().create_service(organization, run["deployment_id"], run["model_version_id"])["service_id"]
    page = ServicesAPI().get_service_recent_logs(organization, run["deployment_id"], service)
    query = {"next_backward_token": page["next_backward_token"]}
    check_refusal(wire("GET", f"{path}/{run['run_id']}/recentlogs", params=query), 400, "token")
    check_refusal(wire("GET", f"{path}/{service}/logs"), 404, service, run["run_id"])
