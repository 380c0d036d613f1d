"""How things are measured: rounds of each contender in turn, so that a busy machine is busy for all of them."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    #: Enters what a contender needs, and gives what is timed.
    Contender = Callable[[], AbstractContextManager[Callable[[], object]]]


@dataclass(frozen=True)
class Result:
    """What one contender took.

    Attributes:
        name: the contender.
        value: median of its rounds.
        unit: of the value.
    """

    name: str
    value: float
    unit: str


def time_in_turn(contenders: Mapping[str, Contender], *, calls: int, rounds: int = 15) -> list[Result]:
    """Return microseconds a call: the median over rounds, each contender's round next to the others'."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            with ExitStack() as stack:
                work = stack.enter_context(contender())
                work()
                gc.collect()
                gc.disable()
                start = time.perf_counter()
                for _ in range(calls):
                    work()
                taken[name].append((time.perf_counter() - start) / calls * 1e6)
                gc.enable()
    return [Result(name, median(rounds_of), "µs") for name, rounds_of in taken.items()]


def time_commands(commands: Mapping[str, list[str]], *, rounds: int = 11) -> list[Result]:
    """Return milliseconds of wall time of whole commands: the median over rounds, in turn.

    Each runs once before, so that the bytecode of all is there, as an installer leaves it.
    """
    taken: dict[str, list[float]] = {name: [] for name in commands}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(rounds + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, env=environment)  # noqa: S603 - our own commands
            taken[name].append((time.perf_counter() - start) * 1e3)
    return [Result(name, median(rounds_of[1:]), "ms") for name, rounds_of in taken.items()]


def grow_in_child(module: str, function: str) -> float:
    """Return by how many MB a fresh process grows while `module.function` runs; it prints what it grew by."""
    program = f"import json; from {module} import {function}; print(json.dumps({function}()))"
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603
    return float(json.loads(output.stdout.splitlines()[-1]))


def resident() -> float:
    """Return the memory this process holds at present, in MB (Linux), or the most it ever held."""
    gc.collect()
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no file, a reading
            return int(file.read().split()[1]) * 4096 / 1e6
    except FileNotFoundError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def ratio(results: list[Result], ours: str, peer: str) -> float:
    """Return how many times as much `ours` takes as `peer`."""
    values = {result.name: result.value for result in results}
    return values[ours] / values[peer]
