"""One fault: where, when and what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from abeja_emulator.faults.effects import ConnectFailure, Drip, SignedUrl, Token
from abeja_emulator.faults.places import JOB

if TYPE_CHECKING:
    from abeja_emulator.faults.effects import Effect
    from abeja_emulator.faults.moments import Moment
    from abeja_emulator.faults.places import Place

#: What it takes for a call of another world to be seen.
_WORLDS = {
    "s3": "; those of boto3 are seen with the fixture abeja_s3",
    "http": "; those of requests are seen with the fixture abeja_responses",
}


@dataclass
class Fault:
    """Something that goes wrong at some calls.

    Attributes:
        place: which calls it is about.
        moment: at which of them it fires.
        effect: what it does to them.
        optional: whether it need not fire.
        text: as one line, which makes the same fault again.
        seen: how many calls of its place there were.
        fired: at how many of them it fired.
        carried: bytes of the bodies of those calls, both directions.
        too_short: at how many of them the answer ended before the byte that it is about.
        unfit: at how many calls of its place it cannot happen, such as an expired URL at one that is not signed.
    """

    place: Place
    moment: Moment
    effect: Effect
    optional: bool = False
    text: str = field(default="")
    seen: int = 0
    fired: int = 0
    carried: int = 0
    too_short: int = 0
    unfit: int = 0

    def __str__(self) -> str:
        return self.text or f"{self.place}: {self.effect}"

    @property
    def is_over(self) -> bool:
        """Whether it fires at no later call."""
        return self.moment.is_over(self.seen, self.fired)

    @property
    def never_fired(self) -> str:
        """Why it did not fire, as far as that can be told."""
        if self.place.world == JOB:
            return "no job ran in a child, abeja_train(…, train_in='child') or one made through the API"
        if not self.seen and self.unfit:
            return f"{self._made(self.unfit)}, {_unfit(self.effect)}"
        if not self.seen:
            world = _WORLDS.get(self.place.world or "", "")
            return f"no call of {self.place} was made{world}"
        if self.too_short:
            times = "once" if self.too_short == 1 else f"{self.too_short} times"
            how = "had no body" if isinstance(self.effect, Drip) else "ended before that byte"
            return f"the answer {how}, {times}"
        return f"{self._made(self.seen)}, none of them at {str(self.moment) or 'its time'}"

    def _made(self, calls: int) -> str:
        return f"1 call of {self.place} was made" if calls == 1 else f"{calls} calls of {self.place} were made"


def _unfit(effect: Effect) -> str:
    """Return why it cannot happen at a call."""
    if isinstance(effect, ConnectFailure):
        return f"none of them over a connection at which there can be a {effect}: one that is open is used again"
    if isinstance(effect, SignedUrl):
        return "none of them with a signed URL (those are of download_file and upload_file)"
    if isinstance(effect, Token):
        return "none of them with a credential"
    return "none of them reading after a call that changed something since the fault was added"


@dataclass
class Hit:
    """A fault that fired at a call.

    Attributes:
        number: of the hits of a plan, from 1.
        fault: the fault.
        call: what was called, such as `GET /organizations/1/datasets/2`; or the host of a connection.
        operation: name of the operation, where there is one.
        at: seconds since the epoch, by the Platform's clock.
        status: what the client saw; 0 for no answer.
        done: status that the Platform itself came to; None: the call was not done.
        because: the calls that the client made because of it, as they are in the journal: the same call again, until
            one of them was answered without a fault.
        given_up: whether the client gave up before the answer, which came late, was there.
    """

    number: int
    fault: Fault
    call: str
    operation: str | None
    at: float
    status: int = 0
    done: int | None = None
    because: list[str] = field(default_factory=list)
    given_up: bool = False

    def give_up(self) -> None:
        """Note that the client did not wait for the answer."""
        self.given_up = True

    def __str__(self) -> str:
        seen = f"→ {self.status}" if self.status else "→ no answer"
        done = "" if self.done is None or self.done == self.status else f", done with {self.done}"
        return f"{self.call}: {self.fault.effect} {seen}{done}"
