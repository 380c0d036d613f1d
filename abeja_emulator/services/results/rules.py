"""State and rules of results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.clock import iso
from abeja_emulator.errors import NotFound
from abeja_emulator.services.results.records import Result
from abeja_emulator.wire.content import Download

if TYPE_CHECKING:
    from abeja_emulator.services.deployments.records import Deployment
    from abeja_emulator.wire.call import World
    from abeja_emulator.wire.messages import Body


class Results:
    """The results of asynchronous requests on one Platform.

    Whoever asked gets them from the platform in a way that no client shows; here `platform.look` has them.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._results = world.store.table("result", Result)

    def put(  # noqa: PLR0913 - the parts of an answer
        self,
        deployment: Deployment,
        request_id: str,
        *,
        status: int,
        headers: dict[str, str],
        content_type: str | None,
        body: Body,
    ) -> Result:
        """Keep the answer to a request, in the place of an earlier one: a runner that is not sure sends it again."""
        digest, size = self._world.store.blobs.put(body)
        result = Result(
            organization_id=deployment.organization_id,
            deployment_id=deployment.deployment_id,
            request_id=request_id,
            status=status,
            headers=headers,
            content_type=content_type,
            body=digest,
            size=size,
            created_at=iso(self._world.clock.now()),
        )
        before = self._results.get(deployment.deployment_id, request_id)
        if before is None:
            self._results.insert(deployment.deployment_id, request_id, result)
        else:
            self._world.store.blobs.release(before.body)
            self._results.update(deployment.deployment_id, request_id, result)
        return result

    def get(self, deployment_id: str, request_id: str) -> Result:
        """Return the result of a request.

        Raises:
            NotFound: when none has come.
        """
        result = self._results.get(deployment_id, request_id)
        if result is None:
            known = ", ".join(each.request_id for each in self.all(deployment_id)) or "none"
            message = f"deployment {deployment_id} has no result of request {request_id!r}; results there are: {known}"
            raise NotFound(message)
        return result

    def all(self, deployment_id: str) -> list[Result]:
        """Return the results of a deployment's requests, in the order they came in."""
        return self._results.slice(deployment_id)

    def content(self, result: Result) -> Download:
        """Return the body of an answer."""
        return Download(self._world.store.blobs.content(result.body), result.size, result.content_type)
