"""What is there twice because an answer did not arrive."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest
import requests

from abeja_emulator.faults.duplicates import key_of
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.wire.messages import Request
from tests.platform_calls import BEARER, answer, call, new_dataset
from tests.services.training.samples import zipped

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.wire.messages import Response

ITEM = {"source_data": [], "attributes": {"name": "一"}}
IMAGE = "abeja-inc/all-cpu:19.10"
JSON = ("Content-Type", "application/json")


@pytest.fixture
def items(platform: Platform) -> str:
    """The path of the items of an empty dataset."""
    return "/organizations/{org}/datasets/" + str(answer(new_dataset(platform))["dataset_id"]) + "/items"


def post(platform: Platform, path: str, data: object = None) -> Response:
    """Make an item."""
    return call(platform, "POST", path, ITEM if data is None else data, BEARER, JSON)


def found(platform: Platform) -> list[tuple[str, str]]:
    """Return what is there twice: each time both."""
    return [(str(each.first), str(each.second)) for each in platform.duplicates()]


@pytest.mark.parametrize(
    "fault", ["lost", "lost=503", "reset=after", "reset=during", "closed=after", "cut=3", "stall=0"]
)
def test_what_is_made_again_is_there_twice(platform: Platform, items: str, fault: str) -> None:
    """Whatever has hidden the answer; the sentence names both things, the call and the reason."""
    platform.faults.add_line(f"create_dataset_item {fault}")
    post(platform, items)
    assert found(platform) == []
    answer(post(platform, items))
    assert found(platform) == [("dataset item 1", "dataset item 2")]
    (duplicate,) = platform.duplicates()
    assert duplicate.operation == "create_dataset_item"
    said = str(duplicate)
    assert said.startswith(f"dataset item 1 was made twice: POST {items.replace('{org}', platform.organization.id)} ")
    assert f"({platform.faults.fired[0].fault.effect})" in said
    assert "abeja_faults.allow_duplicates = True" in said


@pytest.mark.parametrize("fault", ["status=503", "reset=before", "closed=before"])
def test_what_was_not_done_is_not_done_twice(platform: Platform, items: str, fault: str) -> None:
    """The first call did nothing."""
    platform.faults.add_line(f"create_dataset_item {fault}")
    post(platform, items)
    answer(post(platform, items))
    assert found(platform) == []


def test_the_order_of_keys_does_not_count(platform: Platform, items: str) -> None:
    """A handler that repeats its call by itself may write it otherwise."""
    platform.faults.add("create_dataset_item", lost=True)
    post(platform, items)
    post(platform, items, dict(reversed(ITEM.items())))
    assert found(platform) == [("dataset item 1", "dataset item 2")]


def test_another_content_is_another_thing(platform: Platform, items: str) -> None:
    """So are calls that come before, and another parent."""
    other = "/organizations/{org}/datasets/" + str(answer(new_dataset(platform, "birds"))["dataset_id"]) + "/items"
    platform.faults.add("create_dataset_item", lost=True, calls=2)
    post(platform, items)
    post(platform, items)
    post(platform, items, {**ITEM, "attributes": {"name": "二"}})
    post(platform, other)
    assert found(platform) == []


def test_each_further_one_counts(platform: Platform, items: str) -> None:
    """A client that loses three answers has made four."""
    platform.faults.add("create_dataset_item", lost=True, calls="1-3")
    for _ in range(4):
        post(platform, items)
    assert [second for _, second in found(platform)] == ["dataset item 2", "dataset item 3", "dataset item 4"]


def test_it_counts_after_the_fault_is_removed(platform: Platform, items: str) -> None:
    """Who adds and removes faults by hand is watched as well."""
    fault = platform.faults.add("create_dataset_item", lost=True)
    post(platform, items)
    platform.faults.remove(fault)
    post(platform, items)
    assert found(platform) == [("dataset item 1", "dataset item 2")]


def test_what_was_removed_is_not_there_twice(platform: Platform, items: str) -> None:
    """Who looks afterwards and tidies up has done what was to be done."""
    platform.faults.add("create_dataset_item", lost=True)
    post(platform, items)
    post(platform, items)
    answer(call(platform, "DELETE", f"{items}/2"))
    assert found(platform) == []


def test_a_name_that_is_taken_is_refused_and_no_duplicate(platform: Platform) -> None:
    """The platform itself has seen to it."""
    platform.faults.add("create_dataset", lost=True)
    new_dataset(platform)
    assert new_dataset(platform).status == 400
    assert found(platform) == []


def test_a_late_answer_counts_when_the_client_did_not_wait(platform: Platform, items: str) -> None:
    """Only the transport knows; until it says so, the same item again may be meant."""
    platform.faults.add("create_dataset_item", latency=60.0)
    late = post(platform, items)
    post(platform, items)
    assert found(platform) == []
    assert late.delivery is not None
    assert late.delivery.given_up is not None
    late.delivery.given_up()
    assert found(platform) == [("dataset item 1", "dataset item 2")]


def test_a_file_is_there_twice(platform: Platform) -> None:
    """By the same upload; how to avoid that is said."""
    channel = platform.seed.channel("pictures")
    platform.faults.add("POST", lost=True)
    for _ in range(2):
        call(platform, "POST", f"/channels/{channel}/upload", None, BEARER, ("Content-Type", "text/plain"), body=b"a")
    (duplicate,) = platform.duplicates()
    assert (duplicate.first.kind, duplicate.second.kind) == ("file", "file")
    assert "conflict_target" in str(duplicate)


def test_jobs_and_models_are_there_twice_and_statistics_are_not(platform: Platform) -> None:
    """What has an id and is looked for, and not what is an entry of a list."""
    with platform.world.store.transaction():
        definition = Definitions(platform.world).create(platform.organization.id, "train")
        version = Definitions(platform.world).create_version(definition, None, handler="main:handler", image=IMAGE)
        job = Jobs(platform.world).create(definition, version, platform.user.id).training_job_id
    training = "/organizations/{org}/training/definitions/train"
    platform.faults.add("POST", lost=True, calls="1-")
    for _ in range(2):
        call(platform, "POST", f"{training}/versions/1/jobs", {})
        call(platform, "POST", f"{training}/jobs/{job}/statistics", {"statistics": {"epoch": 1}})
        parts = {
            "model_data": ("model.zip", zipped(), "application/zip"),
            "parameters": ("params.json", json.dumps({"training_job_id": job}), "application/json"),
        }
        sent = requests.Request("POST", "https://api.abeja.io/", files=parts).prepare()
        kind = ("Content-Type", sent.headers["Content-Type"])
        call(platform, "POST", f"{training}/models", None, BEARER, kind, body=cast("bytes", sent.body))
    assert [each.done for each in platform.faults.fired] == [200] * 6
    assert [(each.first.kind, str(each.first).partition(" 1")[0]) for each in platform.duplicates()] == [
        ("training_job", "training job"),
        ("training_model", "model"),
    ]


def test_all_is_forgotten_with_the_faults(platform: Platform, items: str) -> None:
    """The next test begins with nothing."""
    platform.faults.add("create_dataset_item", lost=True)
    platform.faults.allow_duplicates = True
    post(platform, items)
    post(platform, items)
    platform.faults.clear()
    assert found(platform) == []
    assert not platform.faults.allow_duplicates


def form(boundary: str, content: bytes, *, stream: bool = False, method: str = "POST") -> Request:
    """Return a request with a form."""
    mark = f"--{boundary}".encode()
    body = mark + b'\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + content + b"\r\n" + mark + b"--\r\n"
    headers = [("content-type", f'multipart/form-data; boundary="{boundary}"')]
    if not stream:
        return Request(method, "/channels/1/upload", headers=headers, body=body)
    return Request(method, "/channels/1/upload", headers=headers, body=cast("BinaryIO", Slow(body)), length=len(body))


class Slow(io.BytesIO):
    """Gives seven bytes at most, so that a boundary lies across pieces."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next ones."""
        return super().read(7 if size is None or size < 0 else min(size, 7))


def test_the_boundary_of_a_form_does_not_count() -> None:
    """A client makes one up each time; content and method count, in memory and as a stream, which is read anew."""
    for stream in (False, True):
        request = form("first", b"content", stream=stream)
        assert key_of(request) == key_of(form("and a second", b"content", stream=stream))
        assert key_of(request) != key_of(form("first", b"contents", stream=stream))
        assert key_of(request) != key_of(form("first", b"content", stream=stream, method="PUT"))
        assert request.read().startswith(b"--first")
    plain = [Request("POST", "/a", headers=[JSON], body=json.dumps(each).encode()) for each in ({"a": 1}, {"a": 2})]
    assert key_of(plain[0]) != key_of(plain[1])
    broken = Request("POST", "/a", headers=[JSON], body=b"{")
    assert key_of(broken) == key_of(broken)
