"""What to do when a model does not find its files in its result directory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abeja_emulator.cli.kept import RESULTS, newest_result
from abeja_emulator.serving.hints import hint_for_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from abeja_emulator.services.training.records import LogLine

#: How the lines of errors are known, of Python's and of libraries'.
_ERROR = re.compile(r"Error\b|[Nn]o such file|[Nn]ot found")


class ResultHint:
    """Says once where the model's files were looked for, when an error in its log names that folder.

    Args:
        result: the model's `ABEJA_TRAINING_RESULT_DIR`.
        say: takes the sentence.
    """

    def __init__(self, result: Path, say: Callable[[str], object]) -> None:
        self._result = result
        self._say: Callable[[str], object] | None = say

    def look(self, lines: Iterable[LogLine]) -> None:
        """Look at lines of the log."""
        if self._say is None:
            return
        for line in lines:
            if str(self._result) in line.message and _ERROR.search(line.message):
                say, self._say = self._say, None
                say(self._sentence())
                return

    def _sentence(self) -> str:
        return hint_for_result(self._result, f"--result-dir {newest_result() or f'{RESULTS}/<time>/result'}")
