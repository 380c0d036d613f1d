"""State and rules of deployments and their threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.opsbeellm.listing import Part, check_name, shown, unknown, with_changes
from abeja_emulator.services.opsbeellm.records import History, OpsBeeDeployment, Thread

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World

#: Name of the one thread of a `qa` deployment, which all of its histories are in (SDK docstring of get_qa_histories).
QA_THREAD = "QA用スレッド"


class OpsBeeDeployments:
    """The OpsBeeLLM deployments of one Platform.

    A `qa` deployment is made with its one thread: the list of its histories names a single thread, and nothing that
    makes such a history names any. It shows that thread like any other and can rename it; that it takes no second one
    and does not lose it is inferred.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._deployments = world.store.table("opsbeellm_deployment", OpsBeeDeployment)
        self._threads = world.store.table("opsbeellm_thread", Thread)
        self._histories = world.store.table("opsbeellm_history", History)

    def create(self, organization_id: str, name: str, type_: str, description: str) -> OpsBeeDeployment:
        """Create a deployment.

        Raises:
            BadRequest: when the name is empty.
        """
        check_name("deployment", name)
        now = iso(self._world.clock.now())
        deployment = OpsBeeDeployment(
            id=self._world.ids.platform_id(),
            organization_id=organization_id,
            name=name,
            description=description,
            type=type_,
            created_at=now,
            updated_at=now,
        )
        self._deployments.insert(organization_id, deployment.id, deployment)
        if type_ == "qa":
            self._new_thread(deployment, QA_THREAD, "")
        return deployment

    def get(self, organization_id: str, deployment_id: str, type_: str | None = None) -> OpsBeeDeployment:
        """Return a deployment, of a certain type if one is named.

        Raises:
            BadRequest: when it is of the other type, in the words of the SDK, which asks before each call.
            NotFound: when the organization has none with that id.
        """
        deployment = self._deployments.get(organization_id, deployment_id)
        if deployment is None:
            newest = self._deployments.slice(organization_id, limit=10, newest_first=True)
            names = [f"{each.id} ({each.name}, {each.type})" for each in newest]
            message = unknown("deployment", deployment_id, f"organization {organization_id}", names)
            raise NotFound(message)
        if type_ not in {None, deployment.type}:
            message = (
                f"the specified deployment {deployment_id!r} type is {deployment.type!r}, which is not supported "
                f"here; only {type_!r} is"
            )
            raise BadRequest(message)
        return deployment

    def view(self, deployment: OpsBeeDeployment) -> dict[str, Any]:
        """Return a deployment as the API shows it, with its number of histories in all of its threads."""
        return {**shown(deployment), "history_count": self._histories.count(deployment.id)}

    def select(self, organization_id: str, offset: int, limit: int) -> Part:
        """Return a part of the deployments, newest first."""
        found = self._deployments.slice(organization_id, offset=offset, limit=limit, newest_first=True)
        views = [self.view(deployment) for deployment in found]
        return Part(views, offset, limit, self._deployments.count(organization_id))

    def update(self, organization_id: str, deployment_id: str, name: str, description: str | None) -> OpsBeeDeployment:
        """Change a deployment; a description that is None stays.

        Raises:
            BadRequest: when the name is empty.
        """
        deployment = self.get(organization_id, deployment_id)
        check_name("deployment", name)
        changed = with_changes(deployment, self._world.clock.now(), name=name, description=description)
        self._deployments.update(organization_id, deployment_id, changed)
        return changed

    def delete(self, organization_id: str, deployment_id: str) -> None:
        """Delete a deployment with its threads and histories; what datasets took from them stays."""
        self.get(organization_id, deployment_id)
        self._histories.delete_under(deployment_id)
        self._threads.delete_under(deployment_id)
        self._deployments.delete(organization_id, deployment_id)

    def create_thread(self, organization_id: str, deployment_id: str, name: str, description: str) -> Thread:
        """Create a thread of a `chat` deployment.

        Raises:
            BadRequest: when the name is empty or the deployment is a `qa` one.
        """
        deployment = self.get(organization_id, deployment_id, "chat")
        check_name("thread", name)
        return self._new_thread(deployment, name, description)

    def thread(self, organization_id: str, deployment_id: str, thread_id: str) -> Thread:
        """Return a thread.

        Raises:
            NotFound: when the deployment or the thread does not exist.
        """
        self.get(organization_id, deployment_id)
        thread = self._threads.get(deployment_id, thread_id)
        if thread is None:
            newest = self._threads.slice(deployment_id, limit=10, newest_first=True)
            names = [f"{each.id} ({each.name})" for each in newest]
            message = unknown("thread", thread_id, f"deployment {deployment_id}", names)
            raise NotFound(message)
        return thread

    def threads(self, organization_id: str, deployment_id: str, offset: int, limit: int) -> Part:
        """Return a part of a deployment's threads, newest first."""
        self.get(organization_id, deployment_id)
        found = self._threads.slice(deployment_id, offset=offset, limit=limit, newest_first=True)
        return Part([shown(thread) for thread in found], offset, limit, self._threads.count(deployment_id))

    def oldest_threads(self, deployment_id: str, limit: int) -> list[Thread]:
        """Return the first threads of a deployment; a `qa` one has exactly one."""
        return self._threads.slice(deployment_id, limit=limit)

    def update_thread(
        self, organization_id: str, deployment_id: str, thread_id: str, name: str, description: str | None
    ) -> Thread:
        """Change a thread; a description that is None stays.

        Raises:
            BadRequest: when the name is empty.
        """
        thread = self.thread(organization_id, deployment_id, thread_id)
        check_name("thread", name)
        changed = with_changes(thread, self._world.clock.now(), name=name, description=description)
        self._threads.update(deployment_id, thread_id, changed)
        return changed

    def delete_thread(self, organization_id: str, deployment_id: str, thread_id: str) -> None:
        """Delete a thread of a `chat` deployment with its histories.

        Raises:
            BadRequest: when the deployment is a `qa` one.
        """
        self.get(organization_id, deployment_id, "chat")
        self.thread(organization_id, deployment_id, thread_id)
        for row in self._histories.scan(deployment_id):
            if row.record.thread_id == thread_id:
                self._histories.delete(deployment_id, row.record.id)
        self._threads.delete(deployment_id, thread_id)

    def _new_thread(self, deployment: OpsBeeDeployment, name: str, description: str) -> Thread:
        now = iso(self._world.clock.now())
        thread = Thread(
            id=self._world.ids.platform_id(),
            organization_id=deployment.organization_id,
            deployment_id=deployment.id,
            name=name,
            description=description,
            created_at=now,
            updated_at=now,
        )
        self._threads.insert(deployment.id, thread.id, thread)
        return thread
