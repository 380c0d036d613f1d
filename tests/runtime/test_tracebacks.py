"""A traceback shows what its reader wrote."""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.runtime.handlers import Handler
from abeja_emulator.runtime.images import Calling
from abeja_emulator.runtime.tracebacks import shown_traceback, user_traceback
from abeja_emulator.seeding import samples_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_it_begins_with_the_users_own_frames() -> None:
    """What is above them is no help; what is below them, in a library, is."""
    with pytest.raises(ValueError, match="Expecting value") as refused:
        json.loads("x")
    shown = shown_traceback(refused.value)
    assert "test_it_begins" in shown
    assert "decoder.py" in shown


def test_the_import_system_and_we_are_not_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a module that cannot be imported its own line is the first."""
    (tmp_path / "of_tracebacks.py").write_text("import json\njson.loads('x')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="Expecting value") as refused:
        Handler("of_tracebacks:handler", tmp_path).load(Calling.DICT)
    trace = user_traceback(refused.value.__traceback__)
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = user_traceback(trace.tb_next)
    assert trace is not None
    assert trace.tb_frame.f_code.co_filename == str(tmp_path / "of_tracebacks.py")
    assert importlib.__file__ not in shown_traceback(refused.value.with_traceback(trace))
    assert "of_tracebacks" not in sys.modules


def test_one_without_a_frame_of_the_users_is_none() -> None:
    """Then the sentence is all there is to show."""
    with pytest.raises(ValueError, match="exactly one colon") as refused:
        Handler("train", samples_folder()).load(Calling.DICT)
    trace = refused.value.__traceback__
    assert trace is not None
    assert user_traceback(trace.tb_next) is None
