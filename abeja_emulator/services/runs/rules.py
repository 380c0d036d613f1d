"""State and life cycle of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, Conflict, NotFound
from abeja_emulator.services.deployments.versions import environment_of
from abeja_emulator.services.runs.records import Run
from abeja_emulator.services.runs.settings import check_input, check_output, retry_count_of
from abeja_emulator.services.services.settings import check_models, models_of
from abeja_emulator.services.submission import SUBMITTED, submit
from abeja_emulator.services.times import zulu

if TYPE_CHECKING:
    from abeja_emulator.services.deployments.records import Deployment, DeploymentVersion
    from abeja_emulator.wire.call import World

#: Where a run can go from where it is. The words are documented (SDK docstring of get_run); they are those of AWS
#: Batch, and that they follow each other as there is inferred: an attempt that failed puts a run back to RUNNABLE.
LIFE_CYCLE = {
    SUBMITTED: ("PENDING", "RUNNABLE", "STARTING", "RUNNING", "FAILED"),
    "PENDING": ("RUNNABLE", "STARTING", "RUNNING", "FAILED"),
    "RUNNABLE": ("STARTING", "RUNNING", "FAILED"),
    "STARTING": ("RUNNABLE", "RUNNING", "FAILED"),
    "RUNNING": ("RUNNABLE", "SUCCEEDED", "FAILED"),
    "SUCCEEDED": (),
    "FAILED": (),
}

#: Where a run goes back to when it is tried again, and from where.
AGAIN, TRIED = "RUNNABLE", ("STARTING", "RUNNING")

#: Runs on a page; the platform's number is not known. Evidence: inferred.
RUNS_PER_PAGE = 50


class Runs:
    """The runs of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._runs = world.store.table("run", Run)

    def create(  # noqa: PLR0913 - the fields of a run
        self,
        deployment: Deployment,
        version: DeploymentVersion,
        creator_id: str,
        *,
        input_data: dict[str, Any] | list[Any] | None = None,
        output_template: dict[str, Any] | None = None,
        models: dict[str, Any] | None = None,
        environment: dict[str, Any] | None = None,
        retry_count: int | None = None,
        distribution: int | None = None,
    ) -> Run:
        """Create a run of a version.

        Raises:
            BadRequest: when a field is not well-formed, or a model to be mounted is not there. Evidence: inferred, as
                for services.
        """
        check_input(input_data)
        check_output(output_template)
        mounted = models_of(models)
        check_models(self._world, deployment.organization_id, mounted)
        return submit(
            self._world,
            organization_id=deployment.organization_id,
            deployment_id=deployment.deployment_id,
            models=mounted,
            model_version=version.version,
            model_version_id=version.version_id,
            input_data=input_data,
            output_template=output_template,
            retry_count=retry_count_of(retry_count),
            distribution=distribution,
            user_env_vars=environment_of(environment),
            creator_id=creator_id,
        )

    def get(self, deployment_id: str, run_id: str) -> Run:
        """Return a run of a deployment.

        Raises:
            NotFound: when the deployment has none with that id.
        """
        run = self._runs.get(deployment_id, run_id)
        if run is None:
            known = self._runs.slice(deployment_id, limit=10, newest_first=True)
            ids = ", ".join(each.run_id for each in known) or "none"
            message = f"deployment {deployment_id} has no run {run_id!r}; newest runs: {ids}"
            raise NotFound(message)
        return run

    def page(
        self, deployment_id: str, token: str | None, *, forward: bool | None, trigger_id: str | None = None
    ) -> tuple[list[Run], str | None]:
        """Return a page of the runs of a deployment, or of one of its triggers, and a token for the next one.

        Newest first, or oldest first with `forward`. The token carries the order; the last page has none.

        Raises:
            BadRequest: when the token was made for other runs, or another order.
        """
        query = f"runs of {deployment_id} {trigger_id}"
        after, newest_first = 0, not forward
        if token:
            after, newest_first = self._world.signer.page_position(query, token)
            if forward is not None and forward is newest_first:
                message = f"this page token was issued for scan_forward={not newest_first}, not for {forward}"
                raise BadRequest(message)
        rows = []
        for row in self._runs.scan(deployment_id, after=after, newest_first=newest_first):
            if trigger_id in {None, row.record.trigger_id}:
                rows.append(row)
                if len(rows) > RUNS_PER_PAGE:
                    break
        shown = rows[:RUNS_PER_PAGE]
        following = None
        if len(rows) > len(shown):
            following = self._world.signer.page_token(query, [shown[-1].seq, newest_first])
        return [row.record for row in shown], following

    def view(self, run: Run) -> dict[str, Any]:
        """Return a run as the API shows it."""
        return {
            "run_id": run.run_id,
            "deployment_id": run.deployment_id,
            "models": run.models,
            "model_version": run.model_version,
            "model_version_id": run.model_version_id,
            "input_data": run.input_data,
            "output_template": run.output_template,
            "retry_count": run.retry_count,
            "distribution": run.distribution,
            "status": run.status,
            "user_env_vars": run.user_env_vars,
            "created_at": zulu(run.created_at),
            "modified_at": zulu(run.modified_at),
        }

    # -- for whoever runs them ------------------------------------------------------------------

    def find(self, run_id: str) -> Run:
        """Return a run, whatever deployment it belongs to.

        Raises:
            NotFound: when there is none.
        """
        row = self._runs.find(run_id)
        if row is None:
            message = f"run {run_id!r} does not exist (any more)"
            raise NotFound(message)
        return row.record

    def everywhere(self) -> list[Run]:
        """Return the runs of all deployments."""
        return [row.record for row in self._runs.all()]

    def move(self, run: Run, status: str) -> Run:
        """Let a run go to another status; back to `RUNNABLE` is another try.

        Raises:
            BadRequest: when there is no such status.
            Conflict: when it cannot go there from where it is, or was tried again as often as it may be.
        """
        if status not in LIFE_CYCLE:
            message = f"status {status!r} is none of {', '.join(LIFE_CYCLE)}"
            raise BadRequest(message)
        if status not in LIFE_CYCLE[run.status]:
            message = f"run {run.run_id} is {run.status} and cannot become {status}"
            raise Conflict(message)
        retries = run.retries
        if status == AGAIN and run.status in TRIED:
            retries += 1
        if retries > run.retry_count:
            message = (
                f"run {run.run_id} has the retry_count {run.retry_count} and was tried again {run.retries} times; "
                "it can only be FAILED now"
            )
            raise Conflict(message)
        return self._put(msgspec.structs.replace(run, status=status, retries=retries))

    def keep_output(self, run: Run, output: dict[str, Any]) -> Run:
        """Keep where the output of a run went, `{"$datalake:1": "<channel>/<file>"}`; whoever runs it put it there.

        Raises:
            BadRequest: when a file of the datalake is not named as one.
            Conflict: when the run is not running.
        """
        check_input(output)
        if run.status != "RUNNING":
            message = f"run {run.run_id} is {run.status}; only one that is RUNNING has output"
            raise Conflict(message)
        return self._put(msgspec.structs.replace(run, output=output))

    def _put(self, run: Run) -> Run:
        run = msgspec.structs.replace(run, modified_at=iso(self._world.clock.now()))
        self._runs.update(run.deployment_id, run.run_id, run)
        self._world.tell(run)
        return run
