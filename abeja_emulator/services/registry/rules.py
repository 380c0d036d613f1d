"""State and rules of the registry's repositories and their tags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, Conflict, NotFound
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.registry.records import Repository, Tag
from abeja_emulator.services.times import second, zulu

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World

#: One part of the name of an image, as every registry has it (reference grammar of Docker's distribution). That the
#: platform refuses another when the repository is made is inferred: nobody could push to it.
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*", re.ASCII)

#: The name of a tag, from the same grammar.
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)

#: What a tag stands for when nothing else is said (SDK docstring of get_repository_tags).
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class Repositories:
    """The repositories of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._repositories = world.store.table("repository", Repository)
        self._tags = world.store.table("repository_tag", Tag)
        self._accounts = Accounts(world)

    def create(self, organization_id: str, name: str, creator_id: str, description: str | None = None) -> Repository:
        """Create a repository.

        Raises:
            BadRequest: when the name is none that an image can have.
            Conflict: when the organization has one of that name.
        """
        if not _NAME.fullmatch(name):
            message = (
                f"a repository is named as images are, in small letters and digits, with ., _ or - between them, such "
                f"as my-image; not {name!r}"
            )
            raise BadRequest(message)
        if self._repositories.named(organization_id, name) is not None:
            message = f"repository {name!r} exists already; choose another name or delete it first"
            raise Conflict(message)
        now = iso(self._world.clock.now())
        repository = Repository(
            id=self._world.ids.platform_id(),
            organization_id=organization_id,
            name=name,
            description=description,
            creator_id=creator_id,
            created_at=now,
            updated_at=now,
        )
        self._repositories.insert(organization_id, repository.id, repository, name=name)
        return repository

    def get(self, organization_id: str, repository_id: str) -> Repository:
        """Return a repository.

        Raises:
            NotFound: when the organization has none with that id.
        """
        repository = self._repositories.get(organization_id, repository_id)
        if repository is None:
            known = self._repositories.slice(organization_id, limit=10, newest_first=True)
            names = ", ".join(f"{each.id} ({each.name})" for each in known) or "none"
            message = (
                f"repository {repository_id!r} does not exist in organization {organization_id}; "
                f"newest repositories: {names}"
            )
            raise NotFound(message)
        return repository

    def select(self, organization_id: str, offset: int, limit: int) -> tuple[list[Repository], bool]:
        """Return repositories in order of creation, and whether there are more."""
        found = self._repositories.slice(organization_id, offset=offset, limit=limit + 1)
        return found[:limit], len(found) > limit

    def delete(self, organization_id: str, repository_id: str) -> dict[str, Any]:
        """Delete a repository with its tags, and return it as it was shown."""
        shown = self.view(self.get(organization_id, repository_id))
        self._tags.delete_under(repository_id)
        self._repositories.delete(organization_id, repository_id)
        return shown

    def tag(  # noqa: PLR0913 - the fields of a tag
        self, repository: Repository, name: str, creator_id: str, *, digest: str, size: int, media_type: str = MANIFEST
    ) -> Tag:
        """Let a tag stand for an image, in the place of the one it stood for; a push does that.

        Nothing of this project speaks the protocol of a push yet, so this is for whoever puts images here.

        Raises:
            BadRequest: when the name is none that a tag can have.
        """
        if not _TAG.fullmatch(name):
            message = f"a tag is letters, digits, _, . and -, 128 at most, the first no . or -; not {name!r}"
            raise BadRequest(message)
        now = second(self._world.clock.now())
        known = self._tags.named(repository.id, name)
        if known is not None:
            moved = msgspec.structs.replace(known, digest=digest, size=size, media_type=media_type, updated_at=now)
            self._tags.update(repository.id, str(known.id), moved)
            return moved
        tag = Tag(
            id=int(self._world.ids.platform_id()),
            name=name,
            digest=digest,
            size=size,
            media_type=media_type,
            creator_id=creator_id,
            created_at=now,
            updated_at=now,
        )
        self._tags.insert(repository.id, str(tag.id), tag, name=name)
        return tag

    def tags(self, repository: Repository, offset: int, limit: int) -> tuple[list[Tag], bool]:
        """Return tags of a repository in order of creation, and whether there are more."""
        found = self._tags.slice(repository.id, offset=offset, limit=limit + 1)
        return found[:limit], len(found) > limit

    def listed(self, repository: Repository) -> dict[str, Any]:
        """Return a repository as a list shows it."""
        return {
            "id": repository.id,
            "organization_id": repository.organization_id,
            "name": repository.name,
            "description": repository.description,
            "creator": self._creator(repository.creator_id),
            "created_at": zulu(repository.created_at),
            "updated_at": zulu(repository.updated_at),
        }

    def view(self, repository: Repository) -> dict[str, Any]:
        """Return a repository as the API shows it alone, with its tags.

        That they are shown as `get_repository_tags` does is inferred: the documentation shows an empty array only.
        """
        tags = [self.tag_view(tag) for tag in self._tags.slice(repository.id)]
        return {**self.listed(repository), "tags": tags}

    def tag_view(self, tag: Tag) -> dict[str, Any]:
        """Return a tag as the API shows it."""
        shown = msgspec.structs.asdict(tag)
        shown["creator"] = self._creator(shown.pop("creator_id"))
        return shown

    def _creator(self, creator_id: str) -> dict[str, Any] | None:
        creator = self._accounts.user(creator_id)
        return None if creator is None else creator.view()
