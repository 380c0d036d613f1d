"""Whether an interpreter can serve models is known before a training."""

from __future__ import annotations

import sys
import venv
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.cli import sdk
from abeja_emulator.cli.exits import CommandError
from abeja_emulator.cli.runtime_check import check_runtime
from abeja_emulator.runtime.interpreters import Interpreters

if TYPE_CHECKING:
    from pathlib import Path

IMAGE, OLD_IMAGE = "abeja-inc/all-cpu:19.10", "abeja-inc/all-cpu:18.10"


def options(python: str | Path, environments: object | None = None) -> dict[str, Any]:
    """Return what is looked at of the options of an `Executor`."""
    return {"interpreters": Interpreters(python), "environments": environments}


def test_an_interpreter_without_it_is_refused(tmp_path: Path) -> None:
    """Where the image needs it and nobody installs it; the sentence says how to."""
    venv.create(tmp_path / "bare", symlinks=True)
    python = tmp_path / "bare" / "bin" / "python"
    with pytest.raises(CommandError, match=f"{python} -m pip install abejaruntime"):
        check_runtime(options(python), IMAGE)
    check_runtime(options(python), OLD_IMAGE)
    check_runtime(options(python, object()), IMAGE)


def test_an_interpreter_with_it_is_taken() -> None:
    """This one, which has it."""
    pytest.importorskip("abejaruntime36")
    check_runtime(options(sys.executable), IMAGE)


def test_the_sdk_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it there is nobody who calls the platform."""
    sdk.check_sdk()
    monkeypatch.setitem(sys.modules, "abeja", None)
    with pytest.raises(CommandError, match="pip install abeja-sdk"):
        sdk.check_sdk()
