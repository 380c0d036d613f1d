"""From a source archive to a service that answers, by the SDK."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

from abeja_emulator.cli.exits import DONE, FAILED, OF_STATUS, CommandError
from abeja_emulator.cli.service_log import ServiceLog
from abeja_emulator.cli.training import Training
from abeja_emulator.services.services.records import READY

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from abeja_emulator.cli.output import Output
    from abeja_emulator.cli.project import Project
    from abeja_emulator.cli.sdk import Sdk
    from abeja_emulator.cli.signals import Signals
    from abeja_emulator.cli.steps import Steps
    from abeja_emulator.server import Server

#: Name of the job definition and of the deployment, the version of the code, and the alias of the endpoint.
NAME = "pipeline"
VERSION = "0.0.1"
ALIAS = "default"

#: Steps of a chain.
COUNT = 6

#: What is kept of the log of the service.
SERVICE_LOG = "service-log.txt"

#: Seconds between two looks at what is new.
_PACE = 0.1

#: Looks after one that showed something, until no line can be on its way any more (`runtime.log_stream.DELAY`); and
#: looks at a log that never comes to rest.
_QUIET = 2
_LOOKS = 20


class Chain:
    """The steps that the SDK takes.

    Args:
        arguments: of the command line.
        project: what `training.yaml` says.
        image: of the job and of the service.
        server: of this process.
        sdk: its client.
        steps: goes through them.
        output: where they are shown.
        signals: ends them.
        place: where is kept what they leave.

    Attributes:
        deployment_id: of the deployment, once it is made.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a chain is made of
        self,
        arguments: argparse.Namespace,
        project: Project,
        image: str,
        server: Server,
        sdk: Sdk,
        steps: Steps,
        output: Output,
        signals: Signals,
        place: Path,
    ) -> None:
        self._arguments = arguments
        self._project = project
        self._image = image
        self._server = server
        self._sdk = sdk
        self._steps = steps
        self._output = output
        self._signals = signals
        self._place = place
        self.deployment_id = ""
        self._log: ServiceLog | None = None

    # -- training -------------------------------------------------------------------------------

    def train(self, archive: bytes, datasets: dict[str, str]) -> str:
        """Run a job, and return the id of the model that is made of its result."""
        organization, client = self._sdk.organization, self._sdk.training
        with self._steps.step("training job") as facts:
            client.create_training_job_definition(organization, NAME)
            version = client.create_training_job_definition_version_native_api(
                organization,
                NAME,
                io.BytesIO(archive),
                {
                    "handler": self._arguments.handler,
                    "image": self._image,
                    "environment": dict(self._project.environment),
                },
            )
            job_id = facts["training_job_id"] = client.create_training_job(
                organization,
                NAME,
                version["job_definition_version"],
                datasets=datasets,
                environment=dict(self._arguments.env),
                instance_type=self._arguments.instance_type or self._project.instance_type,
            )["training_job_id"]
            self._output.line(f"job {job_id} of {self._arguments.handler}")
            self._follow(job_id)
        with self._steps.step("training model") as facts:
            artifacts = client.get_training_result(organization, NAME, job_id)["artifacts"]
            if "complete" not in artifacts:
                message = (
                    f"job {job_id} has left nothing, so that there is no model: let its handler write one into the "
                    "folder that ABEJA_TRAINING_RESULT_DIR names"
                )
                raise CommandError(message)
            with self._sdk.downloaded(artifacts["complete"]["uri"]) as file:
                made = client.create_training_model(organization, NAME, file, {"training_job_id": job_id})
            model_id = facts["training_model_id"] = made["training_model_id"]
            self._output.line(f"model {model_id}")
        return str(model_id)

    def _follow(self, job_id: str) -> None:
        training = Training(self._server.platform, self._server, self._output, event="job")
        training.wait(job_id, self._signals)
        code = training.end(job_id, self._place)
        self._signals.check()
        if code != DONE:
            job = self._server.platform.look.job(job_id)
            why = f": {job.status_message}" if job.status_message else ""
            message = f"job {job_id} is {job.status}{why}; its log is above, and in {self._place}"
            raise CommandError(message, OF_STATUS.get(job.status, FAILED))

    # -- serving --------------------------------------------------------------------------------

    def deploy(self, archive: bytes, model_id: str) -> str:
        """Let a service with the model be ready, and return its id."""
        organization, sdk, output = self._sdk.organization, self._sdk, self._output
        with self._steps.step("deployment") as facts:
            deployment = sdk.deployments.create_deployment(organization, NAME)["deployment_id"]
            self.deployment_id = facts["deployment_id"] = deployment
            output.line(f"deployment {deployment}")
        with self._steps.step("code version") as facts:
            made = sdk.deployments.create_deployment_version(
                organization, deployment, VERSION, self._arguments.model_handler, self._image
            )
            sdk.upload(made["upload_url"], archive)
            version_id = facts["version_id"] = made["version_id"]
            output.line(f"version {VERSION}  {version_id} of {self._arguments.model_handler}")
        with self._steps.step("service") as facts:
            service_type = {"instance_type": self._arguments.instance_type} if self._arguments.instance_type else {}
            service_id = facts["service_id"] = sdk.services.create_service(
                organization,
                deployment,
                version_id,
                environment=dict(self._arguments.env),
                model_id=model_id,
                **service_type,
            )["service_id"]
            output.line(f"service {service_id}")
            self._log = ServiceLog(sdk, deployment, service_id, output)
            while not self.is_ready(service_id, _PACE):
                self._signals.check()
        self.settle()
        with self._steps.step("endpoint") as facts:
            made = sdk.endpoints.create_endpoint(organization, deployment, service_id, ALIAS)
            facts["endpoint_id"] = made["endpoint_id"]
            output.line(f"endpoint {made['endpoint_id']}: {ALIAS}")
        return str(service_id)

    def is_ready(self, service_id: str, patience: float = 0) -> bool:
        """Return whether a service answers, or does so within so many seconds; show its log.

        Raises:
            CommandError: when it has failed.
        """
        try:
            service = self._server.services.wait(service_id, patience)
        except TimeoutError:
            self.look()
            return False
        self.look()
        if service.status != READY:
            message = f"service {service_id} is {service.status}; its log is above, and in {self._place}"
            raise CommandError(message)
        return True

    def look(self) -> bool:
        """Show what is new in the log of the service, and return whether there was anything."""
        return self._log is not None and self._log.show()

    def settle(self) -> None:
        """Show what the service has logged until now, before anything else is begun: lines come a moment late."""
        quiet = 0
        for _ in range(_LOOKS):
            self._signals.check()
            quiet = 0 if self.look() else quiet + 1
            if quiet > _QUIET:
                return
            time.sleep(_PACE)

    def end(self) -> None:
        """End the service, and show and keep the rest of its log."""
        log, self._log = self._log, None
        if log is not None:
            # What it has written last comes with its end.
            self._server.services.stop()
            log.show()
            log.keep(self._place / SERVICE_LOG)
