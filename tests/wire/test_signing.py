"""What only the Platform can have written."""

from __future__ import annotations

import datetime
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, unquote, urlsplit
from urllib.request import urlopen

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from abeja_emulator.clock import Clock
from abeja_emulator.errors import BadRequest, Forbidden
from abeja_emulator.platform import Platform
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.wire.signing import LIFETIME, Signer, expiry_text
from tests.services.wire import Wire

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="signer")
def _signer(clock: Clock) -> Signer:
    return Signer(b"secret", clock)


class TestUrl:
    """A signed URL."""

    def test_good_for_what_it_was_made_for(self, signer: Signer, clock: Clock) -> None:
        """For one hour, with every segment escaped."""
        before = int(clock.timestamp())
        target, expires = signer.sign("GET", "files", "1", "a/b ?&犬")
        assert urlsplit(target).path == f"/_signed/files/1/{quote('a/b ?&犬', safe='')}"
        assert before + LIFETIME <= expires <= int(clock.timestamp()) + LIFETIME
        assert parse_qs(urlsplit(target).query)["expires"] == [str(expires)]
        signer.check("GET", target)

    @pytest.mark.parametrize("method", ["PUT", "POST", "get", ""])
    def test_another_method(self, signer: Signer, method: str) -> None:
        """A URL to get something does not put it."""
        target, _ = signer.sign("GET", "files", "1", "2")
        with pytest.raises(Forbidden, match="does not fit"):
            signer.check(method, target)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("/files/", "/results/"),
            ("/files/1/2", "/files/1/3"),
            ("/files/1/2", "/files/1%2F2"),
            ("/files/1/2", "/files/1/2/"),
            ("/files/1/2", "/files/1//2"),
            ("/files/1/2", "/files/1/./2"),
            ("/files/1/2", "/files/1/%2E%2E/1/2"),
            ("/files/1/2", "/files/1/%32%2F"),
            ("/files/1/2", "/files/1/%2532"),
            ("/files/1/2", "/files/1/%33"),
            ("expires=", "expires=1"),
            ("signature=", "signature=0"),
            ("signature=", "Signature="),
        ],
    )
    def test_tampered_with(self, signer: Signer, old: str, new: str) -> None:
        """Nothing of it can be changed."""
        target, _ = signer.sign("GET", "files", "1", "2")
        assert old in target
        with pytest.raises(Forbidden, match="does not fit"):
            signer.check("GET", target.replace(old, new))

    @given(segments=st.lists(TEXT | st.just("20240102T030405-0a1b"), min_size=1, max_size=3), data=st.data())
    def test_escaped_in_another_way(self, segments: list[str], data: st.DataObject) -> None:
        """A client may escape what need not be, in either case: the path is the same, and the signature fits."""
        signer = Signer(b"secret", Clock())
        target, _ = signer.sign("GET", "files", *segments)
        path, _, query = target.partition("?")
        escaped = "/".join(
            "".join(
                data.draw(st.sampled_from([f"%{byte:02x}", f"%{byte:02X}", quote(bytes([byte]), safe=":@+")]))
                for byte in segment.encode()
            )
            for segment in ("", "_signed", "files", *segments)
        )
        assert unquote(escaped) == unquote(path)
        signer.check("GET", f"{escaped}?{query}")

    @given(segments=st.lists(TEXT, min_size=1, max_size=3), others=st.lists(TEXT, min_size=1, max_size=3))
    @example(["a", "b"], ["a/b"])
    @example(["a/b"], ["a%2Fb"])
    @example(["\ufffd"], ["\ufffe"])
    def test_of_other_segments(self, segments: list[str], others: list[str]) -> None:
        """Whatever a segment holds, the signature of one path fits no other."""
        signer = Signer(b"secret", Clock())
        query = signer.sign("GET", *segments)[0].partition("?")[2]
        path = signer.sign("GET", *others)[0].partition("?")[0]
        assert signer.signed("GET", f"{path}?{query}") == (segments == others)

    def test_over_http(self) -> None:
        """A file whose id is escaped more than needs be is that file; another id is none that was signed for."""
        with Platform() as platform, InProcess(platform):
            channel = platform.seed.channel("channel")
            file, other = (platform.seed.file(channel, content) for content in (b"one", b"two"))
            url = Wire(platform)("GET", f"/channels/{channel}/{file}").json()["download_uri"]
            with urlopen(url.replace(file, file.replace("-", "%2D"))) as answer:
                assert answer.read() == b"one"
            with pytest.raises(HTTPError, match="403") as refused:
                urlopen(url.replace(file, other.replace("-", "%2D")))
            refused.value.close()

    def test_bytes_that_are_no_text(self, signer: Signer) -> None:
        """Two bytes that no text has are not taken for each other, nor for the character that stands for them."""
        query = signer.sign("GET", "\ufffd")[0].partition("?")[2]
        assert signer.signed("GET", f"/_signed/%EF%BF%BD?{query}")
        for other in ("%FF", "%FE", "%EF%BF"):
            assert not signer.signed("GET", f"/_signed/{other}?{query}")

    def test_of_another_platform(self, signer: Signer, clock: Clock) -> None:
        """Each Platform has a secret of its own."""
        target, _ = signer.sign("GET", "files", "1", "2")
        with pytest.raises(Forbidden):
            Signer(b"another secret", clock).check("GET", target)

    def test_expiry(self, signer: Signer, clock: Clock) -> None:
        """It ends with the time of the Platform, and says when it ended."""
        target, expires = signer.sign("GET", "files", "1", "2")
        clock.advance(LIFETIME - 60)
        signer.check("GET", target)
        clock.advance(60)
        with pytest.raises(Forbidden, match=f"expired .*expires={expires}"):
            signer.check("GET", target)

    @given(query=TEXT)
    @example("")
    @example("expires=&signature=")
    @example("expires=nan&signature=é")
    @example("expires=1e999&signature=%FF")
    @example("signature=x&expires=%00&expires=9999999999999999999999")
    def test_whatever_stands_there(self, query: str) -> None:
        """A query that was not signed is forbidden, and nothing worse."""
        with pytest.raises(Forbidden):
            Signer(b"secret", Clock()).check("GET", f"/_signed/files/1/2?{query}")

    def test_without_a_query(self, signer: Signer) -> None:
        """No signature is no signature."""
        with pytest.raises(Forbidden):
            signer.check("GET", "/_signed/files/1/2")

    def test_secret_is_not_shown(self, signer: Signer) -> None:
        """Neither secret nor signature is in the refusal."""
        target, _ = signer.sign("GET", "files", "1", "2")
        signature = parse_qs(urlsplit(target).query)["signature"][0]
        with pytest.raises(Forbidden) as refused:
            signer.check("PUT", target)
        assert signature not in refused.value.description
        assert signer._mac("url", "PUT", "/_signed/files/1/2") not in refused.value.description


class TestPageToken:
    """An opaque token for the next page."""

    POSITION = st.recursive(
        st.none() | st.integers(-(2**53), 2**53) | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    )

    @given(query=TEXT, position=POSITION)
    def test_returns_what_was_put_in(self, query: str, position: object) -> None:
        """Any position of any query; and the token needs no escaping in a URL."""
        signer = Signer(b"secret", Clock())
        token = signer.page_token(query, position)
        assert quote(token, safe="") == token
        assert signer.page_position(query, token) == position

    @given(query=TEXT, other=TEXT)
    def test_belongs_to_its_query(self, query: str, other: str) -> None:
        """A token of one listing is refused by another."""
        signer = Signer(b"secret", Clock())
        token = signer.page_token(query, 1)
        if query != other:
            with pytest.raises(BadRequest, match="not issued for this query"):
                signer.page_position(other, token)

    @given(token=TEXT)
    @example("")
    @example(".")
    @example("MQ.")
    @example("MQ" + "." + "0" * 32)
    def test_invented(self, token: str) -> None:
        """What was never issued is refused, whatever it looks like."""
        with pytest.raises(BadRequest, match="start again without a token"):
            Signer(b"secret", Clock()).page_position("items of 1", token)

    def test_tampered_with(self, signer: Signer) -> None:
        """No character of it can be changed."""
        token = signer.page_token("items of 1", {"after": 50})
        for place, character in enumerate(token):
            other = "A" if character != "A" else "B"
            with pytest.raises(BadRequest):
                signer.page_position("items of 1", token[:place] + other + token[place + 1 :])

    def test_is_no_signature_of_a_url(self, signer: Signer) -> None:
        """What signs tokens does not sign URLs, even for the same text."""
        token = signer.page_token("GET\n/_signed/files/1/2", 9_999_999_999)
        payload, _, mac = token.partition(".")
        with pytest.raises(Forbidden):
            signer.check("GET", f"/_signed/files/1/2?expires={payload}&signature={mac}")


def test_expiry_text() -> None:
    """As the datalake writes times."""
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
    assert expiry_text(moment) == "2024-01-02T03:04:05+00:00"
