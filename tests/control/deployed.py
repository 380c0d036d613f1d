"""Services and runs as the rules make them, and a stand-in for what runs services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.endpoints.rules import Endpoints
from abeja_emulator.services.logs.pages import Logs
from abeja_emulator.services.runs.rules import Runs
from abeja_emulator.services.services.rules import Services

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.services.deployments.records import Deployment, DeploymentVersion
    from abeja_emulator.services.endpoints.records import Endpoint
    from abeja_emulator.services.runs.records import Run
    from abeja_emulator.services.services.records import Service

IMAGE = "abeja-inc/all-cpu:19.10"


class StubServices:
    """Says what a test wants to be said of services."""

    def __init__(self) -> None:
        self.busy: list[str] = []
        self.answering: dict[str, int] = {}

    def starting(self) -> list[str]:
        """Return those that are busy."""
        return self.busy

    def instances(self) -> dict[str, int]:
        """Return those that answer."""
        return self.answering


class Deployed:
    """A deployment with a version that has no code, and what is made of it.

    Attributes:
        deployment: the deployment.
        version: the version, `0.0.1`.
    """

    def __init__(self, platform: Platform, name: str = "reader", organization: str | None = None) -> None:
        self._platform = platform
        self._world, user = platform.world, platform.user.id
        with self._world.store.transaction():
            deployments = Deployments(self._world)
            self.deployment: Deployment = deployments.create(organization or platform.organization.id, name, user)
            self.version: DeploymentVersion = Versions(self._world).create(self.deployment, "0.0.1", user, image=IMAGE)

    def service(self, **options: Any) -> Service:
        """Create a service."""
        with self._world.store.transaction():
            return Services(self._world).create(
                self.deployment, self.version.version_id, self._platform.user.id, **options
            )

    def move_service(self, service: Service, status: str) -> None:
        """Let a service be ready, fail, or be stopped."""
        services = Services(self._world)
        with self._world.store.transaction():
            if status == "STOPPED":
                services.stop(services.find(service.service_id))
            else:
                services.move(services.find(service.service_id), status)

    def endpoint(self, service: Service, alias: str) -> Endpoint:
        """Create an endpoint."""
        with self._world.store.transaction():
            return Endpoints(self._world).create(self.deployment, service.service_id, alias)

    def run(self, **options: Any) -> Run:
        """Submit a run."""
        with self._world.store.transaction():
            return Runs(self._world).create(self.deployment, self.version, self._platform.user.id, **options)

    def move_run(self, run: Run, *statuses: str) -> None:
        """Let a run go to one status after the other."""
        runs = Runs(self._world)
        with self._world.store.transaction():
            for status in statuses:
                runs.move(runs.find(run.run_id), status)

    def keep_output(self, run: Run, output: dict[str, Any]) -> None:
        """Keep where the output of a run went."""
        runs = Runs(self._world)
        with self._world.store.transaction():
            runs.keep_output(runs.find(run.run_id), output)

    def log(self, kind: str, owner: str, *messages: str) -> None:
        """Append lines to a log."""
        with self._world.store.transaction():
            for message in messages:
                Logs(self._world, kind).write(owner, message)
