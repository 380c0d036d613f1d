"""From what a test asks of `abeja_confine` to jobs that are confined, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.pytest_jobs import check_names
from abeja_emulator.runtime.confinement import VARIABLES, Confinement, ConfinementError
from abeja_emulator.runtime.faked_disk import why_no_child

if TYPE_CHECKING:
    from typing_extensions import Self

    from abeja_emulator.runtime.executor import Executor


class ConfinedJobs:
    """Confines the jobs that begin while this is entered.

    Args:
        executor: runs them.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._before = executor.confinement
        self._told = executor.on_confined
        self._said = Confinement()
        self._confined: list[str] = []

    def confine(self, options: dict[str, Any]) -> None:
        """Confine the jobs that begin from now on, besides what was said before; skip the test where it cannot be.

        Args:
            options: see `Confinement.of`.

        Raises:
            TypeError: when one is none.
            ConfinementError: when they cannot be.
        """
        __tracebackhide__ = True
        check_names("abeja_confine takes", options, tuple(VARIABLES))
        said = self._said.merge(Confinement.of(options))
        if not said:
            message = "abeja_confine confines nothing; say what, such as abeja_confine(result_dir_size='1MB')"
            raise ConfinementError(message)
        faked = why_no_child("a job", "take abeja_disk, which fills that disk")
        if faked is not None:
            raise ConfinementError(faked)
        why = said.why_not()
        if why is not None:
            pytest.skip(why)
        self._said = said
        self._executor.confinement = self._before.merge(said)

    def _note(self, job_id: str, confinement: Confinement) -> None:
        self._confined.append(job_id)
        if self._told is not None:
            self._told(job_id, confinement)

    def check(self) -> None:
        """Fail the test when it has confined jobs and there was none."""
        if self._said and not self._confined:
            pytest.fail(
                f"abeja_confine ({self._said}) has confined no job: those that abeja_train runs in this process are "
                "not; make the job through the API, or with abeja_train(…, train_in='child'), and wait for its end",
                pytrace=False,
            )

    def __enter__(self) -> Self:
        self._executor.on_confined = self._note
        return self

    def __exit__(self, *exception: object) -> None:
        self._executor.confinement, self._executor.on_confined = self._before, self._told
