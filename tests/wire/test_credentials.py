"""What a client says of itself."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.errors import Unauthorized
from abeja_emulator.wire.credentials import Credential, read_credential


def basic(text: str | bytes, scheme: str = "Basic") -> str:
    """Return a Basic header."""
    return f"{scheme} {base64.b64encode(text.encode() if isinstance(text, str) else text).decode()}"


class TestForms:
    """The three forms of a credential."""

    @pytest.mark.parametrize(
        ("header", "kind", "identifier", "secret"),
        [
            (basic("user-1234567890123:token"), "user", "1234567890123", "token"),
            (basic("datasource-1234567890123:secret"), "datasource", "1234567890123", "secret"),
            (basic("user-a-b:c:d"), "user", "a-b", "c:d"),
            (basic("user-1:秘密"), "user", "1", "秘密"),
            (basic("user-1:token", "basic"), "user", "1", "token"),
            ("Bearer token", "bearer", "", "token"),
            ("bearer token", "bearer", "", "token"),
            ("  Bearer   a.b-c=  ", "bearer", "", "a.b-c="),
            ("Bearer \xff\xfe", "bearer", "", "\xff\xfe"),
        ],
    )
    def test_read(self, header: str, kind: str, identifier: str, secret: str) -> None:
        """A scheme in any case; only the first colon parts the name from the secret."""
        assert read_credential(header) == Credential(kind, identifier, secret)

    @pytest.mark.parametrize(
        "header",
        [
            " ",
            "Bearer",
            "Bearer ",
            "Basic",
            "Basic !!!",
            "Basic é",
            basic(b"user-1:\xff"),
            basic("1234567890123:token"),
            basic("admin-1:token"),
            basic("user-:token"),
            basic("user-1:"),
            basic("user-1"),
            "Digest username=a",
            "token",
        ],
    )
    def test_malformed(self, header: str) -> None:
        """The refusal says which forms there are."""
        with pytest.raises(Unauthorized, match=r"not well-formed .*user-<id>:<token>.*datasource-<id>.*Bearer"):
            read_credential(header)

    @pytest.mark.parametrize("header", [None, ""])
    def test_missing(self, header: str | None) -> None:
        """The refusal says which variables to set."""
        with pytest.raises(Unauthorized, match=r"no Authorization.*ABEJA_PLATFORM_USER_ID.*PLATFORM_AUTH_TOKEN"):
            read_credential(header)

    @given(st.text(st.characters(max_codepoint=255)))
    def test_any_header_is_read_or_refused(self, header: str) -> None:
        """Whatever stands in it, and nothing worse than 401."""
        for text in (header, f"Basic {header}", f"Bearer {header}", basic(header)):
            with suppress(Unauthorized):
                assert read_credential(text).secret


class TestSecrecy:
    """A secret is shown nowhere."""

    @pytest.mark.parametrize("header", [basic("user-1:Geheim"), basic("datasource-1:Geheim"), "Bearer Geheim"])
    def test_repr(self, header: str) -> None:
        """Nor in what a debugger or a failing assertion shows."""
        credential = read_credential(header)
        assert credential.secret == "Geheim"
        assert "Geheim" not in repr(credential)
        assert "Geheim" not in str([credential])
        assert credential.kind in repr(credential)

    @pytest.mark.parametrize(
        "header",
        ["Geheim", "Geheim more", "Token Geheim", basic("Geheim"), basic("user-Geheim"), basic("admin-1:Geheim")],
    )
    def test_refusal(self, header: str) -> None:
        """A token sent without its scheme, or in another form, is not repeated, encoded or not."""
        with pytest.raises(Unauthorized) as refused:
            read_credential(header)
        for part in ("Geheim", *header.split(" ")):
            assert part not in refused.value.description or part == "Basic"
