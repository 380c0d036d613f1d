"""Who is who: organizations, users, tokens, and which credential may do what."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.errors import Conflict, Forbidden, NotFound, Unauthorized
from abeja_emulator.services.organizations.records import BearerToken, Datasource, Organization, User
from abeja_emulator.services.times import second
from abeja_emulator.wire.call import Caller
from abeja_emulator.wire.operations import Role

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World
    from abeja_emulator.wire.credentials import Credential
    from abeja_emulator.wire.operations import Operation

UNKNOWN = "this credential is not known here; with strict authentication create it first, or use the default open one"


class Accounts:
    """Organizations and credentials of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.organizations = world.store.table("organization", Organization)
        self.users = world.store.table("user", User)
        self.bearer_tokens = world.store.table("bearer_token", BearerToken)
        self.datasources = world.store.table("datasource", Datasource)

    def add_organization(self, name: str, identifier: str | None = None) -> Organization:
        """Create an organization and return it."""
        now = second(self._world.clock.now())
        organization = Organization(
            id=self._world.ids.platform_id(identifier),
            name=name,
            display_name=name,
            created_at=now,
            updated_at=now,
        )
        self.organizations.insert("", organization.id, organization, name=name)
        return organization

    def add_user(
        self, organization_id: str, token: str, *, email: str, role: str = "admin", identifier: str | None = None
    ) -> User:
        """Create a user with one personal access token and return it.

        Raises:
            ValueError: when there is no such role, or the id is not 13 digits.
            Conflict: when another user has the id.
        """
        if identifier is not None and self.users.find(identifier) is not None:
            message = f"there is a user {identifier} already; give this one another id, or none"
            raise Conflict(message)
        now = second(self._world.clock.now())
        user = User(
            id=self._world.ids.platform_id(identifier),
            organization_id=organization_id,
            email=email,
            display_name=email.partition("@")[0],
            role=Role.named(role).name.lower(),
            created_at=now,
            updated_at=now,
            token_digests=[_digest(token)],
        )
        self.users.insert(organization_id, user.id, user)
        return user

    def know_token(self, user: User, token: str) -> User:
        """Make `token` a personal access token of a user, unless it is one, and return the user."""
        if _digest(token) in user.token_digests:
            return user
        known = msgspec.structs.replace(user, token_digests=[*user.token_digests, _digest(token)])
        self.users.update(user.organization_id, user.id, known)
        return known

    def add_bearer_token(
        self, organization_id: str, user_id: str, token: str, training_job_id: str | None = None
    ) -> None:
        """Make `token` a bearer token of that user, or of that job.

        Raises:
            Conflict: when it is one already.
        """
        if self.bearer_tokens.find(_digest(token)) is not None:
            message = "the token is somebody's already"
            raise Conflict(message)
        record = BearerToken(
            digest=_digest(token),
            organization_id=organization_id,
            user_id=user_id,
            training_job_id=training_job_id,
        )
        self.bearer_tokens.insert(organization_id, record.digest, record)

    def revoke_bearer_token(self, organization_id: str, token: str) -> None:
        """Make a bearer token worth nothing."""
        self.bearer_tokens.delete(organization_id, _digest(token))

    def admit(self, organization_id: str, user_id: str, token: str) -> None:
        """Make `token` the bearer token of model code that runs on behalf of a user, until it is dismissed."""
        self._world.attendants.tokens[_digest(token)] = (organization_id, user_id)

    def dismiss(self, token: str) -> None:
        """Make the token of model code, which has ended, worth nothing."""
        self._world.attendants.tokens.pop(_digest(token), None)

    def add_datasource(
        self,
        organization_id: str,
        display_name: str | None = None,
        *,
        identifier: str | None = None,
        secret: str | None = None,
    ) -> Datasource:
        """Create a data source, linked to no channel yet, and return it.

        Args:
            organization_id: that it is of.
            display_name: its name.
            identifier: its id; 13 digits.
            secret: its secret; made up by default.

        Raises:
            ValueError: when the id is not 13 digits, or the secret is empty.
            Conflict: when another has the id.
        """
        if secret == "":
            message = "the secret of a data source is empty; nobody could call himself that source"
            raise ValueError(message)
        if identifier is not None and self.datasources.find(identifier) is not None:
            message = f"the id {identifier} is another data source's"
            raise Conflict(message)
        now = second(self._world.clock.now())
        datasource = Datasource(
            datasource_id=self._world.ids.platform_id(identifier),
            display_name=display_name,
            secret=secret or self._world.ids.hexadecimal(40),
            created_at=now,
            updated_at=now,
        )
        self.datasources.insert(organization_id, datasource.datasource_id, datasource)
        return datasource

    def organization(self, identifier_or_name: str) -> Organization:
        """Return the organization with that id or, as the CLI may send it, that name.

        Raises:
            NotFound: when there is none.
        """
        found = self.organizations.get("", identifier_or_name) or self.organizations.named("", identifier_or_name)
        if found is None:
            known = ", ".join(row.record.id for row in self.organizations.all())
            message = f"organization {identifier_or_name!r} does not exist; there is {known}"
            raise NotFound(message)
        return found

    def envelope(self, organization_id: str, **content: Any) -> dict[str, Any]:
        """Return `content` the way several services wrap it: with the organization around it."""
        organization = self.organization(organization_id)
        return {
            "organization_id": organization.id,
            "organization_name": organization.name,
            "created_at": organization.created_at,
            "updated_at": organization.updated_at,
            **content,
        }

    def user(self, user_id: str) -> User | None:
        """Return the user with that id, or None."""
        row = self.users.find(user_id)
        return None if row is None else row.record

    def role_of(self, user_id: str) -> Role:
        """Return the role of a user; one who is not known may only look."""
        user = self.user(user_id)
        return Role.REGULAR if user is None else Role.named(user.role)

    def is_job(self, credential: Credential) -> bool:
        """Tell whether a credential is the token of a job, or of model code, which run on the platform itself."""
        if credential.kind != "bearer":
            return False
        digest = _digest(credential.secret)
        token = self.bearer_tokens.find(digest)
        return digest in self._world.attendants.tokens or (
            token is not None and token.record.training_job_id is not None
        )

    def caller(self, credential: Credential) -> Caller:
        """Return who a credential belongs to; secrets are compared in constant time.

        Raises:
            Unauthorized: when it is not known.
        """
        given = _digest(credential.secret)
        if credential.kind == "bearer":
            token = self.bearer_tokens.find(given)
            if token is not None and hmac.compare_digest(token.record.digest, given):
                user_id, is_job = token.record.user_id, token.record.training_job_id is not None
                # A job posts its statistics and logs, whoever made it. Evidence: inferred.
                least = Role.DEVELOPER if is_job else Role.REGULAR
                return Caller(token.record.organization_id, user_id, role=max(self.role_of(user_id), least))
            runner = self._world.attendants.tokens.get(given)
            if runner is not None:
                return Caller(*runner, role=self.role_of(runner[1]))
        elif credential.kind == "user":
            user = self.users.find(credential.identifier)
            if user is not None and any(hmac.compare_digest(known, given) for known in user.record.token_digests):
                return Caller(user.record.organization_id, user.record.id, role=Role.named(user.record.role))
        else:
            datasource = self.datasources.find(credential.identifier)
            if datasource is not None and hmac.compare_digest(_digest(datasource.record.secret), given):
                channels = tuple(datasource.record.channels)
                return Caller(datasource.parent, credential.identifier, channels, Role.DEVELOPER)
        raise Unauthorized(UNKNOWN)


def check_organization(caller: Caller | None, organization_id: str) -> None:
    """Check that a credential belongs to the organization whose things it asks for.

    Raises:
        Forbidden: when it belongs to another one.
    """
    if caller is not None and caller.organization_id not in {None, organization_id}:
        message = f"this credential belongs to organization {caller.organization_id}, not {organization_id}"
        raise Forbidden(message)


def check_role(caller: Caller | None, operation: Operation) -> None:
    """Check that a user's role is enough for an operation.

    Raises:
        Forbidden: when it is not.
    """
    if caller is not None and caller.role < operation.role:
        message = (
            f"{operation.name} needs the role {operation.role.name.lower()}, and user {caller.user_id} is "
            f"{caller.role.name.lower()}"
        )
        raise Forbidden(message)


def check_channel(caller: Caller | None, channel_id: str) -> None:
    """Check that a data source is linked to the channel it asks for.

    Raises:
        Forbidden: when it is not.
    """
    if caller is not None and caller.channels is not None and channel_id not in caller.channels:
        message = f"data source {caller.user_id} is not linked to channel {channel_id}"
        raise Forbidden(message)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
