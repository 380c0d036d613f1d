"""Files that change or go: metadata, lifetime, deletion; and who may do that."""

from __future__ import annotations

import datetime
import io
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from tests.services.wire import API, Wire, bare, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.datalake.api.client import APIClient
    from abeja.datalake.channel import Channel
    from abeja.datalake.file import DatalakeFile

    from abeja_emulator.platform import Platform

DAY = 24 * 3600
SYSTEM = "x-abeja-sys-meta-organizationid"


@pytest.fixture
def file(channel: Channel) -> DatalakeFile:
    """A file of a channel, as the SDK gets it."""
    uploaded = channel.upload(io.BytesIO(b"x"), "text/plain", {"label": "cat", "犬": "はい"})
    return channel.get_file(uploaded.file_id)


def path(file: DatalakeFile, what: str = "") -> str:
    """Return the path of a file, or of something of it."""
    return f"/channels/{file.channel_id}/{file.file_id}{what}"


class TestMetadata:
    """PUT …/metadata."""

    def test_replaces(self, api: APIClient, file: DatalakeFile) -> None:
        """What is sent takes the place of all the user's metadata; the rest of the file stays as it was."""
        before = api.get_channel_file_download(file.channel_id, file.file_id)
        answer = api.put_channel_file_metadata(file.channel_id, file.file_id, {"x-abeja-meta-猫 1": "50% と"})
        check_answer("put_channel_file_metadata", answer)
        wanted = {"x-abeja-meta-猫 1": "50% と", SYSTEM: before["metadata"][SYSTEM]}
        fresh = {key: answer[key] for key in ("download_uri", "download_url", "url_expires_on")}
        assert answer == {**before, "metadata": wanted, **fresh}
        assert api.get_channel_file_download(file.channel_id, file.file_id)["metadata"] == wanted
        assert bare("GET", answer["download_uri"]).content == b"x"

    def test_commit(self, channel: Channel, file: DatalakeFile) -> None:
        """The SDK's file keeps what it had, and gains what was set."""
        file.metadata["label"] = "dog"
        file.metadata["new-ラベル"] = "新/しい"
        file.metadata.update({"number": 3, "Content-Type": "ignored"})
        assert file.commit() is True
        found = channel.get_file(file.file_id)
        assert dict(found.metadata) == {"label": "dog", "犬": "はい", "new-ラベル": "新/しい", "number": "3"}
        assert found.content_type == "text/plain"

    def test_nothing(self, api: APIClient, wire: Wire, file: DatalakeFile) -> None:
        """No metadata, or no body, leaves only the system's."""
        api.put_channel_file_metadata(file.channel_id, file.file_id)
        assert list(wire("GET", path(file)).json()["metadata"]) == [SYSTEM]
        assert wire("PUT", path(file, "/metadata"), json={"X-Abeja-Meta-Label": "a"}).status_code == 200
        assert wire("PUT", path(file, "/metadata")).json()["metadata"].keys() == {SYSTEM}

    def test_prefix(self, wire: Wire, channel: Channel, file: DatalakeFile) -> None:
        """A key without the prefix is 400 and changes nothing; the prefix has no case, the name has."""
        for key in ("label", "x-abeja-meta", "filename-x-abeja-meta-", ""):
            body = {"x-abeja-meta-a": "1", key: "1"}
            check_refusal(wire("PUT", path(file, "/metadata"), json=body), 400, "x-abeja-meta-")
        assert channel.get_file(file.file_id).metadata["label"] == "cat"
        wire("PUT", path(file, "/metadata"), json={"X-Abeja-Meta-Label": "a"})
        assert dict(channel.get_file(file.file_id).metadata) == {"Label": "a"}

    def test_system_metadata_stays(self, wire: Wire, file: DatalakeFile) -> None:
        """What the SDK sends back of the system's metadata is passed over: nobody changes it."""
        body = {SYSTEM: "1999999999999", "X-Abeja-Sys-Meta-Other": "x", "x-abeja-meta-a": "1"}
        answer = wire("PUT", path(file, "/metadata"), json=body).json()
        assert answer["metadata"] == {"x-abeja-meta-a": "1", SYSTEM: wire("GET", path(file)).json()["metadata"][SYSTEM]}

    @pytest.mark.parametrize("body", [{"x-abeja-meta-a": 1}, {"x-abeja-meta-a": None}, {"x-abeja-meta-a": []}, [], "x"])
    def test_values_are_text(self, wire: Wire, file: DatalakeFile, body: Any) -> None:
        """Anything but text would break the SDK when it is read, so it is 400."""
        check_refusal(wire("PUT", path(file, "/metadata"), json=body), 400, "put_channel_file_metadata")

    def test_commit_puts_metadata_back(self, api: APIClient, channel: Channel, file: DatalakeFile) -> None:
        """When the lifetime is refused, the SDK puts the old metadata back; the platform takes it."""
        file.metadata["label"] = "dog"
        file._lifetime = "2days"
        with pytest.raises(abeja.exceptions.BadRequest, match="2days"):
            file.commit()
        assert channel.get_file(file.file_id).metadata["label"] == "cat"
        assert SYSTEM in api.get_channel_file_download(file.channel_id, file.file_id)["metadata"]


class TestLifetime:
    """The parameter lifetime, and PUT …/lifetime."""

    @pytest.mark.parametrize(
        ("lifetime", "days"), [("1day", 1), ("1week", 7), ("1month", 30), ("6months", 182), ("1year", 365)]
    )
    def test_ends(self, platform: Platform, wire: Wire, channel: Channel, lifetime: str, days: int) -> None:
        """A file is there until its time is over, and then it is in no list, under no id and behind no URL."""
        upload = f"/channels/{channel.channel_id}/upload"
        kept = wire("POST", upload, data=b"kept").json()
        answer = wire("POST", f"{upload}?lifetime={lifetime}", data=b"x").json()
        assert (kept["lifetime"], answer["lifetime"]) == (None, lifetime)
        there = f"/channels/{channel.channel_id}/{answer['file_id']}"
        platform.clock.advance(days * DAY - 60)
        found = wire("GET", there).json()
        assert found["lifetime"] == lifetime
        assert bare("GET", found["download_uri"]).content == b"x"
        platform.clock.advance(60)
        check_refusal(bare("GET", found["download_uri"]), 404)
        check_refusal(wire("GET", there), 404)
        for method, what, body in (
            ("DELETE", "", None),
            ("PUT", "/metadata", {}),
            ("PUT", "/lifetime", {"lifetime": lifetime}),
        ):
            check_refusal(wire(method, there + what, json=body), 404)
        listed = wire("GET", f"/channels/{channel.channel_id}").json()["files"]
        assert [each["file_id"] for each in listed] == [kept["file_id"]]

    @pytest.mark.parametrize("read", ["get", "list", "url"])
    def test_whoever_looks_first(self, platform: Platform, wire: Wire, channel: Channel, read: str) -> None:
        """The end of a file does not wait for somebody to ask in the right way."""
        file = channel.upload(io.BytesIO(b"x"), "text/plain", lifetime="1day")
        platform.clock.advance(DAY - 60)
        uri = channel.get_file(file.file_id).download_uri
        platform.clock.advance(60)
        if read == "get":
            check_refusal(wire("GET", path(file)), 404)
        elif read == "list":
            assert wire("GET", f"/channels/{channel.channel_id}").json()["files"] == []
        else:
            check_refusal(bare("GET", uri), 404)

    def test_content_of_others_stays(self, platform: Platform, channel: Channel) -> None:
        """Two files with the same bytes: the end of one does not touch the other."""
        content = b"the same"
        channel.upload(io.BytesIO(content), "text/plain", lifetime="1day")
        kept = channel.upload(io.BytesIO(content), "text/plain")
        platform.clock.advance(DAY)
        assert [file.file_id for file in channel.list_files()] == [kept.file_id]
        assert kept.get_content() == content

    @pytest.mark.parametrize("lifetime", ["2days", "1Day", "", "forever", "86400"])
    def test_unknown(self, wire: Wire, channel: Channel, file: DatalakeFile, lifetime: str) -> None:
        """Only the platform's own terms; the refusal names them."""
        upload = f"/channels/{channel.channel_id}/upload"
        check_refusal(wire("POST", upload, params={"lifetime": lifetime}, data=b"x"), 400, "1day", "1year")
        check_refusal(wire("PUT", path(file, "/lifetime"), json={"lifetime": lifetime}), 400, "1day", "1year")
        assert [each.file_id for each in channel.list_files()] == [file.file_id]

    @pytest.mark.parametrize("body", [{}, {"lifetime": None}, {"lifetime": 1}, []])
    def test_body(self, wire: Wire, file: DatalakeFile, body: Any) -> None:
        """A body without a lifetime is 400."""
        check_refusal(wire("PUT", path(file, "/lifetime"), json=body), 400, "put_channel_file_lifetime")

    def test_put(self, platform: Platform, api: APIClient, file: DatalakeFile) -> None:
        """A lifetime can be set and changed afterwards; it counts from the upload."""
        for lifetime in ("1day", "1week"):
            answer = api.put_channel_file_lifetime(file.channel_id, file.file_id, lifetime)
            check_answer("put_channel_file_lifetime", answer)
            assert answer == {"channel_id": file.channel_id, "file_id": file.file_id, "lifetime": lifetime}
        platform.clock.advance(6 * DAY)
        assert api.get_channel_file_download(file.channel_id, file.file_id)["lifetime"] == "1week"
        platform.clock.advance(DAY)
        with pytest.raises(abeja.exceptions.NotFound):
            api.get_channel_file_download(file.channel_id, file.file_id)

    def test_commit(self, channel: Channel, file: DatalakeFile) -> None:
        """The SDK's file sets its lifetime, and metadata changed later leaves it."""
        file.lifetime = "1week"
        file.commit()
        found = channel.get_file(file.file_id)
        assert (found.lifetime, dict(found.metadata)) == ("1week", {"label": "cat", "犬": "はい"})
        found.metadata["label"] = "dog"
        found.commit()
        assert channel.get_file(file.file_id).lifetime == "1week"

    def test_metadata_leaves_the_lifetime(self, platform: Platform, api: APIClient, channel: Channel) -> None:
        """New metadata neither stops a file's time nor starts it anew."""
        file = channel.upload(io.BytesIO(b"x"), "text/plain", lifetime="1day")
        platform.clock.advance(DAY // 2)
        api.put_channel_file_metadata(file.channel_id, file.file_id, {})
        platform.clock.advance(DAY // 2)
        assert list(channel.list_files()) == []


class TestDelete:
    """DELETE of a file."""

    def test_message(self, api: APIClient, file: DatalakeFile) -> None:
        """The answer says which file is gone, in the documented words; once more is 404."""
        answer = api.delete_channel_file(file.channel_id, file.file_id)
        check_answer("delete_channel_file", answer)
        assert answer == {"message": f"deleted file ({file.file_id})"}
        for call in (api.delete_channel_file, api.get_channel_file_download, api.put_channel_file_metadata):
            with pytest.raises(abeja.exceptions.NotFound, match=file.file_id):
                call(file.channel_id, file.file_id)

    def test_content_goes(self, platform: Platform, api: APIClient, channel: Channel) -> None:
        """The bytes are kept as long as a file has them, and no longer: a deletion frees them, and so does time."""
        kept = platform.world.store.blobs
        before = kept.size
        content = b"x" * 100_000
        deleted = channel.upload(io.BytesIO(content), "text/plain")
        ending = channel.upload(io.BytesIO(content), "text/plain", lifetime="1day")
        api.delete_channel_file(channel.channel_id, deleted.file_id)
        assert kept.size == before + len(content)
        assert ending.get_content() == content
        platform.clock.advance(DAY)
        assert list(channel.list_files()) == []
        assert kept.size == before

    def test_another_channel(self, api: APIClient, datalake: Any, file: DatalakeFile) -> None:
        """A file is not found through another channel."""
        other = datalake.channels.create("other", "", "datalake").channel_id
        with pytest.raises(abeja.exceptions.NotFound):
            api.delete_channel_file(other, file.file_id)
        assert api.get_channel_file_download(file.channel_id, file.file_id)["file_id"] == file.file_id


class TestRights:
    """Strict authentication: paths of files name no organization, and keep to it all the same."""

    FILES: tuple[tuple[str, str, Any], ...] = (
        ("GET", "/channels/{channel}", None),
        ("POST", "/channels/{channel}", None),
        ("POST", "/channels/{channel}/upload", None),
        ("GET", "/channels/{channel}/{file}", None),
        ("DELETE", "/channels/{channel}/{file}", None),
        ("PUT", "/channels/{channel}/{file}/metadata", {}),
        ("PUT", "/channels/{channel}/{file}/lifetime", {"lifetime": "1day"}),
    )

    @pytest.mark.parametrize(("method", "template", "body"), FILES)
    def test_another_organization(
        self, platform: Platform, file: DatalakeFile, method: str, template: str, body: Any
    ) -> None:
        """Somebody of another organization is refused with 403, whatever they try, and nothing happens."""
        other = platform.seed.organization("other-org")
        user = platform.seed.user("their-token", organization_id=other.id)
        before = platform.look.files(file.channel_id)
        platform.auth = "strict"
        target = API + template.format(channel=file.channel_id, file=file.file_id)
        refused = bare(method, target, json=body, auth=(f"user-{user.id}", "their-token"))
        check_refusal(refused, 403, other.id)
        assert platform.look.files(file.channel_id) == before

    @pytest.mark.parametrize(("method", "template", "body"), FILES)
    def test_no_credential(self, file: DatalakeFile, method: str, template: str, body: Any) -> None:
        """Without a credential it is 401, strict or not."""
        target = API + template.format(channel=file.channel_id, file=file.file_id)
        check_refusal(bare(method, target, json=body), 401)

    def test_unknown_channel_tells_nothing(self, platform: Platform, channel: Channel) -> None:
        """A refusal names channels of the caller's organization, and none of another's."""
        other = platform.seed.organization("other-org")
        user = platform.seed.user("their-token", organization_id=other.id)
        platform.auth = "strict"
        refused = bare("GET", f"{API}/channels/1999999999999", auth=(f"user-{user.id}", "their-token"))
        check_refusal(refused, 404, "1999999999999")
        assert channel.channel_id not in refused.text
        ours = Wire(platform)("GET", "/channels/1999999999999")
        check_refusal(ours, 404, f"{channel.channel_id} (photos)")

    def test_times_have_a_zone(self, file: DatalakeFile) -> None:
        """Both times of a file can be read and are in UTC."""
        for text in (file.uploaded_at, file.url_expires_on):
            assert datetime.datetime.fromisoformat(text).utcoffset() == datetime.timedelta()
