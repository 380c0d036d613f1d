"""The report page: one HTML file that needs no network, for a browser or as an artifact of CI."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from abeja_emulator.report.curves import curves
from abeja_emulator.report.records import SleepRecord
from abeja_emulator.report.summary import (
    counted,
    cut,
    evidence_line,
    fault_line,
    headline,
    last_values,
    seconds,
    size,
    weakest_line,
)
from abeja_emulator.report.timeline import events, heading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abeja_emulator.report.records import CallRecord, FaultRecord, JobRecord, ModelRecord, TestRecord

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --bad: #cf222e; --good: #1a7f37;
  --odd: #9a6700; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; border-top: 1px solid var(--line);
  padding-top: 1rem; overflow-wrap: anywhere; } h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
small { font-weight: normal; }
.failed, .error, .Failed { color: var(--bad); } .passed, .Complete { color: var(--good); }
.xfailed, .xpassed, .skipped { color: var(--odd); }
.curves { display: flex; flex-wrap: wrap; gap: 1rem; } .curve { width: 26rem; max-width: 100%;
  border: 1px solid var(--line); border-radius: 6px; }
.curve text { font: 11px system-ui, sans-serif; fill: currentColor; } .curve .title { font-size: 13px;
  font-weight: 600; } .curve .grid { stroke: var(--line); }
table { border-collapse: collapse; font-size: .85rem; } td, th { padding: .15rem .6rem; text-align: left;
  border-bottom: 1px solid var(--soft); vertical-align: top; overflow-wrap: anywhere; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { background: var(--soft); padding: .6rem; overflow-x: auto; font-size: .8rem; max-height: 24rem; }
.bar { display: inline-block; height: .6rem; background: #1f6feb; border-radius: 2px; min-width: 2px; }
.refused .bar { background: var(--bad); } .sleep .bar { background: var(--line); } summary { cursor: pointer; }
"""

#: What pytest's words for a test marked with xfail mean.
EXPECTATIONS = {"xfailed": "failed, as it is expected to", "xpassed": "passed, but is expected to fail"}


def page(records: Sequence[TestRecord], title: str = "ABEJA Platform, emulated") -> str:
    """Return the page of a test run."""
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1><p>{escape(headline(records))}</p><p>{escape(evidence_line(records))}</p>",
            f"<p>{escape(weakest_line(records))}</p>",
            *(line for record in records for line in _test(record)),
            "</body></html>",
        ]
    )


def _test(record: TestRecord) -> Iterator[str]:
    outcome = escape(record.outcome)
    meaning = f" <small>{EXPECTATIONS[record.outcome]}</small>" if record.outcome in EXPECTATIONS else ""
    yield f'<section><h2><span class="{outcome}">{outcome}</span> {escape(record.test)}{meaning}</h2>'
    if record.weakest is not None:
        names = ", ".join(record.resting_on(record.weakest))
        yield f"<p><small>weakest evidence: {record.weakest.value} ({escape(names)})</small></p>"
    for sentence in (*record.refused_hosts, *record.duplicates):
        yield f'<p class="failed">{escape(sentence)}</p>'
    for fault in record.faults:
        yield from _fault(fault)
    for job in record.jobs:
        yield from _job(job)
    for model in record.models:
        yield from _model(model)
    if record.calls or record.sleeps:
        yield from _calls(record)
    yield "</section>"


def _fault(fault: FaultRecord) -> Iterator[str]:
    line = escape(fault_line(fault))
    if not fault.calls:
        yield f"<p>{line}</p>"
        return
    because = escape("\n".join(["because of it", *(f"  {call}" for call in fault.because)]) if fault.because else "")
    calls = escape("\n".join(fault.calls))
    yield f"<details><summary>{line}</summary><pre>{calls}\n{because}</pre></details>"


def _model(model: ModelRecord) -> Iterator[str]:
    # A service says FAILED what a job says Failed.
    status = escape(model.status)
    yield (
        f'<h3><span class="{status.capitalize()}">{status}</span> {escape(model.name)} '
        f"<small>{escape(model.kind)} {escape(model.id)}</small></h3>"
    )
    if model.log:
        shown = " open" if model.status == "FAILED" else ""
        log = escape("\n".join(map(cut, model.log)))
        yield f"<details{shown}><summary>log, last {len(model.log)} lines</summary><pre>{log}</pre></details>"


def _job(job: JobRecord) -> Iterator[str]:
    took = "" if job.seconds is None else f", {seconds(job.seconds)}"
    values = last_values(job)
    yield (
        f'<h3><span class="{escape(job.status)}">{escape(job.status)}</span> {escape(job.name)} '
        f"<small>job {escape(job.id)}{took}{', ' + escape(values) if values else ''}</small></h3>"
    )
    if job.message:
        yield f'<p class="failed">{escape(cut(job.message))}</p>'
    for refusal in job.refused_statistics:
        yield f'<p class="failed">A statistic was refused: {escape(cut(refusal))}</p>'
    pictures = curves(job.statistics)
    if pictures:
        yield '<div class="curves">' + "".join(pictures) + "</div>"
    if job.artifacts:
        yield "<table><tr><th>artifact</th><th>size</th></tr>"
        for name, number in job.artifacts.items():
            yield f'<tr><td>{escape(name)}</td><td class="number">{size(number)}</td></tr>'
        yield "</table>"
    if job.log:
        shown = " open" if job.status == "Failed" else ""
        log = escape("\n".join(map(cut, job.log)))
        yield f"<details{shown}><summary>log, last {len(job.log)} lines</summary><pre>{log}</pre></details>"


def _calls(record: TestRecord) -> Iterator[str]:
    last = max([call.after for call in record.calls] + [each.after + each.seconds for each in record.sleeps]) or 1.0
    kept = len(record.calls)
    what = counted(kept, "call") if kept == record.calls_in_all else f"the last {kept} of {record.calls_in_all} calls"
    if record.sleeps:
        what += f"; {escape(heading(record))}"
    yield f"<details><summary>{what}</summary><table>"
    yield "<tr><th>after</th><th>timeline</th><th>call</th><th>status</th><th>operation</th><th>evidence</th></tr>"
    for event in events(record):
        yield _sleep(event, last) if isinstance(event, SleepRecord) else _call(event, last)
    yield "</table></details>"


def _sleep(sleep: SleepRecord, last: float) -> str:
    begin, length = 100 * sleep.after / last, 100 * sleep.seconds / last
    return (
        f'<tr class="sleep"><td class="number">{seconds(sleep.after)}</td>'
        f'<td style="width:12rem"><span class="bar" style="margin-left:{begin:.2f}%;width:{length:.2f}%"></span></td>'
        f'<td colspan="4">{escape(sleep.text)}</td></tr>'
    )


def _call(call: CallRecord, last: float) -> str:
    refused = ' class="refused"' if call.error is not None or call.fault is not None else ""
    error = f"<br>{escape(cut(call.error))}" if call.error is not None else ""
    share = 100 * call.after / last
    return (
        f'<tr{refused}><td class="number">{seconds(call.after)}</td>'
        f'<td style="width:12rem"><span class="bar" style="margin-left:{share:.2f}%"></span></td>'
        f"<td>{escape(call.method)} {escape(cut(call.path))}{error}</td><td>{escape(call.seen)}</td>"
        f"<td>{escape(call.operation or '')}</td><td>{escape(call.evidence or '')}</td></tr>"
    )
