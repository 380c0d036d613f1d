"""State and rules of secrets and their versions."""

from __future__ import annotations

import base64
import datetime
import re
from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, Conflict, NotFound
from abeja_emulator.services.secrets.records import Secret, SecretVersion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from abeja_emulator.wire.call import World

#: Form of a name, and how it may not end (`abeja/secret/api/client.py`): the provider ends its own names so.
_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_ENDING = re.compile(r"-.{6}$")

#: A time of ISO 8601: day, minute, second, and hours and minutes of the zone.
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?(?:[Zz]|([+-]\d\d)(?::?(\d\d))?)?)?", re.ASCII
)

_PLATFORM_ID = re.compile(r"[0-9]{13}")


class Secrets:
    """The secrets of one Platform.

    What happens when the time of `expired_at` has come is not known. Here such a secret is still shown, and can be
    given more time, but its values are not told, as if nobody had asked for them: a client that has to live with
    that can be tested. Evidence: inferred.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._secrets = world.store.table("secret", Secret)
        self._versions = world.store.table("secret_version", SecretVersion)

    def create(self, organization_id: str, user_id: str, name: str, value: str, fields: Mapping[str, Any]) -> Secret:
        """Create a secret with its first version.

        Args:
            organization_id: whose it is.
            user_id: who creates it.
            name: its name.
            value: its value, base64.
            fields: what else it has: description, expired_at, integration_service_type and integration_service_ids.

        Raises:
            BadRequest: when name, value or a field is not well-formed.
            Conflict: when the organization has one of that name; that it must be unique is documented, the status
                is inferred.
        """
        _check_name(name)
        if self._secrets.named(organization_id, name) is not None:
            message = f"secret {name!r} exists already; choose another name, or add a version to it"
            raise Conflict(message)
        now = iso(self._world.clock.now())
        secret = Secret(
            id=self._world.ids.platform_id(),
            organization_id=organization_id,
            user_id=user_id,
            name=name,
            created_at=now,
            updated_at=now,
            **_checked(fields),
        )
        self._secrets.insert(organization_id, secret.id, secret, name=name)
        self.add_version(organization_id, secret.id, value)
        return secret

    def get(self, organization_id: str, secret_id: str) -> Secret:
        """Return a secret.

        Raises:
            NotFound: when the organization has none with that id.
        """
        secret = self._secrets.get(organization_id, secret_id)
        if secret is None:
            known = self._secrets.slice(organization_id, limit=10, newest_first=True)
            names = ", ".join(f"{each.id} ({each.name})" for each in known) or "none"
            message = f"secret {secret_id!r} does not exist in organization {organization_id}; newest secrets: {names}"
            raise NotFound(message)
        return secret

    def select(self, organization_id: str, offset: int, limit: int) -> tuple[list[Secret], bool]:
        """Return secrets in order of creation, and whether there are more."""
        found = self._secrets.slice(organization_id, offset=offset, limit=limit + 1)
        return found[:limit], len(found) > limit

    def update(self, organization_id: str, secret_id: str, fields: Mapping[str, Any]) -> Secret:
        """Change those fields that are there; null takes one away."""
        secret = msgspec.structs.replace(
            self.get(organization_id, secret_id), **_checked(fields), updated_at=iso(self._world.clock.now())
        )
        self._secrets.update(organization_id, secret_id, secret)
        return secret

    def delete(self, organization_id: str, secret_id: str) -> None:
        """Delete a secret with its versions; its name is free again."""
        self.get(organization_id, secret_id)
        self._versions.delete_under(secret_id)
        self._secrets.delete(organization_id, secret_id)

    def add_version(self, organization_id: str, secret_id: str, value: str) -> SecretVersion:
        """Give a secret one more value; it is active, and so are those that were.

        The secret's own `updated_at` stays (SDK docstring of get_secrets).

        Raises:
            BadRequest: when the value is not base64 or empty; it is not repeated in the refusal.
        """
        self.get(organization_id, secret_id)
        _check_value(value)
        now = iso(self._world.clock.now())
        version = SecretVersion(
            id=self._world.ids.platform_id(),
            organization_id=organization_id,
            secret_id=secret_id,
            version=self._world.ids.number("secret_version", secret_id),
            value=value,
            created_at=now,
            updated_at=now,
        )
        self._versions.insert(secret_id, version.id, version)
        self._world.tell(version)
        return version

    def version(self, organization_id: str, secret_id: str, version_id: str) -> SecretVersion:
        """Return a version.

        Raises:
            NotFound: when there is no such secret, or it has no such version.
        """
        self.get(organization_id, secret_id)
        version = self._versions.get(secret_id, version_id)
        if version is None:
            known = ", ".join(f"{each.id} ({each.version})" for each in self.versions(secret_id)) or "none"
            message = f"secret {secret_id} has no version {version_id!r}; its versions: {known}"
            raise NotFound(message)
        return version

    def versions(self, secret_id: str, offset: int = 0, limit: int = -1) -> list[SecretVersion]:
        """Return versions of a secret (-1: all), oldest first."""
        return self._versions.slice(secret_id, offset=offset, limit=limit)

    def count_versions(self, secret_id: str) -> int:
        """Return how many versions a secret has."""
        return self._versions.count(secret_id)

    def set_status(self, organization_id: str, secret_id: str, version_id: str, status: str) -> SecretVersion:
        """Make a version active or inactive; its value can be read all the same (SDK docstring of get_secrets)."""
        version = msgspec.structs.replace(
            self.version(organization_id, secret_id, version_id),
            status=status,
            updated_at=iso(self._world.clock.now()),
        )
        self._versions.update(secret_id, version_id, version)
        return version

    def delete_version(self, organization_id: str, secret_id: str, version_id: str) -> None:
        """Delete a version; its number does not come back. A secret may be left without any (evidence: inferred)."""
        self.version(organization_id, secret_id, version_id)
        self._versions.delete(secret_id, version_id)

    def values(self) -> Iterator[str]:
        """Yield the values of all versions of all organizations, base64."""
        return (row.record.value for row in self._versions.all())

    def view(self, secret: Secret, *, with_values: bool) -> dict[str, Any]:
        """Return a secret as the API shows it, with its versions."""
        shown = msgspec.structs.asdict(secret)
        shown["created_at"], shown["updated_at"] = f"{secret.created_at}Z", f"{secret.updated_at}Z"
        if secret.expired_at is not None:
            shown["expired_at"] = secret.expired_at.removesuffix(".000000") + "Z"
        shown["versions"] = [
            self.version_view(version, secret, with_value=with_values) for version in self.versions(secret.id)
        ]
        return shown

    def version_view(self, version: SecretVersion, secret: Secret, *, with_value: bool) -> dict[str, Any]:
        """Return a version as the API shows it, without its value when the secret has expired."""
        shown = msgspec.structs.asdict(version)
        shown["created_at"], shown["updated_at"] = f"{version.created_at}Z", f"{version.updated_at}Z"
        expired = secret.expired_at is not None and secret.expired_at <= iso(self._world.clock.now())
        if expired or not with_value:
            del shown["value"]
        return shown


def forms_of(value: str) -> list[str]:
    """Return the texts that give a value away: base64, as it is, and each of its lines, of which logs are made."""
    try:
        raw = base64.b64decode(value).decode()
    except UnicodeDecodeError:
        return [value]
    return [form for form in dict.fromkeys([value, raw, *(line.strip() for line in raw.splitlines())]) if form]


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or _ENDING.search(name):
        message = (
            "the name of a secret has ASCII letters, digits, _ and -, and does not end in a hyphen and six characters; "
            f"{name!r} cannot be one"
        )
        raise BadRequest(message)


def _check_value(value: str) -> None:
    try:
        if base64.b64decode(value, validate=True):
            return
    except ValueError:
        pass
    message = "the value of a secret must be base64 of at least one byte; this one is not"
    raise BadRequest(message)


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields the way they are kept.

    Raises:
        BadRequest: when one is not well-formed.
    """
    kept = dict(fields)
    if kept.get("expired_at") is not None:
        kept["expired_at"] = _moment(kept["expired_at"])
    if "integration_service_ids" in kept:
        kept["integration_service_ids"] = _service_ids(kept["integration_service_ids"])
    return kept


def _moment(text: str) -> str:
    """Return a time of ISO 8601; without a zone it is UTC, a day alone is its beginning. Evidence: inferred."""
    written = _MOMENT.fullmatch(text)
    try:
        if written is not None:
            day, minute, second, hours, minutes = written.groups()
            zone = f"{hours}:{minutes or '00'}" if hours else "Z"
            return iso(msgspec.convert(f"{day}T{minute or '00:00'}{second or ':00'}{zone}", datetime.datetime))
    except (msgspec.ValidationError, OverflowError):
        # Such as February 30, or what is before the year 1 in UTC.
        pass
    message = f"expired_at must be a time of ISO 8601, such as 2024-12-15T16:50:33+09:00, not {text!r}"
    raise BadRequest(message)


def _service_ids(ids: list[str] | str | None) -> list[str]:
    """Return the ids of services; the CLI sends them as one text with commas (`abejacli/secret/commands.py`).

    Whether there are such services is not checked, as it is not known that the platform does.
    """
    found = [each.strip() for each in ids.split(",")] if isinstance(ids, str) else ids or []
    wrong = [each for each in found if not _PLATFORM_ID.fullmatch(each)]
    if wrong:
        message = f"integration_service_ids are ids of 13 digits; {wrong[0]!r} is none"
        raise BadRequest(message)
    return found
