"""The operations of the control API on what goes wrong on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.control.declaring import PREFIX, control
from abeja_emulator.control.secrecy import secrets_of
from abeja_emulator.control.shapes import Done, FaultShown, FaultsShown, HitShown, NewFaults, Nothing
from abeja_emulator.errors import BadRequest
from abeja_emulator.report.redaction import Redaction
from abeja_emulator.wire.operations import operations_in

if TYPE_CHECKING:
    from abeja_emulator.control.desk import ControlCall

#: Of what fired, the last; a storm of a long session would make an answer that nobody reads.
HITS_SHOWN = 1000


@control("GET", PREFIX + "/faults", answer=FaultsShown)
def get_faults(call: ControlCall[Nothing, None]) -> FaultsShown:
    """Show what goes wrong on purpose, and what did so far, oldest first."""
    return _shown(call)


@control("POST", PREFIX + "/faults", body=NewFaults, answer=FaultsShown)
def add_faults(call: ControlCall[Nothing, NewFaults]) -> FaultsShown:
    """Let things go wrong from now on, one line each, such as `get_dataset status=503 calls=1-2`; all or none."""
    plan = call.desk.platform.faults
    try:
        for line in call.body.lines:
            plan.check_line(line)
        for line in call.body.lines:
            plan.add_line(line)
    except ValueError as error:
        raise BadRequest(str(error)) from error
    return _shown(call)


@control("DELETE", PREFIX + "/faults", answer=Done)
def clear_faults(call: ControlCall[Nothing, None]) -> Done:
    """Let nothing go wrong any more, and forget what did."""
    call.desk.platform.faults.clear()
    return Done("nothing goes wrong on purpose any more")


def _shown(call: ControlCall[Nothing, NewFaults] | ControlCall[Nothing, None]) -> FaultsShown:
    plan = call.desk.platform.faults
    hide = Redaction(secrets_of(call.desk.platform))
    faults = plan.all()
    return FaultsShown(
        [
            FaultShown(
                line=str(fault),
                seen=fault.seen,
                fired=fault.fired,
                optional=fault.optional,
                why_not=None if fault.fired else fault.never_fired,
            )
            for fault in faults
        ],
        [
            HitShown(
                number=hit.number,
                line=str(hit.fault),
                call=hide(hit.call),
                operation=hit.operation,
                status=hit.status or None,
                done=hit.done,
                because=[hide(each) for each in hit.because],
            )
            for hit in plan.fired[-HITS_SHOWN:]
        ],
    )


OF_FAULTS = operations_in(globals())
