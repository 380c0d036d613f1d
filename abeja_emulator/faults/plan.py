"""The faults of a Platform: which there are, which fired, which calls the client made because of them."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from abeja_emulator.faults.duplicates import Duplicates
from abeja_emulator.faults.effects import Confined, ConnectFailure, SignedUrl, Stale, Token
from abeja_emulator.faults.fault import Fault, Hit
from abeja_emulator.faults.making import fault_of_line, make_fault
from abeja_emulator.faults.past import Past
from abeja_emulator.faults.places import Sighting
from abeja_emulator.runtime.confinement import Confinement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from abeja_emulator.faults.moments import Calls

#: Of what fired, the last; a server that is left alone for days remembers no more.
MOST_HITS = 10_000

#: A call by which the client's next attempts are known.
Key = tuple[str, str]


class FaultPlan:
    """What goes wrong on a Platform, on purpose; nothing by default.

    Calls are counted from the moment a fault is added. Where several fit a call, the one that was added first fires,
    and all of them have seen it.

    Args:
        operations: method and path of each operation, by its name.
        now: returns the time, seconds since the epoch.
        job_is: tells whether a training job has a status.

    Attributes:
        muted: whether none of them fires, to see what happens without; what is added is checked all the same.
        fired: the faults that fired, oldest first; of very many the last.
        past: the state before the last change, where an answer may have to be stale.
        duplicates: what was made twice because an answer did not arrive.
        allow_duplicates: whether a test may leave such things; it fails for them otherwise.
    """

    def __init__(
        self,
        operations: Mapping[str, tuple[str, str]],
        now: Callable[[], float],
        job_is: Callable[[str], bool],
    ) -> None:
        self._operations = operations
        self._now = now
        self._job_is = job_is
        self._faults: list[Fault] = []
        self._over: list[Fault] = []
        self._lock = RLock()
        self._expired: dict[str, Fault] = {}
        self._troubled: dict[Key, Hit] = {}
        self._number = 0
        self.fired: list[Hit] = []
        self.past = Past()
        self.duplicates = Duplicates()
        self.allow_duplicates = False
        self.muted = False

    # -- saying what goes wrong -----------------------------------------------------------------

    def add(  # noqa: PLR0913 - the words there are, all by name
        self,
        where: str,
        *,
        status: int | None = None,
        retry_after: int | None = None,
        message: str | None = None,
        latency: float | None = None,
        reset: str | bool | None = None,
        closed: str | bool | None = None,
        cut: int | None = None,
        stall: int | bool | None = None,
        drip: float | None = None,
        dns: bool = False,
        tls: bool = False,
        refused: bool = False,
        url: str | None = None,
        token: str | None = None,
        stale: bool = False,
        lost: int | bool | None = None,
        calls: Calls | None = None,
        every: int | None = None,
        times: int | None = None,
        after_bytes: int | None = None,
        while_job: str | None = None,
        optional: bool = False,
    ) -> Fault:
        """Let something go wrong, at the first of the calls unless it says when.

        Args:
            where: the calls: `get_dataset`, `GET /channels/{channel_id}/{file_id}`, `GET /channels/*`, `POST`, `*`,
                `host api.abeja.io`; of a handler's other worlds `s3`, `s3:GetObject`, `http`, `https://host/*`.
            status: an answer with this status; the call is not done.
            retry_after: seconds that the answer asks the client to wait.
            message: description in the answer.
            latency: seconds that the answer takes.
            reset: the connection is reset, `before` or `after` the call is done, or `during` its answer.
            closed: the connection is closed without an answer, `before` or `after` the call is done.
            cut: the body ends at that byte.
            stall: the body stops at that byte, and the connection stays open.
            drip: the body comes at so many bytes a second.
            dns: the host's name is not found.
            tls: the host's certificate does not hold.
            refused: nobody listens there.
            url: the signed URL is answered as `expired`, or as `refused` for its signature.
            token: `expired`: 401 to this call and to each later one with the same credential.
            stale: the answer is that of the state before the last call that changed it.
            lost: the call is done, and then the connection is reset; a status: the client sees that one.
            calls: numbers of the calls, from 1: `2`, `[1, 2]`, `"1-3,7"`, `"4-"`.
            every: every so many-th call.
            times: at most that often.
            after_bytes: once the calls before have carried that many bytes.
            while_job: while a training job has this status.
            optional: whether it need not fire; a test fails for one that never fired otherwise.

        Raises:
            ValueError: when that cannot be.
        """
        # A copy: a debugger that looks on changes what `locals` returned.
        words = dict(locals())
        del words["self"], words["where"]
        __tracebackhide__ = True
        if stall is not None and not isinstance(stall, bool):
            words["stall"] = str(stall)
        return self._enter(make_fault(where, words, self._operations))

    def add_line(self, line: str, *, optional: bool = False) -> Fault:
        """Let something go wrong that is said as one line, such as `get_dataset status=503 calls=1-2`.

        Raises:
            ValueError: when that cannot be.
        """
        __tracebackhide__ = True
        fault = fault_of_line(line, self._operations)
        fault.optional = fault.optional or optional
        fault.text = line.strip()
        return self._enter(fault)

    def check_line(self, line: str) -> Fault:
        """Return the fault that a line says, without adding it.

        Raises:
            ValueError: when that cannot be.
        """
        return fault_of_line(line, self._operations)

    def remove(self, fault: Fault) -> None:
        """Let that one not fire any more; whether it has fired is still asked at the end of a test.

        Tokens that have expired because of it hold again.

        Raises:
            ValueError: when it is none of this plan.
        """
        with self._lock:
            kept = [each for each in self._faults if each is not fault]
            if len(kept) == len(self._faults):
                message = f"{fault} is none of the faults of this plan"
                raise ValueError(message)
            self._faults, self._over = kept, [*self._over, fault]
            self._expired = {token: each for token, each in self._expired.items() if each is not fault}

    def disarm(self) -> None:
        """Let nothing go wrong any more; what fired and what did not is still there to be looked at."""
        with self._lock:
            self._over, self._faults = [*self._over, *self._faults], []
            self._expired, self._troubled = {}, {}
        self.past.forget()

    def clear(self) -> None:
        """Forget all of it: what there is, what fired, which tokens have expired."""
        with self._lock:
            self._faults, self._over = [], []
            self._expired, self._troubled = {}, {}
            self.fired, self._number = [], 0
            self.duplicates.clear()
            self.allow_duplicates = False
        self.past.forget()

    def _enter(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults = [*self._faults, fault]
        return fault

    # -- looking --------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._faults)

    def __bool__(self) -> bool:
        return (bool(self._faults) or self.duplicates.watches) and not self.muted

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self._faults))

    def all(self) -> list[Fault]:
        """Return the faults there were, those that cannot fire any more included."""
        return [*self._over, *self._faults]

    def unfired(self) -> list[Fault]:
        """Return the faults that had to fire and did not."""
        if self.muted:
            return []
        return [fault for fault in self.all() if not fault.fired and not fault.optional]

    @property
    def wants_past(self) -> bool:
        """Whether a state has to be kept, for an answer to be stale."""
        return any(isinstance(fault.effect, Stale) and not fault.is_over for fault in self._faults)

    # -- what the path of a call asks -----------------------------------------------------------

    def meet(self, call: Sighting, target: str, credential: str | None, *, reads: bool, signed: bool) -> Hit | None:
        """Count a call of the platform, and return the fault that fires at it, if one does.

        Args:
            call: what is known of it.
            target: path and query, by which it is known when it is tried again.
            credential: its token.
            reads: whether it changes nothing.
            signed: whether a signature opens it, and no credential.
        """

        def can(fault: Fault) -> bool:
            if isinstance(fault.effect, ConnectFailure):
                return False
            if isinstance(fault.effect, SignedUrl):
                return signed
            if isinstance(fault.effect, Token):
                return not signed and credential is not None
            return (past and reads and not signed) if isinstance(fault.effect, Stale) else True

        past = bool(self.past)
        with self._lock:
            fault = self._next(call, can)
            if fault is None and not signed and credential in self._expired:
                fault = self._expired[str(credential)]
                fault.fired += 1
            if fault is None:
                return None
            if isinstance(fault.effect, Token) and credential is not None:
                self._expired[credential] = fault
            hit = self._hit(fault, f"{call.method} {call.path}", call.operation)
            self._troubled[call.method, target] = hit
            return hit

    def has_expired(self, credential: str | None) -> bool:
        """Tell whether a token has expired, on purpose."""
        return credential in self._expired

    def meet_connection(self, host: str, scheme: str) -> Hit | None:
        """Count a connection that is being made, and return the fault because of which it does not come about."""
        # Jobs in a child reach the API, which has TLS anywhere else, at an address of this machine.
        secure = scheme == "https" or host in {"127.0.0.1", "localhost"}

        def can(fault: Fault) -> bool:
            return isinstance(fault.effect, ConnectFailure) and (fault.effect.kind != "tls" or secure)

        with self._lock:
            fault = self._next(Sighting(None, None, "", "", host), can)
            return None if fault is None else self._hit(fault, f"connecting to {scheme}://{host}", None)

    def outer(self, world: str, method: str, name: str) -> Hit | None:
        """Count a call of one of the handler's other worlds, and return the fault that fires at it.

        Args:
            world: `s3` or `http`.
            method: HTTP method.
            name: operation of boto3 such as `GetObject`; the URL, of which the query does not count.
        """
        if not self:
            return None
        path = name.partition("?")[0]
        operation = name if world == "s3" else None
        with self._lock:
            in_clear = world == "http" and path.startswith("http:")
            tls = ConnectFailure("tls")
            call = Sighting(world, operation, method, path, "")
            fault = self._next(call, lambda fault: not (in_clear and fault.effect == tls))
            shown = f"{world}:{name}" if world == "s3" else f"{method} {path}"
            key = (world, shown)
            earlier = self.earlier(*key)
            if earlier is not None:
                again = shown if fault is None else f"{shown} [fault: {fault.effect}]"
                self.note(earlier, again, *key, clean=fault is None)
            if fault is None:
                return None
            self._troubled[key] = hit = self._hit(fault, shown, operation)
            return hit

    def withdraw(self, hit: Hit) -> None:
        """Take back a hit at a call whose answer was too short for it."""
        with self._lock:
            hit.fault.fired -= 1
            hit.fault.too_short += 1
            # From the end: it is one of the last.
            for place in range(len(self.fired) - 1, -1, -1):
                if self.fired[place] is hit:
                    del self.fired[place]
                    break
            self._troubled = {key: each for key, each in self._troubled.items() if each is not hit}

    def confinement(self) -> Confinement:
        """Return what the jobs that begin in a child now are confined to."""
        confined = Confinement()
        for fault in () if self.muted else self._faults:
            if isinstance(fault.effect, Confined):
                confined = confined.merge(Confinement.of(dict(fault.effect.options)))
        return confined

    def note_confined(self, job_id: str) -> None:
        """Note that a job was confined as the plan says."""
        with self._lock:
            for fault in self._faults:
                if isinstance(fault.effect, Confined):
                    fault.seen += 1
                    fault.fired += 1
                    self._hit(fault, f"job {job_id}", None)

    def carried(self, call: Sighting, size: int) -> None:
        """Note how many bytes the bodies of a call had."""
        with self._lock:
            for fault in self._faults:
                if fault.place.covers(call):
                    fault.carried += size

    def earlier(self, method: str, target: str) -> Hit | None:
        """Return the hit because of which a call is made: the client tries again what went wrong."""
        return self._troubled.get((method, target))

    def note(self, earlier: Hit, shown: str, method: str, target: str, *, clean: bool) -> None:
        """Note that a call was made because of an earlier hit.

        Args:
            earlier: that hit.
            shown: the call as a person reads it.
            method: HTTP method.
            target: path and query.
            clean: whether it was answered without a fault, so that nothing more is tried because of that hit.
        """
        with self._lock:
            earlier.because.append(shown)
            if clean:
                self._troubled.pop((method, target), None)

    def _next(self, call: Sighting, can: Callable[[Fault], bool]) -> Fault | None:
        found: Fault | None = None
        for fault in self._faults:
            if not fault.place.covers(call):
                continue
            if not can(fault):
                fault.unfit += 1
                continue
            fault.seen += 1
            moment = fault.moment
            if found is not None or not moment.has_come(fault.seen, fault.fired, fault.carried):
                continue
            if moment.while_job is None or self._job_is(moment.while_job):
                found = fault
        if found is not None:
            found.fired += 1
        return found

    def _hit(self, fault: Fault, call: str, operation: str | None) -> Hit:
        self._number += 1
        hit = Hit(self._number, fault, call, operation, self._now())
        if len(self.fired) >= MOST_HITS:
            del self.fired[: MOST_HITS // 10]
        self.fired.append(hit)
        return hit
