"""What an instance type has of memory and processors, and how a job is held to it.

Memory is watched, not rationed: a thread adds up what the processes of a job use and kills them all once it is
too much, which ends the job with exit code 137, as a container that ran out of memory does. The limits that the
kernel offers to everybody are no substitute. After `import tensorflow` a process uses 204 MB and has mapped
1314 MB (`RLIMIT_AS`), 317 MB of them private (`RLIMIT_DATA`); both count one process at a time, so that a job
gets as many times its memory as it starts workers; and both answer with a MemoryError that a handler may
catch. Control groups would do, where a user may make some: seldom, and not in most containers.

What is counted is what a container is charged for and cannot give back: anonymous and shared memory, and what
of them is swapped out; a page that several processes share counts once. Files that are mapped, libraries and
data alike, do not count, nor do files in a folder that is kept in memory unless somebody has mapped them.
Between two looks, 50 ms apart and 10 ms from half the limit on, a job may get past its limit unseen.
"""

from __future__ import annotations

import math
import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from typing_extensions import Self

#: Exit code of a job that was killed: 128 and the number of SIGKILL.
KILLED = 128 + 9

#: Memory of a processor and of a GPU of an instance type. The platform's numbers are not known. Evidence: inferred.
MEMORY_PER_CPU = 4 * 1024**3
MEMORY_PER_GPU = 16 * 1024**3
#: Processors that come with a GPU. Evidence: inferred.
CPUS_PER_GPU = 4

#: `{cpu|gpu}[:{a..d}]-{number}` (behaviour.md, 1.11).
_INSTANCE_TYPE = re.compile(r"(cpu|gpu)(?::[a-d])?-(\d+(?:\.\d+)?)", re.ASCII)

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", re.ASCII)
_UNITS = {
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "tb": 1000**4,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
    "tib": 1024**4,
}

#: Seconds between two looks, and from half the limit on.
_SELDOM, _OFTEN = 0.05, 0.01
#: A look may take one part in so many of the time of a processor.
_SHARE = 20
#: Rounds of signals to a job that makes processes as fast as they are killed.
_ROUNDS = 100

_PROC = "/proc"


class LimitError(ValueError):
    """A line of configuration that says no limits."""


@dataclass(frozen=True)
class Limits:
    """What a job may use.

    Attributes:
        memory: bytes, or None for no limit.
        cpus: processors, or None for no limit.
    """

    memory: int | None = None
    cpus: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("memory", self.memory), ("cpus", self.cpus)):
            if value is not None and not _is_some(value):
                message = f"{name} is limited to {value!r}; a limit is more than 0, and None is none"
                raise LimitError(message)

    def applied_to(
        self, pid: int, *, on_exceeded: Callable[[str], object] | None = None, cpus: Cpus | None = None
    ) -> AppliedLimits:
        """Return a context manager that holds a process and all its descendants to these limits.

        Args:
            pid: a child that leads a session of its own (`start_new_session=True`), right after its start.
            on_exceeded: called with a sentence once the job was killed for its memory, in another thread, before
                the context is left.
            cpus: where processors are taken from, the same for all jobs that run at once; they get
                the same ones otherwise.
        """
        return AppliedLimits(self, pid, on_exceeded=on_exceeded, cpus=cpus)


class InstanceTypes:
    """The limits of instance types.

    A type that the table does not have gets what its name says: `cpu-2` has 2 processors and `gpu:b-4` 4 GPUs,
    with memory and, for GPUs, processors that are our own guess (`MEMORY_PER_CPU`, `MEMORY_PER_GPU`,
    `CPUS_PER_GPU`). GPUs themselves are not limited.

    Args:
        table: instance type → limits.
    """

    def __init__(self, table: Mapping[str, Limits] | None = None) -> None:
        self._table = dict(table or {})

    @classmethod
    def parse(cls, lines: Iterable[str]) -> Self:
        """Return what lines of configuration say, such as `cpu-1 = 2GB, 1 cpu`; `none` for no limits.

        Raises:
            LimitError: when a line cannot be read, or a type has two.
        """
        table: dict[str, Limits] = {}
        for line in lines:
            if not line.strip():
                continue
            name, equals, said = (part.strip() for part in line.partition("="))
            if not equals or not _INSTANCE_TYPE.fullmatch(name):
                raise _unreadable(line, "its first part is no instance type, such as cpu-1, cpu-0.25 or gpu:b-4")
            if name in table:
                raise _unreadable(line, f"another line says the limits of {name}")
            table[name] = _limits(said, line)
        return cls(table)

    def for_type(self, instance_type: str) -> Limits | None:
        """Return the limits of an instance type, or None for one that is not known and whose name says nothing."""
        if instance_type in self._table:
            return self._table[instance_type]
        parts = _INSTANCE_TYPE.fullmatch(instance_type)
        number = float(parts[2]) if parts is not None else 0
        if parts is None or not _is_some(number):
            return None
        if parts[1] == "gpu":
            return Limits(int(number * MEMORY_PER_GPU), number * CPUS_PER_GPU)
        return Limits(int(number * MEMORY_PER_CPU), number)


class Cpus:
    """Hands out the processors that this process may use, the least used first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: Counter[int] = Counter()

    @contextmanager
    def taken(self, number: int) -> Iterator[frozenset[int]]:
        """Take so many processors, or all there are."""
        with self._lock:
            there = sorted(os.sched_getaffinity(0), key=lambda cpu: (self._users[cpu], cpu))
            mine = frozenset(there[:number])
            self._users.update(mine)
        try:
            yield mine
        finally:
            with self._lock:
                self._users.subtract(mine)


class AppliedLimits:
    """A job that is held to its limits while this is entered.

    Attributes:
        not_applied: sentences that say what of the limits this system cannot do.
        exceeded: the sentence that says why the job was killed, or None.
    """

    def __init__(
        self,
        limits: Limits,
        pid: int,
        *,
        on_exceeded: Callable[[str], object] | None = None,
        cpus: Cpus | None = None,
    ) -> None:
        self._limits = limits
        self._pid = pid
        self._on_exceeded = on_exceeded
        self._cpus = cpus or Cpus()
        self._watch: MemoryWatch | None = None
        self._stack = ExitStack()
        self.not_applied: tuple[str, ...] = ()

    @property
    def exceeded(self) -> str | None:
        """Why the job was killed; known before its processes are gone."""
        return self._watch.exceeded if self._watch is not None else None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.not_applied = tuple(self._apply(stack))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def _apply(self, stack: ExitStack) -> Iterator[str]:
        if self._limits.cpus is not None:
            yield from self._apply_cpus(stack, self._limits.cpus)
        if self._limits.memory is None:
            return
        if not can_watch_memory():
            yield (
                f"the limit of {in_words(self._limits.memory)} of memory is not applied: "
                f"{_system()} does not say in /proc what a process uses; Linux does"
            )
            return
        self._watch = stack.enter_context(MemoryWatch(self._pid, self._limits.memory, on_exceeded=self._on_exceeded))

    def _apply_cpus(self, stack: ExitStack, cpus: float) -> Iterator[str]:
        if not hasattr(os, "sched_setaffinity"):
            yield f"the limit of {_cpus_in_words(cpus)} is not applied: {_system()} ties no process to processors"
            return
        whole = math.ceil(cpus)
        mine = stack.enter_context(self._cpus.taken(whole))
        if whole != cpus:
            yield (
                f"the limit of {_cpus_in_words(cpus)} is applied as {_cpus_in_words(len(mine))}: "
                "a process can be tied to whole processors only"
            )
        if len(mine) < whole:
            yield f"of {_cpus_in_words(whole)} the job has {len(mine)}: this machine lends no more"
        if not _tie(self._pid, mine):
            yield f"the limit of {_cpus_in_words(cpus)} is not applied: the system refused to tie the job to them"


class MemoryWatch:
    """Kills all processes of a session once together they use more memory than they may; Linux only.

    The processes are those of the session, and whatever any of them started, in its session or not.

    Args:
        pid: leader of the session.
        memory: bytes they may use.
        on_exceeded: called with a sentence once they were killed, in another thread.
    """

    def __init__(self, pid: int, memory: int, *, on_exceeded: Callable[[str], object] | None = None) -> None:
        self._memory = memory
        self._on_exceeded = on_exceeded
        self._processes = _Processes(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"memory of {pid}", daemon=True)
        self.exceeded: str | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        wait = 0.0
        while not self._over.wait(wait):
            started = time.perf_counter()
            used = self._used()
            if used > self._memory:
                # Known before the first of them dies, so that whoever waits for that finds it.
                self.exceeded = (
                    f"the job used {in_words(used)} of memory and may use {in_words(self._memory)}, so that it was "
                    f"killed (exit code {KILLED}); use less, or take an instance type that has more"
                )
                self._kill()
                if self._on_exceeded is not None:
                    self._on_exceeded(self.exceeded)
                return
            often = used > self._memory / 2
            wait = max(_OFTEN if often else _SELDOM, _SHARE * (time.perf_counter() - started))

    def _used(self) -> int:
        pids = self._processes.living()
        # What is shared counts for each process in the first number, which is quick, and once in the second.
        used = sum(map(_used_at_most, pids))
        return used if used <= self._memory else sum(map(_used, pids))

    def _kill(self) -> None:
        for _ in range(_ROUNDS):
            pids = self._processes.living()
            if not pids:
                return
            for pid in pids:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            # Those that are killed need a moment to be gone, and may have made others in it.
            self._over.wait(_OFTEN)


class _Process(NamedTuple):
    """A line of `/proc/<pid>/stat`."""

    pid: int
    parent: int
    session: int
    #: With the number it tells a process from a later one of the same number.
    started: int
    alive: bool


class _Processes:
    """The processes of a session and what they started.

    Those seen once are known from then on, also when they have made a session of their own and lost their parent.
    """

    def __init__(self, pid: int) -> None:
        self._session = pid
        leader = _process(pid)
        self._leader = leader.started if leader is not None else None
        self._known: dict[int, int] = {} if leader is None else {pid: leader.started}

    def living(self) -> list[int]:
        """Return the numbers of those that live."""
        table = {process.pid: process for process in _processes()}
        leader = table.get(self._session)
        # The number of a leader that is gone may be another's session by now.
        ours = leader is None or leader.started == self._leader
        members = {
            process.pid
            for process in table.values()
            if (ours and process.session == self._session) or self._known.get(process.pid) == process.started
        }
        children: dict[int, list[int]] = {}
        for process in table.values():
            children.setdefault(process.parent, []).append(process.pid)
        unseen = list(members)
        while unseen:
            new = [child for child in children.get(unseen.pop(), ()) if child not in members]
            members.update(new)
            unseen.extend(new)
        self._known = {pid: table[pid].started for pid in members}
        return [pid for pid in members if table[pid].alive]


def can_watch_memory() -> bool:
    """Return whether this system says what each process uses."""
    return _used_at_most(os.getpid()) > 0


def in_words(amount: int) -> str:
    """Return an amount of memory for people."""
    for unit, size in (("GB", 1000**3), ("MB", 1000**2), ("kB", 1000)):
        if amount >= size:
            return f"{amount / size:.2f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"{amount} bytes"


def amount_of(said: str | int) -> int:
    """Return an amount of memory or disk in bytes, of what people write: `512MB`, `1.5 GiB`, or bytes.

    Raises:
        LimitError: when it is no amount, or nothing.
    """
    parts = _AMOUNT.fullmatch(str(said).strip())
    factor = _UNITS.get(parts[2].lower()) if parts is not None else 1 if str(said).strip().isdecimal() else None
    amount = None if factor is None else float(parts[1] if parts is not None else said) * factor
    if amount is None or not 1 <= amount < math.inf:
        message = f"{said!r} is no amount; write, for example, 512MB, with kB, MB, GB, KiB, MiB or GiB, or bytes"
        raise LimitError(message)
    return int(amount)


def _tie(pid: int, cpus: frozenset[int]) -> bool:
    """Tie all threads of a process and of what it started to processors; new ones inherit it."""
    processes = _Processes(pid)
    tied: set[str] = set()
    while True:
        threads = {thread for member in processes.living() for thread in _threads(member)} - tied
        if not threads:
            return True
        if not all(_tie_thread(int(thread), cpus) for thread in threads):
            return False
        tied |= threads


def _tie_thread(thread: int, cpus: frozenset[int]) -> bool:
    try:
        os.sched_setaffinity(thread, cpus)
    except ProcessLookupError:  # it has ended
        return True
    except OSError:
        return False
    return True


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"{_PROC}/{pid}/task")  # noqa: PTH208 - names are all we need
    except OSError:
        return []


def _processes() -> Iterator[_Process]:
    try:
        names = os.listdir(_PROC)  # noqa: PTH208 - names are all we need
    except OSError:
        return
    for name in names:
        if name.isdigit():
            process = _process(int(name))
            if process is not None:
                yield process


def _process(pid: int) -> _Process | None:
    # The name of the program stands in parentheses, and may have some of its own.
    fields = _read(f"{_PROC}/{pid}/stat").rpartition(b")")[2].split()
    if not fields:
        return None
    return _Process(pid, int(fields[1]), int(fields[3]), int(fields[19]), fields[0] not in {b"Z", b"X"})


def _used_at_most(pid: int) -> int:
    """Return what a process uses, with what it shares with others."""
    sizes = _sizes(f"{_PROC}/{pid}/status")
    if b"RssAnon" in sizes:
        return sizes[b"RssAnon"] + sizes.get(b"RssShmem", 0) + sizes.get(b"VmSwap", 0)
    return sizes.get(b"VmRSS", 0)  # Linux before 4.5


def _used(pid: int) -> int:
    """Return what a process uses, with its share of what it shares with others."""
    at_most = _used_at_most(pid)
    sizes = _sizes(f"{_PROC}/{pid}/smaps_rollup")
    if b"Pss_Anon" in sizes:
        return min(at_most, sizes[b"Pss_Anon"] + sizes.get(b"Pss_Shmem", 0) + sizes.get(b"SwapPss", 0))
    return min(at_most, sizes[b"Pss"]) if b"Pss" in sizes else at_most  # Linux before 5.9, and before 4.14


def _sizes(path: str) -> dict[bytes, int]:
    """Return name → bytes, of lines such as `VmRSS:  1696 kB`."""
    found = {}
    for line in _read(path).splitlines():
        name, _, value = line.partition(b":")
        if value.endswith(b" kB"):
            found[name] = int(value[:-3]) * 1024
    return found


def _read(path: str) -> bytes:
    """Return what a file of `/proc` says, or nothing when its process is gone or not ours."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a hundred times a second
            return file.read()
    except OSError:
        return b""


def _limits(said: str, line: str) -> Limits:
    if said.lower() == "none":
        return Limits()
    memory: int | None = None
    cpus: float | None = None
    for part in said.split(","):
        amount = _AMOUNT.fullmatch(part.strip())
        if amount is None:
            raise _unreadable(line, f"{part.strip()!r} is no amount")
        number, unit = float(amount[1]), amount[2].lower()
        if not _is_some(number):
            raise _unreadable(line, f"{part.strip()!r} is nothing to run with")
        if unit in _UNITS and memory is None:
            memory = int(number * _UNITS[unit])
        elif unit in {"cpu", "cpus"} and cpus is None:
            cpus = number
        else:
            again = unit in _UNITS or unit in {"cpu", "cpus"}
            raise _unreadable(line, f"{part.strip()!r} " + ("comes twice" if again else f"has the unit {amount[2]!r}"))
    return Limits(memory, cpus)


def _is_some(amount: float) -> bool:
    return 0 < amount < math.inf


def _unreadable(line: str, reason: str) -> LimitError:
    return LimitError(
        f"the limits {line.strip()!r} cannot be read: {reason}; write, for example, cpu-1 = 2GB, 1 cpu, "
        "with MB, GB, MiB or GiB of memory and a number of cpus, or one of the two, or none"
    )


def _cpus_in_words(cpus: float) -> str:
    return f"{cpus:g} processor" + ("" if cpus == 1 else "s")


def _system() -> str:
    return {"darwin": "macOS"}.get(sys.platform, f"this system ({sys.platform})")
