"""What a run of a sweep has shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Verdict(str, Enum):
    """How a test has met a fault."""

    SURVIVES = "survives"
    RIGHT = "right exception"
    WRONG = "wrong exception"
    HANGS = "hangs"
    DUPLICATES = "duplicates data"
    NOT_REACHED = "not reached"

    @property
    def is_bad(self) -> bool:
        """Whether a run of pytest fails for it."""
        return self in {Verdict.WRONG, Verdict.HANGS, Verdict.DUPLICATES}


#: Packages whose exceptions tell that a call has failed, and their own: who sees one knows what to do.
_CLIENTS = ("abeja", "boto3", "botocore", "httpx", "http.client", "requests", "retrying", "s3transfer", "tenacity",
            "urllib.error", "urllib3")  # fmt: skip

_BUILTIN = frozenset(
    {
        "BrokenPipeError",
        "ConnectionAbortedError",
        "ConnectionError",
        "ConnectionRefusedError",
        "ConnectionResetError",
        "TimeoutError",
        "socket.gaierror",
        "socket.timeout",
        "ssl.SSLError",
    }
)

#: What waits without a time-out raises this under the emulator, since nobody would ever answer.
_NEVER = "NeverAnswered"

_DIRECT = "The above exception was the direct cause of the following exception:"
_DURING = "During handling of the above exception, another exception occurred:"

#: The line of a traceback that names the exception.
_NAMED = re.compile(r"^((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?:: .*|:)?$")

_LONGEST = 300


@dataclass
class Observation:
    """What was seen of a run.

    Attributes:
        reached: whether the fault happened.
        seconds: how long the run took.
        failure: what the test raised, in one line; None: it passed.
        causes: qualified names of what was raised, and of the causes that whoever raised it has named.
        logs: what failed jobs, services and runs, and models in the test's process, say of their failure.
        duplicates: what is there twice.
        hangs: whether it was ended because it took too long.
    """

    reached: bool
    seconds: float
    failure: str | None = None
    causes: Sequence[str] = ()
    logs: Sequence[str] = ()
    duplicates: Sequence[str] = ()
    hangs: bool = False


def judge(seen: Observation) -> tuple[Verdict, str]:
    """Return the verdict on a run, and why, in one line or a few; empty when there is nothing to say."""
    failure = "" if seen.failure is None else shorten(seen.failure)
    raised = [name for log in seen.logs for name in _raised(log)]
    if seen.hangs or any(name.rpartition(".")[2] == _NEVER for name in (*seen.causes, *raised)):
        found = Verdict.HANGS, failure or f"it took {seen.seconds:.0f} s"
    elif seen.duplicates:
        found = Verdict.DUPLICATES, "\n".join(seen.duplicates)
    elif not seen.reached:
        found = Verdict.NOT_REACHED, f"without the fault it failed: {failure}" if failure else ""
    elif seen.failure is None:
        found = Verdict.SURVIVES, ""
    else:
        found = _judge_failure(seen, failure)
    return found


def _judge_failure(seen: Observation, failure: str) -> tuple[Verdict, str]:
    """Return the verdict on a test that failed: what it asserts of a job may fail because of what that has raised."""
    if any(map(is_of_a_client, seen.causes)):
        return Verdict.RIGHT, failure
    for log in seen.logs:
        if any(map(is_of_a_client, _raised(log))):
            return Verdict.RIGHT, shorten(_last_line(log))
    return Verdict.WRONG, "\n".join([*(shorten(_last_line(log)) for log in seen.logs), failure])


def is_of_a_client(name: str) -> bool:
    """Tell whether an exception, by its qualified name, is a client's own for a call that has failed."""
    name = name.removeprefix("builtins.")
    if name.endswith(".JSONDecodeError"):
        return False
    return name in _BUILTIN or any(name.startswith(f"{package}.") for package in _CLIENTS)


def causes_of(error: BaseException) -> Iterator[str]:
    """Yield the qualified names of an exception and of the causes it was raised `from`."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if type(current).__name__ == "JSONDecodeError":
            # Also where it is a client's: it is about a text, and says nothing of a call.
            current = current.__cause__
            continue
        for kind in type(current).__mro__:
            if kind in {BaseException, Exception, OSError, ValueError, object}:
                break
            yield f"{kind.__module__}.{kind.__qualname__}"
        current = current.__cause__


def shorten(text: str) -> str:
    """Return a text in one line that a person reads to its end."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _raised(log: str) -> list[str]:
    """Return the name of the exception with which a log ends, and of its named causes."""
    names: list[str] = []
    parts = re.split(f"({re.escape(_DIRECT)}|{re.escape(_DURING)})", log)
    for number in range(len(parts) - 1, -1, -2):
        name = _name_of(parts[number])
        if name:
            names.append(name)
        if number == 0 or parts[number - 1] != _DIRECT:
            break
    return names


def _name_of(part: str) -> str:
    begin = part.rfind("Traceback (most recent call last):")
    lines = part[max(0, begin) :].splitlines()
    found = [named[1] for named in map(_NAMED.match, lines) if named is not None]
    # Below a traceback the first line that is not indented names it; its message may have more lines.
    return "" if not found else found[0]


def _last_line(log: str) -> str:
    name = next(iter(_raised(log)), None)
    lines = [line for line in log.splitlines() if line.strip()]
    named = [line for line in lines if name is not None and line.startswith(name)]
    return (named or lines or [""])[-1]
