"""What a fault does to a call; data only, whoever answers the call does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Optional, Union

#: Before the call was taken up, while its answer was on the way, or once it was done.
Point = Literal["before", "during", "after"]


@dataclass(frozen=True)
class Status:
    """An answer with a status in the platform's dialect; the call itself is not done.

    Attributes:
        status: from 400 to 599.
        retry_after: seconds that the header `Retry-After` tells the client to wait; None: no such header.
        message: in the body, in the place of the usual sentence.
    """

    word: ClassVar[str] = "status"
    status: int
    retry_after: Optional[int] = None
    message: Optional[str] = None

    def __str__(self) -> str:
        after = "" if self.retry_after is None else f" with Retry-After: {self.retry_after}"
        return f"status {self.status}{after}"


@dataclass(frozen=True)
class Latency:
    """The answer takes that many seconds; a client with a shorter time-out does not see it."""

    word: ClassVar[str] = "latency"
    seconds: float

    def __str__(self) -> str:
        return f"{self.seconds:g} s of latency"


@dataclass(frozen=True)
class Reset:
    """The connection is reset: before the call is done, in the middle of its answer, or after it was done."""

    word: ClassVar[str] = "reset"
    point: Point

    def __str__(self) -> str:
        places = {"before": "before the call was done", "during": "in the middle of the answer"}
        return f"connection reset {places.get(self.point, 'after the call was done, before its answer')}"


@dataclass(frozen=True)
class Closed:
    """The connection is closed without an answer, before the call is done or after it was done."""

    word: ClassVar[str] = "closed"
    point: Point

    def __str__(self) -> str:
        return (
            f"connection closed without an answer, {'after' if self.point == 'after' else 'before'} the call was done"
        )


@dataclass(frozen=True)
class Cut:
    """The body of the answer ends after that many bytes, and the connection with it."""

    word: ClassVar[str] = "cut"
    at: int

    def __str__(self) -> str:
        return f"body cut at byte {self.at}"


@dataclass(frozen=True)
class Stall:
    """After that many bytes of its body nothing more of the answer comes, and the connection stays open."""

    word: ClassVar[str] = "stall"
    at: int

    def __str__(self) -> str:
        return f"answer stalled at byte {self.at}"


@dataclass(frozen=True)
class Drip:
    """The body of the answer comes at so many bytes a second."""

    word: ClassVar[str] = "drip"
    pace: float

    def __str__(self) -> str:
        return f"answer dripping at {self.pace:g} bytes a second"


@dataclass(frozen=True)
class ConnectFailure:
    """No connection comes about: the name is not found, the certificate does not hold, nobody listens.

    Attributes:
        kind: `dns`, `tls` or `refused`.
    """

    kind: Literal["dns", "tls", "refused"]

    @property
    def word(self) -> str:
        """The word that stands for it in a line."""
        return self.kind

    def __str__(self) -> str:
        return {"dns": "DNS failure", "tls": "TLS failure", "refused": "connection refused"}[self.kind]


@dataclass(frozen=True)
class SignedUrl:
    """A signed URL is answered as if it had expired, or as if its signature did not fit."""

    word: ClassVar[str] = "url"
    reason: Literal["expired", "refused"]

    def __str__(self) -> str:
        return f"signed URL {self.reason}"


@dataclass(frozen=True)
class Token:
    """The credential of the call has expired: 401, and so is every later call with it answered."""

    word: ClassVar[str] = "token"
    reason: Literal["expired"] = "expired"

    def __str__(self) -> str:
        return "token expired"


@dataclass(frozen=True)
class Stale:
    """The answer is that of the state before the last change that a call made."""

    word: ClassVar[str] = "stale"

    def __str__(self) -> str:
        return "stale read"


@dataclass(frozen=True)
class Lost:
    """The call is done, and the client does not learn of it.

    Attributes:
        status: what the client sees instead of the answer; None: a connection that is reset.
    """

    word: ClassVar[str] = "lost"
    status: Optional[int] = None

    def __str__(self) -> str:
        return f"answer lost after the call was done ({self.status or 'connection reset'})"


@dataclass(frozen=True)
class Confined:
    """What jobs that run in a child are confined to: a full disk, read-only folders, little memory, no network.

    Attributes:
        options: as `Confinement.of` takes them, in order.
    """

    word: ClassVar[str] = "confined"
    options: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "a job confined to " + ", ".join(f"{name}={value}" for name, value in self.options)


Effect = Union[
    Status, Latency, Reset, Closed, Cut, Stall, Drip, ConnectFailure, SignedUrl, Token, Stale, Lost, Confined
]

#: Those that are about the bytes of the body, which an answer may not have.
BODY = (Cut, Stall, Drip)
