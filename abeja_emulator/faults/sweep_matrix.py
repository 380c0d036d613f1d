"""The matrix call × fault of each test, from the lines of its sweep, and as text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from abeja_emulator.faults.sweep import numbered
from abeja_emulator.faults.sweep_results import Base, Result
from abeja_emulator.faults.sweep_verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from abeja_emulator.faults.sweep import MadeCall
    from abeja_emulator.faults.sweep_results import Line

#: In a cell of the matrix.
MARKS = {
    Verdict.SURVIVES: "ok",
    Verdict.RIGHT: "exc",
    Verdict.WRONG: "WRONG",
    Verdict.HANGS: "HANGS",
    Verdict.DUPLICATES: "TWICE",
    Verdict.NOT_REACHED: "-",
}

LEGEND = (
    "ok survives, exc right exception, WRONG wrong exception, HANGS hangs, TWICE duplicates data, - call not reached, "
    ". no run"
)

#: More bad runs of one test than these are counted; the page has all of them.
_DETAILS = 20

_WORDS = {
    Verdict.SURVIVES: ("survives", "survive"),
    Verdict.RIGHT: ("ends in the right exception", "end in the right exception"),
    Verdict.WRONG: ("ends in a wrong exception", "end in a wrong exception"),
    Verdict.HANGS: ("hangs", "hang"),
    Verdict.DUPLICATES: ("duplicates data", "duplicate data"),
    Verdict.NOT_REACHED: ("does not reach its call", "do not reach their call"),
}


class Matrix:
    """What a sweep has found of one test.

    Args:
        test: node id.

    Attributes:
        base: the run without a fault.
        results: what was found, by place and number of the call, and fault.
        left_out: how many runs did not happen.
        why: why, or why there is no sweep.
    """

    def __init__(self, test: str) -> None:
        self.test = test
        self.base = Base(test=test)
        self.results: dict[tuple[str, int, str], Result] = {}
        self._bases: dict[int, Base] = {}

    def add(self, line: Line) -> None:
        """Add a line of the sweep."""
        if isinstance(line, Base):
            self._bases[line.part] = line
            self.base = self._bases[min(self._bases)]
        else:
            self.results[line.place, line.nth, line.column] = line

    @property
    def calls(self) -> list[MadeCall]:
        """The calls of the test, in order; where its runs differ, of the longest of them."""
        longest = max(self._bases.values(), key=lambda base: len(base.calls), default=self.base)
        return list(numbered(longest.calls))

    @property
    def left_out(self) -> int:
        """How many runs were planned and did not happen."""
        return max(0, sum(base.planned for base in self._bases.values()) - len(self.results))

    @property
    def why(self) -> str:
        """Why some did not, or why there is no sweep of this test."""
        return next((base.why for base in self._bases.values() if base.why), "")

    @property
    def columns(self) -> list[str]:
        """What goes wrong."""
        return self.base.columns

    def result(self, call: MadeCall, column: str) -> Result | None:
        """Return what was found of a call and a fault, or None."""
        return self.results.get((call.place, call.nth, column))

    def of(self, verdict: Verdict) -> list[Result]:
        """Return the results with a verdict, in the order of the calls."""
        order = {(call.place, call.nth): call.number for call in self.calls}
        found = [each for each in self.results.values() if each.verdict is verdict]
        return sorted(found, key=lambda each: (order.get((each.place, each.nth), 0), each.column))

    def bad(self) -> list[Result]:
        """Return the results for which a run of pytest fails."""
        return [each for verdict in Verdict if verdict.is_bad for each in self.of(verdict)]

    @property
    def headline(self) -> str:
        """All of it in one line."""
        if not self.results and self.why:
            return f"{self.test}: {self.why}"
        counts = Counter(each.verdict for each in self.results.values())
        parts = [f"{counts[each]} {_WORDS[each][counts[each] > 1]}" for each in Verdict if counts[each]]
        left = f"; {self.left_out} left out{f': {self.why}' if self.why else ''}" if self.left_out else ""
        limit = f", limit {self.base.limit:g} s" if self.base.limit else ""
        return (
            f"{self.test}: {counted(len(self.base.calls), 'call')}, {counted(len(self.results), 'run')}{limit}: "
            f"{', '.join(parts) or 'nothing was found'}{left}"
        )


def matrices(lines: Iterable[Line]) -> list[Matrix]:
    """Return the matrix of each test, in the order in which they were begun."""
    found: dict[str, Matrix] = {}
    for line in lines:
        found.setdefault(line.test, Matrix(line.test)).add(line)
    return list(found.values())


def text(found: Sequence[Matrix], *, whole: bool) -> Iterator[str]:
    """Yield the lines that are shown at the end of a run.

    Args:
        found: the matrices.
        whole: whether calls are shown at which nothing is wrong.
    """
    shown = False
    for matrix in found:
        yield matrix.headline
        rows = [call for call in matrix.calls if whole or _is_bad(matrix, call)]
        if rows and matrix.results:
            shown = True
            yield from (f"  {line}" for line in _table(matrix, rows))
        bad = matrix.bad()
        for each in bad[:_DETAILS]:
            yield f"  {MARKS[each.verdict]} {each.line}"
            yield from (f"    {line}" for line in each.why.splitlines())
        if len(bad) > _DETAILS:
            yield f"  (and {len(bad) - _DETAILS} more; --abeja-sweep-report FILE.html has all of them)"
        for why in dict.fromkeys(each.why for each in matrix.of(Verdict.NOT_REACHED) if each.why):
            yield f"  {MARKS[Verdict.NOT_REACHED]} {why}"
    if shown:
        yield LEGEND
    example = next((each for matrix in found for each in matrix.bad()), None)
    if example is not None:
        yield f"to see one alone: pytest --abeja-emulate '{example.test}' --abeja-fault '{example.line}'"


def counted(number: int, what: str) -> str:
    """Return `1 run` or `2 runs`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _is_bad(matrix: Matrix, call: MadeCall) -> bool:
    results = (matrix.result(call, column) for column in matrix.columns)
    return any(result is not None and result.verdict.is_bad for result in results)


def _table(matrix: Matrix, rows: Sequence[MadeCall]) -> Iterator[str]:
    digits = len(str(rows[-1].number))
    names = [f"{call.number:>{digits}} {call.place}" for call in rows]
    width = max(len("call"), *map(len, names))
    widths = [max(len(column), *map(len, MARKS.values())) for column in matrix.columns]
    yield "  ".join(
        ["call".ljust(width), *(column.ljust(each) for column, each in zip(matrix.columns, widths))]
    ).rstrip()
    for name, call in zip(names, rows):
        results = [matrix.result(call, column) for column in matrix.columns]
        marks = ["." if result is None else MARKS[result.verdict] for result in results]
        yield "  ".join([name.ljust(width), *(mark.ljust(each) for mark, each in zip(marks, widths))]).rstrip()
