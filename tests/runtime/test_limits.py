"""What an instance type has, and how real processes are held to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.runtime import limits as module
from abeja_emulator.runtime.limits import (
    CPUS_PER_GPU,
    KILLED,
    MEMORY_PER_CPU,
    MEMORY_PER_GPU,
    AppliedLimits,
    Cpus,
    InstanceTypes,
    LimitError,
    Limits,
    amount_of,
    can_watch_memory,
    in_words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MB = 1000**2

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says what a process uses")


@pytest.fixture
def start() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a Python program in a session of its own; it hears and speaks through pipes."""
    started = []

    def start_program(text: str) -> subprocess.Popen[str]:
        program = subprocess.Popen(
            [sys.executable, "-I", "-c", textwrap.dedent(text)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(program)
        return program

    yield start_program
    for program in started:
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        # What it left running, if the test failed, may hold the other ends.
        for pipe in (program.stdin, program.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, or waits only for somebody to ask how it ended."""
    process = module._process(pid)
    return process is None or not process.alive


def looks(applied: AppliedLimits) -> bool:
    """Wait until a job was looked at once more, and tell whether it was."""
    watch, looked = applied._watch, threading.Event()
    assert watch is not None
    used = watch._used

    def look() -> int:
        amount = used()
        looked.set()
        return amount

    watch._used = look  # type: ignore[method-assign]
    return looked.wait(60)


@linux
def test_a_job_that_takes_too_much_is_killed(start: Any) -> None:
    """With exit code 137, and a sentence that says how much it took, is known before it is gone and told once."""
    said: list[str] = []
    job = start("kept = bytearray(300_000_000); input()")
    with Limits(memory=200 * MB).applied_to(job.pid, on_exceeded=said.append) as applied:
        code = job.wait(60)
        assert applied.exceeded is not None
    assert 128 - code == KILLED == 137
    assert said == [applied.exceeded]
    assert "of memory and may use 200 MB, so that it was killed (exit code 137)" in said[0]
    assert 200 < float(said[0].removeprefix("the job used ").split()[0]) < 400
    assert applied.not_applied == ()


@linux
def test_below_its_limit_it_lives(start: Any, tmp_path: Path) -> None:
    """What it has mapped and not used does not count, nor do the pages of files."""
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(300_000_000)
    job = start(
        f"""
        import mmap, sys
        reserved = mmap.mmap(-1, 2_000_000_000)
        kept = bytearray(100_000_000)
        with open({str(large)!r}, "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        assert not any(mapped[place] for place in range(0, len(mapped), mmap.PAGESIZE))
        print("ready", flush=True)
        sys.exit(int(input()))
        """
    )
    with Limits(memory=200 * MB).applied_to(job.pid) as applied:
        assert job.stdout.readline() == "ready\n"
        assert looks(applied)
        job.communicate("7\n")
    assert (job.returncode, applied.exceeded) == (7, None)


@linux
@pytest.mark.parametrize("session", [False, True])
def test_what_its_children_use_counts(start: Any, *, session: bool) -> None:
    """All of them together, also one that left the session; and all are killed."""
    job = start(
        f"""
        import subprocess, sys
        text = "kept = bytearray(90_000_000); input()"
        children = [
            subprocess.Popen([sys.executable, "-I", "-c", text], start_new_session={session}, stdin=subprocess.PIPE)
            for _ in range(3)
        ]
        print(*[child.pid for child in children], flush=True)
        input()
        """
    )
    with Limits(memory=200 * MB).applied_to(job.pid) as applied:
        children = [int(word) for word in job.stdout.readline().split()]
        assert job.wait(60) == -signal.SIGKILL
    assert applied.exceeded is not None
    assert len(children) == 3
    assert all(map(has_ended, children))


@linux
def test_an_orphan_in_a_session_of_its_own_counts(start: Any) -> None:
    """Once it was seen: its parent and its session are not the job's any more."""
    job = start(
        """
        import os, sys
        seen, leave = os.pipe(), os.pipe()
        between = os.fork()
        if between == 0:
            if os.fork() == 0:
                os.setsid()
                print(os.getpid(), flush=True)
                os.read(leave[0], 1)
                kept = bytearray(300_000_000)
                os.read(seen[0], 1)
            os.read(seen[0], 1)
            os._exit(0)
        input()
        os.write(seen[1], b"x")
        os.waitpid(between, 0)
        os.write(leave[1], b"x")
        input()
        """
    )
    orphan = int(job.stdout.readline())
    with Limits(memory=200 * MB).applied_to(job.pid) as applied:
        assert applied._watch is not None
        assert orphan in applied._watch._processes.living()
        print("go", file=job.stdin, flush=True)
        assert job.wait(60) == -signal.SIGKILL
    assert applied.exceeded is not None
    assert has_ended(orphan)


@linux
def test_memory_that_several_share_counts_once(start: Any) -> None:
    """Workers made by fork share what their parent had; 5 × 100 MB are 100 MB."""
    job = start(
        """
        import os, sys
        kept = bytearray(100_000_000)
        for _ in range(4):
            if os.fork() == 0:
                os.read(0, 1)
                os._exit(0)
        print("ready", flush=True)
        input()
        """
    )
    assert job.stdout.readline() == "ready\n"
    pids = module._Processes(job.pid).living()
    assert len(pids) == 5
    assert sum(map(module._used_at_most, pids)) > 500 * MB
    assert 100 * MB < sum(map(module._used, pids)) < 200 * MB
    with Limits(memory=200 * MB).applied_to(job.pid) as applied:
        assert looks(applied)
    assert (applied.exceeded, job.poll()) == (None, None)


@linux
def test_the_callback_that_raises_keeps_nobody_alive(start: Any) -> None:
    """It is called after the job was killed; what it raises is the thread's."""
    caught: list[Any] = []
    before, threading.excepthook = threading.excepthook, caught.append
    try:
        job = start("kept = bytearray(300_000_000); input()")
        with Limits(memory=200 * MB).applied_to(job.pid, on_exceeded=int):
            assert job.wait(60) == -signal.SIGKILL
    finally:
        threading.excepthook = before
    assert [arguments.exc_type for arguments in caught] == [ValueError]


@linux
def test_a_job_that_is_gone_leaves_nothing_behind(start: Any) -> None:
    """Its number may be another's by then; no thread is left."""
    job = start("")
    job.wait(60)
    threads = threading.active_count()
    with Limits(memory=1, cpus=1).applied_to(job.pid) as applied:
        pass
    assert (applied.exceeded, applied.not_applied, threading.active_count()) == (None, (), threads)


@linux
def test_only_the_job_is_meant(start: Any) -> None:
    """Neither this process nor another job of its."""
    job, other = start("print(flush=True); input()"), start("print(flush=True); input()")
    assert (job.stdout.readline(), other.stdout.readline()) == ("\n", "\n")
    with Limits(memory=1).applied_to(job.pid):
        assert job.wait(60) == -signal.SIGKILL
    assert other.poll() is None
    assert not has_ended(os.getpid())


@linux
def test_a_later_process_of_the_same_number_is_not_meant(start: Any) -> None:
    """What tells the two apart is when they were started."""
    job = start("print(flush=True); input()")
    job.stdout.readline()
    processes = module._Processes(job.pid)
    assert processes.living() == [job.pid]
    processes._leader, processes._known = 0, {job.pid: 0}
    assert processes.living() == []


@linux
def test_processors_as_the_job_sees_them(start: Any) -> None:
    """Tied are the threads and children it has already, and those it makes later; this process is not."""
    mine = os.sched_getaffinity(0)
    job = start(
        """
        import os, subprocess, sys, threading
        program = "import os; print(len(os.sched_getaffinity(0)), flush=True)"
        early = subprocess.Popen([sys.executable, "-I", "-c", "input();" + program], stdin=subprocess.PIPE)
        tied = threading.Event()
        thread = threading.Thread(target=lambda: (tied.wait(), print(len(os.sched_getaffinity(0)), flush=True)))
        thread.start()
        print("ready", flush=True)
        input()
        print(len(os.sched_getaffinity(0)), flush=True)
        tied.set()
        thread.join()
        early.communicate(b"\\n")
        subprocess.run([sys.executable, "-I", "-c", program])
        """
    )
    assert job.stdout.readline() == "ready\n"
    with Limits(cpus=1).applied_to(job.pid) as applied:
        output, _ = job.communicate("\n", timeout=60)
    assert output.split() == ["1"] * 4
    assert applied.not_applied == ()
    assert os.sched_getaffinity(0) == mine


@linux
def test_jobs_that_run_at_once_get_different_processors(start: Any) -> None:
    """As long as there are some; what a job had is free once it ends."""
    there = sorted(os.sched_getaffinity(0))
    cpus = Cpus()
    with cpus.taken(1) as first:
        with cpus.taken(len(there) + 1) as all_of_them:
            assert all_of_them == set(there)
        with cpus.taken(1) as second:
            assert first.isdisjoint(second) or len(there) == 1
            with Limits(cpus=1).applied_to(start("input()").pid, cpus=cpus):
                assert sum(cpus._users.values()) == 3
    assert not any(cpus._users.values())


@linux
@pytest.mark.parametrize(
    ("cpus", "sentences"),
    [
        (0.25, ["the limit of 0.25 processors is applied as 1 processor: a process can be tied to whole processors"]),
        (100_000, ["of 100000 processors the job has "]),
        (1, []),
    ],
)
def test_what_cannot_be_applied_is_said(start: Any, cpus: float, sentences: list[str]) -> None:
    """As sentences, in place of an error: the job runs all the same."""
    with Limits(cpus=cpus).applied_to(start("input()").pid) as applied:
        assert len(applied.not_applied) == len(sentences)
        assert all(said.startswith(sentence) for said, sentence in zip(applied.not_applied, sentences))


def test_a_system_that_can_do_neither(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as macOS: it says so, and does nothing."""
    monkeypatch.setattr(module, "_PROC", "/nowhere")
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    threads = threading.active_count()
    assert not can_watch_memory()
    with Limits(memory=2 * 1000**3, cpus=2).applied_to(start("input()").pid) as applied:
        assert threading.active_count() == threads
    assert applied.not_applied == (
        "the limit of 2 processors is not applied: macOS ties no process to processors",
        "the limit of 2 GB of memory is not applied: macOS does not say in /proc what a process uses; Linux does",
    )


def test_a_refusal_of_the_system_is_said(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may forbid it."""

    def refuse(pid: int, cpus: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    with Limits(cpus=1).applied_to(start("input()").pid) as applied:
        assert [said.partition(": ")[2] for said in applied.not_applied] == [
            "the system refused to tie the job to them"
        ] * can_watch_memory()


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("cpu-1", Limits(MEMORY_PER_CPU, 1)),
        ("cpu-0.25", Limits(MEMORY_PER_CPU // 4, 0.25)),
        ("cpu-16", Limits(16 * MEMORY_PER_CPU, 16)),
        ("gpu-1", Limits(MEMORY_PER_GPU, CPUS_PER_GPU)),
        ("gpu:b-4", Limits(4 * MEMORY_PER_GPU, 4 * CPUS_PER_GPU)),
        ("cpu-0", None),
        ("tpu-1", None),
        ("gpu:e-1", None),
        ("cpu-" + "9" * 400, None),
    ],
)
def test_what_a_name_says(name: str, limits: Limits | None) -> None:
    """Processors by number; memory by our own guess; nothing for what is no instance type."""
    assert InstanceTypes().for_type(name) == limits


def test_the_table_lies_over_the_names() -> None:
    """Type by type; one that has no limits there has none."""
    types = InstanceTypes.parse(
        ["cpu-1 = 2GB, 1 cpu", "", " gpu:b-4=8 cpus , 1.5 GiB", "cpu-2 = 512MiB", "cpu-4 = None"]
    )
    assert types.for_type("cpu-1") == Limits(2 * 1000**3, 1)
    assert types.for_type("gpu:b-4") == Limits(1024**3 * 3 // 2, 8)
    assert types.for_type("cpu-2") == Limits(512 * 1024**2, None)
    assert types.for_type("cpu-4") == Limits()
    assert types.for_type("cpu-8") == InstanceTypes().for_type("cpu-8")
    assert InstanceTypes({"any": Limits(1)}).for_type("any") == Limits(1)


@given(memory=st.integers(1, 10**6), unit=st.sampled_from(["MB", "gb", "TiB", "GiB"]), cpus=st.integers(1, 10**6))
def test_whatever_is_written(memory: int, unit: str, cpus: int) -> None:
    """Amounts come out as they were written, in either order."""
    written = [f"{memory}{unit}", f"{cpus} cpus"]
    factor = {"mb": 10**6, "gb": 10**9, "gib": 2**30, "tib": 2**40}[unit.lower()]
    for parts in (written, written[::-1]):
        types = InstanceTypes.parse([f"cpu-1={','.join(parts)}"])
        assert types.for_type("cpu-1") == Limits(memory * factor, cpus)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("cpu-1", "its first part is no instance type"),
        ("cpu1 = 2GB", "its first part is no instance type"),
        ("= 2GB", "its first part is no instance type"),
        ("cpu-1 =", "'' is no amount"),
        ("cpu-1 = 2GB,", "'' is no amount"),
        ("cpu-1 = 2", "'2' is no amount"),
        ("cpu-1 = -2GB", "'-2GB' is no amount"),
        ("cpu-1 = 0GB", "'0GB' is nothing to run with"),
        (f"cpu-1 = {'9' * 400}GB", "is nothing to run with"),
        ("cpu-1 = 2G", "'2G' has the unit 'G'"),
        ("cpu-1 = 2GB, 3GB", "'3GB' comes twice"),
        ("cpu-1 = 1 cpu, 2 cpus", "'2 cpus' comes twice"),
    ],
)
def test_lines_that_cannot_be_read(line: str, complaint: str) -> None:
    """The line, what is wrong with it, and one that is right."""
    with pytest.raises(LimitError) as caught:
        InstanceTypes.parse([line])
    assert str(caught.value).startswith(f"the limits {line.strip()!r} cannot be read: ")
    assert complaint in str(caught.value)
    assert "write, for example, cpu-1 = 2GB, 1 cpu" in str(caught.value)


def test_a_type_has_one_line() -> None:
    """A second one would be lost."""
    with pytest.raises(LimitError, match="another line says the limits of cpu-1"):
        InstanceTypes.parse(["cpu-1 = 2GB", "cpu-1 = 1 cpu"])


@pytest.mark.parametrize("values", [{"memory": 0}, {"memory": -1}, {"cpus": 0.0}, {"cpus": float("inf")}])
def test_limits_that_are_none(values: dict[str, Any]) -> None:
    """None is how no limit is said."""
    with pytest.raises(LimitError, match="a limit is more than 0, and None is none"):
        Limits(**values)


def test_amounts_in_words() -> None:
    """As people write them."""
    assert [in_words(amount) for amount in (200 * MB, 1500 * MB, 2**30, 10)] == [
        "200 MB",
        "1.5 GB",
        "1.07 GB",
        "10 bytes",
    ]


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        ("512MB", 512 * MB),
        (" 1.5 GiB ", 1024**3 * 3 // 2),
        ("1kB", 1000),
        ("2 kib", 2048),
        ("4096", 4096),
        (4096, 4096),
    ],
)
def test_an_amount_is_read(said: str | int, amount: int) -> None:
    """With a unit, or in bytes."""
    assert amount_of(said) == amount


@pytest.mark.parametrize("said", ["", "much", "-1MB", "0", "0MB", "1 cpu", "0.0001kB", "1.5", True, None, "9" * 400])
def test_what_is_no_amount(said: Any) -> None:
    """It is shown, with what would be one."""
    with pytest.raises(LimitError) as caught:
        amount_of(said)
    assert str(caught.value).startswith(f"{said!r} is no amount; write, for example, 512MB, with kB, MB")
