"""Control as an application: what it answers itself, what it hands on, and how it refuses."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.control.control import Control
from abeja_emulator.control.declaring import PREFIX
from abeja_emulator.control.operations import OPERATIONS
from abeja_emulator.epochs import ClosedPlatformError, LateCallError
from abeja_emulator.platform import Platform
from abeja_emulator.wire.messages import Request
from abeja_emulator.wire.operations import unique
from tests.control.steering import Steering, new_job
from tests.platform_calls import answer, description
from tests.transports.stub_application import StubApplication

if TYPE_CHECKING:
    from abeja_emulator.control.desk import JobControl
    from abeja_emulator.runtime.executor import Executor
    from abeja_emulator.wire.messages import Response
    from abeja_emulator.wire.operations import Operation


def ask(control: Control, method: str, path: str, **arguments: Any) -> Response:
    """Ask without any transport."""
    return control.handle(Request(method, path, scheme="http", host="127.0.0.1:1", **arguments))


class TestWhose:
    """Its own is what is below the prefix."""

    @pytest.mark.parametrize("path", ["/", "/_emulators/health", "/%5Femulator/health", "/x/_emulator/health", "//"])
    def test_all_else_is_handed_on(self, platform: Platform, path: str) -> None:
        """Untouched, with its body still to be read, and the answer is the other's."""
        other = StubApplication()
        response = ask(Control(platform, None, other), "POST", path, body=b"content")
        assert (response.status, other.last.target, other.bodies) == (404, path, [b"content"])

    @pytest.mark.parametrize("path", [PREFIX, PREFIX + "/", PREFIX + "?a=b", PREFIX + "/nowhere", PREFIX + "/healt"])
    def test_nothing_of_its_own_is(self, platform: Platform, path: str) -> None:
        """What is below the prefix and no operation is refused here, with what would have been right."""
        other = StubApplication()
        words = description(ask(Control(platform, None, other), "GET", path), 404)
        assert "/_emulator/openapi/control.json" in words
        assert other.requests == []

    def test_by_default_the_platform(self, platform: Platform) -> None:
        """Answers the rest."""
        path = f"/organizations/{platform.organization.id}"
        response = ask(Control(platform), "GET", path, headers=[("Authorization", "Bearer x")])
        assert answer(response)["id"] == platform.organization.id

    def test_spool_is_the_others(self, platform: Platform) -> None:
        """A body lands where the application that will keep it keeps its own."""
        other = StubApplication()
        assert Control(platform, None, other).spool() is other.spools[-1]

    def test_not_in_the_journal(self, steer: Steering, platform: Platform) -> None:
        """Neither its answers nor its refusals are calls of the platform."""
        steer("GET", "/health")
        steer.refused(404, "GET", "/nowhere")
        steer.raw("GET", "/nowhere")
        assert [entry.path for entry in platform.journal] == ["/nowhere"]


class TestRefusals:
    """In the platform's dialect, in plain words."""

    def test_method(self, steer: Steering) -> None:
        """Another method is 405, and the refusal says which there are, in its header too."""
        steer.refused(405, "POST", "/health", "no method POST", "it has GET")
        assert steer.raw("DELETE", "/_emulator/jobs-mode").headers["Allow"] == "GET, PUT"

    def test_nearest(self, steer: Steering) -> None:
        """A slip of the finger is told what was meant."""
        steer.refused(404, "GET", "/jobss", "the nearest one is GET /_emulator/jobs;")

    @pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
    def test_unknown_query(self, steer: Steering, operation: Operation) -> None:
        """A parameter that no operation has is a slip, too, and not left unsaid."""
        path = operation.path.removeprefix(PREFIX).replace("{", "").replace("}", "")
        steer.refused(400, operation.method, path + "?afer=1", "unknown field `afer`")

    @pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.body], ids=lambda each: each.name)
    @pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b'{"unheard of": 1}', b"[" * 500 + b"]" * 500])
    def test_malformed_body(self, steer: Steering, platform: Platform, operation: Operation, body: bytes) -> None:
        """What is no JSON, or not an object of what is known, is 400 and does nothing."""
        before = platform.world.store.database.changes
        steer.refused(400, operation.method, operation.path.removeprefix(PREFIX), operation.name, data=body)
        assert platform.world.store.database.changes == before

    def test_defect(self, platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
        """A defect of the emulator is 500 that says so, and a traceback in the log."""

        def broken() -> None:
            raise ZeroDivisionError

        with caplog.at_level(logging.ERROR, "abeja_emulator"):
            words = description(ask(Control(platform, reset=broken), "POST", "/_emulator/reset"), 500)
        assert "ZeroDivisionError" in words
        assert "Traceback" in caplog.text

    def test_closed(self, platform: Platform) -> None:
        """A platform that is closed can be steered as little as called."""
        control = Control(platform)
        platform.close()
        with pytest.raises(ClosedPlatformError, match="/_emulator/health"):
            ask(control, "GET", "/_emulator/health")


class TestHealth:
    """GET /_emulator/health."""

    def test_of_a_server_that_runs_jobs(self, steer: Steering, platform: Platform) -> None:
        """It counts them."""
        health = steer("GET", "/health")
        assert health == {
            "status": "ok",
            "version": health["version"],
            "organization_id": platform.organization.id,
            "auth": "open",
            "jobs_running": 0,
            "jobs_queued": 0,
            "services_running": None,
            "services_starting": None,
            "runs_running": None,
            "runs_queued": None,
        }
        new_job(platform, source=b"def handler(context): pass")
        assert steer("GET", "/health")["jobs_queued"] == 1

    def test_of_one_that_does_not(self, bare: Steering, platform: Platform) -> None:
        """It has no such numbers, not even nought."""
        platform.auth = "strict"
        health = bare("GET", "/health")
        assert (health["auth"], health["jobs_running"], health["jobs_queued"]) == ("strict", None, None)

    def test_while_the_state_is_held(self, steer: Steering, platform: Platform) -> None:
        """It answers while somebody works on the state for long: a health check must not wait for a large seed."""
        with platform.world.store.transaction():
            assert steer("GET", "/health")["status"] == "ok"


def test_operations_are_declared_well() -> None:
    """No two alike; each with a summary, its answer's type, and the refusals that any call can meet."""
    assert unique(OPERATIONS) == OPERATIONS
    for operation in OPERATIONS:
        assert operation.path.startswith(PREFIX + "/")
        assert operation.summary.endswith(".")
        assert operation.answer is not None
        assert {400, 403} <= set(operation.errors)
        assert operation.source == ""


def test_two_servers_do_not_see_each_other(platform: Platform, steer: Steering) -> None:
    """Each steers its own platform."""
    with Platform() as other:
        ask(Control(other), "POST", "/_emulator/clock/advance", body=b'{"seconds": 5}')
        assert (other.clock.offset, platform.clock.offset) == (5, 0)
    assert steer("GET", "/clock")["offset"] == 0


def test_executor_is_what_control_needs(executor: Executor) -> None:
    """The type checker says so."""
    jobs: JobControl = executor
    assert jobs.mode == "held"


def test_late_child_is_refused(platform: Platform) -> None:
    """A child that an earlier test left running steers nothing."""
    platform.epochs.begin("test_before")
    request = Request("POST", "/_emulator/clock/advance", host="127.0.0.1:1", body=b'{"seconds": 5}')
    request.born = platform.epochs.begun
    platform.epochs.end()
    with pytest.raises(LateCallError, match="test_before"):
        Control(platform).handle(request)
    assert platform.clock.offset == 0
