"""Control: answers the control API, and hands every other request on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.control.access import check_access
from abeja_emulator.control.declaring import PREFIX
from abeja_emulator.control.desk import ControlCall, Desk
from abeja_emulator.control.operations import OPERATIONS
from abeja_emulator.control.secrecy import Secrecy
from abeja_emulator.epochs import ClosedPlatformError
from abeja_emulator.errors import InternalServerError, MethodNotAllowed, NotFound, PlatformError
from abeja_emulator.store.database import ForeignProcessError
from abeja_emulator.wire.content import Download
from abeja_emulator.wire.messages import Response
from abeja_emulator.wire.operations import Base, unique
from abeja_emulator.wire.routing import Router
from abeja_emulator.wire.validation import body_of, query_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from abeja_emulator.control.desk import JobControl, ModeControl, RunControl, ServiceControl, Snapshots
    from abeja_emulator.platform import Platform
    from abeja_emulator.wire.messages import Application, Request, Spool
    from abeja_emulator.wire.operations import Operation

_LOG = logging.getLogger("abeja_emulator")


class Control:
    """An application that answers what is below `/_emulator/`, and lets another answer all else.

    Its own calls are in no journal.

    Args:
        platform: what is looked at and steered.
        jobs: runs its jobs, or None: nothing does.
        application: answers the other requests, such as one that leads to several platforms; by default the platform.
        snapshots: the platform's named states, such as `SavedStates`, or None: there are none.
        reset: returns the platform to the state it had at the start, such as a `Checkpoint`, or a `SavedCheckpoint`
            where there is a data directory; None: nothing does.
        hosts: names and addresses the server listens on besides those of the loopback; `0.0.0.0` or `::` stand for
            every address. See `check_access`.
        seed_folder: where the paths of a posted seed document begin, and which none of them leaves; None: such a
            document may name no files.
        follow: see `Desk`.
        services: runs the platform's services.
        runs: runs its runs.
        modes: when jobs and runs begin.
    """

    def __init__(  # noqa: PLR0913 - all but the first three by name
        self,
        platform: Platform,
        jobs: JobControl | None = None,
        application: Application | None = None,
        *,
        snapshots: Snapshots | None = None,
        reset: Callable[[], None] | None = None,
        hosts: Iterable[str] = (),
        seed_folder: Path | None = None,
        follow: Callable[[], None] | None = None,
        services: ServiceControl | None = None,
        runs: RunControl | None = None,
        modes: ModeControl | None = None,
    ) -> None:
        self._application: Application = platform if application is None else application
        self._desk = Desk(platform, jobs, snapshots, reset, seed_folder, follow, services, runs, modes)
        self._hosts = frozenset(host.lower() for host in hosts)
        self._router = Router(unique(OPERATIONS))
        self._encode = msgspec.json.Encoder().encode

    def spool(self) -> Spool:
        """Return a fresh place for the body of one request."""
        return self._application.spool()

    def handle(self, request: Request) -> Response:
        """Answer one request; never raises for what a client did.

        Raises:
            LateCallError: when what an earlier test left running calls; it names that test.
            ClosedPlatformError: when the platform is closed.
        """
        path = request.target.partition("?")[0]
        if path != PREFIX and not path.startswith(PREFIX + "/"):
            return self._application.handle(request)
        platform = self._desk.platform
        if platform.closed:
            message = f"{request.method} {path} came after this Platform was closed"
            raise ClosedPlatformError(message)
        platform.epochs.check(request.born)
        try:
            check_access(request, self._hosts)
            answer = self._answer(request, path)
            return answer.response() if isinstance(answer, Download) else self._json(200, answer)
        except PlatformError as refusal:
            return self._refuse(refusal)
        except ForeignProcessError:
            raise
        except Exception as defect:  # noqa: BLE001 - a client must get an answer, and a person a traceback
            _LOG.exception("%s failed in the emulator itself", request)
            message = f"the emulator failed: {defect!r}; please report it with the traceback in the log"
            return self._refuse(InternalServerError(message))
        finally:
            if not isinstance(request.body, bytes):
                request.body.close()

    def _answer(self, request: Request, path: str) -> Any:
        operation, values = self._chosen(request, path)
        query = query_of(operation, request.target.partition("?")[2])
        body = body_of(operation, request, self.spool)
        assert operation.rule is not None  # noqa: S101 - each of ours has one
        return operation.rule(ControlCall(self._desk, values, query, body))

    def _chosen(self, request: Request, path: str) -> tuple[Operation, dict[str, str]]:
        route = self._router.route(Base.API, request.method, path)
        if route.operation is not None:
            return route.operation, route.values
        if route.methods:
            methods = ", ".join(route.methods)
            message = f"{path} has no method {request.method}; it has {methods}"
            raise MethodNotAllowed(message, headers=(("Allow", methods),))
        message = f"{request.method} {path} is no operation of the control API"
        nearest = self._router.nearest(Base.API, request.method, path)
        if nearest is not None:
            message += f"; the nearest one is {nearest.method} {nearest.path}"
        message += f"; GET {PREFIX}/openapi/control.json describes them all"
        raise NotFound(message)

    def _refuse(self, error: PlatformError) -> Response:
        body = {**error.body(), "error_description": Secrecy(self._desk.platform)(error.description)}
        response = self._json(error.status, body)
        response.headers += error.headers
        return response

    def _json(self, status: int, answer: Any) -> Response:
        body = self._encode(answer)
        return Response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))], body)
