"""Files on their way into a channel: straight, through a signed URL, and with the SDK's helpers."""

from __future__ import annotations

import datetime
import io
import string
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import abeja.exceptions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.wire import FILE_ID, OFFSET_SECONDS, Wire, bare, check_answer, check_refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abeja.datalake.api.client import APIClient
    from abeja.datalake.channel import Channel

    from abeja_emulator.platform import Platform

SYSTEM = "x-abeja-sys-meta-organizationid"

#: Names of metadata that a header can carry: HTTP keeps no case, and quote() leaves `/`, which no header has.
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/"), max_size=8).map(
    lambda name: name.translate({ord(upper): upper.lower() for upper in string.ascii_uppercase})
)


class TestStraight:
    """POST /channels/{channel_id}/upload."""

    def test_answer(self, platform: Platform, api: APIClient, channel: Channel) -> None:
        """The answer has the file's id, type and metadata, the system's among it, but no time and no URL yet."""
        answer = api.post_channel_file_upload(
            channel.channel_id, io.BytesIO(b"x"), "image/png", metadata={"x-abeja-meta-label": "cat"}, lifetime="1day"
        )
        check_answer("post_channel_file_upload", answer)
        assert FILE_ID.fullmatch(answer["file_id"])
        assert answer == {
            "file_id": answer["file_id"],
            "content_type": "image/png",
            "metadata": {"x-abeja-meta-label": "cat", SYSTEM: platform.organization.id},
            "lifetime": "1day",
            "uploaded_at": None,
        }

    def test_found_again(self, platform: Platform, api: APIClient, channel: Channel) -> None:
        """The file is there at once, with the time of its upload, which its id shows too, in UTC."""
        platform.clock.advance(10 * 24 * 3600)
        now = platform.clock.now().replace(microsecond=0)
        uploaded = channel.upload(io.BytesIO(b"x"), "image/png", {"label": "cat"})
        found = api.get_channel_file_download(channel.channel_id, uploaded.file_id)
        check_answer("get_channel_file_download", found)
        assert found["channel_id"] == channel.channel_id
        assert OFFSET_SECONDS.fullmatch(found["uploaded_at"])
        moment = datetime.datetime.fromisoformat(found["uploaded_at"])
        assert datetime.timedelta() <= moment - now <= datetime.timedelta(seconds=60)
        assert f"{moment:%Y%m%dT%H%M%S}" == uploaded.file_id[:15]

    @pytest.mark.parametrize("content", [b"", b"x", b"\r\n\x00\xff" * 1000])
    def test_stream_without_a_size(self, wire: Wire, channel: Channel, content: bytes) -> None:
        """Chunked bodies arrive whole: the SDK sends empty and unsized streams so."""

        def pieces() -> Iterator[bytes]:
            yield from (content[start : start + 7] for start in range(0, len(content), 7))

        for stream in (io.BytesIO(content), pieces()):
            file_id = wire("POST", f"/channels/{channel.channel_id}/upload", data=stream).json()["file_id"]
            assert channel.get_file(file_id).get_content() == content

    def test_sdk_with_a_generator(self, api: APIClient, channel: Channel) -> None:
        """The SDK's upload takes anything that requests can send."""
        pieces = (bytes([number]) * 1000 for number in range(3))
        answer = api.post_channel_file_upload(channel.channel_id, pieces, "application/octet-stream")
        assert channel.get_file(answer["file_id"]).get_content() == b"\0" * 1000 + b"\1" * 1000 + b"\2" * 1000

    def test_without_a_type(self, api: APIClient, channel: Channel, tmp_path: Path) -> None:
        """A file whose type the SDK cannot guess comes without one; it is a stream of bytes then."""
        path = tmp_path / "weights.unknown-extension"
        path.write_bytes(b"x")
        assert channel.upload_file(str(path)).content_type == "application/octet-stream"
        assert api.post_channel_file_upload(channel.channel_id, io.BytesIO(b"x"), None)["content_type"]

    def test_type_is_kept(self, channel: Channel) -> None:
        """The type comes back as it was sent, with its parameters, and with the content."""
        wanted = 'text/csv; charset="utf-8"; header=present'
        uploaded = channel.upload(io.BytesIO(b"x"), wanted)
        found = channel.get_file(uploaded.file_id)
        assert uploaded.content_type == found.content_type == wanted
        assert bare("GET", found.download_uri).headers["Content-Type"] == wanted

    def test_unknown_channel(self, api: APIClient, channel: Channel) -> None:
        """There is no upload to a channel that does not exist."""
        with pytest.raises(abeja.exceptions.NotFound) as refused:
            api.post_channel_file_upload("1999999999999", io.BytesIO(b"x"), "text/plain")
        assert f"{channel.channel_id} (photos)" in refused.value.error_description


class TestMetadata:
    """Headers x-abeja-meta-…."""

    @given(metadata=st.dictionaries(NAMES, st.text(), max_size=5))
    @settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_round_trip(self, channel: Channel, metadata: dict[str, str]) -> None:
        """Names and values in any language come back, from the upload, from get and from list."""
        wanted = {key: value for key, value in metadata.items() if key not in {"content_type", "content-type"}}
        uploaded = channel.upload(io.BytesIO(b"x"), "text/plain", metadata)
        assert dict(uploaded.metadata) == wanted
        assert dict(channel.get_file(uploaded.file_id).metadata) == wanted
        newest = next(iter(channel.list_files(sort="-uploaded_at", limit=1)))
        assert (newest.file_id, dict(newest.metadata)) == (uploaded.file_id, wanted)

    def test_names_are_not_merged(self, channel: Channel) -> None:
        """label_id is not label-id, and neither is label."""
        metadata = {"label_id": "1", "label-id": "2", "label": "3", "ラベル": "犬 と 猫/鳥"}
        file = channel.get_file(channel.upload(io.BytesIO(b"x"), "text/plain", metadata).file_id)
        assert dict(file.metadata) == metadata

    def test_percent_encoded_on_the_wire(self, wire: Wire, channel: Channel) -> None:
        """Clients decode what they get, so answers are encoded, in the way the SDK encodes."""
        channel.upload(io.BytesIO(b"x"), "text/plain", {"犬": "100% 犬"})
        (file,) = wire("GET", f"/channels/{channel.channel_id}").json()["files"]
        del file["metadata"][SYSTEM]
        ((name, value),) = file["metadata"].items()
        assert name.lower() == f"x-abeja-meta-{quote('犬').lower()}"
        assert value == quote("100% 犬")

    def test_bytes_as_curl_sends_them(self, wire: Wire, channel: Channel) -> None:
        """A value that is UTF-8 as it stands is read by the SDK like one that was encoded."""
        headers = {"X-ABEJA-meta-Filename": "犬 1.jpg".encode()}
        answer = wire("POST", f"/channels/{channel.channel_id}/upload", data=b"x", headers=headers).json()
        assert channel.get_file(answer["file_id"]).metadata["filename"] == "犬 1.jpg"
        assert answer["metadata"]["x-abeja-meta-filename"].isascii()

    def test_other_headers_are_none(self, wire: Wire, channel: Channel) -> None:
        """Nobody writes the system's metadata; other headers are no metadata at all."""
        headers = {SYSTEM: "1999999999999", "x-abeja-other": "x", "x-meta": "x"}
        answer = wire("POST", f"/channels/{channel.channel_id}/upload", data=b"x", headers=headers).json()
        assert answer["metadata"] == {SYSTEM: channel.organization_id}


class TestConflict:
    """The parameter conflict_target."""

    def test_same_value(self, channel: Channel) -> None:
        """A second file with the same value under that name is 409, and is not there; other files do not matter."""
        first = channel.upload(io.BytesIO(b"1"), "text/plain", {"filename": "猫.txt"}, conflict_target="filename")
        for metadata in ({"filename": "犬.txt"}, {"other": "猫.txt"}, {}):
            channel.upload(io.BytesIO(b"2"), "text/plain", metadata, conflict_target="filename")
        with pytest.raises(abeja.exceptions.Conflict) as refused:
            channel.upload(io.BytesIO(b"3"), "text/plain", {"filename": "猫.txt"}, conflict_target="filename")
        assert first.file_id in refused.value.error_description
        assert len(list(channel.list_files())) == 4

    def test_only_when_asked_for(self, channel: Channel, datalake: Any) -> None:
        """Without conflict_target, with another one, or in another channel, the same name is no conflict."""
        channel.upload(io.BytesIO(b"1"), "text/plain", {"filename": "a", "run": "1"})
        channel.upload(io.BytesIO(b"2"), "text/plain", {"filename": "a", "run": "2"})
        channel.upload(io.BytesIO(b"3"), "text/plain", {"filename": "a", "run": "3"}, conflict_target="run")
        other = datalake.channels.create("other", "", "datalake")
        other.upload(io.BytesIO(b"4"), "text/plain", {"filename": "a"}, conflict_target="filename")

    def test_gone_files_do_not_conflict(self, platform: Platform, api: APIClient, channel: Channel) -> None:
        """A file that was deleted, or whose time is over, leaves its name."""

        def upload() -> str:
            arguments = {"lifetime": "1day", "conflict_target": "filename"}
            file = channel.upload(io.BytesIO(b"1"), "text/plain", {"filename": "a"}, **arguments)
            return str(file.file_id)

        api.delete_channel_file(channel.channel_id, upload())
        upload()
        platform.clock.advance(24 * 3600)
        upload()


class TestSigned:
    """POST /channels/{channel_id}, and PUT to the URL it answers."""

    def test_reserve_then_put(self, platform: Platform, api: APIClient, channel: Channel) -> None:
        """A file is announced, comes without credentials, and is there only then, uploaded when it came."""
        answer = api.get_channel_file_upload(channel.channel_id, "image/png", {"x-abeja-meta-犬": "猫"})
        check_answer("get_channel_file_upload", answer)
        assert FILE_ID.fullmatch(answer["file_id"])
        assert (answer["content_type"], answer["uploaded_at"]) == ("image/png", None)
        assert answer["metadata"] == {"x-abeja-meta-犬": "猫", SYSTEM: platform.organization.id}
        expires = datetime.datetime.fromisoformat(answer["url_expires_on"])
        left = (expires - platform.clock.now()).total_seconds()
        assert 3600 - 60 < left <= 3600
        assert list(channel.list_files()) == []
        with pytest.raises(abeja.exceptions.NotFound):
            channel.get_file(answer["file_id"])

        platform.clock.advance(60)
        assert bare("PUT", answer["upload_url"], data=b"content").status_code == 200
        (file,) = channel.list_files()
        assert (file.file_id, file.content_type, dict(file.metadata)) == (answer["file_id"], "image/png", {"犬": "猫"})
        assert file.get_content() == b"content"
        announced = datetime.datetime.strptime(file.file_id[:15] + "+0000", "%Y%m%dT%H%M%S%z")
        assert datetime.datetime.fromisoformat(file.uploaded_at) - announced >= datetime.timedelta(seconds=60)

    def test_twice(self, api: APIClient, channel: Channel) -> None:
        """The URL takes one content; a second is refused and changes nothing."""
        answer = api.get_channel_file_upload(channel.channel_id, "text/plain")
        assert bare("PUT", answer["upload_url"], data=b"first").status_code == 200
        check_refusal(bare("PUT", answer["upload_url"], data=b"second"), 404, answer["file_id"])
        assert channel.get_file(answer["file_id"]).get_content() == b"first"

    def test_late(self, platform: Platform, api: APIClient, channel: Channel) -> None:
        """After an hour of the Platform's clock the URL is worth nothing."""
        answer = api.get_channel_file_upload(channel.channel_id, "text/plain")
        platform.clock.advance(3600)
        check_refusal(bare("PUT", answer["upload_url"], data=b"x"), 403, "expired")
        assert list(channel.list_files()) == []

    def test_only_to_put(self, api: APIClient, channel: Channel) -> None:
        """A URL for an upload does not download."""
        answer = api.get_channel_file_upload(channel.channel_id, "text/plain")
        bare("PUT", answer["upload_url"], data=b"secret")
        check_refusal(bare("GET", answer["upload_url"]), 403)

    @pytest.mark.parametrize("content", [b"", b"x" * 100_000])
    def test_any_content(self, api: APIClient, channel: Channel, content: bytes) -> None:
        """Empty ones, and ones in pieces without a length."""
        for data in (content, iter([content[:10], content[10:]])):
            answer = api.get_channel_file_upload(channel.channel_id, "text/plain")
            assert bare("PUT", answer["upload_url"], data=data).status_code == 200
            assert channel.get_file(answer["file_id"]).get_content() == content

    def test_unknown_channel(self, api: APIClient) -> None:
        """Nothing is announced to a channel that does not exist."""
        with pytest.raises(abeja.exceptions.NotFound, match="1999999999999"):
            api.get_channel_file_upload("1999999999999", "text/plain")


class TestHelpers:
    """Channel.upload_file and Channel.upload_dir."""

    def test_upload_file(self, channel: Channel, tmp_path: Path) -> None:
        """The name becomes metadata unless there is one, the type is guessed from it."""
        path = tmp_path / "猫.json"
        path.write_text('{"a": 1}', encoding="utf-8")
        file = channel.get_file(channel.upload_file(str(path), metadata={"label": 1}).file_id)
        assert dict(file.metadata) == {"filename": "猫.json", "label": "1"}
        assert file.content_type == "application/json"
        assert file.get_json() == {"a": 1}
        named = channel.upload_file(str(path), metadata={"filename": "other"}, content_type="text/plain")
        assert (named.metadata["filename"], named.content_type) == ("other", "text/plain")

    @pytest.mark.parametrize("use_thread", [True, False])
    def test_upload_dir(self, channel: Channel, tmp_path: Path, *, use_thread: bool) -> None:
        """Every file of a folder arrives once, with its own content, also from five threads at once."""
        for number in range(23):
            (tmp_path / f"{number}.txt").write_text(f"content {number}", encoding="utf-8")
        uploaded = channel.upload_dir(str(tmp_path), metadata={"set": "train"}, use_thread=use_thread)
        assert len({file.file_id for file in uploaded}) == 23
        listed = {file.file_id: file for file in channel.list_files(limit=5)}
        assert set(listed) == {file.file_id for file in uploaded}
        for file in listed.values():
            assert file.get_content().decode() == f"content {file.metadata['filename'][:-4]}"
            assert file.metadata["set"] == "train"

    def test_upload_dir_with_conflicts(self, channel: Channel, tmp_path: Path) -> None:
        """What conflicts is left out, the rest is uploaded: the SDK logs the refusal and goes on."""
        for name in ("a.txt", "b.txt"):
            (tmp_path / name).write_text(name, encoding="utf-8")
        channel.upload_file(str(tmp_path / "a.txt"))
        uploaded = channel.upload_dir(str(tmp_path), conflict_target="filename")
        assert [file.metadata["filename"] for file in uploaded] == ["b.txt"]
