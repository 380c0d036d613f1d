"""Files on their way out of a channel: signed URLs, streams, and the SDK's ways to read."""

from __future__ import annotations

import io
import tracemalloc
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

import abeja.exceptions
import pytest
import requests

from tests.services.wire import TIMEOUT, Wire, bare, check_refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja.datalake.api.client import APIClient
    from abeja.datalake.channel import Channel
    from abeja.datalake.file import DatalakeFile

    from abeja_emulator.platform import Platform

CONTENT = bytes(range(256)) * 40
MEGABYTE = 1024 * 1024


@pytest.fixture
def file(channel: Channel) -> DatalakeFile:
    """A file of a channel, as the SDK gets it."""
    return channel.get_file(channel.upload(io.BytesIO(CONTENT), "application/x-bytes", {"a": "b"}).file_id)


class TestSigned:
    """GET of download_uri and download_url."""

    def test_needs_no_credential(self, wire: Wire, file: DatalakeFile) -> None:
        """The URL is enough, under both of its names, as often as one likes, and nothing compresses or chunks it."""
        info = wire("GET", f"/channels/{file.channel_id}/{file.file_id}").json()
        for url in (info["download_uri"], info["download_url"], info["download_uri"]):
            response = bare("GET", url)
            assert response.status_code == 200
            assert "Authorization" not in response.request.headers
            assert response.content == CONTENT
            assert response.headers["Content-Type"] == "application/x-bytes"
            assert response.headers["Content-Length"] == str(len(CONTENT))
            assert "Content-Encoding" not in response.headers

    def test_a_credential_does_not_hurt(self, platform: Platform, file: DatalakeFile) -> None:
        """A credential that comes along, even an unknown one, changes nothing."""
        platform.auth = "strict"
        assert bare("GET", file.download_uri, headers={"Authorization": "Bearer nobody"}).content == CONTENT

    def test_has_a_query(self, file: DatalakeFile) -> None:
        """Some clients cut a URL at its `?`, so there is one."""
        parts = urlsplit(file.download_uri)
        assert parts.query
        assert parts.path.rpartition("/")[2] == file.file_id

    def test_expires_after_an_hour(self, platform: Platform, channel: Channel, file: DatalakeFile) -> None:
        """An hour of the Platform's clock, to the second that url_expires_on says; a fresh URL works again."""
        platform.clock.advance(3590)
        assert bare("GET", file.download_uri).status_code == 200
        platform.clock.advance(10)
        check_refusal(bare("GET", file.download_uri), 403, "expired")
        assert bare("GET", channel.get_file(file.file_id).download_uri).content == CONTENT

    def test_tampered(self, channel: Channel, file: DatalakeFile) -> None:
        """Another file, another time, another signature, or none: 403."""
        other = channel.upload(io.BytesIO(b"secret"), "text/plain").file_id
        url = file.download_uri
        base, _, query = url.partition("?")
        expires = query.partition("&")[0].partition("=")[2]
        last = url[-1]
        for wrong in (
            url.replace(file.file_id, other),
            url.replace(f"expires={expires}", f"expires={int(expires) + 1}"),
            url.replace(f"expires={expires}", "expires=never"),
            f"{url}&expires={int(expires) + 1}",
            url[:-1] + ("0" if last != "0" else "1"),
            url[:-1],
            url.replace("signature=", "sig="),
            url.replace("signature=", "signature=%E7%8A%AC"),
            base,
            f"{base}?signature=&expires=",
        ):
            check_refusal(bare("GET", wrong), 403, "signature")

    def test_for_one_method(self, file: DatalakeFile) -> None:
        """A URL for a download writes nothing, and deletes nothing."""
        check_refusal(bare("PUT", file.download_uri, data=b"other"), 403, "signature")
        for method in ("POST", "DELETE", "PATCH"):
            refused = bare(method, file.download_uri)
            check_refusal(refused, 405)
            assert refused.headers["Allow"] == "GET, PUT"
        assert bare("GET", file.download_uri).content == CONTENT

    def test_survives_percent_encoding(self, file: DatalakeFile) -> None:
        """A URL that went through a client's quoting, or got a parameter for a cache, is the same URL."""
        url = file.download_uri
        for same in (quote(url, safe=":/?&=%"), unquote(url), f"{url}&cache=1", url.replace("&", "&x=%20&")):
            assert bare("GET", same).content == CONTENT
        path = urlsplit(url).path
        assert bare("GET", url.replace(path, path.replace("-", "%2D"))).content == CONTENT

    def test_head(self, file: DatalakeFile) -> None:
        """HEAD is not signed for, as with the real store's URLs: refused, without a body, and the connection lives."""
        with requests.Session() as session:
            refused = session.head(file.download_uri, timeout=TIMEOUT)
            assert (refused.status_code, refused.content) == (405, b"")
            assert "GET" in refused.headers["Allow"]
            assert session.get(file.download_uri, timeout=TIMEOUT).content == CONTENT

    @pytest.mark.parametrize("ranges", ["bytes=0-9", "bytes=10-", "bytes=-5", "bytes=0-0,2-2", "bytes=99999-", "x=1"])
    def test_ranges_are_ignored(self, file: DatalakeFile, ranges: str) -> None:
        """A client that asks for a part gets the whole, and is told so by the status: 200, never a wrong 206."""
        response = bare("GET", file.download_uri, headers={"Range": ranges})
        assert (response.status_code, response.content) == (200, CONTENT)
        assert "Content-Range" not in response.headers

    def test_deleted(self, api: APIClient, file: DatalakeFile) -> None:
        """A URL of a file that is gone is 404."""
        api.delete_channel_file(file.channel_id, file.file_id)
        check_refusal(bare("GET", file.download_uri), 404, file.file_id)

    def test_gzip_stays_gzip(self, channel: Channel) -> None:
        """What is stored compressed comes out as it was stored, not unpacked by the client."""
        content = b"\x1f\x8b\x08\x00not really"
        assert (
            channel.get_file(channel.upload(io.BytesIO(content), "application/gzip").file_id).get_content() == content
        )


class TestReading:
    """DatalakeFile.get_content and its kin."""

    def test_content_is_cached(self, platform: Platform, channel: Channel, file: DatalakeFile) -> None:
        """The first read asks twice, for a URL and for the bytes; the next ones ask nothing."""
        for reader in (file, channel.get_file(file.file_id)):
            assert reader.get_content() == CONTENT
        platform.assert_called("download_file", times=1)
        assert file.get_content(cache=False) == CONTENT
        platform.assert_called("download_file", times=2)

    def test_iter_content(self, file: DatalakeFile) -> None:
        """Pieces, from the platform and from the cache, are the whole."""
        pieces = list(file.get_iter_content(cache=False, chunk_size=1000))
        assert [len(piece) for piece in pieces] == [1000] * 10 + [240]
        assert b"".join(pieces) == CONTENT
        for _ in range(2):
            assert b"".join(file.get_iter_content(chunk_size=999)) == CONTENT

    def test_text(self, channel: Channel) -> None:
        """The type of a text says its charset; without one it is read as ISO-8859-1, which `encoding` mends."""
        text = "一行目\n二行目\n"
        named = channel.upload(io.BytesIO(text.encode("utf-8")), "text/plain; charset=utf-8")
        assert channel.get_file(named.file_id).get_text(cache=False) == text
        unnamed = channel.upload(io.BytesIO(text.encode("utf-8")), "text/plain")
        assert channel.get_file(unnamed.file_id).get_text(cache=False) == text.encode("utf-8").decode("iso-8859-1")
        assert channel.get_file(unnamed.file_id).get_text(cache=False, encoding="utf-8") == text

    def test_cached_text(self, platform: Platform, channel: Channel) -> None:
        """Text is read once, too."""
        uploaded = channel.upload(io.BytesIO(b"a,b\n1,2\n"), "text/csv")
        for _ in range(2):
            assert channel.get_file(uploaded.file_id).get_text() == "a,b\n1,2\n"
        platform.assert_called("download_file", times=1)

    def test_json(self, channel: Channel) -> None:
        """JSON is JSON, whatever its type says, unless that gives its letters another meaning."""
        for content_type in ("application/json", "text/plain; charset=utf-8", "application/octet-stream"):
            uploaded = channel.upload(io.BytesIO('{"名": ["前", 1]}'.encode()), content_type)
            assert channel.get_file(uploaded.file_id).get_json() == {"名": ["前", 1]}

    def test_lines(self, channel: Channel) -> None:
        """Lines come one by one."""
        uploaded = channel.upload(io.BytesIO(b"one\ntwo\nthree"), "text/plain")
        found = channel.get_file(uploaded.file_id)
        assert list(found.get_iter_lines(cache=False)) == [b"one", b"two", b"three"]

    def test_gone(self, api: APIClient, file: DatalakeFile) -> None:
        """Reading a file that was deleted is the SDK's NotFound."""
        api.delete_channel_file(file.channel_id, file.file_id)
        for read in (file.get_content, file.get_text, file.get_json):
            with pytest.raises(abeja.exceptions.NotFound):
                read()


class TestLarge:
    """Large files are streams from end to end."""

    SIZE = 24 * MEGABYTE

    @staticmethod
    def pieces() -> Iterator[bytes]:
        """Yield the content, no two pieces of which are the same."""
        for number in range(24):
            yield number.to_bytes(4, "big") * (MEGABYTE // 4)

    def test_never_whole_in_memory(self, wire: Wire, channel: Channel) -> None:
        """Uploading and downloading take far less memory than the file has, whatever the way in."""
        reserved = wire("POST", f"/channels/{channel.channel_id}", headers={"Content-Type": "x/y"}).json()
        tracemalloc.start()
        try:
            answer = wire("POST", f"/channels/{channel.channel_id}/upload", data=self.pieces())
            bare("PUT", reserved["upload_url"], data=self.pieces())
            for file_id in (answer.json()["file_id"], reserved["file_id"]):
                with bare("GET", channel.get_file(file_id).download_uri, stream=True) as response:
                    assert response.headers["Content-Length"] == str(self.SIZE)
                    for number, piece in enumerate(response.iter_content(MEGABYTE)):
                        assert piece == number.to_bytes(4, "big") * (MEGABYTE // 4)
                    assert number == 23
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        # The emulator may keep what is small (8 MB) in memory while it arrives.
        assert peak < self.SIZE * 3 // 4

    def test_read_as_it_is_asked_for(self, wire: Wire, channel: Channel) -> None:
        """The first bytes of a large download are there before the rest is read; to stop early leaves nothing open."""
        answer = wire("POST", f"/channels/{channel.channel_id}/upload", data=self.pieces()).json()
        uri = channel.get_file(answer["file_id"]).download_uri
        tracemalloc.start()
        try:
            with bare("GET", uri, stream=True) as response:
                assert response.raw.read(10) == b"\0" * 10
                _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 4 * MEGABYTE
        assert bare("GET", uri).content[-4:] == (23).to_bytes(4, "big")

    def test_deleted_while_it_is_read(self, wire: Wire, api: APIClient, channel: Channel) -> None:
        """A download that has begun comes to its end, though the file is gone for everybody else."""
        answer = wire("POST", f"/channels/{channel.channel_id}/upload", data=self.pieces()).json()
        uri = channel.get_file(answer["file_id"]).download_uri
        with bare("GET", uri, stream=True) as response:
            begun = response.raw.read(10)
            api.delete_channel_file(channel.channel_id, answer["file_id"])
            check_refusal(bare("GET", uri), 404)
            assert len(begun + response.raw.read()) == self.SIZE
