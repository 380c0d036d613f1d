"""Measure everything, or what is named, and print a table of ratios: `python -m benchmarks [name …]`."""

from __future__ import annotations

import argparse
import platform
import sys
from typing import Callable

from benchmarks import calls, job, models, prefetch, runs, server, sweep
from benchmarks.measure import grow_in_child, ratio, time_in_turn

Rows = list[tuple[str, str, str, str]]


def call() -> Rows:
    """One call of the SDK."""
    results = time_in_turn(
        {
            "ours": calls.emulator,
            "responses": calls.responses_stub,
            "adapter": calls.patched_adapter,
            "moto": calls.moto_get_item,
        },
        calls=300,
    )
    shown = ", ".join(f"{result.name} {result.value:.0f} {result.unit}" for result in results)
    return [
        (
            "SDK `get_dataset` beside one canned route of `responses`",
            shown,
            _times(ratio(results, "ours", "responses")),
            "≤ 1.3",
        ),
        ("the same beside moto's DynamoDB `get_item`", "", _times(ratio(results, "ours", "moto")), ""),
    ]


def scale() -> Rows:
    """The same call with 100,000 items; all routes are there in both."""
    results = time_in_turn({"one": calls.emulator, "many": calls.filled}, calls=1_000, rounds=7)
    shown = ", ".join(f"{result.name} {result.value:.0f} {result.unit}" for result in results)
    return [("at 100,000 items beside 1 item", shown, _times(ratio(results, "many", "one")), "≤ 1.05")]


def operations() -> Rows:
    """The same call where it is the only operation, and where all are there."""
    results = time_in_turn({"alone": calls.lonely, "all": calls.emulator}, calls=1_000, rounds=9)
    shown = ", ".join(f"{result.name} {result.value:.0f} {result.unit}" for result in results)
    return [("all operations beside one", shown, _times(ratio(results, "all", "alone")), "≤ 1.05")]


def isolation() -> Rows:
    """What lies between two tests."""
    results = time_in_turn({"ours": runs.isolation_ours, "moto": runs.isolation_moto}, calls=100)
    ours, moto = (result.value for result in results)
    return [("isolation between tests", f"ours {ours:.0f} µs, moto {moto:.0f} µs", _times(ours / moto), "≤ 500 µs")]


def start() -> Rows:
    """What a run of pytest costs."""
    results = {result.name: result.value for result in runs.empty_runs()}
    unused, used, moto = (results[name] - results["without"] for name in ("unused", "used", "moto"))
    return [
        ("plugin installed and not used", f"pytest {results['without']:.0f} ms", f"+{unused:.1f} ms", "≤ 5 ms"),
        ("`--abeja-emulate`, one empty test", f"moto +{moto:.0f} ms", f"+{used:.0f} ms", "≤ 120 ms"),
    ]


def memory() -> Rows:
    """What a process grows by."""
    grown = {
        name: grow_in_child("benchmarks.memory", name)
        for name in ("downloads_ours", "downloads_responses", "overwrites_ours", "overwrites_moto")
    }
    return [
        (
            "60 downloads of 20 MB",
            f"responses +{grown['downloads_responses']:.0f} MB",
            f"{grown['downloads_ours']:+.1f} MB",
            "nothing",
        ),
        (
            "one record overwritten 3,000 times",
            f"moto +{grown['overwrites_moto']:.1f} MB",
            f"{grown['overwrites_ours']:+.1f} MB",
            "nothing",
        ),
    ]


BENCHMARKS: dict[str, Callable[[], Rows]] = {
    "call": call,
    "scale": scale,
    "operations": operations,
    "isolation": isolation,
    "start": start,
    "memory": memory,
    "job": job.rows,
    "server": server.rows,
    "prefetch": prefetch.rows,
    "models": models.rows,
    "sweep": sweep.rows,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(BENCHMARKS)}; all by default")
    names = parser.parse_args().names or list(BENCHMARKS)
    print(f"Python {platform.python_version()}, {platform.system()}\n")
    print("| what | measured | ours | wanted |\n| --- | --- | --- | --- |")
    for name in names:
        print(f"… {name}", file=sys.stderr)
        for row in BENCHMARKS[name]():
            print("| " + " | ".join(row) + " |", flush=True)


def _times(value: float) -> str:
    return f"{value:.2f} ×"


if __name__ == "__main__":
    main()
