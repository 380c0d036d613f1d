"""What is remembered of a test: plain data, so that a worker of pytest-xdist can send it on."""

from __future__ import annotations

from typing import Any, Optional

import msgspec

from abeja_emulator.wire.operations import Evidence


class CallRecord(msgspec.Struct, kw_only=True):
    """One call of the platform.

    Attributes:
        after: seconds since the test began, by the Platform's clock.
        method: HTTP method.
        path: path and query, as far as they hold no secret.
        operation: name of the operation; None when the path is none of the platform's.
        status: status of the answer.
        evidence: where the operation's behaviour is known from.
        error: description of the refusal, when it was one.
        fault: what went wrong on purpose, or None.
        done: status the Platform itself came to where a fault hid it, or None.
        because: number of the fault because of which the client made this call, or None.
    """

    after: float
    method: str
    path: str
    operation: Optional[str]
    status: int
    evidence: Optional[str]
    error: Optional[str] = None
    fault: Optional[str] = None
    done: Optional[int] = None
    because: Optional[int] = None

    @property
    def seen(self) -> str:
        """What the client saw: `503`, `no answer`; with what went wrong on purpose, and what was done all the same."""
        done = "" if self.done is None else f", done with {self.done}"
        fault = f" (fault: {self.fault}{done})" if self.fault else ""
        again = f" (because of fault {self.because})" if self.because else ""
        return f"{self.status or 'no answer'}{fault}{again}"


class SleepRecord(msgspec.Struct, kw_only=True):
    """One sleep under virtual time.

    Attributes:
        after: seconds since the test began, by the Platform's clock, when it began.
        seconds: how long it was meant to be.
        why: what for, such as `back-off`.
        text: all of it in words.
    """

    after: float
    seconds: float
    why: str
    text: str


class FaultRecord(msgspec.Struct, kw_only=True):
    """One fault of a test.

    Attributes:
        text: the fault as a line.
        fired: at how many calls it fired.
        calls: these calls, and how each ended.
        because: the calls that the client made because of it.
    """

    text: str
    fired: int
    calls: list[str] = []
    because: list[str] = []


class JobRecord(msgspec.Struct, kw_only=True):
    """One training job.

    Attributes:
        id: the training job's id.
        name: job definition and version, `train-handler:1`.
        status: as the platform shows it.
        message: why it failed, or None.
        seconds: from its start to its end, or None while one of them is missing.
        statistics: what was posted, in order.
        refused_statistics: descriptions of the posts that were refused; the SDK raises nothing for them.
        artifacts: file of the result → size in bytes.
        log: the last lines of its log.
    """

    id: str
    name: str
    status: str
    message: Optional[str] = None
    seconds: Optional[float] = None
    statistics: list[dict[str, Any]] = []
    refused_statistics: list[str] = []
    artifacts: dict[str, int] = {}
    log: list[str] = []


class ModelRecord(msgspec.Struct, kw_only=True):
    """One service or one run: model code.

    Attributes:
        kind: `service` or `run`.
        id: its id.
        name: of its deployment.
        status: as the platform shows it.
        log: the last lines of its log.
    """

    kind: str
    id: str
    name: str
    status: str
    log: list[str] = []


class TestRecord(msgspec.Struct, kw_only=True):
    """One test that had to do with a platform.

    Attributes:
        test: node id of the test.
        outcome: `passed`, `failed`, `skipped`, `xfailed`, `xpassed` or `error`.
        jobs: its jobs, oldest first.
        models: its services and runs, and those of others that have failed.
        calls: its calls, oldest first, those that are remembered.
        calls_in_all: how many calls there were.
        evidence: where the behaviour is known from of each operation that was called, those in forgotten calls too.
        refused_hosts: calls to hosts that are neither emulated nor allowed, one sentence each.
        faults: what went wrong on purpose, or was to.
        sleeps: who slept while time was virtual, oldest first, those that are remembered.
        sleeps_in_all: how many sleeps there were.
        duplicates: what is there twice because a call was made again whose answer had not arrived, one sentence each.
    """

    __test__ = False  # its name begins like a test's

    test: str
    outcome: str = ""
    jobs: list[JobRecord] = []
    models: list[ModelRecord] = []
    calls: list[CallRecord] = []
    calls_in_all: int = 0
    evidence: dict[str, str] = {}
    refused_hosts: list[str] = []
    faults: list[FaultRecord] = []
    sleeps: list[SleepRecord] = []
    sleeps_in_all: int = 0
    duplicates: list[str] = []

    @property
    def refused_calls(self) -> list[CallRecord]:
        """The calls that were answered with an error."""
        return [call for call in self.calls if call.status >= 400]  # noqa: PLR2004 - where errors begin

    @property
    def weakest(self) -> Optional[Evidence]:
        """The weakest evidence that the test relied on; None without calls."""
        found = {Evidence(value) for value in self.evidence.values()}
        return next((evidence for evidence in reversed(Evidence) if evidence in found), None)

    def resting_on(self, evidence: Evidence) -> list[str]:
        """Return the operations that were called and are known from that."""
        return sorted(name for name, value in self.evidence.items() if value == evidence.value)

    def extend(self, later: TestRecord) -> None:
        """Add what the same test did later, in its teardown."""
        self.jobs += later.jobs
        self.models += later.models
        self.calls += later.calls
        self.calls_in_all += later.calls_in_all
        self.evidence.update(later.evidence)
        self.refused_hosts += later.refused_hosts
        self.faults = later.faults or self.faults
        self.sleeps += later.sleeps
        self.sleeps_in_all += later.sleeps_in_all
        self.duplicates += [each for each in later.duplicates if each not in self.duplicates]


def pack(record: TestRecord) -> dict[str, Any]:
    """Return a record as what JSON can hold, for a worker to send."""
    packed: dict[str, Any] = msgspec.to_builtins(record)
    return packed


def unpack(packed: dict[str, Any]) -> TestRecord:
    """Return what `pack` packed."""
    return msgspec.convert(packed, TestRecord)
