"""What the options of a fault sweep say, checked."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from abeja_emulator.faults.sweep import Budget, Sweep
from abeja_emulator.faults.sweep_verdict import Verdict
from abeja_emulator.pytest_settings import check_can_be_made

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a run of pytest need not fail for, as people say it.
ALLOWED = {"wrong": Verdict.WRONG, "hangs": Verdict.HANGS, "duplicates": Verdict.DUPLICATES}

#: As it was before any test froze it.
now = time.monotonic


class SweepSettings(NamedTuple):
    """What the options of a sweep say.

    Attributes:
        sweep: its faults.
        budget: what all of it may cost.
        limit: seconds after which a run counts as hanging; None: by the run without a fault.
        file: where the results are kept; None: in pytest's cache.
        resume: whether to go on with what is kept there.
        page: where the page goes, or None.
        allowed: for what a run of pytest does not fail.
    """

    sweep: Sweep
    budget: Budget
    limit: float | None
    file: Path | None
    resume: bool
    page: Path | None
    allowed: frozenset[Verdict]

    @classmethod
    def of(cls, config: pytest.Config) -> SweepSettings:
        """Read them.

        Raises:
            UsageError: when one says something that cannot be.
        """
        option = config.getoption
        for other, flag in (("usepdb", "--pdb"), ("abeja_mute_faults", "--abeja-mute-faults")):
            if option(other, default=False):
                message = f"--abeja-fault-sweep runs every test many times with faults; leave {flag} out"
                raise pytest.UsageError(message)
        try:
            sweep = Sweep(option("abeja_sweep_faults") or ())
        except ValueError as error:
            message = f"--abeja-sweep-faults: {error}"
            raise pytest.UsageError(message) from error
        runs, seconds = None, None
        if option("abeja_sweep_budget"):
            try:
                runs, seconds = Budget.parse(option("abeja_sweep_budget"))
            except ValueError as error:
                message = f"--abeja-sweep-budget: {error}"
                raise pytest.UsageError(message) from error
        return cls(
            sweep,
            Budget(runs, None if seconds is None else now() + seconds),
            _seconds(option("abeja_sweep_limit")),
            _file(config, "abeja_sweep_file"),
            bool(option("abeja_sweep_resume")),
            _file(config, "abeja_sweep_report"),
            frozenset(_allowed(option("abeja_sweep_allow"))),
        )


def _seconds(said: str | None) -> float | None:
    if said is None:
        return None
    try:
        seconds = float(said.rstrip("s"))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        message = f"--abeja-sweep-limit is {said!r}; it must be a number of seconds, such as 30"
        raise pytest.UsageError(message)
    return seconds


def _file(config: pytest.Config, name: str) -> Path | None:
    said = config.getoption(name)
    if not said:
        return None
    path = Path(config.invocation_params.dir, said)
    check_can_be_made(name, path)
    if path.is_dir():
        message = f"{name} is {str(path)!r}, which is a folder; name a file"
        raise pytest.UsageError(message)
    return path


def _allowed(said: str | None) -> Iterator[Verdict]:
    for word in (said or "").split(","):
        if word.strip() and word.strip() not in ALLOWED:
            message = f"--abeja-sweep-allow is {said!r}; it must be some of {','.join(ALLOWED)}"
            raise pytest.UsageError(message)
        if word.strip():
            yield ALLOWED[word.strip()]
