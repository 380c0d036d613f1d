"""Results of asynchronous requests, as the runner sends them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from abeja.deployments import APIClient as DeploymentsAPI

from abeja_emulator.errors import NotFound
from abeja_emulator.services.results.rules import Results
from tests.services.wire import check_answer, check_refusal

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from tests.services.wire import Wire

FORM = {"Content-Type": "multipart/form-data; boundary=edge"}


def part(name: str, content: str, kind: str) -> str:
    """Return a part of a form, its name without quotes, as the runner writes it."""
    return f"--edge\r\nContent-Disposition: form-data; name={name}\r\nContent-Type: {kind}\r\n\r\n{content}\r\n"


def form(status: str = "200", headers: str = '{"X-A": "1"}', body: str = "hello") -> bytes:
    """Return what the runner sends of an answer."""
    parts = (
        part("status", status, "text/plain"),
        part("headers", headers, "application/json"),
        part("body", body, "text/x"),
    )
    return ("".join(parts) + "--edge--\r\n").encode()


@pytest.fixture
def deployment(platform: Platform, organization: str) -> str:
    """Id of a deployment."""
    identifier: str = DeploymentsAPI().create_deployment(organization, "reader")["deployment_id"]
    return identifier


@pytest.fixture
def path(deployment: str) -> str:
    """Path of the result of a request."""
    return f"/organizations/{{org}}/deployments/{deployment}/results/request-1"


class Kept:
    """What is kept of one request."""

    def __init__(self, platform: Platform, deployment: str) -> None:
        self._platform, self._deployment = platform, deployment

    def __call__(self) -> dict[str, Any]:
        """Return it."""
        results = Results(self._platform.world)
        with self._platform.world.store.reading():
            result = results.get(self._deployment, "request-1")
            content = results.content(result).response().read()
        kept = {name: getattr(result, name) for name in ("status", "headers", "content_type")}
        return {**kept, "body": content}


@pytest.fixture
def kept(platform: Platform, deployment: str) -> Kept:
    """What is kept of the request."""
    return Kept(platform, deployment)


class TestPut:
    """`PUT …/results/<request id>`."""

    def test_answer(self, wire: Wire, path: str, kept: Kept) -> None:
        """A form with unquoted names is kept with status, headers, type and body."""
        answer = wire("PUT", path, data=form(), headers=FORM)
        assert answer.status_code == 200
        check_answer("put_result", answer.json())
        assert kept() == {"status": 200, "headers": {"X-A": "1"}, "content_type": "text/x", "body": b"hello"}

    def test_no_answer(self, wire: Wire, path: str, kept: Kept) -> None:
        """What the runner says instead of an answer is kept as one."""
        error = {"error": "internal_server_error", "error_description": "lost"}
        assert wire("PUT", path, json={"status": 502, "headers": {"X-B": ["1", "2"]}, "body": error}).status_code == 200
        found = kept()
        assert json.loads(found.pop("body")) == error
        assert found == {"status": 502, "headers": {"X-B": "1, 2"}, "content_type": "application/json"}

    def test_again(self, wire: Wire, path: str, platform: Platform, deployment: str, kept: Kept) -> None:
        """A second one takes the place of the first; there is one result of a request."""
        wire("PUT", path, data=form(body="first"), headers=FORM)
        wire("PUT", path, data=form(body="second"), headers=FORM)
        assert kept()["body"] == b"second"
        with platform.world.store.reading():
            assert len(Results(platform.world).all(deployment)) == 1

    @pytest.mark.parametrize(
        ("sent", "why"),
        [
            ({"data": form(status="fine"), "headers": FORM}, "status"),
            ({"data": form(status="1000"), "headers": FORM}, "1000"),
            ({"data": form(headers="[]"), "headers": FORM}, "headers"),
            ({"data": form().replace(b"name=body", b"name=bodi"), "headers": FORM}, "lacks the parts body"),
            ({"data": form()[:40], "headers": FORM}, "well-formed"),
            ({"data": b"{", "headers": {"Content-Type": "application/json"}}, "the body of put_result"),
            ({"json": {"status": 2}}, "2"),
            ({"json": {"headers": {}}}, "status"),
        ],
    )
    def test_refused(self, wire: Wire, path: str, kept: Kept, sent: dict[str, Any], why: str) -> None:
        """What cannot be read is refused and says why, and nothing is kept of it."""
        check_refusal(wire("PUT", path, **sent), 400, why)
        with pytest.raises(NotFound, match="results there are: none"):
            kept()

    def test_unknown_deployment(self, wire: Wire) -> None:
        """There is nothing to keep it under."""
        path = "/organizations/{org}/deployments/1999999999999/results/request-1"
        check_refusal(wire("PUT", path, data=form(), headers=FORM), 404, "1999999999999")
