"""HTTP of third parties, stubbed with `responses`, next to a Platform and to moto."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import responses

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def stubbed() -> Iterator[responses.RequestsMock]:
    """Yield a started mock; calls to emulated hosts pass it, see `transports/responses_pass_through.py`.

    moto is built on `responses` too. It keeps what is for AWS, and hands the rest to this mock instead of
    to the network, whichever of them was started first.
    """
    mock = responses.RequestsMock()
    moto: Any = sys.modules.get("moto.core.models")
    with _lifted(moto):
        mock.start()
    if moto is not None:
        moto.override_responses_real_send(mock)
    try:
        yield mock
    finally:
        if moto is not None:
            moto.override_responses_real_send(None)
        # Asserts that every stub was called, unless the test says that it does not matter.
        with _lifted(moto):
            mock.__exit__(None, None, None)


@contextmanager
def _lifted(moto: Any) -> Iterator[None]:
    """Lift moto off the adapter for a moment, if it is started, so that it comes to lie on top again."""
    if moto is None or not moto.botocore_stubber.enabled:
        yield
        return
    moto.responses_mock.stop()
    try:
        yield
    finally:
        moto.responses_mock.start()
