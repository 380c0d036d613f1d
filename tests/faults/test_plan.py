"""The plan, on a Platform: what fires, what a client sees of it, what is remembered."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.platform import Platform
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.wire.messages import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@pytest.fixture
def platform() -> Iterator[Platform]:
    """A Platform with the datasets `flowers` and `birds`."""
    with Platform() as platform:
        platform.seed.dataset([], name="flowers")
        platform.seed.dataset([], name="birds")
        yield platform


def headers(platform: Platform) -> list[tuple[str, str]]:
    """Return what a client of the default user sends."""
    token = platform.credentials()["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"]
    return [("Authorization", f"Bearer {token}"), ("Content-Type", "application/json")]


def call(platform: Platform, method: str = "GET", path: str = "", body: bytes = b"") -> Response:
    """Ask for datasets."""
    target = f"/organizations/{platform.organization.id}/datasets{path}"
    return platform.handle(Request(method, target, headers=headers(platform), body=body))


def names(response: Response) -> list[str]:
    """Return the names of the datasets of an answer."""
    return [each["name"] for each in json.loads(response.read())]


CREATE = b'{"name": "fish", "type": "classification", "props": {}}'


def test_a_status_comes_in_the_place_of_the_call(platform: Platform) -> None:
    """In the platform's dialect, and nothing is done."""
    platform.faults.add("create_dataset", status=503, retry_after=7)
    refused = call(platform, "POST", body=CREATE)
    assert refused.status == 503
    assert dict(refused.headers)["Retry-After"] == "7"
    assert json.loads(refused.read()) == {
        "error": "service_unavailable",
        "error_description": "Service Unavailable",
    }
    assert names(call(platform)) == ["flowers", "birds"]
    assert call(platform, "POST", body=CREATE).status == 200


def test_a_lost_answer_leaves_the_call_done(platform: Platform) -> None:
    """The client sees a status, the state has the dataset, the journal has both."""
    platform.faults.add("create_dataset", lost=502)
    assert call(platform, "POST", body=CREATE).status == 502
    assert names(call(platform)) == ["flowers", "birds", "fish"]
    entry = platform.calls("create_dataset")[0]
    assert (entry.status, entry.done, entry.fault) == (502, 200, "answer lost after the call was done (502)")


def test_a_stale_read_is_of_the_state_before_the_last_change(platform: Platform) -> None:
    """And only where there was one since the fault was added."""
    platform.faults.add("list_datasets", stale=True, times=1)
    assert names(call(platform)) == ["flowers", "birds"]
    assert platform.faults.fired == []
    call(platform, "POST", body=CREATE)
    assert names(call(platform)) == ["flowers", "birds"]
    assert len(platform.faults.fired) == 1
    assert names(call(platform)) == ["flowers", "birds", "fish"]


def test_a_call_that_was_refused_is_no_change(platform: Platform) -> None:
    """The state before it is not that before the last change."""
    platform.faults.add("list_datasets", stale=True)
    call(platform, "POST", body=CREATE)
    assert call(platform, "POST", body=b"{}").status == 400
    assert call(platform, "DELETE", "/1").status == 404
    assert names(call(platform)) == ["flowers", "birds"]


def test_what_changes_something_is_never_done_in_an_earlier_state(platform: Platform) -> None:
    """It would be lost, though its client was told that it was done."""
    fault = platform.faults.add("*", stale=True, calls="1-")
    for number in range(3):
        assert call(platform, "POST", body=CREATE.replace(b"fish", b"fish%d" % number)).status == 200
    assert not fault.fired
    assert fault.never_fired == (
        "3 calls of * were made, none of them reading after a call that changed something since the fault was added"
    )
    assert names(call(platform)) == ["flowers", "birds", "fish0", "fish1"]
    platform.faults.clear()
    assert names(call(platform)) == ["flowers", "birds", "fish0", "fish1", "fish2"]


def test_the_state_of_an_earlier_test_is_no_past(platform: Platform) -> None:
    """What was before is forgotten with the faults, and none is kept where no answer will be stale any more."""
    platform.faults.add("list_datasets", stale=True, optional=True)
    call(platform, "POST", body=CREATE)
    assert platform.faults.past
    platform.faults.clear()
    fault = platform.faults.add("list_datasets", stale=True)
    assert names(call(platform)) == ["flowers", "birds", "fish"]
    assert not fault.fired
    assert not platform.faults.past
    call(platform, "POST", body=CREATE.replace(b"fish", b"shark"))
    assert names(call(platform)) == ["flowers", "birds", "fish"]
    assert fault.is_over
    assert not platform.faults.wants_past


def test_an_expired_token_opens_nothing_whatever_else_goes_wrong(platform: Platform) -> None:
    """A call that another fault delays, or whose answer it hides, is refused, and nothing is done."""
    platform.faults.add("list_datasets", token="expired")
    platform.faults.add("*", latency=0.001, every=1)
    assert [call(platform).status for _ in range(3)] == [401, 401, 401]
    platform.faults.add("create_dataset", lost=502)
    call(platform, "POST", body=CREATE)
    platform.faults.clear()
    assert names(call(platform)) == ["flowers", "birds"]


def test_a_token_expires_however_it_is_sent(platform: Platform) -> None:
    """With the user's id before it, as with `Basic`, and alone, as with `Bearer`."""
    known = platform.credentials()
    pair = f"{known['ABEJA_PLATFORM_USER_ID']}:{known['ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN']}"
    basic = [("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")]
    target = f"/organizations/{platform.organization.id}/datasets"
    fault = platform.faults.add("list_datasets", token="expired")
    assert platform.handle(Request("GET", target, headers=basic)).status == 401
    assert call(platform).status == 401
    platform.faults.remove(fault)
    platform.faults.add("delete_dataset", status=503, optional=True)
    assert call(platform).status == 200


def test_an_expired_token_stays_expired(platform: Platform) -> None:
    """For each later call with it, whatever it asks, and for no other credential."""
    platform.faults.add("list_datasets", token="expired", calls=2)
    assert call(platform).status == 200
    assert call(platform).status == 401
    assert call(platform, "POST", body=CREATE).status == 401
    target = f"/organizations/{platform.organization.id}/datasets"
    other = [("Authorization", "Bearer another-token")]
    assert platform.handle(Request("GET", target, headers=other)).status == 200


def test_only_the_url_that_is_signed_expires(platform: Platform) -> None:
    """The answer is word for word what a URL gets that is too old."""
    channel = platform.seed.channel("uploads")
    file_id = platform.seed.file(channel, b"content", content_type="text/plain")
    info = platform.handle(Request("GET", f"/channels/{channel}/{file_id}", headers=headers(platform)))
    target = json.loads(info.read())["download_uri"].partition("api.abeja.io")[2]
    platform.faults.add("*", url="expired")
    assert call(platform).status == 200
    refused = platform.handle(Request("GET", target))
    platform.clock.advance(3600)
    too_old = platform.handle(Request("GET", target))
    assert (refused.status, too_old.status) == (403, 403)
    shape = [json.loads(each.read())["error_description"].partition("(")[0] for each in (refused, too_old)]
    assert shape == ["this URL has expired "] * 2


def test_faults_that_fit_one_call_take_turns_in_their_order(platform: Platform) -> None:
    """Each has seen it, the first one that is due fires."""
    first = platform.faults.add("list_datasets", status=500, calls=2)
    second = platform.faults.add("GET", status=404, calls="1-3")
    assert [call(platform).status for _ in range(4)] == [404, 500, 404, 200]
    assert (first.seen, first.fired, second.seen, second.fired) == (4, 1, 4, 2)


def test_calls_are_counted_from_the_moment_a_fault_is_added(platform: Platform) -> None:
    """Earlier ones are not."""
    call(platform)
    platform.faults.add("list_datasets", status=404, calls=2)
    assert [call(platform).status for _ in range(3)] == [200, 404, 200]


def test_after_bytes_waits_for_what_the_calls_have_carried(platform: Platform) -> None:
    """Bodies of both directions."""
    size = len(call(platform).read())
    platform.faults.add("list_datasets", status=503, after_bytes=2 * size)
    assert [call(platform).status for _ in range(4)] == [200, 200, 503, 503]


def test_while_a_job_has_a_status(platform: Platform) -> None:
    """Any training job of the platform."""
    platform.faults.add("list_datasets", status=503, while_job="Active")
    assert call(platform).status == 200
    world = platform.world
    with world.store.transaction():
        definition = Definitions(world).create(platform.organization.id, "mine")
        version = Definitions(world).create_version(
            definition, None, handler="main:handler", image="abeja-inc/all-cpu:19.10"
        )
        job = Jobs(world).create(definition, version, platform.user.id)
    assert call(platform).status == 200
    with world.store.transaction():
        job = Jobs(world).move(job, "Active")
    assert call(platform).status == 503
    with world.store.transaction():
        Jobs(world).move(job, "Complete")
    assert call(platform).status == 200


def test_what_never_fired_is_known_with_the_reason(platform: Platform) -> None:
    """So that a test can say it."""
    platform.faults.add("get_dataset", status=503)
    platform.faults.add("list_datasets", status=503, calls=3)
    platform.faults.add("list_datasets", cut=1_000_000)
    platform.faults.add("list_datasets", status=503, calls=9, optional=True)
    call(platform)
    assert [fault.never_fired for fault in platform.faults.unfired()] == [
        "no call of get_dataset was made",
        "1 call of list_datasets was made, none of them at calls=3",
        "the answer ended before that byte, once",
    ]


def test_a_body_that_ends_before_the_byte_is_brought_as_it_is(platform: Platform) -> None:
    """It is no hit, and the journal does not say so."""
    platform.faults.add("list_datasets", cut=1_000_000)
    response = call(platform)
    assert response.delivery is None
    assert names(response) == ["flowers", "birds"]
    assert platform.faults.fired == []
    assert platform.calls()[-1].fault is None


def test_the_calls_that_a_client_made_because_of_a_fault(platform: Platform) -> None:
    """The same call again, until it was answered without a fault."""
    platform.faults.add("list_datasets", status=503, calls="1-2")
    for _ in range(4):
        call(platform)
    target = f"GET /organizations/{platform.organization.id}/datasets"
    first, second = platform.faults.fired
    assert first.because == [f"{target} → 503 [fault: status 503]"]
    assert second.because == [f"{target} → 200"]
    assert [entry.because for entry in platform.calls()] == [None, 1, 2, None]


def test_a_removed_fault_fires_no_more_and_is_still_asked_for(platform: Platform) -> None:
    """A test that removes what never fired has not seen it either."""
    fault = platform.faults.add("list_datasets", status=503, calls="1-")
    assert call(platform).status == 503
    platform.faults.remove(fault)
    assert call(platform).status == 200
    unseen = platform.faults.add("list_datasets", status=503, calls=5)
    platform.faults.remove(unseen)
    assert platform.faults.unfired() == [unseen]
    with pytest.raises(ValueError, match="is none of the faults of this plan"):
        platform.faults.remove(unseen)


def test_muted_nothing_goes_wrong(platform: Platform) -> None:
    """To see what happens without; what is added is checked all the same."""
    platform.faults.muted = True
    platform.faults.add("list_datasets", status=503)
    with pytest.raises(ValueError, match="did you mean"):
        platform.faults.add("list_dataset", status=503)
    assert call(platform).status == 200
    assert platform.faults.unfired() == []


def test_what_jobs_are_confined_to_adds_up(platform: Platform) -> None:
    """And is noted at each job that was; it is about no call."""
    platform.faults.add_line("disk result_dir size=1MB")
    fault = platform.faults.add_line("network none")
    confined = platform.faults.confinement()
    assert (confined.result_dir_size, confined.network) == (1_000_000, "none")
    assert call(platform).status == 200
    assert fault.never_fired == "no job ran in a child, abeja_train(…, train_in='child') or one made through the API"
    platform.faults.note_confined("123")
    assert platform.faults.unfired() == []
    assert [hit.call for hit in platform.faults.fired] == ["job 123", "job 123"]


def test_two_platforms_have_a_plan_each(platform: Platform) -> None:
    """What goes wrong on one does not on the other."""
    with Platform() as other:
        other.faults.add("*", status=503, calls="1-")
        assert call(platform).status == 200
        assert call(other).status == 503


def test_a_platform_without_faults_keeps_no_past(platform: Platform) -> None:
    """A copy of the state is made only while an answer may be stale."""
    call(platform, "POST", body=CREATE)
    assert not platform.faults.past


@pytest.mark.parametrize(
    ("line", "ends"), [("reset=during", True), ("cut=1", False), ("stall", False), ("drip=1", False)]
)
def test_an_answer_without_a_body_has_no_byte_to_end_at(platform: Platform, line: str, *, ends: bool) -> None:
    """That of HEAD, however long it says that it is; a connection can be reset all the same."""
    fault = platform.faults.add_line(f"HEAD {line}")
    response = call(platform, "HEAD")
    assert bool(fault.fired) == ends
    assert (response.delivery is not None) == ends


def test_what_fired_is_remembered_up_to_a_limit(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of it, under its own numbers; a server may run for days."""
    monkeypatch.setattr("abeja_emulator.faults.plan.MOST_HITS", 20)
    fault = platform.faults.add("list_datasets", status=503, every=1)
    for _ in range(50):
        call(platform)
    assert fault.fired == 50
    assert len(platform.faults.fired) <= 20
    numbers = [hit.number for hit in platform.faults.fired]
    assert numbers == list(range(numbers[0], 51))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("list_datasets url=expired", "1 call of list_datasets was made, none of them with a signed URL"),
        ("* dns", "1 call of * was made, none of them over a connection at which there can be a DNS failure"),
    ],
)
def test_a_fault_that_its_calls_cannot_have_says_so(platform: Platform, line: str, why: str) -> None:
    """Not that there was no call."""
    fault = platform.faults.add_line(line)
    call(platform)
    assert fault.never_fired.startswith(why)


def test_a_fault_can_be_added_under_a_debugger(platform: Platform) -> None:
    """One that looks at each line changes what Python knows of the names of a function."""

    def look(frame: FrameType, event: str, argument: object) -> Any:
        del event, argument
        assert isinstance(frame.f_locals, Mapping)
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        fault = platform.faults.add("get_dataset", status=503, calls=[1, 2])
    finally:
        sys.settrace(before)
    assert str(fault) == "get_dataset status=503 calls=1,2"


@pytest.mark.parametrize(
    ("scheme", "host", "word"),
    [
        ("https", "api.abeja.io", "tls"),
        ("http", "127.0.0.1:8080", "tls"),
        ("http", "api.abeja.io", None),
    ],
)
def test_a_certificate_fails_where_there_would_be_one(
    platform: Platform, scheme: str, host: str, word: str | None
) -> None:
    """Also where a job in a child reaches the API without TLS, but not where the client itself wants none."""
    platform.faults.add("*", tls=True)
    assert platform.meet_connection(scheme, host) == word
