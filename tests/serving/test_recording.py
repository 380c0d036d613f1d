"""The record channel: what is in it of what a service was asked, and that no answer depends on it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import msgspec
import pytest

from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.logs.pages import SERVICE_LOG, Logs
from abeja_emulator.services.services.rules import Services
from abeja_emulator.serving.recording import Recorder
from abeja_emulator.wire.messages import Request
from tests.platform_calls import LARGE
from tests.serving.served import IMAGE, PATIENCE

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.services.services.records import Service

TARGET = "/deployments/1/services/ser-1"


@pytest.fixture
def channel(platform: Platform) -> str:
    return platform.seed.channel("records")


@pytest.fixture
def service(platform: Platform, channel: str) -> Service:
    world = platform.world
    with world.store.transaction():
        deployment = Deployments(world).create(platform.organization.id, "d", "")
        version = Versions(world).create(deployment, "0.0.1", "", image=IMAGE)
        return Services(world).create(deployment, version.version_id, "", record_channel_id=channel)


@pytest.fixture
def recorder(platform: Platform) -> Recorder:
    return Recorder(platform)


def posted(body: bytes | io.BytesIO, **headers: str) -> Request:
    length = len(body) if isinstance(body, bytes) else len(body.getvalue())
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request("POST", TARGET, headers=named, body=body, length=length)


def contents(platform: Platform, channel: str) -> list[bytes]:
    return [platform.look.content(channel, file.file_id) for file in platform.look.files(channel)]


def log(platform: Platform, service: Service) -> list[str]:
    with platform.world.store.reading():
        page = Logs(platform.world, SERVICE_LOG).page(service.service_id)
    return [event["message"] for event in page["events"]]


def test_a_body_has_its_type_and_the_metadata_it_came_with(
    platform: Platform, recorder: Recorder, service: Service, channel: str
) -> None:
    recorder.note(service, posted(b"a,b", Content_Type="text/csv", X_Abeja_Meta_Filename="f.csv", X_Other="1"))
    assert recorder.settle(PATIENCE)
    (file,) = platform.look.files(channel)
    assert (file.content_type, file.metadata) == ("text/csv", {"x-abeja-meta-filename": "f.csv"})
    assert contents(platform, channel) == [b"a,b"]


def test_of_a_get_it_is_the_query(platform: Platform, recorder: Recorder, service: Service, channel: str) -> None:
    recorder.note(service, Request("GET", f"{TARGET}?a=1&b=%20"))
    assert recorder.settle(PATIENCE)
    assert contents(platform, channel) == [b"a=1&b=%20"]


def test_a_stream_is_copied_and_stays_readable(
    platform: Platform, recorder: Recorder, service: Service, channel: str
) -> None:
    stream = io.BytesIO(b"x" * (LARGE + 1))
    request = posted(stream, Content_Type="text/plain")
    recorder.note(service, request)
    assert stream.read() == b"x" * (LARGE + 1)
    stream.close()
    assert recorder.settle(PATIENCE)
    assert contents(platform, channel) == [b"x" * (LARGE + 1)]


def test_many_are_kept_in_the_order_they_came(
    platform: Platform, recorder: Recorder, service: Service, channel: str
) -> None:
    bodies = [str(number).encode() for number in range(50)]
    for body in bodies:
        recorder.note(service, posted(body))
    assert recorder.settle(PATIENCE)
    assert contents(platform, channel) == bodies


def test_it_waits_for_nobody_who_holds_the_state(
    platform: Platform, recorder: Recorder, service: Service, channel: str
) -> None:
    with platform.world.store.reading():
        recorder.note(service, posted(b"now"))
        assert not recorder.settle(0.05)
    assert recorder.settle(PATIENCE)
    assert contents(platform, channel) == [b"now"]


def test_one_that_cannot_be_kept_is_a_line_in_the_log_and_the_next_one_is_kept(
    platform: Platform, recorder: Recorder, service: Service, channel: str
) -> None:
    recorder.note(msgspec.structs.replace(service, record_channel_id="1111111111111"), posted(b"lost"))
    recorder.note(service, posted(b"kept"))
    assert recorder.settle(PATIENCE)
    assert contents(platform, channel) == [b"kept"]
    assert "was not recorded in channel 1111111111111" in log(platform, service)[-1]


def test_nothing_is_kept_of_a_service_that_is_gone(
    platform: Platform, recorder: Recorder, service: Service, channel: str
) -> None:
    with platform.world.store.transaction():
        Services(platform.world).delete(service)
    recorder.note(service, posted(b"late"))
    assert recorder.settle(PATIENCE)
    assert contents(platform, channel) == []
