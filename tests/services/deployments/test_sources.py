"""The code of a version: put to one signed URL, got from another."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from abeja_emulator.wire.signing import LIFETIME
from tests.services.deployments.samples import DEPLOYMENTS, IMAGE, shown
from tests.services.training.samples import state, tarred, zipped
from tests.services.wire import Wire, bare, check_answer, check_refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja.deployments import APIClient

    from abeja_emulator.platform import Platform


@pytest.fixture
def download(api: APIClient, organization: str, version: dict[str, Any]) -> Callable[[], str]:
    """Ask for a URL to the code of the version."""

    def ask() -> str:
        answer = api.download_deployment_version(organization, version["deployment_id"], version["version_id"])
        check_answer("download_deployment_version", answer)
        url: str = answer["download_uri"]
        return url

    return ask


class TestRoundTrip:
    """PUT to upload_url, GET from download_uri."""

    @pytest.mark.parametrize("code", [tarred(), zipped(), b"no archive", b""], ids=["tar.gz", "zip", "text", "empty"])
    def test_any_bytes(self, version: dict[str, Any], download: Callable[[], str], code: bytes) -> None:
        """What was put comes back byte for byte, with its length; an object store looks at nothing."""
        assert bare("PUT", version["upload_url"], data=code).status_code == 200
        response = bare("GET", download())
        assert response.content == code
        assert response.headers["Content-Length"] == str(len(code))
        assert response.headers["Content-Type"] == "application/gzip"

    def test_large(self, version: dict[str, Any], download: Callable[[], str]) -> None:
        """Code that does not fit into memory goes to the disk and comes back the same."""
        code = os.urandom(9 * 1024 * 1024)
        assert bare("PUT", version["upload_url"], data=code).status_code == 200
        assert bare("GET", download()).content == code

    def test_put_again(self, version: dict[str, Any], download: Callable[[], str], platform: Platform) -> None:
        """What is put again comes in the place of what was there, which is kept no longer, not even by its old URL."""
        bare("PUT", version["upload_url"], data=b"first")
        once, url = state(platform), download()
        bare("PUT", version["upload_url"], data=b"other")
        assert len(state(platform)["blobs"]) == len(once["blobs"]) == 1
        assert bare("GET", url).content == bare("GET", download()).content == b"other"
        bare("PUT", version["upload_url"], data=b"other")
        assert bare("GET", url).content == b"other"
        assert [blob[2] for blob in state(platform)["blobs"]] == [1]

    def test_when_it_came(self, version: dict[str, Any], wire: Wire, platform: Platform) -> None:
        """A version is modified when its code comes, and shows nothing else of it."""
        platform.clock.advance(1)
        bare("PUT", version["upload_url"], data=b"code")
        answer = shown(wire, f"/{version['deployment_id']}/versions/{version['version_id']}")
        del version["upload_url"]
        assert answer["modified_at"] > version["modified_at"]
        assert {**answer, "modified_at": version["modified_at"]} == version

    def test_two_versions_with_the_same_code(
        self, api: APIClient, organization: str, deployment: str, version: dict[str, Any], download: Callable[[], str]
    ) -> None:
        """Deleting a version takes its own code only, even when another one has the same."""
        other = api.create_deployment_version(organization, deployment, "2", "main:handler", IMAGE)
        for each in (version, other):
            bare("PUT", each["upload_url"], data=b"code")
        api.delete_deployment_version(organization, deployment, other["version_id"])
        assert bare("GET", download()).content == b"code"

    def test_delete(
        self,
        api: APIClient,
        organization: str,
        version: dict[str, Any],
        download: Callable[[], str],
        platform: Platform,
    ) -> None:
        """With a version goes its code; the URLs that were handed out lead nowhere."""
        bare("PUT", version["upload_url"], data=b"code")
        url = download()
        api.delete_deployment_version(organization, version["deployment_id"], version["version_id"])
        assert state(platform)["blobs"] == []
        for method, target in (("GET", url), ("PUT", version["upload_url"])):
            check_refusal(bare(method, target), 404, version["version_id"], "any more")
        assert state(platform)["blobs"] == []


class TestUrls:
    """What the signed URLs are good for."""

    def test_form(self, version: dict[str, Any], download: Callable[[], str]) -> None:
        """They have a query, and before it a name with an extension, which the command line takes from there."""
        bare("PUT", version["upload_url"], data=b"code")
        for url in (version["upload_url"], download()):
            parts = urlsplit(url)
            assert parts.path.rpartition("/")[2] == "source.tgz"
            assert "expires=" in parts.query

    def test_each_is_for_one_method(self, version: dict[str, Any], download: Callable[[], str]) -> None:
        """One that takes code does not give it out, and the other way round."""
        bare("PUT", version["upload_url"], data=b"code")
        url = download()
        check_refusal(bare("GET", version["upload_url"]), 403, "signature")
        check_refusal(bare("PUT", url, data=b"evil"), 403, "signature")
        assert bare("GET", url).content == b"code"

    def test_they_expire(self, version: dict[str, Any], download: Callable[[], str], platform: Platform) -> None:
        """After a while they are refused, and a fresh one is good."""
        bare("PUT", version["upload_url"], data=b"code")
        url = download()
        platform.clock.advance(LIFETIME)
        check_refusal(bare("GET", url), 403, "expired")
        check_refusal(bare("PUT", version["upload_url"], data=b"late"), 403, "expired")
        assert bare("GET", download()).content == b"code"


class TestNothingToDownload:
    """Versions whose code is not here."""

    @pytest.mark.parametrize(
        ("end", "own", "words"),
        [
            ("/versions", {}, ["upload_url"]),
            ("/git/versions", {"git_url": "https://me:pass@git.example.org/a"}, ["git.example.org", "branch master"]),
            ("/git/versions", {"git_url": "https://git.example.org/a", "git_branch": "dev"}, ["branch dev"]),
            ("/code_templates", {"template_id": 7}, ["template 7"]),
        ],
        ids=["upload", "git", "branch", "template"],
    )
    def test_refused(self, wire: Wire, deployment: str, end: str, own: dict[str, Any], words: list[str]) -> None:
        """Asking for their code is 404 and says where it is, without a password in it."""
        made = wire("POST", f"{DEPLOYMENTS}/{deployment}{end}", json={"version": "1", "image": IMAGE, **own}).json()
        refused = wire("GET", f"{DEPLOYMENTS}/{deployment}/versions/{made['version_id']}/download")
        check_refusal(refused, 404, made["version_id"], *words)
        assert "pass" not in refused.text
