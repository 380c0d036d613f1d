"""The proxy in front of a model of the platform: what it knows of who answers, and where late answers go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.serving.answers import Identity
from abeja_emulator.serving.messages import TIMEOUT
from abeja_emulator.serving.proxy import Proxy
from abeja_emulator.serving.results import deliver

if TYPE_CHECKING:
    from typing import Any, Callable

    from abeja_emulator.platform import Platform
    from abeja_emulator.serving.messages import Model
    from abeja_emulator.serving.variables import Role


def proxy_of(
    role: Role,
    platform: Platform,
    *,
    on_gone: Callable[[Model, BaseException], Any],
    log: Callable[[str], Any],
    timeout: Callable[[], float] = lambda: TIMEOUT,
) -> Proxy:
    """Return a proxy that answers as a role, without instances, and delivers late answers to the platform.

    Args:
        role: what the model runs as; its credential delivers.
        platform: where it is.
        on_gone: see `Proxy`.
        log: the same.
        timeout: the same.
    """
    deployment = role.deployment
    return Proxy(
        Identity(
            deployment.deployment_id,
            role.service_id or "",
            deployment.model_id or "",
            role.version.version,
        ),
        platform.spool,
        organization_id=deployment.organization_id,
        deliver=lambda result: deliver(result, platform, role.token),
        on_gone=on_gone,
        log=log,
        timeout=timeout,
    )
