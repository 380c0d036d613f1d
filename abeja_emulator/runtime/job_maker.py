"""A definition, a version and a job for a handler, in one transaction: what both ways of training begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.variables import dataset_ids, user_variables
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.training.records import JobDefinitionVersion, TrainingJob
    from abeja_emulator.wire.content import Upload


class JobMaker:
    """Makes jobs on a platform, for its default user.

    Args:
        platform: where they are made.
        image: of versions that name none; the platform's own default by default.
    """

    def __init__(self, platform: Platform, image: str | None = None) -> None:
        self._platform = platform
        self._image = image
        self._definitions = Definitions(platform.world)
        self._jobs = Jobs(platform.world)

    def make(  # noqa: PLR0913 - the fields of a version and a job, all by name
        self,
        handler: str,
        source: Upload | None = None,
        *,
        datasets: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
        image: str | None = None,
        instance_type: str | None = None,
        definition: str | None = None,
        description: str | None = None,
        before_commit: Callable[[str], object] = lambda _: None,
    ) -> tuple[TrainingJob, JobDefinitionVersion]:
        """Make a definition (or take the one of that name), a version and a `Pending` job.

        Args:
            handler: `module:function`.
            source: archive of the version; None when it runs from a folder of this machine.
            datasets: alias → dataset id, or what has one as its text.
            environment: the user's variables of the job.
            image: image of the version.
            instance_type: of the job.
            definition: name of the definition; the handler's name by default.
            description: of the job.
            before_commit: told the job's id before anybody else hears of the job.

        Raises:
            VariableError: when an id is no integer or a variable has no name; no job is made then.
            BadRequest: when the platform would not take a field; no job is made then.
        """
        wanted, variables = dataset_ids(datasets), user_variables(environment)
        organization = self._platform.organization.id
        with self._platform.world.store.transaction():
            name = definition or handler.replace(":", "-").replace("/", "-").replace("<", "").replace(">", "")
            made = self._definitions.find(organization, name) or self._definitions.create(organization, name)
            version = self._definitions.create_version(made, source, handler=handler, image=image or self._image)
            job = self._jobs.create(
                made,
                version,
                self._platform.user.id,
                datasets=wanted,
                environment=variables,
                instance_type=instance_type,
                description=description,
            )
            before_commit(job.training_job_id)
        return job, version
