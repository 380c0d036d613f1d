"""The summary at the end of a run, and the section of a failing test, as lines of text."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from abeja_emulator.report import timeline
from abeja_emulator.runtime.statistics import Statistics
from abeja_emulator.wire.operations import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from abeja_emulator.report.records import CallRecord, FaultRecord, JobRecord, ModelRecord, TestRecord

#: More jobs than these are counted, not listed; the page has them all.
JOBS_LISTED = 20

#: Of a failing test's calls, the refused ones and the last of all; what failed is seldom the first of them.
REFUSED_LISTED = 10
CALLS_LISTED = 5
LOG_LISTED = 30

#: Of the operations that the weakest evidence is about.
OPERATIONS_LISTED = 6

#: Nobody reads a longer line to its end, and a picture that somebody printed makes one of megabytes.
CHARACTERS_SHOWN = 2_000

#: Metrics a person looks for first.
_FIRST = ("accuracy", "loss")


def summary(records: Sequence[TestRecord]) -> list[str]:
    """Return the lines of the summary; none when no test had to do with a platform."""
    if not any(
        record.jobs or record.models or record.calls_in_all or record.refused_hosts or record.faults or record.sleeps
        for record in records
    ):
        return []
    lines = [headline(records), evidence_line(records), weakest_line(records)]
    listed = 0
    for record in records:
        if not (record.jobs or record.models or record.refused_hosts or record.faults or record.sleeps):
            continue
        if listed < JOBS_LISTED or record.refused_hosts:
            lines.append(f"{record.test}{resting_on(record)}")
            lines += [f"  {sentence}" for sentence in record.refused_hosts]
            lines += [f"  {line}" for job in record.jobs for line in job_lines(job)]
            lines += [f"  {model_line(model)}" for model in record.models]
            lines += [f"  {fault_line(fault)}" for fault in record.faults]
            lines += [f"  {sentence}" for sentence in record.duplicates]
            lines += [f"  {timeline.heading(record)}", f"  {timeline.line(record)}"] if record.sleeps else []
        listed += len(record.jobs) + len(record.models) or 1
    if listed > JOBS_LISTED:
        lines.append("(more jobs than are listed here; --abeja-report FILE.html shows all of them)")
    return [line for line in lines if line]


def headline(records: Sequence[TestRecord]) -> str:
    """Return one sentence on all of the run: jobs by status, calls, refusals."""
    jobs = [job for record in records for job in record.jobs]
    by_status: dict[str, int] = {}
    for job in jobs:
        by_status[job.status] = by_status.get(job.status, 0) + 1
    parts = [counted(len(jobs), "job")]
    if jobs:
        parts[0] += f" ({', '.join(f'{number} {status}' for status, number in by_status.items())})"
    models = [model for record in records for model in record.models]
    for kind in ("service", "run"):
        statuses = Counter(model.status for model in models if model.kind == kind)
        if statuses:
            shown = ", ".join(f"{number} {status}" for status, number in statuses.items())
            parts.append(f"{counted(sum(statuses.values()), kind)} ({shown})")
    parts.append(counted(sum(record.calls_in_all for record in records), "call"))
    for number, what in (
        (sum(len(record.refused_calls) for record in records), "refused"),
        (sum(len(job.refused_statistics) for job in jobs), "of them statistics, which the SDK does not raise"),
        (sum(len(record.refused_hosts) for record in records), "to hosts that are not emulated"),
    ):
        if number:
            parts.append(f"{number} {what}")
    return ", ".join(parts)


def evidence_line(records: Sequence[TestRecord]) -> str:
    """Return what the behaviour that the run relied on is known from, weakest first; empty without calls."""
    counted = {evidence.value: 0 for evidence in reversed(Evidence)}
    for record in records:
        for call in record.calls:
            if call.evidence is not None:
                counted[call.evidence] += 1
    found = ", ".join(f"{number} {evidence}" for evidence, number in counted.items() if number)
    return f"evidence of the operations called: {found}" if found else ""


def weakest_line(records: Sequence[TestRecord]) -> str:
    """Return how many tests relied on what at the weakest, and for the weakest of all on which operations."""
    counts = Counter(record.weakest for record in records if record.weakest is not None)
    if not counts:
        return ""
    order = [evidence for evidence in reversed(Evidence) if evidence in counts]
    named = {name for record in records for name in record.resting_on(order[0])}
    shown = ", ".join(sorted(named)[:OPERATIONS_LISTED])
    if len(named) > OPERATIONS_LISTED:
        shown += f" and {len(named) - OPERATIONS_LISTED} more"
    numbers = [f"{counted(counts[evidence], 'test')} {evidence.value}" for evidence in order]
    numbers[0] += f" ({shown})"
    return f"the weakest evidence a test relied on: {', '.join(numbers)}"


def resting_on(record: TestRecord) -> str:
    """Return the weakest evidence that a test relied on, in brackets behind its name; empty without calls."""
    return "" if record.weakest is None else f" [{record.weakest.value}]"


def job_lines(job: JobRecord) -> Iterator[str]:
    """Yield the lines on one job."""
    facts = [f"{job.name}  {job.status}"]
    if job.seconds is not None:
        facts.append(seconds(job.seconds))
    if job.statistics:
        facts.append(counted(len(job.statistics), "statistic"))
    yield "  ".join([*facts, *filter(None, [last_values(job), _artifacts(job)])])
    if job.message:
        yield f"  {cut(job.message)}"
    for refusal in job.refused_statistics[:3]:
        yield f"  a statistic was refused: {cut(refusal)}"


def model_line(model: ModelRecord) -> str:
    """Return the line on one service or run."""
    return f"{model.kind} {model.id} of {model.name}  {model.status}"


def fault_line(fault: FaultRecord) -> str:
    """Return the line on one fault: how often it fired, and how often the client tried again because of it."""
    if not fault.fired:
        return f"fault {fault.text}: did not fire"
    tries = f", {counted(len(fault.because), 'call')} of the client because of it" if fault.because else ""
    return f"fault {fault.text}: fired {'once' if fault.fired == 1 else f'{fault.fired} times'}{tries}"


def last_values(job: JobRecord) -> str:
    """Return accuracy and loss of each stage as they were last, `validation accuracy 0.95 loss 0.12`."""
    return last_values_of(job.statistics)


def last_values_of(statistics: Sequence[dict[str, Any]]) -> str:
    """Return the same of statistics as they were posted."""
    table = Statistics(statistics)
    shown = []
    for stage in table.stages:
        values = [(metric, _last(table[stage].get(metric, []))) for metric in _FIRST]
        named = " ".join(f"{metric} {number(value)}" for metric, value in values if value is not None)
        if named:
            shown.append(f"{stage} {named}")
    return ", ".join(shown)


def section(record: TestRecord) -> str:
    """Return what a failing test did to the platform: its calls, statistics and log."""
    lines = [f"  {sentence}" for sentence in (*record.refused_hosts, *record.duplicates)]
    lines += [fault_line(fault) for fault in record.faults]
    lines += _calls(record)
    lines += timeline.lines(record)
    for job in record.jobs:
        lines.append("job " + next(job_lines(job)))
        lines += [f"  {cut(job.message)}"] if job.message else []
        lines += [f"  a statistic was refused: {cut(refusal)}" for refusal in job.refused_statistics]
        if job.statistics:
            lines += ["statistics", *(f"  {line}" for line in str(Statistics(job.statistics)).splitlines())]
        if job.log:
            lines += ["log", *(f"  {cut(line)}" for line in job.log[-LOG_LISTED:])]
    for model in record.models:
        lines.append(model_line(model))
        lines += ["log", *(f"  {cut(line)}" for line in model.log[-LOG_LISTED:])] if model.log else []
    return "\n".join(lines)


def cut(line: str) -> str:
    """Return the beginning of a line that is longer than anybody reads, and how much more there is."""
    more = len(line) - CHARACTERS_SHOWN
    return line if more <= 0 else f"{line[:CHARACTERS_SHOWN]}… ({counted(more, 'character')} more)"


def number(value: Any) -> str:
    """Return a value of a metric, short."""
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.4g}"
    return str(value)


def seconds(value: float) -> str:
    """Return a duration, with as many digits as anybody reads."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:  # noqa: PLR2004 - a minute
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def size(count: int) -> str:
    """Return a number of bytes in units of a thousand."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:  # noqa: PLR2004 - the next unit
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def counted(number: int, what: str) -> str:
    """Return `1 job` or `2 jobs`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _calls(record: TestRecord) -> Iterator[str]:
    """Yield what was called how often, and the calls that a person will want to see."""
    if not record.calls:
        return
    times = Counter(call.operation or f"{call.method} {cut(call.path)}" for call in record.calls)
    what = counted(record.calls_in_all, "call")
    if record.calls_in_all > len(record.calls):
        what += f", of the last {len(record.calls)}"
    yield f"{what}: " + ", ".join(name if count == 1 else f"{count} × {name}" for name, count in times.items())
    refused, last = record.refused_calls[-REFUSED_LISTED:], record.calls[-CALLS_LISTED:]
    yield from _timed("refused", [call for call in refused if call not in last])
    yield from _timed("the last of them", last)


def _timed(heading: str, calls: Sequence[CallRecord]) -> Iterator[str]:
    if calls:
        yield heading
    for call in calls:
        error = f": {cut(call.error)}" if call.error else ""
        yield f"  {seconds(call.after):>8}  {call.method} {cut(call.path)} → {call.seen}{error}"


def _last(values: Sequence[Any]) -> Any:
    return next((value for value in reversed(values) if value is not None), None)


def _artifacts(job: JobRecord) -> str:
    names = list(job.artifacts)
    shown = ", ".join(f"{name} {size(job.artifacts[name])}" for name in names[:3])
    rest = sum(job.artifacts[name] for name in names[3:])
    return shown + (f" and {counted(len(names) - 3, 'file')} more, {size(rest)}" if len(names) > 3 else "")  # noqa: PLR2004
