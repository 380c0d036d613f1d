"""What an earlier test left running is refused, with a sentence that names that test."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.epochs import Epochs, LateCallError
from abeja_emulator.transports.child_threads import ChildThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Worker:
    """A thread that checks whether it is late whenever it is told to."""

    def __init__(self, epochs: Epochs) -> None:
        self._epochs = epochs
        self._go, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._stopped = False
        self._said: str | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while self._go.acquire() and not self._stopped:
            try:
                self._epochs.check(None)
                self._said = None
            except LateCallError as error:
                self._said = str(error)
            self._done.release()

    def ask(self) -> str | None:
        """Return what the thread is refused with, or None."""
        self._go.release()
        self._done.acquire()
        return self._said

    def stop(self) -> None:
        """End the thread."""
        self._stopped = True
        self._go.release()
        self._thread.join()


@pytest.fixture
def epochs() -> Epochs:
    """No test has begun."""
    return Epochs()


@pytest.fixture
def workers(epochs: Epochs) -> Iterator[list[Worker]]:
    """Threads; those that are left are ended."""
    workers: list[Worker] = []
    yield workers
    for worker in workers:
        worker.stop()


def test_a_thread_of_the_current_test_may_call(epochs: Epochs, workers: list[Worker]) -> None:
    """And so may this one, before, while and after."""
    epochs.check(None)
    epochs.begin("one")
    workers.append(Worker(epochs))
    assert workers[0].ask() is None
    epochs.end()
    epochs.check(None)


def test_a_thread_of_an_ended_test_may_not(epochs: Epochs, workers: list[Worker]) -> None:
    """Neither between tests nor in the next one; the sentence names its own."""
    epochs.begin("test_it.py::test_one")
    workers.append(Worker(epochs))
    epochs.end()
    assert "a thread that test_it.py::test_one left running" in (workers[0].ask() or "")
    epochs.begin("test_it.py::test_two")
    assert "test_it.py::test_one" in (workers[0].ask() or "")
    epochs.end()
    assert "test_it.py::test_one" in (workers[0].ask() or "")


def test_a_thread_from_before_the_first_test_belongs_to_none(epochs: Epochs, workers: list[Worker]) -> None:
    """A fixture of the session started it."""
    workers.append(Worker(epochs))
    for name in ("one", "two"):
        epochs.begin(name)
        assert workers[0].ask() is None
        epochs.end()
    assert workers[0].ask() is None


def test_a_worker_of_a_pool_belongs_to_nobody(epochs: Epochs) -> None:
    """A pool may outlive a test, such as that of an event loop of wider scope, and works for the next one."""
    with ThreadPoolExecutor(1) as executor:
        epochs.begin("one")
        executor.submit(epochs.check, None).result(20)
        epochs.end()
        epochs.begin("two")
        executor.submit(epochs.check, None).result(20)
        epochs.end()


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ThreadPool])
def test_what_a_worker_of_a_pool_is_busy_with_belongs_to_its_test(epochs: Epochs, kind: Any) -> None:
    """It is late once that test has ended; what the worker does next for another test is not."""
    go, busy = threading.Event(), threading.Event()
    said: list[str | None] = []

    def work() -> None:
        busy.set()
        go.wait(20)
        said.append(epochs.left_by(None))

    def submit(pool: Any) -> Callable[[], Any]:
        if isinstance(pool, ThreadPoolExecutor):
            future = pool.submit(work)
            return lambda: future.result(20)
        later = pool.map_async(lambda _: work(), [1])
        return lambda: later.get(20)

    with kind(1) as pool:
        epochs.begin("one")
        first = submit(pool)
        assert busy.wait(20)
        epochs.end()
        epochs.begin("two")
        go.set()
        first()
        submit(pool)()
        epochs.end()
    assert said == ["one", None]


def test_what_a_pool_did_before_a_test_belongs_to_none(epochs: Epochs) -> None:
    """Such as a server that a fixture of the session runs in one."""
    go, busy = threading.Event(), threading.Event()

    def serve() -> str | None:
        busy.set()
        go.wait(20)
        return epochs.left_by(None)

    with ThreadPoolExecutor(1) as executor:
        server = executor.submit(serve)
        assert busy.wait(20)
        for name in ("one", "two"):
            epochs.begin(name)
            epochs.end()
        go.set()
        assert server.result(20) is None


def test_a_thread_that_a_late_one_starts_is_late(epochs: Epochs) -> None:
    """And one that another thread starts is not."""
    go, said = threading.Event(), []

    def late() -> None:
        go.wait(20)
        inner = threading.Thread(target=lambda: said.append(epochs.left_by(None)))
        inner.start()
        inner.join(20)

    with ChildThreads(epochs.inherit):
        epochs.begin("one")
        outer = threading.Thread(target=late)
        outer.start()
        epochs.end()
        epochs.begin("two")
        go.set()
        outer.join(20)
        own = threading.Thread(target=lambda: said.append(epochs.left_by(None)))
        own.start()
        own.join(20)
    assert said == ["one", None]


def test_a_child_belongs_to_the_test_it_was_born_in(epochs: Epochs) -> None:
    """By its time of birth; one that was born between tests belongs to none."""
    moments = [time.monotonic()]
    for name in ("one", "two"):
        epochs.begin(name)
        moments.append(time.monotonic())
        epochs.end()
        time.sleep(0.001)
        moments.append(time.monotonic())
        time.sleep(0.001)
    epochs.begin("three")
    moments.append(time.monotonic())

    def belongs_to(moment: float) -> str:
        try:
            epochs.check(moment)
        except LateCallError as error:
            return str(error).split()[3]
        return "none that has ended"

    none = "none that has ended"
    assert list(map(belongs_to, moments)) == [none, "one", none, "two", none, none]


def test_begun_is_known_during_a_test_only(epochs: Epochs) -> None:
    """For forked children, which say it as their time of birth."""
    seen = [epochs.begun]
    epochs.begin("one")
    seen.append(epochs.begun)
    epochs.end()
    epochs.end()
    seen.append(epochs.begun)

    assert [moment is None for moment in seen] == [True, False, True]
    assert (seen[1] or 0) <= time.monotonic()


TESTS = """
import multiprocessing, os, subprocess, sys, threading, time
import pytest, requests

URL = "https://api.abeja.io/organizations/{}".format
said, go = [], threading.Event()
CHILD = '''
import sys, urllib.request, urllib.error, os
sys.stdin.readline()
request = urllib.request.Request(sys.argv[1], headers={"Authorization": "Bearer token-of-it"})
try:
    print(urllib.request.urlopen(request).status)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
'''

def ask(organization):
    go.wait(20)
    try:
        said.append(requests.get(URL(organization), headers={"Authorization": "Bearer token-of-it"}).status_code)
    except Exception as error:
        said.append(error)

def start_child(organization):
    command = [sys.executable, "-c", CHILD, URL(organization)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

left = {}

def test_leaves_them_running(abeja):
    left["thread"] = threading.Thread(target=ask, args=(abeja.organization.id,))
    left["thread"].start()
    left["child"] = start_child(abeja.organization.id)
    own = start_child(abeja.organization.id)
    assert own.communicate("go\\n", timeout=30)[0].strip() == "200"

def test_is_not_reached(abeja):
    go.set()
    left["thread"].join(20)
    assert "test_leaves_them_running left running" in str(said[0]), said
    assert not isinstance(said[0], OSError)
    answer = left["child"].communicate("go\\n", timeout=30)[0]
    assert answer.startswith("409 ") and "test_leaves_them_running left running" in answer, answer
    assert abeja.calls() == []

GRANDCHILD = '''
import subprocess, sys
sys.stdin.readline()
subprocess.run([sys.executable, *sys.argv[1:]], input="go", text=True)
'''

def test_leaves_a_child_running_that_has_one_itself(abeja):
    # Started in the very last moment: its interpreter is not there yet when the test has ended.
    command = [sys.executable, "-c", GRANDCHILD, "-c", CHILD, URL(abeja.organization.id)]
    left["parent"] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

def test_is_not_reached_by_a_grandchild(abeja):
    answer = left["parent"].communicate("go\\n", timeout=30)[0]
    assert answer.startswith("409 ") and "test_leaves_a_child_running_that" in answer, answer

def square(organization):
    return requests.get(URL(organization), headers={"Authorization": "Bearer token-of-it"}).status_code

@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_children_of_every_kind_belong_to_their_own_test(abeja, method, number):
    # The fork server lives on from the first test to the second; its children are of the second all the same.
    context = multiprocessing.get_context(method)
    pool = context.Pool(1)
    try:
        assert pool.map(square, [abeja.organization.id]) == [200]
    finally:
        pool.close()
        pool.join()
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system does not fork")
def test_under_pytest(pytester: pytest.Pytester) -> None:
    """Threads and children that a test leaves behind do not reach the next; those of the next do."""
    pytester.makepyfile(test_it=TESTS)
    result = pytester.runpytest_subprocess(
        "--abeja-emulate", "-p", "no:randomly", "-p", "no:cacheprovider", "-W", "ignore::DeprecationWarning"
    )
    result.assert_outcomes(passed=10)
