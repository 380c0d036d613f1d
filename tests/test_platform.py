"""One emulated platform, and the path of a call through it."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

import pytest
import requests

from abeja_emulator.clock import Clock
from abeja_emulator.epochs import ClosedPlatformError
from abeja_emulator.platform import Platform
from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.store.database import ForeignProcessError
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.transports.loopback import Loopback
from abeja_emulator.wire.messages import Request
from tests.platform_calls import BEARER, LARGE, answer, call, description, files, new_dataset
from tests.store.process import forks, in_child

if TYPE_CHECKING:
    from pathlib import Path


class TestMany:
    """Platforms never see each other."""

    def test_state(self, platform: Platform) -> None:
        """What is on one is not on another, nor in its journal, nor does its time pass there."""
        with Platform() as other:
            dataset = answer(new_dataset(platform))
            other.clock.advance(60)
            other.auth = "strict"
            assert answer(call(platform, "GET", "/organizations/{org}/datasets")) == [dataset]
            assert description(call(other, "GET", "/organizations/{org}/datasets"), 401)
            other.auth = "open"
            assert answer(call(other, "GET", "/organizations/{org}/datasets")) == []
            assert (len(platform.journal), len(other.journal)) == (2, 2)
            assert platform.clock.offset == 0

    def test_credentials_and_signatures(self) -> None:
        """A token, or a signed URL, of one is worth nothing on another, even with the same ids."""
        with Platform(auth="strict", seed=1) as one, Platform(auth="strict", seed=1) as other:
            assert one.organization.id == other.organization.id
            for caller in (one, other):
                credentials = caller.credentials()
                pair = f"{credentials['ABEJA_PLATFORM_USER_ID']}:{credentials['ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN']}"
                header = ("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
                assert call(one, "GET", "/organizations/{org}", None, header).status == (200 if caller is one else 401)
            target, _ = one.world.signer.sign("GET", "files", "1", "2")
            assert call(one, "GET", target).status == 404
            assert call(other, "GET", target).status == 403

    def test_clock_may_be_shared(self) -> None:
        """Two Platforms given one clock live at one time."""
        clock = Clock()
        with Platform(clock=clock) as one, Platform(clock=clock, organization="another") as other:
            clock.advance(60)
            assert one.clock.offset == other.clock.offset == 60
            assert (one.organization.name, other.organization.name) == ("default-org", "another")

    def test_closed_ones_leave_the_others(self, platform: Platform, disk: Path) -> None:
        """Closing one removes its own files only."""
        with Platform() as other:
            for each in (platform, other):
                channel = each.seed.channel("c")
                assert call(each, "POST", f"/channels/{channel}/upload", body=b"x" * LARGE * 2).status == 200
            assert len(files(disk)) == 2
        assert len(files(disk)) == 1
        assert answer(call(platform, "GET", f"/channels/{channel}"))["files"]


class TestCredentials:
    """`credentials()` and the two kinds of authentication."""

    @pytest.mark.parametrize(
        ("auth", "header", "status"),
        [
            ("open", "Bearer anything", 200),
            ("open", "token-without-scheme", 401),
            ("strict", "Bearer anything", 401),
            ("strict", "Bearer ours", 200),
            ("strict", "Bearer theirs", 403),
        ],
    )
    def test_open_and_strict(self, auth: Any, header: str, status: int) -> None:
        """Open takes any well-formed credential; strict tells unknown from foreign ones."""
        with Platform(auth=auth) as platform:
            accounts = Accounts(platform.world)
            with platform.world.store.transaction():
                other = accounts.add_organization("other")
                accounts.add_bearer_token(platform.organization.id, platform.user.id, "ours")
                accounts.add_bearer_token(other.id, platform.user.id, "theirs")
            headers = ("Authorization", header)
            assert call(platform, "GET", "/organizations/{org}/datasets", None, headers).status == status

    def test_refused_before_the_body_is_read(self, platform: Platform) -> None:
        """Who may not call hears that, and not what is wrong with the body."""
        response = call(platform, "POST", "/organizations/{org}/datasets", None, ("X", "y"), body=b"{")
        assert "no Authorization header" in description(response, 401)

    def test_say_where_the_api_is(self, platform: Platform) -> None:
        """Clients that read them ask the emulated host for the default organization."""
        credentials = platform.credentials()
        assert credentials["ABEJA_API_URL"] == "https://api.abeja.io"
        assert credentials["ABEJA_ORGANIZATION_ID"] == platform.organization.id


class TestNoOperation:
    """Calls that lead nowhere."""

    def test_unknown_path(self, platform: Platform) -> None:
        """404, credential or not: it says that there is no such operation."""
        response = call(platform, "GET", "/no/such/path?signature=x", None, ("X", "y"))
        assert description(response, 404) == "GET /no/such/path is no operation of the platform"

    def test_other_method(self, platform: Platform) -> None:
        """405 with the methods there are, in the sentence and in `Allow`."""
        response = call(platform, "PATCH", "/organizations/{org}/datasets")
        assert "it has GET, POST" in description(response, 405)
        assert ("Allow", "GET, POST") in response.headers


class TestCalls:
    """What tests ask about calls."""

    def test_called(self, platform: Platform) -> None:
        """With the number of calls or without, refused calls included."""
        new_dataset(platform)
        new_dataset(platform)
        platform.assert_called("create_dataset")
        platform.assert_called("create_dataset", times=2)
        platform.assert_called("get_dataset", times=0)
        assert [entry.status for entry in platform.calls("create_dataset")] == [200, 400]
        assert len(platform.calls()) == 2

    def test_not_called(self, platform: Platform) -> None:
        """The failure shows the calls there were."""
        with pytest.raises(AssertionError, match=r"get_dataset was never called.*\n  \(no calls at all\)"):
            platform.assert_called("get_dataset")
        new_dataset(platform)
        call(platform, "GET", "/nowhere?a=b")
        with pytest.raises(AssertionError) as failure:
            platform.assert_called("get_dataset")
        assert str(failure.value).split("\n") == [
            "get_dataset was never called; the calls were",
            f"  create_dataset: POST /organizations/{platform.organization.id}/datasets → 200",
            "  None: GET /nowhere?a=b → 404: GET /nowhere is no operation of the platform",
        ]

    def test_misspelt(self, platform: Platform) -> None:
        """A name that is none would never be called, and the test never fail."""
        with pytest.raises(ValueError, match="did you mean 'get_dataset'"):
            platform.assert_called("get_dataste", times=0)
        with pytest.raises(ValueError, match="'fly'; docs"):
            platform.calls("fly")

    @pytest.mark.parametrize("times", [0, 1, 3])
    def test_called_another_number_of_times(self, platform: Platform, times: int) -> None:
        """The failure says how often, and shows the calls."""
        new_dataset(platform)
        new_dataset(platform, "trees")
        with pytest.raises(AssertionError, match=rf"create_dataset was called 2 times, not {times}; the calls were\n"):
            platform.assert_called("create_dataset", times=times)

    def test_of_the_current_test_only(self, platform: Platform) -> None:
        """Calls of a test before do not count."""
        new_dataset(platform)
        platform.journal.begin()
        platform.assert_called("create_dataset", times=0)
        assert len(platform.journal) == 1

    def test_entry(self, platform: Platform) -> None:
        """When by the Platform's clock, what, and from where its behaviour is known."""
        platform.clock.advance(1000)
        before = platform.clock.timestamp()
        call(platform, "GET", "/organizations/{org}/datasets?max_results=x")
        entry = platform.journal[0]
        assert before <= entry.at <= platform.clock.timestamp()
        declared = next(each for each in all_operations() if each.name == "list_datasets")
        assert (entry.operation, entry.query, entry.evidence) == ("list_datasets", "max_results=x", declared.evidence)
        assert entry.error is not None
        assert "list_datasets" in entry.error


class TestState:
    """Snapshots."""

    def test_ids_never_come_back(self, platform: Platform) -> None:
        """A dataset made after a rollback has another id than the one that was undone."""
        snapshot = platform.snapshot()
        first = answer(new_dataset(platform))
        snapshot.rollback()
        assert answer(call(platform, "GET", "/organizations/{org}/datasets")) == []
        second = answer(new_dataset(platform))
        assert second["dataset_id"] > first["dataset_id"]

    def test_expired_files_of_a_refused_upload(self, platform: Platform) -> None:
        """An upload removes what has expired; when it is refused, that comes back whole, to be removed later."""
        path = f"/channels/{platform.seed.channel('c')}/upload"
        assert call(platform, "POST", path + "?lifetime=1day", body=b"old").status == 200
        platform.clock.advance(2 * 86_400)
        assert call(platform, "POST", path + "?lifetime=forever", body=b"newer").status == 400
        assert platform.world.store.blobs.size == len(b"old")
        assert call(platform, "POST", path, body=b"new").status == 200
        assert platform.world.store.blobs.size == len(b"new")

    @forks
    def test_forked_child_is_refused(self, platform: Platform) -> None:
        """It would answer from a copy; it is told to go over the loopback instead."""

        def ask() -> str:
            return str(call(platform, "GET", "/organizations/{org}"))

        said = in_child(ask)
        assert said.startswith(ForeignProcessError.__name__)
        assert str(os.getpid()) in said
        assert len(platform.journal) == 0


def test_organization_host(platform: Platform) -> None:
    """The organization's own host leads to the same API, and its port is no part of its name."""
    for host in ("default-org.api.abeja.io", "default-org.api.abeja.io:8080", "127.0.0.1:8080"):
        request = Request("GET", f"/organizations/{platform.organization.id}", host=host, headers=[BEARER])
        assert answer(platform.handle(request))["id"] == platform.organization.id


def test_a_closed_platform_is_no_server_error() -> None:
    """Which a client would retry for half a minute."""
    platform = Platform()
    with InProcess(platform):
        platform.close()
        headers = {"Authorization": "Bearer token-of-somebody"}
        with pytest.raises(ClosedPlatformError, match="GET /organizations/default-org came after"):
            requests.get("https://api.abeja.io/organizations/default-org", headers=headers, timeout=5)
    with Loopback(platform) as loopback:
        host, port = loopback.address
        answer = requests.get(f"http://{host}:{port}/organizations/default-org", headers=headers, timeout=5)
    assert answer.status_code == 409
