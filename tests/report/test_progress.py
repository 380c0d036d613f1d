"""Who waits for a long job sees how far it has come."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from abeja.train.client import Client
from abeja.train.statistics import Statistics

from abeja_emulator.report.progress import PATIENCE, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob


def post(epoch: int) -> None:
    """Post a statistic of the current job."""
    statistics = Statistics(num_epochs=9, epoch=epoch)
    statistics.add_stage(Statistics.STAGE_VALIDATION, accuracy=epoch / 10, loss=0.5)
    Client().update_statistics(statistics)


def test_a_line_is_written_over_and_taken_away(abeja: Platform, abeja_train: Callable[..., TrainedJob]) -> None:
    """Name, epoch, last values and time; nothing of what is over soon, and not more often than anybody reads."""
    terminal = io.StringIO()
    times = iter([0.0, PATIENCE - 1, PATIENCE + 1, PATIENCE + 1.01, PATIENCE + 2])
    progress = Progress(abeja, terminal, nullcontext, lambda: next(times))

    def handler(context: object) -> None:
        del context
        for epoch in (1, 2, 3, 4):
            post(epoch)

    with abeja.journal.told(progress.note):
        abeja_train(handler, definition="mine")
    progress.end()
    progress.end()

    lines = [line.rstrip() for line in terminal.getvalue().split("\r") if line.strip()]
    assert lines == [
        "mine:1  epoch 2/9  validation accuracy 0.2 loss 0.5  3.0 s",
        "mine:1  epoch 4/9  validation accuracy 0.4 loss 0.5  4.0 s",
    ]
    assert terminal.getvalue().endswith("\r")


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_under_pytest_on_a_terminal(pytester: pytest.Pytester) -> None:
    """In spite of the capture, and nothing of it stays in what the test printed."""
    pytester.makepyfile(
        """
        import abeja_emulator.report.progress
        def test_it(abeja_train, capsys):
            def handler(context):
                from abeja.train.client import Client
                from abeja.train.statistics import Statistics
                for epoch in range(3):
                    Client().update_statistics(Statistics(num_epochs=3, epoch=epoch + 1))
                    print("printed")
            abeja_emulator.report.progress.PATIENCE = abeja_emulator.report.progress.PACE = 0
            abeja_train(handler, definition="mine")
            assert capsys.readouterr().out == "printed\\n" * 3
        """
    )
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "pytest", "-q", "--abeja-emulate", "-p", "no:cacheprovider"]
    with subprocess.Popen(command, cwd=pytester.path, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        output = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # Linux says so when the other side is closed
                break
            if not data:
                break
            output += data
    os.close(ours)
    text = output.decode()
    assert process.returncode == 0, text
    assert "mine:1  epoch 3/3" in text
