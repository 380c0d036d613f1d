"""A folder to write handlers in, and jobs that run them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abeja_emulator.runtime.job import TrainedJob


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write the text of a module, below the source directory `tmp_path / "source"` or another one, and return it."""

    def write_module(name: str, text: str, folder: str = "source") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write_module


@pytest.fixture
def run(write: Callable[..., Path], abeja_train: Callable[..., TrainedJob]) -> Callable[..., TrainedJob]:
    """Run a job whose handler is the text of a module `train.py` with a function `handler`."""

    def run_job(text: str, **options: Any) -> TrainedJob:
        return abeja_train(write("train.py", text), **options)

    return run_job
