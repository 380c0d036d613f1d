"""Where a fault fires: which calls it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The handler's other worlds: its own S3, and HTTP of third parties.
S3, HTTP = "s3", "http"

#: What is no world of calls: the process of a job.
JOB = "job"

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_SEGMENT = re.compile(r"\{[^/{}]*\}")


@dataclass(frozen=True)
class Sighting:
    """What is known of a call before it is answered.

    Attributes:
        world: None: the platform; or one of the handler's other worlds.
        operation: name of the operation; in `s3` that of boto3's, such as `GetObject`; None where there is none.
        method: HTTP method; empty while a connection is only being made.
        path: the path; in `http` the whole URL without its query.
        host: name of the host, without its port.
    """

    world: Optional[str]
    operation: Optional[str]
    method: str
    path: str
    host: str


@dataclass(frozen=True)
class Place:
    """Which calls a fault is about.

    Attributes:
        text: as it was said.
        world: None: calls of the platform; `s3` or `http`.
        operations: names of operations; none: of any.
        method: one method.
        path: a path in which `*` stands for anything, as `fnmatch` has it.
        host: a name in which `*` stands for anything.
    """

    text: str
    world: Optional[str] = None
    operations: tuple[str, ...] = ()
    method: Optional[str] = None
    path: Optional[str] = None
    host: Optional[str] = None

    def covers(self, call: Sighting) -> bool:
        """Tell whether a call is one of them."""
        return (
            self.world == call.world
            and (not self.operations or call.operation in self.operations)
            and self.method in {None, call.method}
            and (self.path is None or fnmatchcase(call.path, self.path))
            and (self.host is None or any(fnmatchcase(host, self.host) for host in _names(call.host)))
        )

    @property
    def covers_connections(self) -> bool:
        """Whether it can be told before anything is asked, so that a connection can fail to come about."""
        if self.world is not None:
            return True
        return not self.operations and self.method is None and self.path is None

    def __str__(self) -> str:
        return self.text


def _names(host: str) -> tuple[str, ...]:
    """Return the names of a host: jobs in a child reach the API at an address of this machine."""
    return (host, "api.abeja.io") if host in {"127.0.0.1", "localhost"} else (host,)


def place_of(text: str, operations: Mapping[str, tuple[str, str]]) -> Place:
    """Return the place that a text says.

    Args:
        text: `*`, `get_dataset`, `GET /channels/{channel_id}/{file_id}`, `GET /channels/*`, `POST`,
            `host api.abeja.io`, `s3`, `s3:GetObject`, `http`, `https://weights.example/*`.
        operations: method and path of each operation, by its name.

    Raises:
        ValueError: when it says nothing, or names an operation that there is not.
    """
    __tracebackhide__ = True
    words = text.split()
    if words[:1] == ["host"] and len(words) == 2:  # noqa: PLR2004 - the word and a name
        return _of_host(text, words[1].lower())
    if len(words) == 2 and words[0].upper() in METHODS and words[1].startswith("/"):  # noqa: PLR2004 - method and path
        return _of_path(text, words[0].upper(), words[1], operations)
    if len(words) != 1:
        message = f"{text!r} names no calls; {_examples()}"
        raise ValueError(message)
    word = words[0]
    if word.startswith("/"):
        return _of_path(text, None, word, operations)
    return _of_other_world(word) or _of_word(text, word, operations)


def _of_host(text: str, name: str) -> Place:
    __tracebackhide__ = True
    name = name.strip("[]")
    if "/" in name or name.count(":") == 1:
        message = f"{text!r} is no host: it is a name alone, without scheme, port and path, such as 'host api.abeja.io'"
        raise ValueError(message)
    return Place(text, host=_literal(name))


def _of_other_world(word: str) -> Place | None:
    __tracebackhide__ = True
    if word in {S3, HTTP}:
        return Place(word, world=word)
    operation = word[len("s3:") :] if word.startswith("s3:") else ""
    if operation:
        return Place(word, world=S3, operations=(operation,))
    scheme, sign, rest = word.partition("://")
    if not sign:
        return None
    _refuse_query(word)
    # A client asks for `/` where no path is said, and a person means the whole host.
    path = rest if "/" in rest or rest.endswith("*") else f"{rest}/*"
    return Place(word, world=HTTP, path=_literal(f"{scheme}://{path}"))


def _literal(pattern: str) -> str:
    """Return a pattern in which nothing but `*` stands for something else."""
    return pattern.replace("[", "[[]")


def _refuse_query(text: str) -> None:
    __tracebackhide__ = True
    if "?" in text:
        message = f"{text!r} has a query, and calls are known by their path alone; leave out what comes from the ? on"
        raise ValueError(message)


def _of_word(text: str, word: str, operations: Mapping[str, tuple[str, str]]) -> Place:
    __tracebackhide__ = True
    if word == "*":
        return Place(text)
    if word.upper() in METHODS:
        return Place(text, method=word.upper())
    if word in operations:
        return Place(text, operations=(word,))
    near = get_close_matches(word, operations, 1)
    meant = f"did you mean {near[0]!r}?" if near else f"docs/coverage.md names all of them; {_examples()}"
    message = f"no operation of the platform is called {word!r}; {meant}"
    raise ValueError(message)


def _of_path(text: str, method: str | None, path: str, operations: Mapping[str, tuple[str, str]]) -> Place:
    __tracebackhide__ = True
    _refuse_query(text)
    if "{" not in path:
        return Place(text, method=method, path=_literal(path))
    shape = _SEGMENT.sub("{}", path)
    found = [
        name
        for name, (its_method, its_path) in operations.items()
        if method in {None, its_method} and _SEGMENT.sub("{}", its_path) == shape
    ]
    if found:
        return Place(text, operations=tuple(found))
    near = get_close_matches(path, [its_path for its_method, its_path in operations.values()], 1)
    meant = f"did you mean {near[0]}?" if near else "docs/coverage.md has all of them"
    message = f"no operation of the platform has the path {text!r}; {meant}"
    raise ValueError(message)


def _examples() -> str:
    return (
        "a place is get_dataset, 'GET /channels/{channel_id}/{file_id}', 'GET /channels/*', POST, '*', "
        "'host api.abeja.io', s3:GetObject or 'https://weights.example/*'"
    )
