"""Operations on secrets and their versions (`abeja/secret/api/client.py`, `abeja/secret_version/api/client.py`)."""

from typing import Annotated, Any, Literal, Optional, Union

import msgspec

from abeja_emulator.services.descriptions import Description
from abeja_emulator.services.paging import Offset
from abeja_emulator.services.secrets.rules import Secrets
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

SECRETS = "/secret-manager/organizations/{organization_id}/secrets"
SECRET = SECRETS + "/{secret_id}"
VERSIONS = SECRET + "/versions"
VERSION = VERSIONS + "/{version_id}"
SOURCE = "abeja/secret/api/client.py"
VERSION_SOURCE = "abeja/secret_version/api/client.py"

#: How many secrets, or versions, a page has at most (SDK docstring of get_secrets).
SecretLimit = Annotated[int, msgspec.Meta(ge=1, le=100)]

# Secrets are a developer's, as the apps are that take them, and a regular user reads their values: that role looks at
# everything (developers.abeja.io, general/basic), and both clients ask for values always, so that to refuse those would
# be to hide all secrets. Evidence: inferred.

#: The only service that takes secrets so far (`abeja/secret/api/integration_service_type.py`).
ServiceType = Literal["abeja-platform-labs"]


class NewSecret(msgspec.Struct):
    """A secret to create; its value is base64."""

    name: str
    value: str
    description: Optional[Description] = None
    expired_at: Optional[str] = None
    integration_service_type: Optional[ServiceType] = None
    integration_service_ids: Union[list[str], str, None] = None


class SecretChange(msgspec.Struct):
    """What to change of a secret; what is not named stays."""

    description: Union[Description, msgspec.UnsetType, None] = msgspec.UNSET
    expired_at: Union[str, msgspec.UnsetType, None] = msgspec.UNSET
    integration_service_type: Union[ServiceType, msgspec.UnsetType, None] = msgspec.UNSET
    integration_service_ids: Union[list[str], str, msgspec.UnsetType, None] = msgspec.UNSET


class SecretQuery(msgspec.Struct):
    """Whether values are wanted; clients write `True`."""

    return_secret_value: bool = False


class SecretList(msgspec.Struct):
    """Which secrets, or versions, to list, and whether their values are wanted."""

    offset: Offset = 0
    limit: SecretLimit = 50
    return_secret_value: bool = False


class SecretVersionView(msgspec.Struct):
    """A version; its value is base64, and is there only when it was asked for."""

    id: str
    organization_id: str
    secret_id: str
    version: int
    status: Literal["active", "inactive"]
    provider: str
    created_at: str
    updated_at: str
    value: Union[str, msgspec.UnsetType] = msgspec.UNSET


class SecretView(msgspec.Struct):
    """A secret with its versions."""

    id: str
    organization_id: str
    user_id: str
    name: str
    description: Optional[str]
    properties: Any
    provider: str
    rotation: bool
    integration_service_type: Optional[str]
    integration_service_ids: list[str]
    expired_at: Optional[str]
    created_at: str
    updated_at: str
    versions: list[SecretVersionView]


class SecretListView(msgspec.Struct):
    """Secrets, and whether there are more."""

    organization_id: str
    secrets: list[SecretView]
    offset: int
    limit: int
    has_next: bool


class VersionPagination(msgspec.Struct):
    """Which part of a list of versions this is, and how many there are in all."""

    count: int
    has_next: bool
    limit: int
    offset: int


class SecretVersionListView(msgspec.Struct):
    """Versions of a secret."""

    versions: list[SecretVersionView]
    pagination: VersionPagination


class NewSecretVersion(msgspec.Struct):
    """One more value of a secret, base64."""

    value: str


class SecretVersionStatus(msgspec.Struct):
    """Whether a version is in use."""

    status: Literal["active", "inactive"]


class Deleted(msgspec.Struct):
    """A sentence."""

    message: str


@operation(
    "GET",
    SECRETS,
    query=SecretList,
    answer=SecretListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_secrets; abejacli secret list",
)
def get_secrets(call: Call[SecretList, None]) -> dict[str, Any]:
    """List secrets in order of creation."""
    secrets, organization, query = Secrets(call.world), call.path["organization_id"], call.query
    found, more = secrets.select(organization, query.offset, query.limit)
    return {
        "organization_id": organization,
        "secrets": [secrets.view(secret, with_values=query.return_secret_value) for secret in found],
        "offset": query.offset,
        "limit": query.limit,
        "has_next": more,
    }


@operation(
    "GET",
    SECRET,
    query=SecretQuery,
    answer=SecretView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_secret; abejacli secret delete asks with the name and times in it",
)
def get_secret(call: Call[SecretQuery, None]) -> dict[str, Any]:
    """Return a secret with its versions, and with their values when those are asked for."""
    secrets = Secrets(call.world)
    secret = secrets.get(call.path["organization_id"], call.path["secret_id"])
    return secrets.view(secret, with_values=call.query.return_secret_value)


@operation(
    "POST",
    SECRETS,
    body=NewSecret,
    answer=SecretView,
    errors=(400, 401, 403, 404, 409),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_secret; abejacli secret create",
)
def create_secret(call: Call[None, NewSecret]) -> dict[str, Any]:
    """Create a secret with its first version, and return it with its value."""
    secrets, fields = Secrets(call.world), msgspec.structs.asdict(call.body)
    user = call.user_id
    name, value = fields.pop("name"), fields.pop("value")
    secret = secrets.create(call.path["organization_id"], user, name, value, fields)
    return secrets.view(secret, with_values=True)


@operation(
    "PATCH",
    SECRET,
    body=SecretChange,
    answer=SecretView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} update_secret; abejacli secret update sends integration_service_ids as one text",
)
def update_secret(call: Call[None, SecretChange]) -> dict[str, Any]:
    """Change what is known of a secret, and return it with its values."""
    secrets = Secrets(call.world)
    fields = {name: value for name, value in msgspec.structs.asdict(call.body).items() if value is not msgspec.UNSET}
    secret = secrets.update(call.path["organization_id"], call.path["secret_id"], fields)
    return secrets.view(secret, with_values=True)


@operation(
    "DELETE",
    SECRET,
    answer=Deleted,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_secret",
)
def delete_secret(call: Call[None, None]) -> Deleted:
    """Delete a secret with its versions."""
    Secrets(call.world).delete(call.path["organization_id"], call.path["secret_id"])
    return Deleted(f"secret_id {call.path['secret_id']} successfully deleted")


@operation(
    "GET",
    VERSIONS,
    query=SecretList,
    answer=SecretVersionListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{VERSION_SOURCE} get_secret_versions reads versions",
)
def get_secret_versions(call: Call[SecretList, None]) -> dict[str, Any]:
    """List the versions of a secret, oldest first."""
    secrets, query = Secrets(call.world), call.query
    secret = secrets.get(call.path["organization_id"], call.path["secret_id"])
    found, count = secrets.versions(secret.id, query.offset, query.limit), secrets.count_versions(secret.id)
    return {
        "versions": [secrets.version_view(version, secret, with_value=query.return_secret_value) for version in found],
        "pagination": {
            "count": count,
            "has_next": query.offset + len(found) < count,
            "limit": query.limit,
            "offset": query.offset,
        },
    }


@operation(
    "GET",
    VERSION,
    query=SecretQuery,
    answer=SecretVersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{VERSION_SOURCE} get_secret_version",
)
def get_secret_version(call: Call[SecretQuery, None]) -> dict[str, Any]:
    """Return a version, with its value when that is asked for."""
    secrets, (organization, secret, version) = Secrets(call.world), _ids(call)
    found = secrets.version(organization, secret, version)
    return secrets.version_view(found, secrets.get(organization, secret), with_value=call.query.return_secret_value)


@operation(
    "POST",
    VERSIONS,
    query=SecretQuery,
    body=NewSecretVersion,
    answer=SecretVersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{VERSION_SOURCE} create_secret_version",
)
def create_secret_version(call: Call[SecretQuery, NewSecretVersion]) -> dict[str, Any]:
    """Give a secret one more value, and return the version, with it when that is asked for."""
    secrets, organization = Secrets(call.world), call.path["organization_id"]
    made = secrets.add_version(organization, call.path["secret_id"], call.body.value)
    secret = secrets.get(organization, made.secret_id)
    return secrets.version_view(made, secret, with_value=call.query.return_secret_value)


@operation(
    "PATCH",
    VERSION,
    body=SecretVersionStatus,
    answer=SecretVersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{VERSION_SOURCE} update_secret_version",
)
def update_secret_version(call: Call[None, SecretVersionStatus]) -> dict[str, Any]:
    """Make a version active or inactive, and return it with its value."""
    secrets, (organization, secret, version) = Secrets(call.world), _ids(call)
    changed = secrets.set_status(organization, secret, version, call.body.status)
    return secrets.version_view(changed, secrets.get(organization, secret), with_value=True)


@operation(
    "DELETE",
    VERSION,
    answer=Deleted,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{VERSION_SOURCE} delete_secret_version",
)
def delete_secret_version(call: Call[None, None]) -> Deleted:
    """Delete a version of a secret."""
    Secrets(call.world).delete_version(*_ids(call))
    return Deleted(f"secret_version_id {call.path['version_id']} successfully deleted")


def _ids(call: Call[Any, Any]) -> tuple[str, str, str]:
    return call.path["organization_id"], call.path["secret_id"], call.path["version_id"]


OPERATIONS = operations_in(globals())
