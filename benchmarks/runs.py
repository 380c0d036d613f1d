"""What the plugin adds to a run of pytest, and to each test of it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from abeja_emulator import Platform
from benchmarks.measure import Result, time_commands

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable

EMPTY = "def test_nothing():\n    pass\n"
MOTO = """\
import moto, pytest

@pytest.fixture(autouse=True)
def aws():
    with moto.mock_aws():
        yield

def test_nothing():
    pass
"""
#: Plugins of other people that register themselves and would be timed with ours.
OTHERS = ("xdist", "randomly", "asyncio", "cov", "timeout", "hypothesispytest", "socket", "requests_mock")


def empty_runs(rounds: int = 11) -> list[Result]:
    """Return milliseconds of a run with one empty test: without the plugin, with it unused, used, and moto."""
    with TemporaryDirectory() as folder:
        empty, moto = Path(folder, "test_empty.py"), Path(folder, "test_moto.py")
        empty.write_text(EMPTY)
        moto.write_text(MOTO)
        options = [option for name in OTHERS for option in ("-p", f"no:{name}")]
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "--rootdir", folder]
        bare = [*pytest, "-p", "no:abeja_emulator", str(empty)]
        return time_commands(
            {
                "without": bare,
                "unused": [*pytest, str(empty)],
                "used": [*pytest, "--abeja-emulate", str(empty)],
                "moto": [*pytest, "-p", "no:abeja_emulator", str(moto)],
            },
            rounds=rounds,
        )


@contextmanager
def isolation_ours() -> Iterator[Callable[[], object]]:
    """Snapshot, one thing created, rollback, on a platform that holds a dataset of 1,000 items."""
    with Platform() as platform:
        platform.seed.dataset([("text", "label")] * 1_000)

        def isolate() -> None:
            snapshot = platform.snapshot()
            platform.seed.channel("one")
            snapshot.rollback()

        yield isolate


@contextmanager
def isolation_moto() -> Iterator[Callable[[], object]]:
    """Moto's own: leaving and entering `mock_aws`, one thing created between."""
    import os
    from unittest import mock

    import boto3
    from moto import mock_aws

    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    with mock.patch.dict(os.environ, keys):
        with mock_aws():
            client = boto3.client("sqs")

        def isolate() -> None:
            with mock_aws():
                client.create_queue(QueueName="one")

        yield isolate
