"""State and life cycle of notebooks."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, Conflict, NotFound
from abeja_emulator.services.images import DEFAULT_IMAGE, check_image
from abeja_emulator.services.instance_types import check_instance_type, default_instance_type
from abeja_emulator.services.logs.pages import NOTEBOOK_LOG, Logs
from abeja_emulator.services.notebooks.records import Notebook
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.times import zulu

if TYPE_CHECKING:
    from abeja_emulator.services.training.records import JobDefinition
    from abeja_emulator.wire.call import World

#: Types of notebooks (`abeja/notebook/types.py`); the first is that of one that names none (help text of the CLI).
NOTEBOOK_TYPES = ("notebook", "lab")

#: Seconds from the start of a notebook until it is Active, by the Platform's clock: as long as a job of the virtual
#: mode is Pending. Only Pending is documented of the statuses of a notebook; that the others are those of a job is
#: inferred.
PENDING_SECONDS = 10.0


class Notebooks:
    """The notebooks of one Platform.

    No Jupyter runs behind them. What is emulated is what a client can see and do: a notebook is Pending when it is
    started, Active once its time has come, and Stopped when somebody stops it.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._notebooks = world.store.table("training_notebook", Notebook)
        self._logs = Logs(world, NOTEBOOK_LOG)
        self._accounts = Accounts(world)

    def create(
        self,
        definition: JobDefinition,
        creator_id: str,
        *,
        instance_type: str | None = None,
        image: str | None = None,
        notebook_type: str | None = None,
    ) -> Notebook:
        """Create a notebook and start it; it is `notebook-<number>`.

        Raises:
            BadRequest: when a field is not well-formed.
            Conflict: when the definition is archived, as jobs have it.
        """
        _check_kept(definition)
        image = image or DEFAULT_IMAGE
        instance_type = instance_type or default_instance_type(image)
        notebook_type = notebook_type or NOTEBOOK_TYPES[0]
        _check(image, instance_type, notebook_type)
        now = iso(self._world.clock.now())
        notebook = Notebook(
            training_notebook_id=self._world.ids.platform_id(),
            job_definition_id=definition.job_definition_id,
            name=f"notebook-{self._world.ids.number('notebook', definition.job_definition_id)}",
            status="Stopped",
            instance_type=instance_type,
            image=image,
            notebook_type=notebook_type,
            creator_id=creator_id,
            ready_at=now,
            created_at=now,
            modified_at=now,
        )
        self._notebooks.insert(definition.job_definition_id, notebook.training_notebook_id, notebook)
        return self._started(notebook, now)

    def get(self, definition: JobDefinition, notebook_id: str) -> Notebook:
        """Return a notebook of a definition as it is by now.

        Raises:
            NotFound: when the definition has none with that id.
        """
        notebook = self._notebooks.get(definition.job_definition_id, notebook_id)
        if notebook is None:
            known = self._notebooks.slice(definition.job_definition_id, limit=10, newest_first=True)
            ids = ", ".join(each.training_notebook_id for each in known) or "none"
            message = f"job definition {definition.name!r} has no notebook {notebook_id!r}; newest notebooks: {ids}"
            raise NotFound(message)
        return self._by_now(notebook)

    def select(self, definition: JobDefinition, offset: int, limit: int) -> tuple[list[Notebook], int]:
        """Return notebooks of a definition, newest first, and how many there are in all."""
        identifier = definition.job_definition_id
        found = self._notebooks.slice(identifier, offset=offset, limit=limit, newest_first=True)
        return [self._by_now(notebook) for notebook in found], self._notebooks.count(identifier)

    def change(
        self,
        notebook: Notebook,
        *,
        instance_type: str | None = None,
        image: str | None = None,
        notebook_type: str | None = None,
    ) -> Notebook:
        """Change what is named of a notebook, whatever its status: the documented answer is of one that is Pending.

        Raises:
            BadRequest: when a field is not well-formed.
        """
        changed = msgspec.structs.replace(
            notebook,
            instance_type=notebook.instance_type if instance_type is None else instance_type,
            image=notebook.image if image is None else image,
            notebook_type=notebook.notebook_type if notebook_type is None else notebook_type,
        )
        _check(changed.image, changed.instance_type, changed.notebook_type)
        return self._put(changed, iso(self._world.clock.now()))

    def start(self, definition: JobDefinition, notebook: Notebook, notebook_type: str | None = None) -> Notebook:
        """Start a notebook that is Stopped, as another type where one is named.

        Raises:
            BadRequest: when there is no such type.
            Conflict: when it is started already, or the definition is archived.
        """
        _check_kept(definition)
        if notebook.status != "Stopped":
            message = (
                f"notebook {notebook.training_notebook_id} is {notebook.status}; only a Stopped one can be started"
            )
            raise Conflict(message)
        chosen = notebook.notebook_type if notebook_type is None else notebook_type
        _check(notebook.image, notebook.instance_type, chosen)
        started = msgspec.structs.replace(notebook, notebook_type=chosen)
        return self._started(started, iso(self._world.clock.now()))

    def stop(self, notebook: Notebook) -> Notebook:
        """Stop a notebook that is Pending or Active.

        Raises:
            Conflict: when it is stopped already.
        """
        if notebook.status == "Stopped":
            message = f"notebook {notebook.training_notebook_id} is Stopped already"
            raise Conflict(message)
        self._logs.write(notebook.training_notebook_id, f"abeja-emulator: {notebook.name} was stopped")
        return self._put(msgspec.structs.replace(notebook, status="Stopped"), iso(self._world.clock.now()))

    def delete(self, notebook: Notebook) -> None:
        """Delete a notebook, whatever its status, with its log."""
        self._logs.delete(notebook.training_notebook_id)
        self._notebooks.delete(notebook.job_definition_id, notebook.training_notebook_id)

    def view(self, notebook: Notebook) -> dict[str, Any]:
        """Return a notebook as the API shows it; its id under both of its names."""
        creator = self._accounts.user(notebook.creator_id)
        return {
            "id": notebook.training_notebook_id,
            "training_notebook_id": notebook.training_notebook_id,
            "job_definition_id": notebook.job_definition_id,
            "name": notebook.name,
            "description": notebook.description,
            "status": notebook.status,
            "status_message": notebook.status_message,
            "instance_type": notebook.instance_type,
            "image": notebook.image,
            "notebook_type": notebook.notebook_type,
            "creator": None if creator is None else creator.view(),
            "created_at": zulu(notebook.created_at),
            "modified_at": zulu(notebook.modified_at),
        }

    def _started(self, notebook: Notebook, now: str) -> Notebook:
        self._logs.write(
            notebook.training_notebook_id,
            f"abeja-emulator: {notebook.name} ({notebook.notebook_type}) was started on {notebook.instance_type} with "
            f"{notebook.image}; no Jupyter runs behind it",
        )
        ready = self._world.clock.now() + datetime.timedelta(seconds=PENDING_SECONDS)
        return self._put(msgspec.structs.replace(notebook, status="Pending", ready_at=iso(ready)), now)

    def _by_now(self, notebook: Notebook) -> Notebook:
        if notebook.status != "Pending" or iso(self._world.clock.now()) < notebook.ready_at:
            return notebook
        return msgspec.structs.replace(notebook, status="Active", modified_at=notebook.ready_at)

    def _put(self, notebook: Notebook, now: str) -> Notebook:
        notebook = msgspec.structs.replace(notebook, modified_at=now)
        self._notebooks.update(notebook.job_definition_id, notebook.training_notebook_id, notebook)
        self._world.tell(notebook)
        return notebook


def _check(image: str, instance_type: str, notebook_type: str) -> None:
    check_image(image)
    check_instance_type(instance_type)
    if notebook_type not in NOTEBOOK_TYPES:
        message = f"notebook_type {notebook_type!r} is none of {', '.join(NOTEBOOK_TYPES)}"
        raise BadRequest(message)


def _check_kept(definition: JobDefinition) -> None:
    if definition.archived:
        message = f"job definition {definition.name!r} is archived; unarchive it first"
        raise Conflict(message)
