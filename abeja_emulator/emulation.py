"""Emulation: a platform that this process and its children reach, and an environment that fits."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.hosts import Hosts
from abeja_emulator.refusals import Refusals
from abeja_emulator.runtime.images import calling_of, make_context
from abeja_emulator.runtime.process import restored_environment
from abeja_emulator.runtime.sdk import sdk_base_url, thawed_sdk
from abeja_emulator.runtime.training import RESULT_FOLDER, Trainer
from abeja_emulator.runtime.variables import (
    context_entries,
    dataset_ids,
    is_foreign,
    job_variables,
    overlaid,
    user_variables,
    without_foreign,
)
from abeja_emulator.runtime.workers import drop_fork_server
from abeja_emulator.services.images import DEFAULT_IMAGE, check_image
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.transports.base_url import BaseUrl
from abeja_emulator.transports.child.abeja_emulator_child import API_URLS, BORN, join_host
from abeja_emulator.transports.child_processes import ChildProcesses
from abeja_emulator.transports.child_threads import ChildThreads
from abeja_emulator.transports.children import child_environment
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.transports.loopback import Loopback
from abeja_emulator.transports.virtual_time import ChildSleeps, VirtualTime

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from typing_extensions import Self

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.executor import Executor
    from abeja_emulator.runtime.work_queue import Mode
    from abeja_emulator.services.training.records import TrainingJob

#: Name of the job that is current while no other is.
AMBIENT_DEFINITION = "pytest"


class Emulation:
    """A platform in reach.

    While it is started, HTTP clients of this process reach the platform in memory, children over
    the loopback; the variables of a job are set, with the default user's credentials, so that a
    module that reads them when it is imported finds them; and credentials of the shell are gone.

    Args:
        platform: the platform.
        folder: where result directories and caches are made; a temporary one by default.
        image: image of the current job, and of jobs that name none.
        environment: user variables of every job.
        relative_result: see `Trainer`.
        allow_hosts: other hosts that may be reached.
        offline: whether a call to any other host fails as on a machine without a network, instead of with
            an `UnknownHostError`.
        jobs: when jobs that are made through the API begin, see `Executor`.
        execution: options of `Runner` that say how they are run, and how model code is.

    Attributes:
        platform: the platform.
        result_dir: result directory of the current job; the same for the whole emulation, because
            modules keep it in constants.
        trainer: runs jobs in this process.
        hosts: run what is made through the API, in children.
        job: the current job.
        image: as given, or the platform's default.
        offline: as given.
        random_seed: seed of random numbers of user code, or None.
        refused: the calls to hosts that may not be reached, children's too.
    """

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        platform: Platform,
        folder: Path | None = None,
        *,
        image: str | None = None,
        environment: Mapping[str, Any] | None = None,
        relative_result: bool = False,
        allow_hosts: Iterable[str] = (),
        offline: bool = False,
        jobs: Mode = "immediate",
        execution: Mapping[str, Any] | None = None,
    ) -> None:
        self.platform = platform
        self._environment = user_variables(environment)
        self.image = image or DEFAULT_IMAGE
        self.refused = Refusals(platform.epochs.left_by)
        self._relative_result = relative_result
        self.job = self._make_job()
        self._own_folder = folder is None
        self._folder = Path(tempfile.mkdtemp(prefix="abeja-emulator-")) if folder is None else folder
        self._allow_hosts = tuple(allow_hosts)
        self._stack = ExitStack()
        # Not what a test, or a job that runs in this process meanwhile, has set for itself.
        self._base: Mapping[str, str] = {}
        self._outside: Mapping[str, str] | None = None
        self.offline = offline
        self.random_seed: int | None = (execution or {}).get("random_seed")
        self._loopback = Loopback(
            platform,
            on_refused=self.refused.add,
            on_sleep=ChildSleeps(platform.clock, platform.epochs).take,
        )
        self._transport = InProcess(
            platform,
            allow_hosts=self._allow_hosts,
            on_refused=self.refused.add,
            offline=offline,
            loopback=lambda: self._loopback.address,
            begun=lambda: platform.epochs.begun,
        )
        self.result_dir = self._folder.resolve() / RESULT_FOLDER
        with ExitStack() as failed:
            if self._own_folder:
                failed.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self.trainer = Trainer(
                platform,
                self._folder / "jobs",
                image=self.image,
                environment=self._environment,
                random_seed=self.random_seed,
                git=(execution or {}).get("git"),
                relative_result=relative_result,
            )
            self.hosts = Hosts(
                platform,
                self._folder,
                api_url=lambda: self.url,
                environment=lambda: self._base,
                mode=jobs,
                variables=self._environment,
                adopt=self._loopback.adopt,
                **(execution or {}),
            )
            failed.pop_all()

    def start(self) -> None:
        """Put the platform in reach and set the variables; if that fails, nothing is left of it.

        Raises:
            AddressTaken: another emulation of this process is started.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        # A worker of pytest-xdist has our own URL in its environment, and the shell's in this variable.
        urls = os.environ.get(API_URLS, "").split()
        urls += [url for url in (os.environ.get("ABEJA_API_URL"), sdk_base_url()) if url and url not in urls]
        for url in urls:
            self.add_api_url(url)
        outside = dict(os.environ)
        self._outside = dict(outside)
        drop_fork_server()
        self._stack.callback(drop_fork_server)
        self._stack.enter_context(self._loopback)
        self._stack.enter_context(self._transport)
        # Whoever started this process has no part in when its own children are born.
        outside.pop(BORN, None)
        variables = {**without_foreign(outside), **self._environment, **self._variables(self.job)}
        variables.update(self._way_here(variables))
        self.result_dir.mkdir(parents=True, exist_ok=True)
        variables[API_URLS] = " ".join(urls)
        self._base = dict(variables)
        self._stack.enter_context(ChildProcesses(variables, virtual=lambda: self.platform.clock.virtual))
        self._stack.enter_context(ChildThreads(self.platform.epochs.inherit))
        self._stack.enter_context(restored_environment(variables))
        self._stack.enter_context(thawed_sdk(variables, outside))
        self._stack.enter_context(self.hosts)

    def stop(self) -> None:
        """Put everything back; the platform stays, for a look at it."""
        try:
            self._stack.close()
        finally:
            if self._own_folder:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _way_here(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return what leads a child to the platform, also under the URL on this machine."""
        addresses = (*self._transport.addresses, join_host(*self._loopback.address))
        return child_environment(
            self._loopback.address, addresses, self._allow_hosts, base=variables, offline=self.offline
        )

    @property
    def executor(self) -> Executor:
        """Runs jobs that are made through the API."""
        return self.hosts.executor

    @property
    def url(self) -> str:
        """Where other programs of this machine, and clients that open sockets of their own, reach the platform."""
        return self._loopback.url

    def put_back(self) -> None:
        """Put variables of the platform back once more, when somebody has set what they had found inside.

        `monkeypatch` does, when it is undone after the platform has gone.
        """
        outside = self._outside
        if outside is None:
            return
        for name in {*os.environ, *outside}:
            if is_foreign(name) or name == "PYTHONPATH":
                if name in outside:
                    os.environ[name] = outside[name]
                else:
                    os.environ.pop(name, None)

    def renew(self) -> None:
        """Guard again what another plugin may have put back since the last test."""
        self._transport.renew()

    def add_api_url(self, url: str) -> None:
        """Let one more base URL, such as the shell's `ABEJA_API_URL`, reach the platform."""
        self._transport.add_address(url)
        self._loopback.add_address(url)
        self.platform.api_hosts.add(BaseUrl(url).address.partition(":")[0])

    @contextmanager
    def virtual_time(self) -> Iterator[VirtualTime]:
        """Let sleeps of this process, and of children that are started meanwhile, pass at once.

        What comes is the clock: `advance(seconds)`, `now()`, `slept`. Before and after it, time is real.
        """
        time = VirtualTime(self.platform.clock, self.platform.epochs, lambda: self._loopback.address)
        # One that runs already would start workers whose time is real, or virtual afterwards.
        drop_fork_server()
        with time:
            try:
                yield time
            finally:
                drop_fork_server()

    def make_current(
        self,
        *,
        image: str | None = None,
        datasets: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
    ) -> Any:
        """Start the current job with an empty result directory, and return the context of its handler.

        The caller restores environment and state.

        Args:
            image: decides what the context is; by default that of the emulation.
            datasets: alias → dataset id.
            environment: user variables.
        """
        check_image(image or self.image)
        self.empty_result_dir()
        with self.platform.world.store.transaction():
            jobs = Jobs(self.platform.world)
            job = jobs.find(self.job.training_job_id)
            job = jobs.configure(job, datasets=dataset_ids(datasets), environment=user_variables(environment))
            job = jobs.move(job, "Active")
        os.environ.update(overlaid(os.environ, user_variables(self._environment, environment)))
        os.environ.update(self._variables(job))
        return make_context(calling_of(image or self.image), job.datasets, context_entries(os.environ))

    def empty_result_dir(self) -> None:
        """Remove what the current job has written so far."""
        shutil.rmtree(self.result_dir, ignore_errors=True)
        self.result_dir.mkdir(parents=True)

    def _make_job(self) -> TrainingJob:
        world, organization = self.platform.world, self.platform.organization.id
        with world.store.transaction():
            definitions = Definitions(world)
            definition = definitions.find(organization, AMBIENT_DEFINITION)
            definition = definition or definitions.create(organization, AMBIENT_DEFINITION)
            version = definitions.create_version(definition, None, handler="main:handler", image=self.image)
            return Jobs(world).create(definition, version, self.platform.user.id)

    def _variables(self, job: TrainingJob) -> dict[str, str]:
        """Return the variables of the current job; the user's own credentials are there too, for tests."""
        storage = self._folder.resolve() / "storage"
        credentials = self.platform.credentials()
        result = os.path.relpath(self.result_dir) if self._relative_result else str(self.result_dir)
        variables = job_variables(job, "main:handler", credentials["ABEJA_API_URL"], result, storage)
        return {**credentials, **variables}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
