"""Values of secrets are nowhere but in the answers to those who ask for them."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.control.secrecy import Secrecy
from abeja_emulator.platform import Platform
from abeja_emulator.report.redaction import Redaction
from abeja_emulator.services.secrets.rules import forms_of

if TYPE_CHECKING:
    from pathlib import Path

    from abeja.secret.api.client import APIClient
    from abeja.secret_version.api.client import APIClient as VersionAPI

    from tests.services.wire import Wire

KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\r\n  hkiG9w0BAQEFAASC\n-----END KEY-----\n"


class TestForms:
    """What gives a value away."""

    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
    def test_text(self, value: str) -> None:
        """Base64, the text itself and, for a log is lines, each of them."""
        sent = base64.b64encode(value.encode()).decode()
        forms = forms_of(sent)
        assert forms[:2] == [sent, value]
        for line in value.splitlines():
            assert not line.strip() or any(form in line for form in forms)
        assert all(forms)
        assert len(set(forms)) == len(forms)

    def test_lines(self) -> None:
        """Without what indents them."""
        assert set(forms_of(base64.b64encode(KEY.encode()).decode())) >= {"MIIEvQIBADANBgkq", "hkiG9w0BAQEFAASC"}

    def test_bytes(self) -> None:
        """A value that is no text has only its base64."""
        assert forms_of("/w==") == ["/w=="]


class TestPlatform:
    """`Platform.secrets()`, which reports and the control API hide."""

    def test_values(
        self, platform: Platform, api: APIClient, versions: VersionAPI, organization: str, secret: dict[str, Any]
    ) -> None:
        """Every version of every organization, as base64 and as it is."""
        other = platform.seed.organization("other-org").id
        api.create_secret(other, "THEIRS", "their value")
        versions.create_secret_version(organization, secret["id"], "second value")
        for value in ("first value", "second value", "their value"):
            assert {value, base64.b64encode(value.encode()).decode()} <= set(platform.secrets())

    def test_that_are_gone(
        self, platform: Platform, api: APIClient, versions: VersionAPI, organization: str, secret: dict[str, Any]
    ) -> None:
        """A value that was deleted, or undone with a test, was told to somebody before."""
        snapshot = platform.snapshot()
        api.create_secret(organization, "UNDONE", "undone value")
        second = versions.create_secret_version(organization, secret["id"], "deleted value")
        versions.delete_secret_version(organization, secret["id"], second["id"])
        api.delete_secret(organization, secret["id"])
        snapshot.rollback()
        api.delete_secret(organization, secret["id"])
        assert {"first value", "undone value", "deleted value"} <= set(platform.secrets())

    def test_that_were_there_before(self, tmp_path: Path) -> None:
        """In a data directory that is opened again."""
        from abeja.secret.api.client import APIClient

        from abeja_emulator.transports.in_process import InProcess

        with Platform(data=tmp_path / "data") as platform, InProcess(platform):
            credential = {"auth_token": "of-anybody"}
            APIClient(credential=credential).create_secret(platform.organization.id, "A", "kept value")
        with Platform(data=tmp_path / "data") as again:
            assert {"kept value", base64.b64encode(b"kept value").decode()} <= set(again.secrets())

    def test_refused_ones_are_not_kept(self, platform: Platform, wire: Wire) -> None:
        """What the platform did not take is not its secret."""
        body = {"name": "name-abcdef", "value": base64.b64encode(b"refused value").decode()}
        assert wire("POST", "/secret-manager/organizations/{org}/secrets", json=body).status_code == 400
        assert "refused value" not in platform.secrets()


class TestNowhere:
    """Logs, the journal, and what is shown of them."""

    @pytest.mark.parametrize("value", ["first value", KEY, 'https://u:p@host/?a=b&c="d"', "パスワード一二三"])
    def test_reports(self, platform: Platform, api: APIClient, organization: str, value: str) -> None:
        """A report and a log that is followed hide a value in each form, line by line."""
        api.create_secret(organization, "SHOWN", value)
        sent = base64.b64encode(value.encode()).decode()
        report, followed = Redaction(platform.secrets()), Secrecy(platform)
        for hide in (report, followed):
            for shown in (value.strip(), sent, *value.split("\n")):
                hidden = hide(f"log: {shown} :end")
                assert not any(form in hidden for form in forms_of(sent) if len(form) > len("log: "))

    def test_journal_and_log(
        self,
        platform: Platform,
        api: APIClient,
        versions: VersionAPI,
        wire: Wire,
        organization: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """No call about a secret, refused ones among them, leaves its value in the journal or in a log of ours."""
        caplog.set_level(logging.DEBUG, "abeja_emulator")
        value = "a value of its own"
        secret = api.create_secret(organization, "A", value)
        versions.create_secret_version(organization, secret["id"], value)
        api.get_secret(organization, secret["id"])
        api.get_secrets(organization)
        sent = base64.b64encode(value.encode()).decode()
        path = "/secret-manager/organizations/{org}/secrets"
        for body in (
            {"name": "A", "value": sent},
            {"name": "B", "value": value},
            {"name": "B", "value": sent + "!"},
            {"name": "B", "value": [sent]},
            {"name": "B", "value": sent, "description": 1},
        ):
            response = wire("POST", path, json=body)
            assert response.status_code in {400, 409}
            assert not given_away(response.text, value)
        assert len(platform.journal) == 9
        for entry in platform.journal:
            assert not given_away(repr(entry) + str(entry), value)
        assert not given_away(caplog.text, value)

    def test_record(self, platform: Platform, secret: dict[str, Any]) -> None:
        """The text of a record, which a failing assertion shows, has no value."""
        from abeja_emulator.services.secrets.rules import Secrets

        with platform.world.store.reading():
            (version,) = Secrets(platform.world).versions(secret["id"])
        assert repr(version) == f"<SecretVersion 1 of secret {secret['id']}>"


def given_away(text: str, value: str) -> bool:
    """Tell whether a text has a value in some form."""
    return any(form in text for form in forms_of(base64.b64encode(value.encode()).decode()))
