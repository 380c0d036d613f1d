"""Several platforms behind one address, told apart by what a request names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.transports.errors import AddressTaken

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.wire.messages import Request, Response, Spool

#: Bytes of a body copied at once.
PIECE = 1024 * 1024


class Platforms:
    """An application that leads each request to the platform it means.

    A request names an organization (in its path or as the subdomain), a channel, or has a signature;
    what names nothing that any of them has goes to the first, which says so.

    ```python
    with InProcess(Platforms(ours, theirs)):
        ...
    ```

    Args:
        platforms: at least one; no two may have an organization of the same id or name.

    Raises:
        AddressTaken: when two have.
    """

    def __init__(self, *platforms: Platform) -> None:
        if not platforms:
            message = "there has to be at least one platform"
            raise ValueError(message)
        self._platforms = platforms
        owners: dict[str, Platform] = {}
        for platform in platforms:
            for name in platform.organizations():
                if owners.setdefault(name, platform) is not platform:
                    message = (
                        f"two platforms have an organization {name!r}, so a request could mean either: "
                        "make one of them with another organization= and organization_id="
                    )
                    raise AddressTaken(message)

    def spool(self) -> Spool:
        """Return a fresh place for the body of one request, whichever platform it will be for."""
        return self._platforms[0].spool()

    def handle(self, request: Request) -> Response:
        """Let the platform that a request means answer it."""
        meant = next((platform for platform in self._platforms if platform.owns(request)), self._platforms[0])
        if meant is not self._platforms[0] and not isinstance(request.body, bytes):
            _move_body(request, meant)
        return meant.handle(request)


def _move_body(request: Request, platform: Platform) -> None:
    """Put a large body where the platform that will keep it keeps its own: the other may be closed before it."""
    body = request.body
    assert not isinstance(body, bytes)  # noqa: S101 - the caller looked
    spool = platform.spool()
    with body:
        while piece := body.read(PIECE):
            spool.write(piece)
    request.body, request.length = spool.finish()
