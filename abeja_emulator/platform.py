"""Platform: one emulated ABEJA Platform, its state and its rules."""

from __future__ import annotations

import logging
from functools import cached_property
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING, Any, Callable, Literal

import msgspec

from abeja_emulator.clock import Clock
from abeja_emulator.epochs import ClosedPlatformError, Epochs
from abeja_emulator.errors import (
    InternalServerError,
    MethodNotAllowed,
    NotEmulated,
    NotFound,
    PlatformError,
)
from abeja_emulator.ids import Ids
from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.services.datalake.records import Channel
from abeja_emulator.services.organizations.rules import Accounts, check_channel, check_organization
from abeja_emulator.store.database import ForeignProcessError
from abeja_emulator.store.store import Store
from abeja_emulator.wire.call import Call, Caller, World
from abeja_emulator.wire.content import Download, Form
from abeja_emulator.wire.credentials import read_credential
from abeja_emulator.wire.journal import Entry, Journal
from abeja_emulator.wire.messages import Response
from abeja_emulator.wire.operations import Access, Base, Operation, Route
from abeja_emulator.wire.routing import Router
from abeja_emulator.wire.signing import Signer
from abeja_emulator.wire.validation import body_of, query_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from abeja_emulator.looking import Look
    from abeja_emulator.seeding import Seed
    from abeja_emulator.services.organizations.records import Organization, User
    from abeja_emulator.store.blobs import BlobSpool
    from abeja_emulator.store.store import Snapshot
    from abeja_emulator.wire.messages import Headers, Request

_LOG = logging.getLogger("abeja_emulator")

#: Where clients go when nothing tells them otherwise (`abeja/common/connection.py`).
API_HOST = "api.abeja.io"

#: `open`: any well-formed credential is the default user. `strict`: credentials are checked.
Authentication = Literal["open", "strict"]


class Platform:
    """One emulated platform. Make as many as you like; they never see each other.

    A new one has one organization with one user, whose credentials clients find in
    `credentials()`.

    Args:
        auth: `open` lets any well-formed credential be the default user, because many handlers carry
            their own; `strict` answers 401 to an unknown one and 403 to one of another organization.
        organization: name of the default organization.
        organization_id: its id, when handlers have one in their code.
        clock: source of time.
        seed: makes ids repeat from run to run; None takes them from the system's entropy.
        path: a database file, not there yet, to keep the records in; in memory by default.

    Attributes:
        auth: as given; may be changed at any time.
        clock: source of time.
        epochs: which test is running, and which left something running.
        journal: the last calls.
        world: what the rules of the services work on.
        organization: the default organization.
        user: the default user.
        closed: whether it has forgotten everything.
    """

    def __init__(  # noqa: PLR0913 - all by name
        self,
        *,
        auth: Authentication = "open",
        organization: str = "default-org",
        organization_id: str | None = None,
        clock: Clock | None = None,
        seed: int | None = None,
        path: str = ":memory:",
    ) -> None:
        self.auth: Authentication = auth
        self.clock = clock or Clock()
        self.epochs = Epochs()
        self.journal = Journal()
        ids = Ids(seed)
        self._store = Store(ids, path)
        self.world = World(self._store, self.clock, ids, Signer(token_bytes(32), self.clock))
        self._accounts = Accounts(self.world)
        self._router = Router(all_operations())
        self._encode = msgspec.json.Encoder().encode
        self._token = token_hex(20)
        self._given_tokens: set[str] = set()
        self.closed = False
        with self._store.transaction():
            self.organization: Organization = self._accounts.add_organization(organization, organization_id)
            self.user: User = self._accounts.add_user(
                self.organization.id, self._token, email=f"user@{organization}.example"
            )

    # -- seed, look, assert ---------------------------------------------------------------------

    @cached_property
    def seed(self) -> Seed:
        """Puts things on the platform: datasets from a folder, channels, files, users."""
        from abeja_emulator.seeding import Seed  # noqa: PLC0415 - a run that seeds nothing does not pay

        return Seed(self)

    @cached_property
    def look(self) -> Look:
        """Shows what is on the platform: datasets, items, channels, files, jobs."""
        from abeja_emulator.looking import Look  # noqa: PLC0415 - the same

        return Look(self)

    def credentials(self) -> dict[str, str]:
        """Return the variables that tell clients who they are: the default user, and where the API is."""
        return {
            "ABEJA_API_URL": f"https://{API_HOST}",
            "ABEJA_ORGANIZATION_ID": self.organization.id,
            "ABEJA_PLATFORM_USER_ID": f"user-{self.user.id}",
            "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN": self._token,
        }

    def secrets(self) -> list[str]:
        """Return what must never be shown to a person: tokens of users and jobs, secrets of data sources.

        Tokens are kept as digests; those that were given to this Platform are also in memory, for this.
        """
        with self._store.reading():
            sources = [row.record.secret for row in self._accounts.datasources.all()]
        return [self._token, *self._given_tokens, *sources, *(job.token for job in self.look.jobs())]

    def keep_secret(self, token: str) -> None:
        """Note a token that was made known here, so that no report ever shows it."""
        self._given_tokens.add(token)

    def calls(self, operation: str | None = None) -> list[Entry]:
        """Return the calls of the current test, of one operation (`get_dataset`) or of all."""
        return [entry for entry in self.journal.current() if operation is None or entry.operation == operation]

    def assert_called(self, operation: str, *, times: int | None = None) -> None:
        """Assert that an operation was called, and how often.

        Raises:
            AssertionError: when it was not; it shows the calls there were.
        """
        found = len(self.calls(operation))
        if found == times or (times is None and found):
            return
        wanted = "never called" if times is None else f"called {found} times, not {times}"
        shown = "\n".join(f"  {entry.operation}: {entry}" for entry in self.calls()) or "  (no calls at all)"
        message = f"{operation} was {wanted}; the calls were\n{shown}"
        raise AssertionError(message)

    # -- state ----------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Remember the state as it is. Snapshots nest; ids and time are never turned back."""
        return self._store.snapshot()

    def close(self) -> None:
        """Forget everything; a forked child leaves what is its parent's."""
        self.closed = True
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def organizations(self) -> list[str]:
        """Return the ids and names of its organizations."""
        with self._store.reading():
            found = [row.record for row in self._accounts.organizations.all()]
        return [name for organization in found for name in (organization.id, organization.name)]

    def channels(self) -> list[str]:
        """Return the ids of its channels."""
        with self._store.reading():
            return [row.record.channel_id for row in self._store.table("channel", Channel).all()]

    def owns(self, request: Request) -> bool:
        """Tell whether a request names something of this Platform: an organization, a channel, its signature."""
        route = self._route(request)
        if route.operation is None:
            return False
        if route.operation.access is Access.SIGNATURE:
            return self.world.signer.signed(request.method, request.target)
        organization, channel = route.values.get("organization_id"), route.values.get("channel_id")
        if organization is not None:
            return organization in self.organizations()
        with self._store.reading():
            return channel is not None and self._store.table("channel", Channel).find(channel) is not None

    # -- the path of a call ---------------------------------------------------------------------

    def spool(self) -> BlobSpool:
        """Return a fresh place for the body of one request."""
        return self._store.blobs.spool()

    def handle(self, request: Request) -> Response:
        """Answer one request; never raises for what a client did.

        Raises:
            LateCallError: when what an earlier test left running calls; it names that test.
            ClosedPlatformError: when it is closed.

        A route is looked for before the credential, because a signed URL needs none.
        """
        if self.closed:
            message = f"{request.method} {request.target.partition('?')[0]} came after this Platform was closed"
            raise ClosedPlatformError(message)
        self.epochs.check(request.born)
        at = self.clock.timestamp()
        route = self._route(request)
        error: str | None = None
        try:
            operation, rule = self._chosen(route, request)
            with self._store.transaction() if operation.writes else self._store.reading():
                caller = self._authenticate(operation, route, request)
                call = self._validate(operation, route, request, caller)
                response = self._perform(rule, call)
        except PlatformError as refusal:
            response, error = self._refuse(refusal), refusal.description
        except ForeignProcessError:
            raise
        except Exception as defect:  # noqa: BLE001 - a client must get an answer, and a person a traceback
            _LOG.exception("%s failed in the emulator itself", request)
            error = f"the emulator failed: {defect!r}; please report it with the traceback in the log"
            response = self._refuse(InternalServerError(error))
        finally:
            if not isinstance(request.body, bytes):
                request.body.close()
        self.journal.add(_entry(request, route.operation, response.status, at, error))
        return response

    def refuse(self, request: Request, error: PlatformError) -> Response:
        """Answer a request with an error, and remember that in the journal."""
        if not isinstance(request.body, bytes):
            request.body.close()
        response = self._refuse(error)
        operation = self._route(request).operation
        self.journal.add(_entry(request, operation, response.status, self.clock.timestamp(), error.description))
        return response

    def _route(self, request: Request) -> Route:
        path = request.target.partition("?")[0]
        subdomain, _, domain = request.host.partition(":")[0].partition(".")
        if domain == API_HOST:
            route = self._router.route(Base.ORGANIZATION, request.method, path)
            if route.operation or route.methods:
                route.values["organization_id"] = subdomain
                return route
        return self._router.route(Base.API, request.method, path)

    def _chosen(self, route: Route, request: Request) -> tuple[Operation, Callable[[Any], Any]]:
        path = request.target.partition("?")[0]
        if route.operation is None and route.methods:
            methods = ", ".join(route.methods)
            message = f"{path} has no method {request.method}; it has {methods}"
            raise MethodNotAllowed(message, headers=(("Allow", methods),))
        if route.operation is None:
            message = f"{request.method} {path} is no operation of the platform"
            nearest = self._router.nearest(Base.API, request.method, path)
            if nearest is not None:
                message += f"; the nearest one is {nearest.method} {nearest.path} ({nearest.name})"
            raise NotFound(message)
        if route.operation.rule is None:
            message = (
                f"{route.operation.name} ({request.method} {route.operation.path}) is an operation of the platform, "
                "but it is not emulated yet; docs/coverage.md lists those that are"
            )
            raise NotEmulated(message)
        return route.operation, route.operation.rule

    def _authenticate(self, operation: Operation, route: Route, request: Request) -> Caller | None:
        if operation.access is Access.SIGNATURE:
            self.world.signer.check(request.method, request.target)
            return None
        credential = read_credential(request.header("authorization"))
        caller = self._accounts.caller(credential) if self.auth == "strict" else Caller(None, self.user.id)
        named = route.values.get("organization_id")
        if named is not None:
            known = named == self.organization.id
            found = named if known else self._accounts.organization(named).id
            route.values["organization_id"] = found
            check_organization(caller, found)
        if "channel_id" in route.values:
            check_channel(caller, route.values["channel_id"])
        return caller

    def _validate(self, operation: Operation, route: Route, request: Request, caller: Caller | None) -> Call[Any, Any]:
        query = query_of(operation, request.target.partition("?")[2])
        body = body_of(operation, request, self.spool)
        origin = f"{request.scheme}://{request.host}"
        return Call(self.world, route.values, query, body, caller, origin)

    def _perform(self, rule: Callable[[Any], Any], call: Call[Any, Any]) -> Response:
        try:
            return self._render(rule(call))
        finally:
            if isinstance(call.body, Form):
                call.body.file.close()

    def _render(self, answer: Any) -> Response:
        if isinstance(answer, Download):
            headers: Headers = [("Content-Length", str(answer.size))]
            if answer.content_type:
                headers.insert(0, ("Content-Type", answer.content_type))
            return Response(200, headers, answer.content)
        body = self._encode(answer)
        return Response(200, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))], body)

    def _refuse(self, error: PlatformError) -> Response:
        body = self._encode(error.body())
        headers: Headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            *error.headers,
        ]
        return Response(error.status, headers, body)


def _entry(request: Request, operation: Operation | None, status: int, at: float, error: str | None) -> Entry:
    path, _, query = request.target.partition("?")
    # By its name too: a signed URL called with the wrong method is no operation.
    signed = "signature=" in query or (operation is not None and operation.access is Access.SIGNATURE)
    return Entry(
        method=request.method,
        path=path,
        query="" if signed else query,
        operation=operation.name if operation else None,
        status=status,
        evidence=operation.evidence if operation else None,
        at=at,
        error=error,
    )
