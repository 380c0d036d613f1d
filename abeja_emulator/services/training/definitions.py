"""State and rules of job definitions and their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, Conflict, NotFound
from abeja_emulator.services.from_git import DEFAULT_BRANCH, check_git
from abeja_emulator.services.images import DEFAULT_IMAGE, check_image
from abeja_emulator.services.times import zulu
from abeja_emulator.services.training.children import Children
from abeja_emulator.services.training.records import JobDefinition, JobDefinitionVersion
from abeja_emulator.services.training.sources import check_source, keep_archive
from abeja_emulator.services.variables import texts_of, variables_of
from abeja_emulator.wire.content import Download

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World
    from abeja_emulator.wire.content import Upload
    from abeja_emulator.wire.messages import Body


class Definitions:
    """The job definitions of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._definitions = world.store.table("job_definition", JobDefinition)
        self._versions = world.store.table("job_definition_version", JobDefinitionVersion)
        self._children = Children(world)

    def create(self, organization_id: str, name: str) -> JobDefinition:
        """Create a job definition.

        Raises:
            BadRequest: when the name is empty, has a slash, or is a dot or two, which no path could hold.
            Conflict: when the organization has one of that name.
        """
        if name in {"", ".", ".."} or "/" in name:
            message = f"a job definition needs a name that can stand in a path, without a slash, not {name!r}"
            raise BadRequest(message)
        if self._definitions.named(organization_id, name) is not None:
            message = f"job definition {name!r} exists already"
            raise Conflict(message)
        now = iso(self._world.clock.now())
        definition = JobDefinition(
            organization_id=organization_id,
            job_definition_id=self._world.ids.platform_id(),
            name=name,
            created_at=now,
            modified_at=now,
        )
        self._definitions.insert(organization_id, definition.job_definition_id, definition, name=name)
        return definition

    def get(self, organization_id: str, name_or_id: str) -> JobDefinition:
        """Return a job definition by its name or, as high-level SDK objects ask for it, by its id.

        Raises:
            NotFound: when the organization has none.
        """
        found = self.find(organization_id, name_or_id)
        if found is None:
            known = self._definitions.slice(organization_id, limit=10, newest_first=True)
            names = ", ".join(definition.name for definition in known) or "none"
            message = f"job definition {name_or_id!r} does not exist; newest definitions: {names}"
            raise NotFound(message)
        return found

    def find(self, organization_id: str, name_or_id: str) -> JobDefinition | None:
        """Return a job definition by its name or its id, or None."""
        return self._definitions.named(organization_id, name_or_id) or self._definitions.get(
            organization_id, name_or_id
        )

    def select(self, organization_id: str, offset: int, limit: int, *, archived: bool) -> list[JobDefinition]:
        """Return job definitions in order of creation."""
        return self._definitions.slice(organization_id, offset=offset, limit=limit, archived=archived)

    def count(self, organization_id: str, *, archived: bool) -> int:
        """Return how many job definitions there are."""
        if archived:
            return self._definitions.count(organization_id)
        return self._definitions.count_kept(organization_id)

    def archive(self, organization_id: str, name: str, *, archived: bool) -> JobDefinition:
        """Archive a job definition or take it back."""
        definition = msgspec.structs.replace(
            self.get(organization_id, name), archived=archived, modified_at=iso(self._world.clock.now())
        )
        self._definitions.update(organization_id, definition.job_definition_id, definition, archived=archived)
        return definition

    def delete(self, organization_id: str, name: str) -> JobDefinition:
        """Delete a job definition with its versions, models and notebooks, and return it as it was.

        `Jobs.delete_all` comes before.
        """
        definition = self.get(organization_id, name)
        identifier = definition.job_definition_id
        for version in self._versions.slice(identifier):
            self._release(version)
        self._versions.delete_under(identifier)
        self._children.delete_all(identifier)
        self._definitions.delete(organization_id, identifier)
        return definition

    def view(self, definition: JobDefinition) -> dict[str, Any]:
        """Return a job definition as the API shows it, without its jobs."""
        identifier = definition.job_definition_id
        shown = msgspec.structs.asdict(definition)
        shown["created_at"], shown["modified_at"] = zulu(definition.created_at), zulu(definition.modified_at)
        shown.update(
            versions=[version_view(version) for version in self._versions.slice(identifier)],
            jobs=None,
            version_count=self._versions.count(identifier),
            **self._children.counts(identifier),
        )
        return shown

    def create_version(  # noqa: PLR0913 - the fields of a version
        self,
        definition: JobDefinition,
        source: Upload | None,
        *,
        handler: str,
        image: str | None = None,
        environment: dict[str, Any] | None = None,
        datasets: dict[str, Any] | None = None,
        description: str | None = None,
        git_url: str | None = None,
        git_branch: str | None = None,
    ) -> JobDefinitionVersion:
        """Create the next version of a job definition; one from git, or from a folder here, has no source.

        A handler is taken as it is. The command line checks its form, but nothing shows that the
        platform does: the launcher fails the job instead.

        Raises:
            BadRequest: when the source is no archive, or a field is not well-formed; no number is used up.
        """
        image = image or DEFAULT_IMAGE
        check_image(image)
        if git_url is not None:
            git_branch = git_branch or DEFAULT_BRANCH
            check_git(git_url, git_branch)
        variables, inputs = variables_of(environment), datasets_of(datasets)
        digest, size = ("", 0) if source is None else keep_archive(self._world, source)
        now = iso(self._world.clock.now())
        version = JobDefinitionVersion(
            job_definition_id=definition.job_definition_id,
            job_definition_version=self._world.ids.number("version", definition.job_definition_id),
            handler=handler,
            image=image,
            environment=variables,
            datasets=inputs,
            description=description,
            source=digest,
            source_size=size,
            git_url=git_url,
            git_branch=git_branch,
            created_at=now,
            modified_at=now,
        )
        number = str(version.job_definition_version)
        self._versions.insert(definition.job_definition_id, number, version)
        return version

    def version(self, definition: JobDefinition, number: str) -> JobDefinitionVersion:
        """Return a version by its number.

        Raises:
            NotFound: when the definition has none with that number.
        """
        version = self._versions.get(definition.job_definition_id, number)
        if version is None:
            known = [str(each.job_definition_version) for each in self.versions(definition, archived=True)]
            message = (
                f"job definition {definition.name!r} has no version {number!r}; it has {', '.join(known) or 'none'}"
            )
            raise NotFound(message)
        return version

    def versions(self, definition: JobDefinition, *, archived: bool) -> list[JobDefinitionVersion]:
        """Return the versions of a job definition, oldest first."""
        return self._versions.slice(definition.job_definition_id, archived=archived)

    def describe_version(self, definition: JobDefinition, number: str, description: str | None) -> JobDefinitionVersion:
        """Change the description of a version; nothing else of it can be changed."""
        return self._put(definition, msgspec.structs.replace(self.version(definition, number), description=description))

    def archive_version(self, definition: JobDefinition, number: str, *, archived: bool) -> JobDefinitionVersion:
        """Archive a version or take it back."""
        return self._put(definition, msgspec.structs.replace(self.version(definition, number), archived=archived))

    def delete_version(self, definition: JobDefinition, number: str) -> None:
        """Delete a version and its source."""
        version = self.version(definition, number)
        self._release(version)
        self._versions.delete(definition.job_definition_id, number)

    def source_url(self, definition: JobDefinition, number: str, origin: str) -> str:
        """Return a signed URL to the source archive of a version.

        Raises:
            NotFound: when there is no such version, or it has no archive.
        """
        version = self.version(definition, number)
        check_source(version)
        target, _ = self._world.signer.sign(
            "GET", "sources", definition.job_definition_id, str(version.job_definition_version)
        )
        return origin + target

    def source(self, definition_id: str, number: str) -> Download:
        """Return the source archive of a version.

        Raises:
            NotFound: when the version is gone.
        """
        version = self._versions.get(definition_id, number)
        if version is None:
            message = f"version {number} of job definition {definition_id} does not exist any more"
            raise NotFound(message)
        return Download(self.archive_of(version), version.source_size, "application/octet-stream")

    def archive_of(self, version: JobDefinitionVersion) -> Body:
        """Return the source archive of a version.

        Raises:
            NotFound: when it comes from git, or runs from a folder of this machine, and has none.
        """
        check_source(version)
        return self._world.store.blobs.content(version.source)

    def _release(self, version: JobDefinitionVersion) -> None:
        if version.source:
            self._world.store.blobs.release(version.source)

    def _put(self, definition: JobDefinition, version: JobDefinitionVersion) -> JobDefinitionVersion:
        version = msgspec.structs.replace(version, modified_at=iso(self._world.clock.now()))
        self._versions.update(
            definition.job_definition_id,
            str(version.job_definition_version),
            version,
            archived=version.archived,
        )
        return version


def version_view(version: JobDefinitionVersion) -> dict[str, Any]:
    """Return a version as the API shows it; `user_parameters` is the old name of `environment`."""
    shown = msgspec.structs.asdict(version)
    del shown["source"], shown["source_size"]
    if version.git_url is None:
        del shown["git_url"], shown["git_branch"]
    shown.update(
        user_parameters={},
        created_at=zulu(version.created_at),
        modified_at=zulu(version.modified_at),
    )
    return shown


def datasets_of(values: dict[str, Any] | None) -> dict[str, str]:
    """Return alias → dataset id as text; the CLI sends an id as an integer when a file has it unquoted.

    Any alias and any id is taken: the launcher passes on every alias, and fails a job whose id is no
    integer.
    """
    return texts_of(values)
