"""A platform that listens on this machine, runs the jobs it is given and can be controlled."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.control.checkpoint import Checkpoint, SavedCheckpoint
from abeja_emulator.control.control import Control
from abeja_emulator.control.saved import SavedStates
from abeja_emulator.hosts import Hosts
from abeja_emulator.store.directory import SAVED
from abeja_emulator.transports.child.abeja_emulator_child import VIRTUAL, is_local, join_host
from abeja_emulator.transports.children import child_environment
from abeja_emulator.transports.loopback import Loopback
from abeja_emulator.transports.virtual_time import ChildSleeps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from typing_extensions import Self

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.executor import Executor
    from abeja_emulator.serving.run_host import RunHost
    from abeja_emulator.serving.service_host import ServiceHost


#: Addresses that mean every one of this machine, and the one of them that its own clients can use.
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to recognise them


class Server:
    """Serves a platform on an address of this machine.

    Below `/_emulator/` is the control API, everything else is the platform.

    Args:
        platform: what is served; it is closed by whoever made it.
        host: the address to listen on; anything but this machine's own is a choice to make knowingly,
            since whoever reaches it has the whole platform and runs code here.
        port: the port, or 0 for any free one.
        folder: where jobs run and states are saved; a temporary one by default.
        resets: whether the control API can return it to the state it has now; by default without a data directory,
            where that does not cost a copy of all of it.
        allow_hosts: hosts besides the platform that jobs may reach.
        options: of `Hosts`: slots, mode, interpreters and so on.

    Attributes:
        platform: as given.
        hosts: run jobs, services and runs.
        control: the control API.
    """

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        platform: Platform,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        folder: Path | None = None,
        resets: bool | None = None,
        allow_hosts: Iterable[str] = (),
        **options: Any,
    ) -> None:
        self.platform = platform
        self._own_folder = folder is None
        self._folder = Path(tempfile.mkdtemp(prefix="abeja-emulator-")) if folder is None else folder
        self._allow_hosts = tuple(allow_hosts)
        self._stack = ExitStack()
        if self._own_folder:
            self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        try:
            self._make(host, port, resets=resets, options=options)
        except BaseException:
            self._stack.close()
            raise

    def _make(self, host: str, port: int, *, resets: bool | None, options: dict[str, Any]) -> None:
        """Make what it consists of."""
        platform = self.platform
        self.hosts = Hosts(
            platform,
            self._folder,
            api_url=self._clients_url,
            environment=self._childs_environment,
            adopt=self._adopt,
            **options,
        )
        data = platform.data
        reset = None
        if resets or (resets is None and data is None):
            reset = Checkpoint(platform) if data is None else SavedCheckpoint(platform, self._folder / "start")
        self.control = Control(
            platform,
            self.executor,
            snapshots=SavedStates(platform, self._folder / "saved" if data is None else data / SAVED),
            reset=reset,
            hosts=[host],
            # What is posted names files of this machine, so only its own user may post such.
            seed_folder=Path.cwd() if is_local(host) else None,
            follow=self.hosts.reconcile,
            services=self.services,
            runs=self.runs,
            modes=self.hosts,
        )
        sleeps = ChildSleeps(platform.clock, platform.epochs)
        self._loopback = Loopback(self.control, host, port, on_sleep=sleeps.take, troubles=platform)

    def start(self) -> None:
        """Listen, and run jobs from now on.

        Raises:
            OSError: when the address is taken or none of this machine.
        """
        try:
            self._stack.enter_context(self._loopback)
            self._stack.enter_context(self.hosts)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop jobs, services and runs, then the server."""
        self._stack.close()

    @property
    def executor(self) -> Executor:
        """Runs the jobs."""
        return self.hosts.executor

    @property
    def services(self) -> ServiceHost:
        """Runs the services."""
        return self.hosts.services

    @property
    def runs(self) -> RunHost:
        """Runs the runs."""
        return self.hosts.runs

    @property
    def url(self) -> str:
        """Its base URL, for `ABEJA_API_URL`."""
        return self._loopback.url

    def variables(self) -> dict[str, str]:
        """Return what clients need in their environment: where the platform is, and who they are."""
        return {**self.platform.credentials(), "ABEJA_API_URL": self._clients_url()}

    def _clients_url(self) -> str:
        return f"http://{join_host(*self._address())}"

    def _address(self) -> tuple[str, int]:
        """Return an address that reaches it from this machine, also when it listens on every one."""
        host, port = self._loopback.address
        return _EVERYWHERE.get(host, host), port

    def _adopt(self, descriptor: int) -> Callable[[], None]:
        return self._loopback.adopt(descriptor)

    def _childs_environment(self) -> Mapping[str, str]:
        addresses = ("api.abeja.io", join_host(*self._address()))
        way = child_environment(self._address(), addresses, self._allow_hosts)
        return {**os.environ, **way, VIRTUAL: "1" if self.platform.clock.virtual else ""}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
