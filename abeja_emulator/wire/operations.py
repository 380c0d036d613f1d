"""What an operation is: declared once, read by routing, validation, the docs and OpenAPI alike."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Evidence(enum.Enum):
    """Where the behaviour of an operation is known from, strongest first."""

    RECORDED = "recorded"
    CLIENT = "client"
    DOCUMENTED = "documented"
    INFERRED = "inferred"

    def is_weaker_than(self, other: Evidence) -> bool:
        """Tell whether less is known than with the other."""
        order = list(Evidence)
        return order.index(self) > order.index(other)


class Access(enum.Enum):
    """Who may call an operation."""

    CREDENTIAL = "credential"
    SIGNATURE = "signature"


class Role(enum.IntEnum):
    """What a user may do; each may do what those before it may (developers.abeja.io, general/basic)."""

    REGULAR = 1
    DEVELOPER = 2
    ADMIN = 3

    @classmethod
    def named(cls, name: str) -> Role:
        """Return a role by the name that users have it under, `admin`, `developer` or `regular`.

        Raises:
            ValueError: when there is none of that name.
        """
        try:
            return cls[name.upper()]
        except KeyError as error:
            message = f"there is no role {name!r}; a user is admin, developer or regular"
            raise ValueError(message) from error


class Base(enum.Enum):
    """Which host serves an operation."""

    API = "api"
    ORGANIZATION = "organization"


@dataclass(frozen=True)
class Operation:
    """One operation of the platform.

    Attributes:
        name: unique name, in the SDK's words where the SDK has one.
        method: HTTP method.
        path: template of the path; `{segment}` takes one segment, percent-decoded.
        rule: what it does; takes a `Call` and returns the answer. None: it is not emulated.
        query: type of the query parameters.
        body: type of the body: a JSON shape, `Upload`, a `Multipart` shape, or `Request` for all of the request as
            it came.
        answer: type of the answer: a JSON shape, `Download`, or `Response` for whatever somebody else says.
        errors: the statuses it refuses with.
        access: whether a credential or a signature in the URL opens it.
        base: the host that serves it.
        role: the least role that may call it.
        evidence: where its behaviour is known from.
        source: the place that shows it, such as a file of the SDK or a page of the documentation.
        service: the service it belongs to; the name of its folder.
        reason: why it is not emulated, when it has no rule.
        deep: whether the last segment of its path takes the rest of a path, with the slashes in it.
        also: further methods that lead to it.
    """

    name: str
    method: str
    path: str
    rule: Callable[[Any], Any] | None = None
    query: type | None = None
    body: Any = None
    answer: Any = None
    errors: tuple[int, ...] = ()
    access: Access = Access.CREDENTIAL
    base: Base = Base.API
    role: Role = Role.REGULAR
    evidence: Evidence = Evidence.INFERRED
    source: str = ""
    service: str = ""
    reason: str = ""
    deep: bool = False
    also: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """First line of the rule's docstring."""
        text = (self.rule.__doc__ or "") if self.rule else ""
        return text.strip().partition("\n")[0]

    @property
    def writes(self) -> bool:
        """Whether it may change state."""
        return self.method != "GET"


def operation(  # noqa: PLR0913 - a declaration names everything once
    method: str,
    path: str,
    *,
    evidence: Evidence,
    source: str,
    query: type | None = None,
    body: Any = None,
    answer: Any = None,
    errors: tuple[int, ...] = (),
    access: Access = Access.CREDENTIAL,
    base: Base = Base.API,
    role: Role | None = None,
    deep: bool = False,
    also: tuple[str, ...] = (),
) -> Callable[[Callable[[Any], Any]], Operation]:
    """Declare the function below as an operation; its name and docstring become the operation's.

    Without a `role` a developer may call it, and if it only reads, anybody: what is known of the marks
    (developers.abeja.io, general/basic) is that for every resource a regular user only looks, and that users and
    their roles are for administrators. No client calls an operation on users; what else decides who gets in is taken
    to be for administrators too, which is inferred.
    """

    def declare(rule: Callable[[Any], Any]) -> Operation:
        return Operation(
            name=rule.__name__,
            method=method,
            path=path,
            rule=rule,
            query=query,
            body=body,
            answer=answer,
            errors=errors,
            access=access,
            base=base,
            role=role or (Role.REGULAR if method == "GET" else Role.DEVELOPER),
            evidence=evidence,
            source=source,
            service=rule.__module__.split(".")[-2],
            deep=deep,
            also=also,
        )

    return declare


def operations_in(names: Mapping[str, Any]) -> tuple[Operation, ...]:
    """Return the operations among a module's names, in the order of their declaration."""
    return tuple(value for value in names.values() if isinstance(value, Operation))


@dataclass(frozen=True)
class Route:
    """Where a request goes.

    Attributes:
        operation: the operation, or None when no path of ours matches.
        values: what the segments of the path hold, percent-decoded.
        methods: the methods that the path has, when it has not the one that was asked for.
    """

    operation: Operation | None
    values: dict[str, str] = field(default_factory=dict)
    methods: tuple[str, ...] = ()


class DuplicateOperationError(ValueError):
    """Two operations claim one method and path."""


def unique(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """Return the operations, after checking that no two share a name or a method and path."""
    seen: dict[Any, Operation] = {}
    result = []
    for declared in operations:
        shape = "/".join("{}" if part.startswith("{") else part for part in declared.path.split("/"))
        methods = (declared.method, *declared.also)
        for key in (declared.name, *((declared.base, method, shape) for method in methods)):
            if key in seen:
                message = f"{declared.name} and {seen[key].name} are both {key}"
                raise DuplicateOperationError(message)
            seen[key] = declared
        result.append(declared)
    return tuple(result)
