"""The end of instances that are no longer needed, while others answer."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING, Any, Callable

from abeja_emulator.serving.proxy import GRACE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from abeja_emulator.clock import Clock
    from abeja_emulator.serving.hosted_model import HostedModel
    from abeja_emulator.serving.proxy import Proxy

_NAME = "abeja-emulator-end-of-instances"


class Burials:
    """Ends instances, each in its own thread: requests in flight get their answers first.

    Args:
        clock: of the Platform, by which those have 28 s and the process 25 s more (behaviour.md, 2.4).
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._models: set[HostedModel] = set()
        self._hurried = False

    def exchange(
        self, proxy: Proxy, models: Sequence[HostedModel], old: Sequence[HostedModel], folder: Path | None = None
    ) -> None:
        """Let a proxy ask other instances, and end those that it asks no more when each has its last answer.

        Args:
            proxy: the proxy; it asks the new ones when this returns.
            models: the new ones.
            old: those among them before that are not any more.
            folder: removed when the old ones are dead.
        """
        switched = threading.Event()

        def switch() -> None:
            try:
                # It goes on until the old ones are free.
                proxy.exchange(tuple(models), on_switch=switched.set)
            finally:
                switched.set()

        switching = threading.Thread(target=switch, name=_NAME, daemon=True)
        switching.start()
        self._begin(old, self._bury_after, folder, switching)
        switched.wait()

    def bury(self, models: Sequence[HostedModel], *, proxy: Proxy | None = None, folder: Path | None = None) -> None:
        """End instances that nobody asks any more but for what is in flight in a proxy.

        Args:
            models: the instances.
            proxy: takes no more requests from now on, and ends once it has answered those it has.
            folder: removed when they are dead.
        """
        if proxy is not None:
            proxy.end()
            self._begin(models, self._bury_with, folder, proxy)
            return
        for model in models:
            model.close()
        self._begin(models, self._bury, folder)

    def hurry(self) -> None:
        """Wait for no answers any more, and kill what does not end; this holds for later burials too."""
        self._hurried = True
        self._clock.wake()
        with self._lock:
            models = tuple(self._models)
        for model in models:
            model.process.kill()

    def join(self) -> None:
        """Wait until all are over."""
        while True:
            with self._lock:
                thread = next(iter(self._threads), None)
            if thread is None:
                return
            thread.join()

    def _begin(self, models: Sequence[HostedModel], bury: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=self._run, args=(tuple(models), bury, *arguments), name=_NAME, daemon=True)
        with self._lock:
            self._models.update(models)
            self._threads.add(thread)
        thread.start()

    def _run(self, models: tuple[HostedModel, ...], bury: Callable[..., None], *arguments: Any) -> None:
        try:
            bury(models, *arguments)
        finally:
            with self._lock:
                self._models.difference_update(models)
                self._threads.discard(threading.current_thread())

    def _bury(self, models: tuple[HostedModel, ...], folder: Path | None) -> None:
        try:
            ends = [threading.Thread(target=model.end, args=(lambda: self._hurried,), daemon=True) for model in models]
            for end in ends:
                end.start()
            for end in ends:
                end.join()
        finally:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def _bury_after(self, models: tuple[HostedModel, ...], folder: Path | None, switch: threading.Thread) -> None:
        self._bury(models, folder)
        switch.join()

    def _bury_with(self, models: tuple[HostedModel, ...], folder: Path | None, proxy: Proxy) -> None:
        drained = threading.Event()

        def drain() -> None:
            proxy.drain()
            drained.set()
            self._clock.wake()

        # It ends when the instances do, if not before.
        drainer = threading.Thread(target=drain, name=_NAME, daemon=True)
        drainer.start()
        self._clock.wait(GRACE, lambda: drained.is_set() or self._hurried)
        for model in models:
            model.close()
        self._bury(models, folder)
        proxy.close(0)
        drainer.join()
