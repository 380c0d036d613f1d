"""What the rule of an operation gets to see: no HTTP, only what was meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar

from abeja_emulator.wire.operations import Role

if TYPE_CHECKING:
    from abeja_emulator.clock import Clock
    from abeja_emulator.ids import Ids
    from abeja_emulator.store.store import Store
    from abeja_emulator.wire.messages import Request, Response
    from abeja_emulator.wire.signing import Signer

QueryT = TypeVar("QueryT")
BodyT = TypeVar("BodyT")


@dataclass
class Attendants:
    """Who does for the platform what takes longer than a call; nobody at first.

    Attributes:
        serving: answers a request to a service; takes the service's id and the request. It is called without the
            state, for a model may call the platform.
        tokens: digests of the bearer tokens of the model code that runs, with the organization and the user on whose
            behalf it does. They are no state: a code that goes on while that returns to an earlier one keeps its own.
    """

    serving: Callable[[str, Request], Response] | None = None
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """What every rule works on: the state and the sources of time, ids and signatures.

    Attributes:
        store: the state.
        clock: source of time.
        ids: source of ids.
        signer: makes and checks signed URLs.
        listeners: told of each record that has a life cycle, as it is after each of its changes; whoever runs
            jobs is one of them.
        attendants: who answers for services.
    """

    store: Store
    clock: Clock
    ids: Ids
    signer: Signer
    listeners: list[Callable[[Any], None]] = field(default_factory=list)
    attendants: Attendants = field(default_factory=Attendants)

    def tell(self, record: Any) -> None:
        """Tell the listeners of a record, once the change is there to stay."""
        if self.listeners:
            listeners = list(self.listeners)

            def tell() -> None:
                for listener in listeners:
                    listener(record)

            self.store.after_commit(tell)


@dataclass
class Caller:
    """Who calls, as far as the platform knows.

    Attributes:
        organization_id: the organization the credential belongs to; None with open credentials,
            which belong to every organization.
        user_id: the user, or data source, on whose behalf the call is made.
        channels: the only channels a data source may use; None for anybody else.
        role: what the user may do.
    """

    organization_id: str | None
    user_id: str
    channels: tuple[str, ...] | None = None
    role: Role = Role.ADMIN


@dataclass
class Call(Generic[QueryT, BodyT]):
    """One call of an operation.

    Attributes:
        world: the Platform's state and sources.
        path: values of the path's segments, percent-decoded.
        query: the query, typed.
        body: the body, typed.
        caller: who calls; None where a signature in the URL opens the operation.
        origin: scheme and host the client used; signed URLs are made absolute with it.
    """

    world: World
    path: dict[str, str]
    query: QueryT
    body: BodyT
    caller: Caller | None
    origin: str

    # Not frozen, like `Caller` and `Entry`: each call makes one of each, and freezing costs more than
    # looking up what is asked for.

    @property
    def user_id(self) -> str:
        """Who calls, as what is made says who made it; empty where a signature opens the operation."""
        return self.caller.user_id if self.caller else ""
