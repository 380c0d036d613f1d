"""From what a person says to a fault, by name or as one line, with a sentence for what cannot be."""

from __future__ import annotations

import shlex
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

from abeja_emulator.faults.effects import (
    Closed,
    Confined,
    ConnectFailure,
    Cut,
    Drip,
    Effect,
    Latency,
    Lost,
    Reset,
    SignedUrl,
    Stale,
    Stall,
    Status,
    Token,
)
from abeja_emulator.faults.fault import Fault
from abeja_emulator.faults.moments import Moment, spans_of
from abeja_emulator.faults.places import HTTP, JOB, METHODS, S3, Place, place_of
from abeja_emulator.runtime.confinement import Confinement, ConfinementError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FIRST_ERROR, _LAST_ERROR = 400, 599

#: Seconds that nobody waits for; longer ones cannot be said to the system.
_LONGEST = 1_000_000

#: First words of lines about the process of a job, and not about calls.
CONFINING = ("disk", "network", "memory")

#: Words that say when, and to what each is turned.
MOMENTS = ("calls", "every", "times", "after_bytes", "while_job")

#: Words that say more about another word.
_DETAILS = {"retry_after": "status", "message": "status"}

#: What each word does when it is said without a value.
_BARE: dict[str, Any] = {
    "reset": "before",
    "closed": "before",
    "stall": 0,
    "url": "expired",
    "token": "expired",
    "lost": True,
    "stale": True,
    "dns": True,
    "tls": True,
    "refused": True,
    "optional": True,
}

#: Statuses a training job may be in while a fault fires.
_STATUSES = ("Pending", "Active", "Stopped", "Complete", "Failed")

#: Effects that a world besides the platform does not have, with the reason.
_PLATFORM_ONLY = {
    "url": "signed URLs of other hosts are theirs; status=403 is what an expired one answers",
    "token": "tokens of other hosts are theirs; status=401 is what an expired one answers",
    "stale": "what other hosts knew before is not kept; give the stub the older answer",
}


def make_fault(where: str, options: Mapping[str, Any], operations: Mapping[str, tuple[str, str]]) -> Fault:
    """Return the fault that a place and words say.

    Args:
        where: see `place_of`.
        options: one word of what, with its details, and words of when.
        operations: method and path of each operation, by its name.

    Raises:
        ValueError: when they say nothing that can be.
    """
    __tracebackhide__ = True
    place = place_of(where, operations)
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    known = (*_MAKERS, *_DETAILS, *MOMENTS, "optional")
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = (
                f"; did you mean {near[0]!r}?"
                if near
                else f"; there are {', '.join(_MAKERS)}, and when: {', '.join(MOMENTS)}"
            )
            _refuse(where, f"there is no fault {name!r}{meant}")
    words = [name for name in given if name in _MAKERS]
    if len(words) != 1:
        said = f"{' and '.join(words)} at once" if words else "nothing that goes wrong"
        _refuse(where, f"it says {said}; say one of {', '.join(_MAKERS)}")
    for name in given:
        if name in _DETAILS and _DETAILS[name] != words[0]:
            _refuse(where, f"{name} belongs to {_DETAILS[name]}, not to {words[0]}")
    effect = _MAKERS[words[0]](where, given[words[0]], given)
    _check_world(where, place, effect)
    if isinstance(effect, Stale):
        _check_reads(where, place, operations)
    moment = _moment(where, given)
    if isinstance(effect, Token) and not moment.spans and moment.times is None:
        moment = Moment(((1, None),), moment.every, 1, moment.after_bytes, moment.while_job)
    elif not str(moment):
        moment = Moment(((1, 1),))
    optional = _optional(where, given)
    return Fault(place, moment, effect, optional, _line(where, words[0], given))


def fault_of_line(line: str, operations: Mapping[str, tuple[str, str]]) -> Fault:
    """Return the fault that a line says: a place, and words with or without a value.

    `get_dataset status=503 calls=1-2`, `GET /channels/{channel_id}/{file_id} cut=1000`, `host api.abeja.io dns`.

    Raises:
        ValueError: when it says nothing that can be.
    """
    __tracebackhide__ = True
    where, options = split_line(line)
    if where.partition(" ")[0] in CONFINING:
        return _confined(where, options, line.strip())
    return make_fault(where, options, operations)


def split_line(line: str) -> tuple[str, dict[str, Any]]:
    """Return the place of a line and its words.

    Raises:
        ValueError: when a quote is left open, or a word is said twice.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        message = f"fault {line!r}: {error}"
        raise ValueError(message) from error
    end = 1 if words else 0
    is_path = bool(words) and words[0].upper() in METHODS and words[1:2] and words[1].startswith("/")
    if is_path or (words and words[0] in {"host", *CONFINING}):
        end = 2
    if not words:
        message = "an empty line says no fault; one is, for example, get_dataset status=503 calls=1-2"
        raise ValueError(message)
    options: dict[str, Any] = {}
    for word in words[end:]:
        name, sign, value = word.partition("=")
        if name in options:
            message = f"fault {line!r}: {name} is said twice"
            raise ValueError(message)
        if sign:
            options[name] = value
        elif name in _BARE:
            options[name] = _BARE[name]
        else:
            options[name] = ""
    return " ".join(words[:end]), options


def _confined(where: str, options: dict[str, Any], line: str) -> Fault:
    """Return the fault of a line such as `disk result_dir size=1MB`, `disk storage readonly`, `network none`."""
    __tracebackhide__ = True
    kind, _, what = where.partition(" ")
    given = dict(options)
    optional = _optional(line, given)
    given.pop("optional", None)
    said: dict[str, str] = {}
    if kind == "disk" and what in {"result_dir", "storage", "source"} and list(given) == ["readonly"]:
        said["read_only"] = what
    elif kind == "disk" and what in {"result_dir", "storage"} and list(given) == ["size"]:
        said[f"{what}_size"] = str(given["size"])
    elif kind == "network" and what == "none" and not given:
        said["network"] = "none"
    elif kind == "memory" and what and not given:
        said["memory"] = what
    else:
        _refuse(
            line,
            "jobs are confined by 'disk result_dir size=1MB', 'disk storage size=1MB', 'disk result_dir readonly' (or "
            "storage, source), 'memory 512MB' and 'network none'",
        )
    try:
        Confinement.of(said)
    except ConfinementError as error:
        _refuse(line, str(error))
    return Fault(Place(where, world=JOB), Moment(), Confined(tuple(said.items())), optional, line)


def _line(where: str, word: str, given: Mapping[str, Any]) -> str:
    names = [word, *(name for name in given if name in _DETAILS), *(name for name in MOMENTS if name in given)]
    parts = [where, *(_said(name, given[name]) for name in names)]
    return " ".join([*parts, "optional"] if given.get("optional") else parts)


def _said(name: str, value: Any) -> str:
    if value is True:
        return name
    if name == "calls":
        return str(Moment(spans_of(value)))
    return f"{name}={shlex.quote(str(value))}"


def _moment(where: str, given: Mapping[str, Any]) -> Moment:
    try:
        spans = spans_of(given["calls"]) if "calls" in given else ()
    except ValueError as error:
        _refuse(where, str(error))
    state = given.get("while_job")
    if state is not None and state not in _STATUSES:
        near = get_close_matches(str(state).capitalize(), _STATUSES, 1)
        meant = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(_STATUSES)}"
        _refuse(where, f"no job has the status {state!r}{meant}")
    return Moment(
        spans,
        every=_number(where, "every", given, 1),
        times=_number(where, "times", given, 1),
        after_bytes=_number(where, "after_bytes", given, 0),
        while_job=state,
    )


def _optional(where: str, given: Mapping[str, Any]) -> bool:
    """Tell whether a fault need not fire."""
    optional = given.get("optional", False)
    if not isinstance(optional, bool):
        _refuse(where, f"optional takes no value, not {optional!r}; leave the word out where it has to fire")
    return optional


def _status(where: str, value: Any, given: Mapping[str, Any]) -> Effect:
    if not _is_text(str(given.get("message", ""))):
        _refuse(where, f"message={given['message']!r} has characters that cannot be sent")
    return Status(
        _error_status(where, "status", value),
        _number(where, "retry_after", given, 0),
        None if "message" not in given else str(given["message"]),
    )


def _is_text(value: str) -> bool:
    """Tell whether it can be encoded: bytes of a command line that are no UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _error_status(where: str, name: str, value: Any) -> int:
    status = _integer(value)
    if status is None or not _FIRST_ERROR <= status <= _LAST_ERROR:
        _refuse(where, f"{name}={value!r} is no status of an error; they go from {_FIRST_ERROR} to {_LAST_ERROR}")
    return status


def _latency(where: str, value: Any, given: Mapping[str, Any]) -> Effect:
    del given
    return Latency(_seconds(where, "latency", value))


def _drip(where: str, value: Any, given: Mapping[str, Any]) -> Effect:
    del given
    pace = _seconds(where, "drip", value)
    if not pace:
        _refuse(where, "drip=0 never brings anything; stall=0 is an answer that does not come")
    if pace * _LONGEST < 1:
        _refuse(
            where,
            f"drip={value!r} is less than a byte in {_LONGEST:,} seconds; stall=0 is an answer that does not come",
        )
    return Drip(pace)


def _reset(where: str, value: Any, given: Mapping[str, Any]) -> Effect:
    del given
    return Reset(_choice(where, "reset", value, ("before", "during", "after")))


def _closed(where: str, value: Any, given: Mapping[str, Any]) -> Effect:
    del given
    return Closed(_choice(where, "closed", value, ("before", "after")))


def _cut(where: str, value: Any, given: Mapping[str, Any]) -> Effect:
    del value
    at = _number(where, "cut", given, 0)
    return Cut(at or 0)


def _stall(where: str, value: Any, given: Mapping[str, Any]) -> Effect:
    at = 0 if value is True else _number(where, "stall", given, 0)
    return Stall(at or 0)


def _connect(kind: Any) -> Callable[[str, Any, Mapping[str, Any]], Effect]:
    def make(where: str, value: Any, given: Mapping[str, Any]) -> Effect:
        del given
        if value is not True:
            _refuse(where, f"{kind} takes no value, not {value!r}")
        return ConnectFailure(kind)

    return make


def _url(where: str, value: Any, given: Mapping[str, Any]) -> Effect:
    del given
    return SignedUrl(_choice(where, "url", value, ("expired", "refused")))


def _token(where: str, value: Any, given: Mapping[str, Any]) -> Effect:
    del given
    return Token(_choice(where, "token", value, ("expired",)))


def _stale(where: str, value: Any, given: Mapping[str, Any]) -> Effect:
    del given
    if value is not True:
        _refuse(where, f"stale takes no value, not {value!r}")
    return Stale()


def _lost(where: str, value: Any, given: Mapping[str, Any]) -> Effect:
    del given
    return Lost(None if value is True or value == "reset" else _error_status(where, "lost", value))


_MAKERS: dict[str, Callable[[str, Any, Mapping[str, Any]], Effect]] = {
    "status": _status,
    "latency": _latency,
    "reset": _reset,
    "closed": _closed,
    "cut": _cut,
    "stall": _stall,
    "drip": _drip,
    "dns": _connect("dns"),
    "tls": _connect("tls"),
    "refused": _connect("refused"),
    "url": _url,
    "token": _token,
    "stale": _stale,
    "lost": _lost,
}

#: The words that say what goes wrong.
EFFECTS = tuple(_MAKERS)


def _check_world(where: str, place: Place, effect: Effect) -> None:
    if isinstance(effect, ConnectFailure) and not place.covers_connections:
        _refuse(
            where,
            f"{effect.kind} happens before anything is asked, so it can be of a host or of everything, not of an "
            f"operation: 'host api.abeja.io {effect.kind}'",
        )
    if place.world in {S3, HTTP} and effect.word in _PLATFORM_ONLY:
        _refuse(where, f"{effect.word} is of the platform alone: {_PLATFORM_ONLY[effect.word]}")


def _check_reads(where: str, place: Place, operations: Mapping[str, tuple[str, str]]) -> None:
    """Refuse a stale answer where nothing is read."""
    methods: list[str | None] = [*(operations[name][0] for name in place.operations)] or [place.method]
    if not any(method in {"GET", None} for method in methods):
        _refuse(where, f"an answer can be stale where something is read, and {place} changes something")


def _number(where: str, name: str, given: Mapping[str, Any], least: int) -> int | None:
    if name not in given:
        return None
    number = _integer(given[name])
    if number is None or number < least:
        _refuse(where, f"{name}={given[name]!r} must be a whole number from {least} on")
    return number


def _integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return int(str(value).replace("_", ""))
    except ValueError:
        return None


def _seconds(where: str, name: str, value: Any) -> float:
    try:
        number = float(str(value).rstrip("s")) if not isinstance(value, bool) else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        _refuse(where, f"{name}={value!r} must be a number from 0 on, such as 2 or 0.5")
    if name == "latency" and number > _LONGEST:
        _refuse(
            where, f"{name}={value!r} is too long, the longest is {_LONGEST:,}; stall is an answer that never comes"
        )
    return number


def _choice(where: str, name: str, value: Any, choices: tuple[str, ...]) -> Any:
    if value is True:
        return choices[0]
    if value not in choices:
        _refuse(where, f"{name}={value!r} must be {' or '.join(choices)}")
    return value


def _refuse(where: str, why: str) -> NoReturn:
    __tracebackhide__ = True
    message = f"fault {where!r}: {why}"
    raise ValueError(message)
