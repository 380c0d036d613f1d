"""Services in this process: breakpoints, coverage and speed, without a child."""

from __future__ import annotations

import json
import os
import shutil
from itertools import count
from typing import TYPE_CHECKING, Any

from abeja_emulator.errors import NotFound
from abeja_emulator.runtime.images import ModelCalling, calling_of
from abeja_emulator.runtime.output import Log
from abeja_emulator.runtime.variables import context_entries, overlaid, without_foreign
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.serving.in_process import RuntimeMissing
from abeja_emulator.serving.role_proxy import proxy_of
from abeja_emulator.serving.served import Served
from abeja_emulator.serving.served_model import ServedModel
from abeja_emulator.serving.surroundings import Surroundings
from abeja_emulator.serving.tokens import Tokens
from abeja_emulator.serving.turns import Turns
from abeja_emulator.serving.variables import Role, job_of_model_variables, merged_user_variables, platform_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.handlers import Handler
    from abeja_emulator.services.training.records import TrainingJob
    from abeja_emulator.serving.messages import Model
    from abeja_emulator.serving.proxy import Proxy
    from abeja_emulator.serving.turns import Watch


class LocalServices:
    """Serves models in this process, on behalf of the default user of a platform.

    A deployment and a version of it are made, or found; a service is not, for what the platform knows of it would
    be run in a child.

    Args:
        platform: where the deployments are.
        folder: where caches are made, one sub-folder a service.
        api_url: base URL of the API, for `ABEJA_API_URL`.
        watch: tells of threads that are started, see `Turns`.
        random_seed: seed of `random` and of NumPy's generator for each model.
    """

    def __init__(
        self,
        platform: Platform,
        folder: Path,
        *,
        api_url: str,
        watch: Watch | None = None,
        random_seed: int | None = None,
    ) -> None:
        self._platform = platform
        self._folder = folder
        self._api_url = api_url
        self._random_seed = random_seed
        self._turns = Turns() if watch is None else Turns(watch)
        self._tokens = Tokens(platform)
        self._deployments = Deployments(platform.world)
        self._versions = Versions(platform.world)
        self._jobs = Jobs(platform.world)

    def serve(  # noqa: PLR0913 - what a service has, all but the first by name
        self,
        handler: Handler,
        *,
        image: str,
        result: Path,
        job_id: str | None = None,
        environment: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        on_exception: Callable[[Served, str, str], object] = lambda *_: None,
    ) -> Served:
        """Import a handler, and return its service.

        Args:
            handler: what to call.
            image: decides how.
            result: `ABEJA_TRAINING_RESULT_DIR` itself, not a copy: what the handler writes there stays.
            job_id: of the job that has made the model there.
            environment: the user's variables.
            context: of the handler; what the variable `CONTEXT` says by default.
            on_exception: told of each exception of the handler, see `Served`.

        Raises:
            RuntimeMissing: when the published runtime cannot be imported.
            VariableError: when a variable has no name, is one of the platform's own, or is `CONTEXT` and no object.
            BadRequest: when there is no such image.
            Exception: whatever the handler's module raises.
        """
        __tracebackhide__ = True
        user = merged_user_variables(environment, None if context is None else {"CONTEXT": json.dumps(dict(context))})
        entries = context_entries(user)
        job = None if job_id is None else self._job(job_id)
        work, calling, log = handler.work.resolve(), ModelCalling.of(calling_of(image)), Log(self._platform.clock)
        role = self._role(handler, image)
        storage = self._folder / str(role.service_id) / "storage"
        variables = {
            **overlaid({**without_foreign(os.environ), **job_of_model_variables(job)}, user),
            **platform_variables(role, self._api_url, result, storage),
        }
        surroundings = Surroundings(variables, work, handler.source, log, self._random_seed)

        def close() -> None:
            model.close()
            self._end(role, storage.parent)

        try:
            storage.mkdir(parents=True)
            model = ServedModel(handler, calling, entries, result, surroundings, log, self._turns)
            model.load()
            proxy = self._proxy(role, model)
            proxy.add(model)
        except BaseException as error:
            self._end(role, storage.parent)
            if isinstance(error, RuntimeMissing):
                # It says all there is to say.
                raise error.with_traceback(None) from None
            raise
        return Served(
            name=handler.name,
            image=image,
            url=self._url(role),
            result_dir=result,
            model=model,
            proxy=proxy,
            log=log,
            on_exception=on_exception,
            on_close=close,
        )

    def _end(self, role: Role, folder: Path) -> None:
        self._tokens.take(role.token)
        shutil.rmtree(folder, ignore_errors=True)

    # -- what a service has ---------------------------------------------------------------------

    def _job(self, job_id: str) -> TrainingJob | None:
        """Return the job that has made a model, unless it was taken back since."""
        try:
            with self._platform.world.store.reading():
                return self._jobs.find(job_id)
        except NotFound:
            return None

    def _role(self, handler: Handler, image: str) -> Role:
        organization, creator = self._platform.organization.id, self._platform.user.id
        name = handler.name.replace("/", "-").replace("\0", "") or "model"
        with self._platform.world.store.transaction():
            known = self._deployments.all(organization)
            deployment = next((each for each in known if each.name == name), None)
            deployment = deployment or self._deployments.create(organization, name, creator)
            taken = {each.version for each in self._versions.all(deployment)}
            number = next(name for name in map("0.0.{}".format, count(1)) if name not in taken)
            version = self._versions.create(deployment, number, creator, image=image, handler=handler.name)
        service_id = f"ser-{self._platform.world.ids.hexadecimal(16)}"
        return Role(deployment, version, self._tokens.give(organization, creator), service_id=service_id)

    def _proxy(self, role: Role, model: ServedModel) -> Proxy:
        def settle(lost: Model, error: BaseException) -> None:
            # Ctrl-C or a skip of pytest has ended the request, and the handler takes the next one.
            if isinstance(error, Exception):
                lost.close()
            else:
                proxy.add(lost)

        proxy = proxy_of(role, self._platform, on_gone=settle, log=model.say)
        return proxy

    def _url(self, role: Role) -> str:
        scheme, _, host = self._api_url.partition("://")
        deployment = role.deployment
        path = f"/deployments/{deployment.deployment_id}/services/{role.service_id}"
        return f"{scheme}://{deployment.organization_id}.{host.rstrip('/')}{path}"
