"""Operations on the registry's repositories (`abeja/registry/api/client.py`)."""

from typing import Any, Optional

import msgspec

from abeja_emulator.services.descriptions import Description
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.paging import Limit, Offset
from abeja_emulator.services.registry.rules import Repositories
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

COLLECTION = "/organizations/{organization_id}/registry/repositories"
REPOSITORY = COLLECTION + "/{repository_id}"
SOURCE = "abeja/registry/api/client.py"
UNKNOWN = "that an unknown repository is 404 is inferred"


class NewRepository(msgspec.Struct):
    """A repository to create."""

    name: str
    description: Optional[Description] = None


class Page(msgspec.Struct):
    """Which part of a list to show; the documented answers have a limit of 10."""

    limit: Limit = 10
    offset: Offset = 0


class ListedRepository(msgspec.Struct):
    """A repository, as a list shows it; its times have microseconds."""

    id: str
    organization_id: str
    name: str
    description: Optional[str]
    creator: Optional[dict[str, Any]]
    created_at: str
    updated_at: str


class TagView(msgspec.Struct):
    """A tag; unlike those of its repository, its id is a number and its times have no microseconds."""

    id: int
    name: str
    size: int
    media_type: str
    digest: str
    creator: Optional[dict[str, Any]]
    created_at: str
    updated_at: str


class RepositoryView(ListedRepository):
    """A repository, as the API shows it alone."""

    tags: list[TagView]


class Envelope(msgspec.Struct):
    """The organization around every list, and which part of it is shown."""

    organization_id: str
    organization_name: str
    created_at: str
    updated_at: str
    limit: int
    offset: int
    has_next: bool


class RepositoryListView(Envelope):
    """Repositories in their envelope."""

    registry_repositories: list[ListedRepository]


class TagListView(Envelope):
    """Tags of a repository in their envelope."""

    registry_repository_id: str
    tags: list[TagView]


@operation(
    "POST",
    COLLECTION,
    body=NewRepository,
    answer=RepositoryView,
    errors=(400, 401, 403, 404, 409),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_repository; the form of names, and that a taken one is a conflict, are inferred",
)
def create_repository(call: Call[None, NewRepository]) -> dict[str, Any]:
    """Create a repository."""
    repositories, body = Repositories(call.world), call.body
    creator_id = call.user_id
    made = repositories.create(call.path["organization_id"], body.name, creator_id, body.description)
    return repositories.view(made)


@operation(
    "GET",
    COLLECTION,
    query=Page,
    answer=RepositoryListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_repositories",
)
def get_repositories(call: Call[Page, None]) -> dict[str, Any]:
    """List repositories in order of creation."""
    repositories, organization, query = Repositories(call.world), call.path["organization_id"], call.query
    found, more = repositories.select(organization, query.offset, query.limit)
    shown = [repositories.listed(each) for each in found]
    return Accounts(call.world).envelope(
        organization, registry_repositories=shown, limit=query.limit, offset=query.offset, has_next=more
    )


@operation(
    "GET",
    REPOSITORY,
    answer=RepositoryView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_repository; {UNKNOWN}",
)
def get_repository(call: Call[None, None]) -> dict[str, Any]:
    """Return a repository with its tags."""
    repositories = Repositories(call.world)
    return repositories.view(repositories.get(call.path["organization_id"], call.path["repository_id"]))


@operation(
    "DELETE",
    REPOSITORY,
    answer=RepositoryView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_repository; {UNKNOWN}",
)
def delete_repository(call: Call[None, None]) -> dict[str, Any]:
    """Delete a repository with its tags and return it as it was."""
    return Repositories(call.world).delete(call.path["organization_id"], call.path["repository_id"])


@operation(
    "GET",
    REPOSITORY + "/tags",
    query=Page,
    answer=TagListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_repository_tags; {UNKNOWN}",
)
def get_repository_tags(call: Call[Page, None]) -> dict[str, Any]:
    """List the tags of a repository in order of creation."""
    repositories, organization, query = Repositories(call.world), call.path["organization_id"], call.query
    repository = repositories.get(organization, call.path["repository_id"])
    found, more = repositories.tags(repository, query.offset, query.limit)
    return Accounts(call.world).envelope(
        organization,
        registry_repository_id=repository.id,
        tags=[repositories.tag_view(tag) for tag in found],
        limit=query.limit,
        offset=query.offset,
        has_next=more,
    )


OPERATIONS = operations_in(globals())
