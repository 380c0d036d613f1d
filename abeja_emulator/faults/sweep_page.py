"""The matrices of a sweep as one HTML file that needs no network."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from abeja_emulator.faults.sweep_matrix import MARKS, counted
from abeja_emulator.faults.sweep_verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abeja_emulator.faults.sweep_matrix import Matrix
    from abeja_emulator.faults.sweep_results import Result

_CLASSES = {
    Verdict.SURVIVES: "ok",
    Verdict.RIGHT: "exc",
    Verdict.WRONG: "wrong",
    Verdict.HANGS: "hangs",
    Verdict.DUPLICATES: "twice",
    Verdict.NOT_REACHED: "none",
}

_HELP = (
    "A row is a call of the test, a column what went wrong with it. Point at a cell for what was raised, click for all "
    "of it."
)

_STYLE = """
:root { color-scheme: light dark; --line: #8886; }
body { font: 15px/1.5 system-ui, "Hiragino Sans", "Noto Sans CJK JP", "Yu Gothic", sans-serif; margin: 2rem auto;
  max-width: 80rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; border-top: 1px solid var(--line);
  padding-top: 1rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-size: .85rem; margin: .5rem 0; }
th { text-align: left; font-weight: 600; } thead th { position: sticky; top: 0; background: Canvas; }
th, td { padding: .15rem .6rem; border: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
td { min-width: 4.5rem; } tbody th { font-weight: normal; font-variant-numeric: tabular-nums; }
.ok { background: #2da44e44; } .exc { background: #d4a72c44; } .wrong { background: #cf222e88; }
.hangs { background: #8250df88; } .twice { background: #fb850088; } .none { opacity: .5; }
details[open] { max-width: 34rem; } summary { cursor: pointer; } pre { white-space: pre-wrap; margin: .3rem 0; }
.legend span { padding: .1rem .5rem; margin-right: .5rem; border: 1px solid var(--line); }
"""


def page(found: Sequence[Matrix], title: str = "ABEJA Platform, fault sweep") -> str:
    """Return the page of a sweep."""
    counts = Counter(result.verdict for matrix in found for result in matrix.results.values())
    legend = "".join(
        f'<span class="{_CLASSES[each]}">{MARKS[each]} {each.value}: {counts[each]}</span>' for each in Verdict
    )
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            f"<p>{counted(len(found), 'test')}, {counted(sum(counts.values()), 'run')}. {_HELP}</p>",
            f'<p class="legend">{legend}</p>',
            *(line for matrix in found for line in _matrix(matrix)),
            "</body></html>",
        ]
    )


def _matrix(matrix: Matrix) -> Iterator[str]:
    yield f"<section><h2>{escape(matrix.test)}</h2><p>{escape(matrix.headline)}</p>"
    if matrix.results:
        yield "<table><thead><tr><th>call</th>"
        yield "".join(f"<th>{escape(column)}</th>" for column in matrix.columns) + "</tr></thead><tbody>"
        for call in matrix.calls:
            cells = "".join(_cell(matrix.result(call, column)) for column in matrix.columns)
            yield f"<tr><th>{escape(str(call))}</th>{cells}</tr>"
        yield "</tbody></table>"
    yield "</section>"


def _cell(result: Result | None) -> str:
    if result is None:
        return "<td></td>"
    kept = ", of an earlier sweep" if result.kept else ""
    said = f"{result.verdict.value}{kept}, {result.seconds:.2f} s\n{result.line}"
    if result.why:
        said += f"\n{result.why}"
    return (
        f'<td class="{_CLASSES[result.verdict]}"><details><summary title="{escape(said)}">{MARKS[result.verdict]}'
        f"</summary><pre>{escape(said)}</pre></details></td>"
    )
