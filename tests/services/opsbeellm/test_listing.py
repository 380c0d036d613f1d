"""Times as OpsBeeLLM shows them, and parts of its lists in their order."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.clock import iso
from abeja_emulator.services.opsbeellm.listing import shown_time
from tests.services.opsbeellm.histories import TOP, Histories
from tests.services.wire import Wire, check_refusal

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform

#: `2023-12-15T16:50:33+09:00` (SDK docstrings).
TOKYO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+09:00")

MOMENTS = st.datetimes(
    datetime.datetime(1, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    datetime.datetime(9999, 12, 30),  # noqa: DTZ001 - the same
    timezones=st.just(datetime.timezone.utc),
)


class TestTimes:
    """`shown_time`."""

    def test_example(self) -> None:
        """The time in Tokyo, to the second."""
        assert shown_time("2024-01-02T03:04:05.999999") == "2024-01-02T12:04:05+09:00"

    @given(moment=MOMENTS)
    def test_same_moment(self, moment: datetime.datetime) -> None:
        """What is shown is the same second, in one form."""
        shown = shown_time(iso(moment))
        assert TOKYO.fullmatch(shown)
        assert datetime.datetime.fromisoformat(shown) == moment.replace(microsecond=0)

    def test_in_every_answer(self, platform: Platform, wire: Wire, chat: Histories) -> None:
        """Every time of every answer has that form, and is now."""
        chat.api.create_tag(chat.organization, "OK")
        history = chat.create()
        metadata = chat.add_metadata(history["id"], "k", "v")
        answers = [history, metadata, *(wire("GET", TOP + path).json() for path in ("/tags", "/deployments"))]
        answers.append(wire("GET", chat.path + "/threads").json())
        times = [time for answer in answers for time in _times(answer)]
        assert len(times) == 10
        for time in times:
            assert TOKYO.fullmatch(time)
            age = platform.clock.now() - datetime.datetime.fromisoformat(time)
            assert abs(age) < datetime.timedelta(minutes=10)


class TestParts:
    """`offset`, `limit`, `has_next` and `total`, in every list."""

    @pytest.fixture
    def lists(self, wire: Wire, chat: Histories, dataset: str) -> dict[str, list[str]]:
        """Paths of all lists, and the ids of their five entries, newest first."""
        making: dict[str, tuple[str, Any]] = {
            TOP + "/datasets": (TOP + "/datasets", {"name": "a", "type": "qa"}),
            TOP + "/deployments": (TOP + "/deployments", {"name": "a", "type": "qa"}),
            TOP + "/tags": (TOP + "/tags", {"name": "a"}),
            chat.path + "/threads": (chat.path + "/threads", {"name": "a"}),
            f"{TOP}/datasets/{dataset}/items": (f"{TOP}/datasets/{dataset}/items", {"inputs": [{}], "outputs": [{}]}),
            chat.all: (chat.path_of_one, {"input_text": "a"}),
        }
        found = {}
        for path, (where, body) in making.items():
            present = [each["id"] for each in _rows(wire("GET", path).json())]
            made = [wire("POST", where, json=body).json()["id"] for _ in range(5 - len(present))]
            found[path] = [*reversed(made), *present]
        return found

    @given(offset=st.integers(0, 7), limit=st.integers(1, 7))
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_part(self, wire: Wire, lists: dict[str, list[str]], offset: int, limit: int) -> None:
        """A part is that slice of the whole, newest first; it says whether more follows and how many there are."""
        for path, expected in lists.items():
            answer = wire("GET", path, params={"offset": offset, "limit": limit}).json()
            assert [each["id"] for each in _rows(answer)] == expected[offset : offset + limit]
            assert (answer["offset"], answer["limit"]) == (offset, limit)
            assert answer["has_next"] is (offset + limit < 5)
            assert answer.get("total", 5) == 5
            assert ("total" in answer) is path.endswith(("threads", "items", "histories"))

    def test_default(self, wire: Wire, lists: dict[str, list[str]]) -> None:
        """A client that says nothing gets the first thousand."""
        for path in lists:
            answer = wire("GET", path).json()
            assert (answer["offset"], answer["limit"], answer["has_next"]) == (0, 1000, False)

    def test_said_twice(self, wire: Wire, lists: dict[str, list[str]]) -> None:
        """The SDK says each parameter in the path and once more beside it; that is no mistake."""
        for path, expected in lists.items():
            answer = wire("GET", path + "?offset=1&limit=2&offset=1&limit=2").json()
            assert [each["id"] for each in _rows(answer)] == expected[1:3]

    @pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=", "offset=-1", "offset=x"])
    def test_wrong(self, wire: Wire, lists: dict[str, list[str]], query: str) -> None:
        """What is no number of entries is 400 and named."""
        for path in lists:
            check_refusal(wire("GET", f"{path}?{query}"), 400, query.partition("=")[0])


class TestOrder:
    """`sort_by` and `sort_order` of histories."""

    @pytest.mark.parametrize("order", ["asc", "desc"])
    @pytest.mark.parametrize(
        "key",
        ["id", "thread_id", "input_text", "output_text", "input_token_count", "output_token_count", "created_at"],
    )
    def test_every_key(self, histories: Histories, key: str, order: str) -> None:
        """Sorted as numbers or as text; equals are in order of creation, or in the reverse of it."""
        for text, count in (("b", 10), ("a", 9), ("犬", 100), ("a", 9), ("B", 0)):
            histories.create(text, text * 2, count, count * 2)
        shown = histories.listed(sort_by=key, sort_order=order)
        ids = {each["id"]: number for number, each in enumerate(histories.listed(sort_by="id")["histories"])}
        expected = sorted(shown["histories"], key=lambda each: (each[key], -ids[each["id"]]), reverse=order == "desc")
        assert shown["histories"] == expected
        assert (shown["sort_by"], shown["sort_order"], shown["total"]) == (key, order, 5)

    def test_by_default(self, platform: Platform, histories: Histories) -> None:
        """What was updated last is first."""
        made = [histories.create(text)["id"] for text in "abc"]
        platform.clock.advance(1)
        histories.update(made[0], input_text="A")
        listed = histories.listed()
        assert [each["input_text"] for each in listed["histories"]] == ["A", "c", "b"]
        assert (listed["sort_by"], listed["sort_order"]) == ("updated_at", "desc")
        assert histories.texts(sort_order="asc") == ["b", "c", "A"]

    def test_threads_are_kept_together(self, chat: Histories) -> None:
        """Sorted by thread, those of one thread follow each other."""
        other = chat.api.create_thread(chat.organization, chat.deployment, "second")["id"]
        for number in range(4):
            thread = (chat.thread, other)[number % 2]
            chat.api.create_chat_history(chat.organization, chat.deployment, thread, str(number), "a")
        assert chat.texts(sort_by="thread_id", sort_order="asc") == ["0", "2", "1", "3"]

    @pytest.mark.parametrize("query", ["sort_by=color", "sort_by=", "sort_order=up", "sort_order=ASC"])
    def test_wrong(self, wire: Wire, histories: Histories, query: str) -> None:
        """Another key or order is 400 and named."""
        check_refusal(wire("GET", f"{histories.all}?{query}"), 400, query.partition("=")[0])


def _rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    (rows,) = (rows for rows in answer.values() if isinstance(rows, list))
    found: list[dict[str, Any]] = rows
    return found


def _times(answer: Any) -> list[str]:
    if isinstance(answer, list):
        return [time for each in answer for time in _times(each)]
    if not isinstance(answer, dict):
        return []
    own = [value for name, value in answer.items() if name.endswith("_at")]
    return own + [time for value in answer.values() for time in _times(value)]
