"""Several platforms behind one address, told apart by what a request names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.errors import Conflict
from abeja_emulator.transports.errors import AddressTaken

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.wire.messages import Request, Response, Spool

#: Bytes of a body copied at once.
PIECE = 1024 * 1024

#: From one platform's ids to the next one's: more than any of them will ever hand out.
LEAP = 1_000_000_000


class Platforms:
    """An application that leads each request to the platform it means.

    A request names an organization (in its path or as the subdomain), a channel, or has a signature;
    what names nothing that any of them has goes to the first, which says so. From here on their ids are
    kept apart; a channel that was given the id of another's is answered with 409, since nobody could say
    which one is meant.

    ```python
    with InProcess(Platforms(ours, theirs)):
        ...
    ```

    Args:
        platforms: at least one; no two may have an organization of the same id or name.

    Raises:
        AddressTaken: when two have, or when they have channels of the same id.
    """

    def __init__(self, *platforms: Platform) -> None:
        if not platforms:
            message = "there has to be at least one platform"
            raise ValueError(message)
        self._platforms = platforms
        _check_apart(
            "an organization",
            "make one of them with another organization= and organization_id=",
            platforms,
            [platform.organizations() for platform in platforms],
        )
        _check_apart(
            "a channel",
            "make channels after Platforms(...), or give one of them another id",
            platforms,
            [platform.channels() for platform in platforms],
        )
        for number, platform in enumerate(platforms):
            platform.world.ids.leap(number * LEAP)

    def spool(self) -> Spool:
        """Return a fresh place for the body of one request, whichever platform it will be for."""
        return self._platforms[0].spool()

    def handle(self, request: Request) -> Response:
        """Let the platform that a request means answer it."""
        owners = [platform for platform in self._platforms if platform.owns(request)] or [self._platforms[0]]
        if len(owners) > 1:
            names = " and ".join(repr(platform.organization.name) for platform in owners)
            message = (
                f"{request.method} {request.target.partition('?')[0]} names a channel that the platforms of {names} "
                "both have; give one of them another id"
            )
            return owners[0].refuse(request, Conflict(message))
        if owners[0] is not self._platforms[0] and not isinstance(request.body, bytes):
            _move_body(request, owners[0])
        return owners[0].handle(request)

    @property
    def expected(self) -> bool:
        """Whether anything may go wrong on purpose on one of them."""
        return any(platform.expected for platform in self._platforms)

    def meet_connection(self, scheme: str, host: str) -> str | None:
        """Return why a connection to one of them fails to come about, on purpose, or None."""
        return next(filter(None, (platform.meet_connection(scheme, host) for platform in self._platforms)), None)


def _check_apart(what: str, advice: str, platforms: tuple[Platform, ...], names: list[list[str]]) -> None:
    owners: dict[str, Platform] = {}
    for platform, known in zip(platforms, names):
        for name in known:
            if owners.setdefault(name, platform) is not platform:
                message = f"two platforms have {what} {name!r}, so a request could mean either: {advice}"
                raise AddressTaken(message)


def _move_body(request: Request, platform: Platform) -> None:
    """Put a large body where the platform that will keep it keeps its own: the other may be closed before it."""
    body = request.body
    assert not isinstance(body, bytes)  # noqa: S101 - the caller looked
    spool = platform.spool()
    with body:
        while piece := body.read(PIECE):
            spool.write(piece)
    request.body, request.length = spool.finish()
