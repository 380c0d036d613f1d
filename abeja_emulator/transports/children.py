"""What a child process needs in its environment to reach the emulator of its parent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from abeja_emulator.transports.child import abeja_emulator_child as child

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def child_environment(
    loopback_address: tuple[str, int],
    addresses: Iterable[str],
    allow_hosts: Iterable[str] = (),
    base: Mapping[str, str] | None = None,
    *,
    offline: bool = False,
) -> dict[str, str]:
    """Return the variables to set for a child, and for its children in turn.

    The hook in them works in every Python from 3.6 on that reads `PYTHONPATH`, whatever is installed
    there; an interpreter started with `-I`, `-E` or `-S` does not see it.

    Args:
        loopback_address: where the parent's `Loopback` listens.
        addresses: the emulated `name` or `name:port`, such as `InProcess.addresses`.
        allow_hosts: other hosts the child may reach.
        offline: whether refused calls fail as on a machine without a network.
        base: the environment the child would have had; this process's own by default.
    """
    folder = str(Path(__file__).parent / "child")
    known = (os.environ if base is None else base).get("PYTHONPATH", "").split(os.pathsep)
    return {
        "PYTHONPATH": os.pathsep.join([folder, *(entry for entry in known if entry not in {"", folder})]),
        child.LOOPBACK: child.join_host(*loopback_address),
        child.HOSTS: " ".join(addresses),
        child.ALLOW_HOSTS: " ".join(allow_hosts),
        child.OFFLINE: "1" if offline else "",
    }
