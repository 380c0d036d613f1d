"""The log of a service: what is written, and the two ways of paging through it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.services.logs.pages import LINES_PER_PAGE, SERVICE_LOG, Logs
from tests.services.wire import ZULU_MICROSECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.services import APIClient

    from abeja_emulator.platform import Platform


class Log:
    """The log of one service, through the SDK and, for the command line's page, through HTTP."""

    def __init__(
        self, api: APIClient, wire: Wire, platform: Platform, organization: str, service: dict[str, Any]
    ) -> None:
        self._api, self._wire, self._platform = api, wire, platform
        self._where = (organization, service["deployment_id"], service["service_id"])
        self._path = f"/organizations/{{org}}/deployments/{self._where[1]}/services/{self._where[2]}"

    def write(self, *messages: str) -> None:
        """Write lines, a second after those before, and one after the other."""
        logs = Logs(self._platform.world, SERVICE_LOG)
        for message in messages:
            self._platform.clock.advance(1)
            with self._platform.world.store.transaction():
                logs.write(self._where[2], message)

    def clear(self) -> None:
        """Take all lines away."""
        with self._platform.world.store.transaction():
            Logs(self._platform.world, SERVICE_LOG).delete(self._where[2])

    def recent(self, **arguments: Any) -> dict[str, Any]:
        """Return a page as the SDK gets it, newest line first."""
        page: dict[str, Any] = self._api.get_service_recent_logs(*self._where, **arguments)
        check_answer("get_service_recent_logs", page)
        return page

    def page(self, **query: Any) -> dict[str, Any]:
        """Return a page as the command line gets it, oldest line first."""
        page: dict[str, Any] = self._wire("GET", f"{self._path}/logs", params=query).json()
        check_answer("get_service_logs", page)
        return page

    def refused(self, end: str, query: dict[str, str], *words: str) -> None:
        """Check that a page is refused with 400."""
        check_refusal(self._wire("GET", f"{self._path}/{end}", params=query), 400, *words)

    def pages(self, **query: Any) -> list[list[str]]:
        """Return the messages of all pages, oldest first, following the token."""
        found = [self.page(**query)]
        while "next_token" in found[-1]:
            found.append(self.page(next_token=found[-1]["next_token"]))
        return [messages(each) for each in found]

    def back(self, **arguments: Any) -> list[list[str]]:
        """Return the messages of all pages, newest first, following the backward token to the empty page."""
        found = [self.recent(**arguments)]
        while found[-1]["events"]:
            found.append(self.recent(next_backward_token=found[-1]["next_backward_token"]))
        return [messages(each) for each in found[:-1]]


def messages(page: dict[str, Any]) -> list[str]:
    """Return the messages of a page, as they stand."""
    return [event["message"] for event in page["events"]]


@pytest.fixture
def log(api: APIClient, wire: Wire, platform: Platform, organization: str, service: dict[str, Any]) -> Log:
    """The log of the service."""
    return Log(api, wire, platform, organization, service)


class TestLifeCycle:
    """What the platform itself writes."""

    def test_lines(
        self, api: APIClient, organization: str, deployment: str, service: dict[str, Any], version: str, log: Log
    ) -> None:
        """Every change of the status is a line, with the time it happened; what is refused is none."""
        where = (organization, deployment, service["service_id"])
        ready = api.get_service(*where)
        with pytest.raises(abeja.exceptions.BadRequest):
            api.start_service(*where)
        api.update_service(*where, {"instance_number": 2, "enable_autoscale": True})
        api.stop_service(*where)
        api.start_service(*where)
        page = log.page()
        assert messages(page) == [
            f"starting version 0.0.1 ({version})",
            "ready",
            "starting anew with another instance_number",
            "ready",
            "stopped",
            "starting",
            "ready",
        ]
        times = [event["timestamp"] for event in page["events"]]
        assert all(map(ZULU_MICROSECONDS.fullmatch, times))
        assert times == sorted(times)
        assert times[0] >= service["created_at"]
        assert times[1] >= ready["modified_at"]
        assert log.recent()["events"] == page["events"][::-1]

    def test_each_service_has_its_own(
        self, api: APIClient, organization: str, deployment: str, version: str, log: Log
    ) -> None:
        """Lines of one service are not in the log of another."""
        other = api.create_service(organization, deployment, version)["service_id"]
        log.write("mine")
        found = api.get_service_recent_logs(organization, deployment, other)
        assert messages(found) == ["ready", f"starting version 0.0.1 ({version})"]


class TestPages:
    """Both ways of paging, over more lines than a page has."""

    @given(count=st.integers(0, 3 * LINES_PER_PAGE))
    @settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    def test_every_line_once(self, log: Log, count: int) -> None:
        """However many lines there are, each way shows each of them once, in order, on full pages."""
        log.recent()
        log.clear()
        lines = [f"line {number}" for number in range(count)]
        log.write(*lines)
        for pages, wanted in ((log.pages(), lines), (log.back(), lines[::-1])):
            assert [line for page in pages for line in page] == wanted
            assert all(len(page) == LINES_PER_PAGE for page in pages[:-1])

    def test_back_and_forth(self, log: Log) -> None:
        """A page's forward token leads back to the page one came from."""
        log.write(*(str(number) for number in range(2 * LINES_PER_PAGE)))
        newest = log.recent()
        older = log.recent(next_backward_token=newest["next_backward_token"])
        again = log.recent(next_forward_token=older["next_forward_token"])
        assert again["events"] == newest["events"]

    def test_follow(self, log: Log) -> None:
        """With a forward token one sees what came since; as long as nothing did, an empty page, with both tokens."""
        page = log.recent()
        for line in ("first", "second"):
            page = log.recent(next_forward_token=page["next_forward_token"])
            assert page["events"] == []
            log.write(line)
            page = log.recent(next_forward_token=page["next_forward_token"])
            assert messages(page) == [line]
        back = log.recent(next_backward_token=page["next_backward_token"])
        assert messages(back)[0] == "first"

    def test_empty_pages_lead_back(self, log: Log) -> None:
        """From the empty page at either end, the token of the other way leads to the last page there."""
        log.recent()
        log.clear()
        log.write("one", "two")
        whole = log.recent()
        after = log.recent(next_forward_token=whole["next_forward_token"])
        before = log.recent(next_backward_token=whole["next_backward_token"])
        assert after["events"] == before["events"] == []
        assert messages(log.recent(next_backward_token=after["next_backward_token"])) == ["two", "one"]
        assert messages(log.recent(next_forward_token=before["next_forward_token"])) == ["two", "one"]

    def test_nothing_at_all(self, log: Log) -> None:
        """A log without lines is an empty page; the first line is behind it, and not before it."""
        log.recent()
        log.clear()
        page = log.recent()
        assert page["events"] == []
        assert log.page() == {"events": []}
        log.write("first")
        assert messages(log.recent(next_forward_token=page["next_forward_token"])) == ["first"]
        assert messages(log.recent(next_backward_token=page["next_backward_token"])) == []

    @pytest.mark.parametrize(
        ("end", "name"),
        [("logs", "next_token"), ("recentlogs", "next_forward_token"), ("recentlogs", "next_backward_token")],
    )
    def test_tokens_are_checked(
        self,
        api: APIClient,
        organization: str,
        deployment: str,
        version: str,
        log: Log,
        wire: Wire,
        platform: Platform,
        end: str,
        name: str,
    ) -> None:
        """A token that is made up, or of another log, is 400."""
        other = Log(api, wire, platform, organization, api.create_service(organization, deployment, version))
        other.write(*("line",) * 2 * LINES_PER_PAGE)
        token = (other.page() if end == "logs" else other.recent())[name]
        other.refused(end, {name: token[:-1] + "!"}, "was not issued for this query")
        other.refused(end, {name: "1"}, "was not issued for this query")
        log.refused(end, {name: token}, "was not issued for this query")

    def test_one_way_only(self, log: Log) -> None:
        """Both tokens at once, or one for the other, are 400."""
        page = log.recent()
        forward, backward = page["next_forward_token"], page["next_backward_token"]
        both = {"next_forward_token": forward, "next_backward_token": backward}
        log.refused("recentlogs", both, "one way only")
        log.refused("recentlogs", {"next_forward_token": backward}, "was not issued for this query")
        log.refused("recentlogs", {"next_backward_token": forward}, "was not issued for this query")


class TestTimes:
    """start_time and end_time."""

    @pytest.fixture
    def times(self, log: Log) -> list[datetime.datetime]:
        """The times of three lines, `0`, `1` and `2`, without a zone."""
        log.recent()
        log.clear()
        log.write("0", "1", "2")
        found = log.page()["events"]
        return [datetime.datetime.fromisoformat(event["timestamp"].rstrip("Z")) for event in found]

    @pytest.mark.parametrize(
        ("start", "end", "wanted"),
        [
            (None, None, ["0", "1", "2"]),
            (1, None, ["1", "2"]),
            (None, 1, ["0", "1"]),
            (1, 1, ["1"]),
            (2, 0, []),
        ],
    )
    def test_both_ends_are_included(
        self, log: Log, times: list[datetime.datetime], start: int | None, end: int | None, wanted: list[str]
    ) -> None:
        """Lines of the two times themselves are shown, as UTC or with a zone; the last page has no token."""
        for zone in ("", "Z", "+00:00"):
            query = {
                name: times[index].isoformat() + zone
                for name, index in (("start_time", start), ("end_time", end))
                if index is not None
            }
            assert log.pages(**query) == [wanted]

    def test_whole_seconds_of_the_sdk(self, log: Log, times: list[datetime.datetime]) -> None:
        """The SDK sends seconds without a zone, which are UTC."""
        late = times[1].replace(microsecond=0) + datetime.timedelta(seconds=1)
        assert messages(log.recent(start_time=late)) == ["2"]
        assert messages(log.recent(end_time=late)) == ["1", "0"]

    def test_another_zone(self, log: Log, times: list[datetime.datetime]) -> None:
        """A time with a zone is that time."""
        tokyo = datetime.timezone(datetime.timedelta(hours=9))
        start = times[2].replace(tzinfo=datetime.timezone.utc).astimezone(tokyo)
        assert log.pages(start_time=start.isoformat()) == [["2"]]

    def test_tokens_carry_them(self, log: Log, times: list[datetime.datetime]) -> None:
        """A token goes on within the times it was made with, which need not be said again, and may not be changed."""
        log.write(*("later",) * (2 * LINES_PER_PAGE))
        start = times[1].isoformat()
        assert [line for page in log.pages(start_time=start) for line in page][:2] == ["1", "2"]
        page = log.page(start_time=start)
        assert log.page(next_token=page["next_token"], start_time=start) == log.page(next_token=page["next_token"])
        log.refused("logs", {"next_token": page["next_token"], "end_time": start}, "another start_time")
        oldest = log.back(start_time=times[2].replace(microsecond=0))[-1]
        assert oldest[-1] == "2"

    @pytest.mark.parametrize("end", ["logs", "recentlogs"])
    @pytest.mark.parametrize("name", ["start_time", "end_time"])
    @pytest.mark.parametrize("value", ["yesterday", "", "0001-01-01T00:00:00+14:00"])
    def test_refused(self, log: Log, end: str, name: str, value: str) -> None:
        """What is no time, or none that UTC has, is 400."""
        log.refused(end, {name: value}, "")
