"""The log of a service, followed by the real SDK."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.cli.output import Output
from abeja_emulator.cli.service_log import ServiceLog
from tests.serving.served import appeared, serving

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("abejaruntime36", reason="models are served by the published runtime")

#: Fills more than two pages, and says what it is asked.
CODE = """
for number in range(250):
    print("line", number)

def handler(request, context):
    print("asked for", request.read().decode())
    return {}
"""


def test_all_of_it_is_shown_once(tmp_path: Path) -> None:
    """What is there at first, more than a page; then what is new; and all of that is kept."""
    with serving() as served:
        service = served.service(CODE)
        # What a process prints is in the log a moment later.
        appeared(lambda: served.log(service)[-1:] == ["line 249"])
        stream = io.StringIO()
        sdk: Any = SimpleNamespace(organization=served.organization, services=served.api)
        log = ServiceLog(sdk, served.deployment, service, Output(stdout=stream))
        log.show()
        log.show()
        lines = stream.getvalue().splitlines()
        assert [line for line in lines if line.startswith("line")] == [f"line {number}" for number in range(250)]
        served.ask(service, data="more", headers={"Content-Type": "text/plain"})
        appeared(lambda: "asked for more" in served.log(service))
        log.show()
        assert stream.getvalue().splitlines() == [*lines, "asked for more"]
        log.keep(tmp_path / "new" / "log.txt")
        assert (tmp_path / "new" / "log.txt").read_text(encoding="utf-8") == stream.getvalue()
