"""Platform: one emulated ABEJA Platform, its state and its rules."""

from __future__ import annotations

import datetime
import ipaddress
import logging
from dataclasses import replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING, Any, Callable, Literal, cast

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
from abeja_emulator.faults.answering import Answering, token_has_expired
from abeja_emulator.faults.duplicates import Made
from abeja_emulator.faults.effects import BODY
from abeja_emulator.faults.places import Sighting
from abeja_emulator.faults.plan import FaultPlan
from abeja_emulator.ids import Ids
from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.services.datalake.records import Channel
from abeja_emulator.services.organizations.rules import Accounts, check_channel, check_organization, check_role
from abeja_emulator.services.secrets.records import SecretVersion
from abeja_emulator.services.secrets.rules import Secrets, forms_of
from abeja_emulator.services.security.rules import Cidrs
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.records import TrainingJob
from abeja_emulator.store.database import ForeignProcessError
from abeja_emulator.store.directory import DataDirectory
from abeja_emulator.store.files import DataError
from abeja_emulator.store.saved import SavedSnapshot, SavedSnapshots
from abeja_emulator.store.store import Store
from abeja_emulator.transports.child.abeja_emulator_child import split_host
from abeja_emulator.transports.http1 import announced_length
from abeja_emulator.wire.call import Call, Caller, World
from abeja_emulator.wire.content import Download, Empty, Files, Form, Later
from abeja_emulator.wire.credentials import read_credential
from abeja_emulator.wire.journal import Entry, Journal
from abeja_emulator.wire.messages import Response
from abeja_emulator.wire.operations import Access, Base, Operation, Route
from abeja_emulator.wire.routing import Router
from abeja_emulator.wire.signing import Signer
from abeja_emulator.wire.validation import body_of, query_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from abeja_emulator.faults.duplicates import Duplicate
    from abeja_emulator.faults.fault import Hit
    from abeja_emulator.looking import Look
    from abeja_emulator.seeding import Seed
    from abeja_emulator.services.organizations.records import Organization, User
    from abeja_emulator.store.blobs import BlobSpool
    from abeja_emulator.store.store import Snapshot
    from abeja_emulator.wire.delivery import Delivery
    from abeja_emulator.wire.messages import Headers, Request

_LOG = logging.getLogger("abeja_emulator")

#: Where clients go when nothing tells them otherwise (`abeja/common/connection.py`).
API_HOST = "api.abeja.io"

#: Names of this machine, for a platform that listens on it.
LOCAL_HOSTS = ("127.0.0.1", "localhost")

DEFAULT_ORGANIZATION = "default-org"

_FIRST_ERROR = 400

#: `open`: any well-formed credential is the default user. `strict`: credentials are checked.
Authentication = Literal["open", "strict"]


class Platform:
    """One emulated platform. Make as many as you like; they never see each other.

    A new one has one organization with one user, whose credentials clients find in
    `credentials()`.

    Args:
        auth: `open` lets any well-formed credential be the default user, because many handlers carry
            their own; `strict` answers 401 to an unknown one and 403 to one of another organization.
        organization: name of the default organization; `default-org` by default, or what the data says.
        organization_id: its id, when handlers have one in their code.
        clock: source of time.
        seed: makes ids repeat from run to run; None takes them from the system's entropy.
        data: a directory to keep everything in, for one Platform at a time: state, content, ids, time, signing
            key and token are as they were when it is opened again. What was answered is kept, whatever becomes of
            the process. In memory by default.
        enforce_cidrs: refuse with 403 whoever calls from outside of the CIDRs of an organization that has some; off
            by default, so that a list made by one test shuts nobody out.

    Raises:
        DataInUseError: when another Platform, of this process or of another, has the directory.
        DataError: when it cannot be used: it holds other things, data of another version, or another default
            organization than the one that is wanted.

    Attributes:
        auth: as given; may be changed at any time.
        enforce_cidrs: as given; may be changed at any time.
        clock: source of time.
        epochs: which test is running, and which left something running.
        journal: the last calls.
        faults: what goes wrong on purpose; nothing by default.
        world: what the rules of the services work on.
        organization: the default organization.
        user: the default user.
        data: the directory it keeps everything in, or None.
        closed: whether it has forgotten everything.
        api_hosts: where the API is; the services of an organization are at `<organization>.<host>`.
    """

    def __init__(  # noqa: PLR0913 - all by name
        self,
        *,
        auth: Authentication = "open",
        organization: str | None = None,
        organization_id: str | None = None,
        clock: Clock | None = None,
        seed: int | None = None,
        data: Path | str | None = None,
        enforce_cidrs: bool = False,
    ) -> None:
        self.auth: Authentication = auth
        self.enforce_cidrs = enforce_cidrs
        self._client_address = LOCAL_HOSTS[0]
        self.clock = clock or Clock()
        self.epochs = Epochs()
        self.journal = Journal()
        ids = Ids(seed)
        self._directory = None if data is None else DataDirectory(data, self.clock)
        self.data = None if self._directory is None else Path(self._directory.path)
        self._store = Store(ids, self._directory)
        key, token = token_bytes(32), token_hex(20)
        if self._directory is not None:
            key = self._directory.kept.fact("signing key", key)
            token = self._directory.kept.fact("token", token.encode()).decode()
        self.world = World(self._store, self.clock, ids, Signer(key, self.clock))
        self._accounts = Accounts(self.world)
        operations = all_operations()
        self._router = Router(operations)
        self._operation_names = {each.name for each in operations}
        self.faults = FaultPlan(
            {each.name: (each.method, each.path) for each in operations}, self.clock.timestamp, self._has_job
        )
        self._encode = msgspec.json.Encoder().encode
        self._token = token
        self._given_tokens: set[str] = set()
        self.closed = False
        self.api_hosts = {API_HOST, *LOCAL_HOSTS}
        self.world.listeners.append(self._note_token)
        self.organization: Organization
        self.user: User
        try:
            with self._store.transaction():
                self.organization, self.user = self._residents(organization, organization_id)
        except BaseException:
            self._store.close()
            raise

    # -- seed, look, assert ---------------------------------------------------------------------

    @cached_property
    def seed(self) -> Seed:
        """Puts things on the platform: datasets from a folder, channels, files, users."""
        from abeja_emulator.seeding import Seed  # noqa: PLC0415 - a run that seeds nothing does not pay

        return Seed(self)

    @cached_property
    def look(self) -> Look:
        """Shows what is on the platform: datasets, channels, jobs, models, services, users and so on."""
        from abeja_emulator.looking import Look  # noqa: PLC0415 - the same

        return Look(self)

    @property
    def client_address(self) -> str:
        """Where calls of this process come from, `127.0.0.1` unless a test sets another address.

        Those over the loopback come from their peer.

        Raises:
            ValueError: when it is set to what is no IP address.
        """
        return self._client_address

    @client_address.setter
    def client_address(self, address: str) -> None:
        self._client_address = str(ipaddress.ip_address(address))

    def credentials(self) -> dict[str, str]:
        """Return the variables that tell clients who they are: the default user, and where the API is."""
        return {
            "ABEJA_API_URL": f"https://{API_HOST}",
            "ABEJA_ORGANIZATION_ID": self.organization.id,
            "ABEJA_PLATFORM_USER_ID": f"user-{self.user.id}",
            "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN": self._token,
        }

    def secrets(self) -> list[str]:
        """Return what must never be shown to a person: tokens, secrets of data sources, values of secrets in each form.

        Tokens are kept as digests; those that were given to this Platform are also in memory, for this.
        """
        with self._store.reading():
            sources = [row.record.secret for row in self._accounts.datasources.all()]
            jobs = Jobs(self.world).all()
            values = [form for value in Secrets(self.world).values() for form in forms_of(value)]
        return [self._token, *self._given_tokens, *sources, *(job.token for job in jobs), *values]

    def _note_token(self, record: object) -> None:
        # A job that is rolled back may have told its token to somebody, and a value that is deleted was told.
        if isinstance(record, TrainingJob):
            self.keep_secret(record.token)
        elif isinstance(record, SecretVersion):
            for form in forms_of(record.value):
                self.keep_secret(form)

    def keep_secret(self, token: str) -> None:
        """Note a token that was made known here, so that no report ever shows it."""
        self._given_tokens.add(token)

    def calls(self, operation: str | None = None) -> list[Entry]:
        """Return the calls of the current test, of one operation (`get_dataset`) or of all.

        Raises:
            ValueError: when no operation has that name: a call that cannot be there would never be missed.
        """
        if operation is not None and operation not in self._operation_names:
            near = get_close_matches(operation, self._operation_names, 1)
            meant = f"; did you mean {near[0]!r}?" if near else "; docs/coverage.md names all of them"
            message = f"no operation of the platform is called {operation!r}{meant}"
            raise ValueError(message)
        return [entry for entry in self.journal.current() if operation is None or entry.operation == operation]

    def assert_called(self, operation: str, *, times: int | None = None) -> None:
        """Assert that an operation was called, and how often.

        Raises:
            AssertionError: when it was not; it shows the calls there were.
            ValueError: when no operation has that name.
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

    def save(self, name: str, folder: Path | str | None = None) -> SavedSnapshot:
        """Save the state under a name, in the place of one that has it; snapshots that are open do not matter.

        Args:
            name: letters, digits, `-`, `_` and `.`.
            folder: where; in the data directory by default.

        Raises:
            DataError: when this cannot be a name, or there is no data directory and no folder was named.
        """
        return self._saved_in(folder).save(name, self._store, self.world.ids, self.clock.now(), self.organization.name)

    def load(self, name: str, folder: Path | str | None = None) -> SavedSnapshot:
        """Put a saved state in the place of the present one; ids and time are never turned back.

        The default organization and user are those of the saved state, and the token stays as it is. With a
        snapshot open this is undone like any other change when it is rolled back.

        Raises:
            UnknownSnapshotError: when none has that name.
            DataError: when it cannot be used: another version saved it, or it is damaged.
        """
        saved = self._saved_in(folder)
        with self._store.reading():
            with self._store.transaction():
                loaded = saved.load(name, self._store, self.world.ids)
                then = datetime.datetime.fromisoformat(loaded.saved_at).replace(tzinfo=datetime.timezone.utc)
                self.clock.advance(max(0.0, (then - self.clock.now()).total_seconds()))
                organization, user = self._residents(None, None)
            self.organization, self.user = organization, user
        return loaded

    def saved(self, folder: Path | str | None = None) -> list[SavedSnapshot]:
        """Return the saved snapshots, sorted by name."""
        return self._saved_in(folder).all()

    def _saved_in(self, folder: Path | str | None) -> SavedSnapshots:
        if folder is not None:
            return SavedSnapshots(str(Path(folder).absolute()))
        if self._directory is None:
            message = (
                "this Platform is in memory and has no data directory for saved snapshots; name a folder, or make it "
                "with Platform(data=…)"
            )
            raise DataError(message)
        return self._directory.saved

    def _residents(self, name: str | None, identifier: str | None) -> tuple[Organization, User]:
        """Return the default organization and user: the oldest ones, made when there are none.

        Raises:
            DataError: when there is another organization than the one that is wanted.
        """
        organization = next((row.record for row in self._accounts.organizations.all()), None)
        if organization is None:
            name = name or DEFAULT_ORGANIZATION
            organization = self._accounts.add_organization(name, identifier)
            return organization, self._accounts.add_user(organization.id, self._token, email=f"user@{name}.example")
        if name not in {None, organization.name} or identifier not in {None, organization.id}:
            wanted = " ".join(filter(None, (name, identifier)))
            message = (
                f"this data is of the organization {organization.name} {organization.id}, not of {wanted}; leave the "
                "organization out, or name another directory"
            )
            raise DataError(message)
        return organization, self._accounts.know_token(
            self._accounts.users.slice(organization.id, limit=1)[0], self._token
        )

    def close(self) -> None:
        """Forget everything that is not in a data directory; a forked child leaves what is its parent's."""
        self.closed = True
        self.faults.past.forget()
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
        try:
            if self.faults:
                return self._handle_with_faults(request, route, at)
            response, error = self._answer(request, route, self.world)
        finally:
            if not isinstance(request.body, bytes):
                request.body.close()
        self.journal.add(_entry(request, route.operation, response.status, at, error))
        return response

    def _answer(
        self, request: Request, route: Route, world: World, made: list[Made] | None = None
    ) -> tuple[Response, str | None]:
        """Do a call, and return the answer with the description of its refusal, if it is one.

        Args:
            request: the call.
            route: of it.
            world: what is worked on.
            made: gets the records that the call makes.
        """
        try:
            operation, rule = self._chosen(route, request)
            with self._store.transaction() if operation.writes else self._store.reading():
                place = 0 if made is None else self._store.database.last_place
                caller = self._authenticate(operation, route, request)
                call = self._validate(operation, route, request, caller, world)
                answer = self._perform(rule, call)
                if made is not None:
                    made += (Made(*record) for record in self._store.database.made_since(place))
            return (answer.make() if isinstance(answer, Later) else answer), None
        except PlatformError as refusal:
            return self._refuse(refusal), refusal.description
        except ForeignProcessError:
            raise
        except Exception as defect:  # noqa: BLE001 - a client must get an answer, and a person a traceback
            _LOG.exception("%s failed in the emulator itself", request)
            error = f"the emulator failed: {defect!r}; please report it with the traceback in the log"
            return self._refuse(InternalServerError(error)), error

    def _handle_with_faults(self, request: Request, route: Route, at: float) -> Response:
        """Answer one request where something may go wrong on purpose."""
        operation, target, faults = route.operation, request.target, self.faults
        host, _ = split_host(request.host)
        call = Sighting(None, operation.name if operation else None, request.method, target.partition("?")[0], host)
        signed = operation is not None and operation.access is Access.SIGNATURE
        earlier = faults.earlier(request.method, target)
        writes = operation is not None and operation.writes
        token = _token_of(request)
        hit = faults.meet(call, target, token, reads=not writes, signed=signed)
        error: list[str | None] = [None]
        key = faults.duplicates.key(hit, request, writes=writes)
        made: list[Made] = []

        def answered(world: World) -> Response:
            if not signed and faults.has_expired(token):
                return self._refuse(token_has_expired())
            response, error[0] = self._answer(request, route, world, made)
            return response

        def now() -> Response:
            if writes and faults.wants_past:
                return self._remembering(lambda: answered(self.world))
            return answered(self.world)

        def before() -> Response:
            with faults.past.shown() as past:
                store = cast("Store", past or self._store)
                return answered(World(store, self.clock, self.world.ids, self.world.signer))

        done: int | None = None
        if hit is None:
            response = now()
        else:
            answering = Answering(self.clock, now, before, self._refuse, request.method)
            response, done = answering.answer(hit.fault.effect)
            hit.status, hit.done = response.status, done
            if isinstance(hit.fault.effect, BODY) and response.delivery is None:
                faults.withdraw(hit)
                hit = None
            response.delivery = _watched(response.delivery, hit)
        faults.duplicates.note(hit, key, f"{request.method} {call.path}", call.operation, made)
        faults.carried(call, request.length + (announced_length(response) or 0))
        entry = _entry(request, operation, response.status, at, error[0])
        if hit is not None:
            entry.fault = str(hit.fault.effect)
            entry.done = None if done == response.status else done
        if earlier is not None:
            entry.because = earlier.number
            faults.note(earlier, str(entry), request.method, target, clean=hit is None)
        self.journal.add(entry)
        return response

    def meet_connection(self, scheme: str, host: str) -> str | None:
        """Return why a connection fails to come about, on purpose: `dns`, `tls`, `refused`, or None."""
        name, _ = split_host(host)
        hit: Hit | None = self.faults.meet_connection(name, scheme) if self.faults else None
        if hit is None:
            return None
        entry = Entry("CONNECT", f"{scheme}://{name}", "", None, 0, None, self.clock.timestamp())
        entry.fault = str(hit.fault.effect)
        self.journal.add(entry)
        return hit.fault.effect.word

    def duplicates(self) -> list[Duplicate]:
        """Return what is there twice because a client did not learn that its call was done, and made it again."""
        with self._store.reading():
            return self.faults.duplicates.found(lambda made: self._store.database.has(*made))

    @property
    def expected(self) -> bool:
        """Whether anything may go wrong on purpose."""
        return bool(self.faults)

    def _has_job(self, status: str) -> bool:
        with self._store.reading():
            return any(job.status == status for job in Jobs(self.world).all())

    def _remembering(self, do: Callable[[], Response]) -> Response:
        """Do a call, and keep the state as it was before, if the call has changed it."""
        with self._store.reading():
            copy = self._store.copy()
        response: Response | None = None
        try:
            response = do()
        finally:
            if response is not None and response.status < _FIRST_ERROR:
                self.faults.past.keep(copy)
            else:
                copy.forget()
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
        if domain in self.api_hosts:
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
                f"{route.operation.name} ({request.method} {route.operation.path}) is not emulated: "
                f"{route.operation.reason}; docs/limits.md lists what is not"
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
        check_role(caller, operation)
        if "channel_id" in route.values:
            check_channel(caller, route.values["channel_id"])
        if self.enforce_cidrs and not self._accounts.is_job(credential):
            Cidrs(self.world).check_client(route.values, request.client or self.client_address)
        return caller

    def _validate(
        self, operation: Operation, route: Route, request: Request, caller: Caller | None, world: World
    ) -> Call[Any, Any]:
        query = query_of(operation, request.target.partition("?")[2])
        body = body_of(operation, request, self.spool)
        origin = f"{request.scheme}://{request.host}"
        return Call(world, route.values, query, body, caller, origin)

    def _perform(self, rule: Callable[[Any], Any], call: Call[Any, Any]) -> Response | Later:
        try:
            return self._render(rule(call))
        finally:
            if isinstance(call.body, (Form, Files)):
                call.body.close()

    def _render(self, answer: Any) -> Response | Later:
        if isinstance(answer, (Later, Response)):
            return answer
        if isinstance(answer, (Download, Empty)):
            return answer.response()
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


def _token_of(request: Request) -> str | None:
    """Return the token of a call, however it is sent; what has no such form as it is."""
    header = request.header("authorization")
    try:
        return read_credential(header).secret
    except PlatformError:
        return header


def _watched(delivery: Delivery | None, hit: Hit | None) -> Delivery | None:
    """Return a delivery that tells a hit when the client does not wait for all of it."""
    return delivery if delivery is None or hit is None else replace(delivery, given_up=hit.give_up)
