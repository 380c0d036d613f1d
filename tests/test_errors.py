"""What can go wrong, in the platform's own words."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import abeja.exceptions
import pytest
from abeja.datasets.api.client import APIClient

from abeja_emulator import errors
from abeja_emulator.errors import Conflict, MethodNotAllowed, NotFound, PlatformError
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.wire.messages import Response

if TYPE_CHECKING:
    from abeja_emulator.wire.messages import Request, Spool

REFUSALS = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, PlatformError)]


def test_body() -> None:
    """Two keys, and a third when there are facts for a program."""
    assert NotFound("gone").body() == {"error": "not_found", "error_description": "gone"}
    details: list[object] = [[1], [], {}, "", 0, False]
    for detail in details:
        assert Conflict("taken", detail=detail).body()["error_detail"] == detail


def test_text() -> None:
    """What is shown in a traceback is the sentence."""
    assert str(NotFound("gone")) == "gone"
    assert NotFound("gone").headers == ()
    assert MethodNotAllowed("no", headers=(("Allow", "GET"),)).headers == (("Allow", "GET"),)


@pytest.mark.parametrize("error", REFUSALS)
def test_status(error: type[PlatformError]) -> None:
    """Each is an error of HTTP; those the clients retry are no refusals on purpose."""
    assert HTTPStatus(error.status).value >= 400
    assert (error.status in {500, 502, 503, 504}) == (error in {PlatformError, errors.InternalServerError})
    assert error.__doc__
    assert error is PlatformError or error.__doc__.startswith(f"{error.status}: ")
    assert error.error == error.error.lower()


class Refusing:
    """An application that refuses every call with one error."""

    def __init__(self, error: PlatformError) -> None:
        self.error = error
        self.calls = 0

    def spool(self) -> Spool:
        """Say that no body is expected."""
        raise AssertionError

    def handle(self, request: Request) -> Response:  # noqa: ARG002 - whatever it is
        """Refuse."""
        self.calls += 1
        body = json.dumps(self.error.body()).encode()
        return Response(self.error.status, [("Content-Length", str(len(body)))], body)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (errors.BadRequest, abeja.exceptions.BadRequest),
        (errors.Unauthorized, abeja.exceptions.Unauthorized),
        (errors.Forbidden, abeja.exceptions.Forbidden),
        (errors.NotFound, abeja.exceptions.NotFound),
        (errors.MethodNotAllowed, abeja.exceptions.MethodNotAllowed),
        (errors.Conflict, abeja.exceptions.Conflict),
        (errors.PayloadTooLarge, abeja.exceptions.HttpError),
        (errors.NotEmulated, abeja.exceptions.HttpError),
    ],
)
def test_the_sdk_raises_its_own(error: type[PlatformError], raised: type[Exception]) -> None:
    """A class of its own where it has one, with the words of the refusal, after one call: nothing is retried."""
    application = Refusing(error("because of this", detail=[{"reason": "that"}]))
    with InProcess(application):
        client = APIClient(credential={"auth_token": "token"})
        with pytest.raises(abeja.exceptions.HttpError) as seen:
            client.list_datasets("1")
    assert type(seen.value) is raised
    refusal = cast("Any", seen.value)
    assert (refusal.error, refusal.error_description) == (error.error, "because of this")
    assert (refusal.error_detail, refusal.status_code) == ([{"reason": "that"}], error.status)
    assert application.calls == 1
