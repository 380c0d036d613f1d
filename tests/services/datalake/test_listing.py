"""Listing a channel: pages, order, days, search."""

from __future__ import annotations

import datetime
import io
import itertools
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.wire import Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.datalake.api.client import APIClient
    from abeja.datalake.channel import Channel
    from abeja.datalake.client import Client
    from abeja.datalake.file import DatalakeFile

    from abeja_emulator.platform import Platform

DAY = 24 * 3600
SYSTEM = "x-abeja-sys-meta-organizationid"


def upload(channel: Channel, count: int, **metadata: Any) -> list[str]:
    """Upload that many files with that metadata, and return their ids."""
    return [str(channel.upload(io.BytesIO(b"x"), "text/plain", metadata).file_id) for _ in range(count)]


def walk(wire: Wire, channel: Channel, most: int, **question: Any) -> list[list[str]]:
    """Return the ids on each page of a listing, following tokens that are sent alone."""
    pages: list[list[str]] = []
    while question:
        page = wire("GET", f"/channels/{channel.channel_id}", params=question).json()
        check_answer("list_channel_files", page)
        pages.append([file["file_id"] for file in page["files"]])
        assert len(pages) <= most
        token = page["next_page_token"]
        question = {"next_page_token": token} if token is not None else {}
    return pages


class TestPages:
    """Tokens of GET /channels/{channel_id}."""

    @given(count=st.integers(0, 12), size=st.integers(1, 14), descending=st.booleans())
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_each_file_exactly_once(
        self, datalake: Client, wire: Wire, count: int, size: int, *, descending: bool
    ) -> None:
        """Whatever the number of files and the size of a page: full pages, the last one with a null token."""
        channel = datalake.channels.create("a", "", "datalake")
        ids = upload(channel, count)
        wanted = ids[::-1] if descending else ids
        pages = walk(
            wire, channel, count + 1, items_per_page=size, sort="-uploaded_at" if descending else "uploaded_at"
        )
        assert pages == [wanted[start : start + size] for start in range(0, count, size)] or pages == [[]] == [wanted]
        sort = "-uploaded_at" if descending else None
        files = itertools.islice(channel.list_files(limit=size, sort=sort), count + 1)
        assert [file.file_id for file in files] == wanted

    def test_calls_of_the_sdk(self, platform: Platform, channel: Channel) -> None:
        """Two pages are two calls; the second carries the token and nothing else."""
        ids = upload(channel, 4)
        assert [file.file_id for file in channel.list_files(limit=2, query="content_type:text/plain")] == ids
        first, second = platform.calls("list_channel_files")
        assert "items_per_page=2" in first.query
        assert second.query.startswith("next_page_token=")
        assert "&" not in second.query

    def test_token_comes_alone(self, wire: Wire, channel: Channel) -> None:
        """A token with anything else is 400 and names it: the platform takes a token alone."""
        upload(channel, 2)
        token = wire("GET", f"/channels/{channel.channel_id}?items_per_page=1").json()["next_page_token"]
        for name, value in (("items_per_page", 1), ("sort", "uploaded_at"), ("q", "a:b"), ("start", "20240101")):
            question = {"next_page_token": token, name: value}
            check_refusal(wire("GET", f"/channels/{channel.channel_id}", params=question), 400, name)

    def test_token_of_another_channel(self, wire: Wire, channel: Channel, datalake: Client) -> None:
        """A token belongs to its channel: with another one, changed, or made up, it is 400."""
        upload(channel, 2)
        other = datalake.channels.create("other", "", "datalake").channel_id
        token = wire("GET", f"/channels/{channel.channel_id}?items_per_page=1").json()["next_page_token"]
        check_refusal(wire("GET", f"/channels/{other}", params={"next_page_token": token}), 400, "token")
        payload, _, mac = token.partition(".")
        for wrong in ("x", "é", f"{payload}x.{mac}", f"{payload}.{mac[:-1]}", payload):
            check_refusal(
                wire("GET", f"/channels/{channel.channel_id}", params={"next_page_token": wrong}), 400, "token"
            )

    @pytest.mark.parametrize("sort", ["uploaded_at", "-uploaded_at", "content_type", "-x-abeja-meta-n,uploaded_at"])
    def test_files_that_come_and_go(self, wire: Wire, api: APIClient, channel: Channel, sort: str) -> None:
        """Files of pages already seen may be deleted: no other is left out or comes twice, in any order."""
        ids = [upload(channel, 1, n=str(number % 2))[0] for number in range(7)]
        seen: list[str] = []
        question: dict[str, Any] = {"sort": sort, "items_per_page": 2}
        while question:
            page = wire("GET", f"/channels/{channel.channel_id}", params=question).json()
            for file in page["files"]:
                seen.append(file["file_id"])
                api.delete_channel_file(channel.channel_id, file["file_id"])
            token = page["next_page_token"]
            question = {"next_page_token": token} if token else {}
        assert sorted(seen) == sorted(ids)

    @pytest.mark.parametrize("number", ["0", "-1", "x", str(2**70)])
    def test_wrong_size(self, wire: Wire, channel: Channel, number: str) -> None:
        """A number of files that is none is 400."""
        check_refusal(wire("GET", f"/channels/{channel.channel_id}?items_per_page={number}"), 400, "items_per_page")

    def test_next(self, channel: Channel) -> None:
        """The SDK's iterator also gives one file at a time, and the rest in a loop."""
        ids = upload(channel, 5)
        files = channel.files.list(limit=2)
        assert [next(files).file_id for _ in range(3)] == ids[:3]
        assert [file.file_id for file in files] == ids[3:]

    def test_prefetch(self, platform: Platform, channel: Channel) -> None:
        """Five threads fetch every file once; each comes exactly once."""
        contents = [f"content {number}" for number in range(12)]
        for content in contents:
            channel.upload(io.BytesIO(content.encode()), "text/plain")
        files: list[DatalakeFile] = list(channel.list_files(limit=5, prefetch=True))
        assert sorted(file.get_content().decode() for file in files) == sorted(contents)
        platform.assert_called("download_file", times=12)


class TestFile:
    """What a listing shows of a file."""

    def test_same_as_get(self, api: APIClient, channel: Channel, organization: str) -> None:
        """All that get shows, the system's metadata among it."""
        (file_id,) = upload(channel, 1, ラベル="犬")
        (listed,) = api.list_channel_files(channel.channel_id)["files"]
        assert listed["metadata"] == {"x-abeja-meta-ラベル": "犬", SYSTEM: organization}
        found = api.get_channel_file_download(channel.channel_id, file_id)
        fresh = ("download_uri", "download_url", "url_expires_on")
        assert {**listed, **dict.fromkeys(fresh)} == {**found, **dict.fromkeys(fresh)}

    def test_empty(self, api: APIClient, channel: Channel) -> None:
        """A channel without files has one empty page."""
        assert api.list_channel_files(channel.channel_id) == {"files": [], "next_page_token": None}

    def test_unknown_channel(self, api: APIClient, channel: Channel) -> None:
        """There is no list of a channel that does not exist."""
        with pytest.raises(abeja.exceptions.NotFound) as refused:
            api.list_channel_files("1999999999999")
        assert f"{channel.channel_id} (photos)" in refused.value.error_description


class TestOrder:
    """The parameter sort."""

    def test_within_a_second(self, api: APIClient, channel: Channel) -> None:
        """Times are shown in seconds, yet files of one second have their order, both ways."""
        ids = upload(channel, 8)
        assert [file.file_id for file in channel.list_files()] == ids
        assert [file.file_id for file in channel.list_files(sort="-uploaded_at")] == ids[::-1]
        by_both = api.list_channel_files(channel.channel_id, sort="content_type,-uploaded_at")
        assert [file["file_id"] for file in by_both["files"]] == ids[::-1]

    def test_several_keys(self, api: APIClient, channel: Channel) -> None:
        """Each key decides where those before it do not; equal files stay in order of upload."""
        files = {
            channel.upload(io.BytesIO(b"x"), kind, {"number": number}).file_id: (kind, number)
            for kind, number in (("b/b", "2"), ("a/a", "1"), ("b/b", "1"), ("a/a", "2"), ("b/b", "2"))
        }
        listed = api.list_channel_files(channel.channel_id, sort="-content_type,x-abeja-meta-number")["files"]
        order = [file["file_id"] for file in listed]
        assert [files[file_id] for file_id in order] == [
            ("b/b", "1"),
            ("b/b", "2"),
            ("b/b", "2"),
            ("a/a", "1"),
            ("a/a", "2"),
        ]
        first, last = (place for place, value in enumerate(files.values()) if value == ("b/b", "2"))
        assert order[1:3] == [list(files)[first], list(files)[last]]

    @pytest.mark.parametrize("sort", ["size", "-", "uploaded_at,", "--uploaded_at", "uploaded_at,name"])
    def test_unknown_key(self, wire: Wire, channel: Channel, sort: str) -> None:
        """A key that no file has is 400, and the refusal says which there are."""
        check_refusal(wire("GET", f"/channels/{channel.channel_id}", params={"sort": sort}), 400, "uploaded_at")


class TestDays:
    """The parameters start, end and timezone."""

    @pytest.fixture(autouse=True)
    def _noon(self, platform: Platform) -> None:
        """Let it be noon, UTC, of a day that is known."""
        noon = datetime.datetime(2100, 3, 10, 12, tzinfo=datetime.timezone.utc)
        platform.clock.advance((noon - platform.clock.now()).total_seconds())

    @pytest.mark.parametrize(
        ("question", "found"),
        [
            ({}, [0, 1, 2]),
            ({"start": "21000310"}, [0, 1, 2]),
            ({"start": "21000311"}, [1, 2]),
            ({"end": "21000310"}, [0]),
            ({"end": "21000311"}, [0, 1]),
            ({"start": "21000311", "end": "21000311"}, [1]),
            ({"start": "21000312", "end": "21000311"}, []),
            ({"start": "21000313"}, []),
            # 12:00 and 23:00 in UTC are 21:00 of that day and 08:00 of the next in Tokyo.
            ({"start": "21000312", "timezone": "Asia/Tokyo"}, [1, 2]),
            ({"end": "21000311", "timezone": "Asia/Tokyo"}, [0]),
            ({"start": "21000311", "end": "21000311", "timezone": "America/Los_Angeles"}, [1]),
            ({"start": "00010101", "end": "99991231", "timezone": "Asia/Tokyo"}, [0, 1, 2]),
            ({"start": "00010101", "end": "99991231", "timezone": "America/Los_Angeles"}, [0, 1, 2]),
            ({"start": "09990101"}, [0, 1, 2]),
            ({"end": "09990101"}, []),
            ({"timezone": "UTC"}, [0, 1, 2]),
        ],
    )
    def test_days(
        self, platform: Platform, api: APIClient, channel: Channel, question: dict[str, str], found: list[int]
    ) -> None:
        """Both days are included, and begin at midnight of the time zone, or of UTC."""
        ids = upload(channel, 1)
        platform.clock.advance(DAY + 11 * 3600)
        ids += upload(channel, 1)
        platform.clock.advance(13 * 3600)
        ids += upload(channel, 1)
        listed = api.list_channel_files(channel.channel_id, **question)["files"]
        hours = [file["uploaded_at"][:13] for file in api.list_channel_files(channel.channel_id)["files"]]
        assert hours == ["2100-03-10T12", "2100-03-11T23", "2100-03-12T12"]
        assert [file["file_id"] for file in listed] == [ids[place] for place in found]

    def test_tokens_carry_them(self, platform: Platform, wire: Wire, channel: Channel) -> None:
        """Later pages are of the same days, though the token comes alone."""
        upload(channel, 3)
        platform.clock.advance(DAY)
        ids = upload(channel, 5)
        question = {"start": "21000311", "timezone": "UTC", "sort": "-uploaded_at", "q": "content_type:text/plain"}
        assert walk(wire, channel, 3, items_per_page=2, **question) == [ids[4:2:-1], ids[2:0:-1], ids[:1]]

    @pytest.mark.parametrize(
        "day", ["2100-03-10", "210003", "2100031", "21000230", "21001301", "today", "２１０００３１０"]
    )
    def test_no_day(self, wire: Wire, channel: Channel, day: str) -> None:
        """A day that is none, or is written otherwise, is 400 and shown."""
        for name in ("start", "end"):
            check_refusal(wire("GET", f"/channels/{channel.channel_id}", params={name: day}), 400, name, day)

    @pytest.mark.parametrize("zone", ["Nowhere", "Asia", "../../etc/passwd", "/etc/passwd", "A\0B"])
    def test_no_zone(self, wire: Wire, channel: Channel, zone: str) -> None:
        """A time zone that is none is 400."""
        check_refusal(wire("GET", f"/channels/{channel.channel_id}", params={"timezone": zone}), 400, "timezone")


class TestSearch:
    """The parameter q."""

    @pytest.mark.parametrize(
        ("search", "found"),
        [
            ("x-abeja-meta-filename:a.jpg", [0]),
            ("x-abeja-meta-score:>=0.5", [1, 2]),
            ("x-abeja-meta-score:>=0.5 AND x-abeja-meta-label:cat", [1]),
            ("x-abeja-meta-score:>=0.5 AND x-abeja-meta-score:<10", [1]),
            ("x-abeja-meta-label:dog OR x-abeja-meta-label:cat", [0, 1, 2]),
            ("x-abeja-meta-Label:dog", [0, 2]),
            ("x-abeja-meta-ラベル:犬", [2]),
            ('x-abeja-meta-note:"two words"', [1]),
            ("x-abeja-meta-label_id:1", [0]),
            ("x-abeja-meta-label-id:1", [1]),
            ("content_type:image/png", [2]),
            ("x-abeja-meta-nothing:x", []),
        ],
    )
    def test_finds(self, api: APIClient, channel: Channel, search: str, found: list[int]) -> None:
        """The files whose metadata fits, decoded, and no other; names of headers have no case."""
        ids = [
            channel.upload(io.BytesIO(b"x"), content_type, metadata).file_id
            for content_type, metadata in (
                ("image/jpeg", {"filename": "a.jpg", "label": "dog", "score": "0.25", "label_id": "1"}),
                (
                    "image/jpeg",
                    {"filename": "b.jpg", "label": "cat", "score": "0.5", "label-id": "1", "note": "two words"},
                ),
                ("image/png", {"filename": "c.png", "label": "dog", "score": "10", "ラベル": "犬"}),
            )
        ]
        listed = api.list_channel_files(channel.channel_id, query=search)["files"]
        assert [file["file_id"] for file in listed] == [ids[place] for place in found]
        assert [file.file_id for file in channel.list_files(query=search, limit=1)] == [ids[place] for place in found]

    def test_changed_metadata(self, api: APIClient, channel: Channel) -> None:
        """New metadata is what is searched."""
        (file_id,) = upload(channel, 1, label="dog")
        api.put_channel_file_metadata(channel.channel_id, file_id, {"x-abeja-meta-Label": "cat"})
        assert list(channel.list_files(query="x-abeja-meta-label:dog")) == []
        assert [file.file_id for file in channel.list_files(query="x-abeja-meta-label:cat")] == [file_id]

    @pytest.mark.parametrize("search", ["label", "label:", "(label:dog", '"', "label:dog AND"])
    def test_not_understood(self, wire: Wire, channel: Channel, search: str) -> None:
        """A search that is not well-formed is 400 and shown."""
        check_refusal(wire("GET", f"/channels/{channel.channel_id}", params={"q": search}), 400, "is not understood")
