"""Several platforms behind one address: each request reaches the one whose things it names."""

from __future__ import annotations

import io
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import requests
from abeja.datalake.client import Client as Datalake
from abeja.datasets.client import Client as Datasets

from abeja_emulator.platform import Platform
from abeja_emulator.platforms import Platforms
from abeja_emulator.transports.errors import AddressTaken
from abeja_emulator.transports.in_process import InProcess
from tests.platform_calls import LARGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CREDENTIAL = {"auth_token": "token-of-somebody"}


@pytest.fixture
def both(disk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Platform, Platform]]:
    """Two platforms at the platform's own address."""
    monkeypatch.setattr("abeja.common.local_file.MOUNT_DIR", str(disk / "cache"))
    with ExitStack() as stack:
        ours = stack.enter_context(Platform())
        theirs = stack.enter_context(Platform(organization="theirs", organization_id="1200000000001"))
        stack.enter_context(InProcess(Platforms(ours, theirs)))
        yield ours, theirs


def test_by_organization(both: tuple[Platform, Platform]) -> None:
    """In the path, by id; each sees its own datasets only."""
    for number, platform in enumerate(both):
        client = Datasets(platform.organization.id, credential=dict(CREDENTIAL))
        client.datasets.create(f"dataset-{number}", "custom", {})
    for number, platform in enumerate(both):
        assert [dataset.name for dataset in platform.look.datasets()] == [f"dataset-{number}"]


@pytest.mark.parametrize(
    "url", ["https://api.abeja.io/organizations/theirs", "https://api.abeja.io/organizations/1200000000001"]
)
def test_by_name_or_id(both: tuple[Platform, Platform], url: str) -> None:
    """The CLI asks by name."""
    answer = requests.get(url, headers={"Authorization": "Bearer token-of-somebody"}, timeout=5).json()
    assert (answer["id"], answer["name"]) == (both[1].organization.id, "theirs")


def test_by_subdomain(both: tuple[Platform, Platform]) -> None:
    """`<organization>.api.abeja.io`: what is not there is unknown to the one that was meant."""
    url = "https://1200000000001.api.abeja.io/deployments/1"
    assert requests.post(url, headers={"Authorization": "Bearer token-of-somebody"}, timeout=5).status_code == 404
    assert [len(platform.calls("request_deployment")) for platform in both] == [0, 1]


@pytest.mark.parametrize("content", [b"small", b"large" * LARGE])
def test_by_channel_and_by_signature(both: tuple[Platform, Platform], content: bytes) -> None:
    """Paths of files name a channel, signed URLs nothing but have a signature."""
    for platform in both:
        client = Datalake(platform.organization.id, credential=dict(CREDENTIAL))
        channel = client.channels.create("mine", "", "datalake")
        file = channel.upload(io.BytesIO(content), "text/plain")
        assert channel.get_file(file.file_id).get_content(cache=False) == content
        assert platform.look.content(channel.channel_id, file.file_id) == content
    assert [{call.status for call in platform.calls()} for platform in both] == [{200}, {200}]


def test_ids_are_kept_apart(both: tuple[Platform, Platform]) -> None:
    """Each counts for itself, and no channel of one has the id of another's."""
    channels = [[platform.seed.channel(f"c{number}") for number in range(20)] for platform in both]
    assert set(channels[0]).isdisjoint(channels[1])
    assert all(len(channel) == 13 for each in channels for channel in each)


def test_a_channel_that_both_have_is_answered_with_a_conflict(both: tuple[Platform, Platform]) -> None:
    """When it was given the same id in both; nothing is uploaded anywhere."""
    for platform in both:
        platform.seed.channel("c", identifier="1230000000001")
    headers = {"Authorization": "Bearer token-of-somebody", "Content-Type": "text/plain"}
    url = "https://api.abeja.io/channels/1230000000001/upload"
    answer = requests.post(url, data=b"x", headers=headers, timeout=5)
    assert answer.status_code == 409
    assert "'default-org' and 'theirs' both have" in answer.json()["error_description"]
    assert [platform.look.files("1230000000001") for platform in both] == [[], []]
    assert [len(platform.calls()) for platform in both] == [1, 0]


def test_channels_that_both_have_already_are_refused() -> None:
    """Made before they were put side by side."""
    with Platform() as one, Platform(organization="theirs", organization_id="1200000000001") as other:
        for platform in (one, other):
            platform.seed.channel("c", identifier="1230000000001")
        with pytest.raises(AddressTaken, match="a channel '1230000000001'"):
            Platforms(one, other)


def test_a_large_body_outlives_the_other_platform(disk: Path) -> None:
    """It is kept where the platform that has it keeps its own."""
    ours, theirs = Platform(), Platform(organization="theirs", organization_id="1200000000001")
    channel = theirs.seed.channel("c")
    with InProcess(Platforms(ours, theirs)):
        headers = {"Authorization": "Bearer token-of-somebody", "Content-Type": "text/plain"}
        url = f"https://api.abeja.io/channels/{channel}/upload"
        # Large enough to arrive in more than one piece, through a spool.
        answer = requests.post(url, data=iter([b"x" * 200_000]), headers=headers, timeout=5).json()
    ours.close()
    with theirs:
        assert theirs.look.content(channel, answer["file_id"]) == b"x" * 200_000
    assert [path for path in disk.rglob("*") if path.is_file()] == []


def test_what_nobody_has_is_answered_by_the_first(both: tuple[Platform, Platform]) -> None:
    """With its own words."""
    headers = {"Authorization": "Bearer token-of-somebody"}
    for path in ("/organizations/1300000000001/datasets", "/channels/1", "/nowhere"):
        assert requests.get(f"https://api.abeja.io{path}", headers=headers, timeout=5).status_code == 404
    assert [len(platform.calls()) for platform in both] == [3, 0]


def test_the_same_organization_twice_is_refused() -> None:
    """Nobody could say which was meant."""
    with Platform() as one, Platform() as other, pytest.raises(AddressTaken, match="organization_id="):
        Platforms(one, other)
    with pytest.raises(ValueError, match="at least one"):
        Platforms()


def test_what_goes_wrong_on_one_does_so_behind_the_address_of_both(both: tuple[Platform, Platform]) -> None:
    """A connection fails when the plan of either says so; a status is of the one that is meant."""
    ours, theirs = both

    def datasets(platform: Platform) -> int:
        url = f"https://api.abeja.io/organizations/{platform.organization.id}/datasets"
        return requests.get(url, headers={"Authorization": "Bearer token-of-somebody"}, timeout=5).status_code

    theirs.faults.add("*", dns=True)
    with pytest.raises(requests.ConnectionError):
        datasets(ours)
    ours.faults.add("list_datasets", status=503)
    assert [datasets(theirs), datasets(ours), datasets(ours)] == [200, 503, 200]
