"""The log of a service, followed by the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.cli.output import Output
    from abeja_emulator.cli.sdk import Sdk


class ServiceLog:
    """Shows what is new in the log of a service, and keeps all of it.

    Args:
        sdk: client of the server.
        deployment_id: of the service's deployment.
        service_id: of the service.
        output: where it is shown.
    """

    def __init__(self, sdk: Sdk, deployment_id: str, service_id: str, output: Output) -> None:
        self._sdk = sdk
        self._of = (sdk.organization, deployment_id, service_id)
        self._output = output
        self._forward: str | None = None
        self._lines: list[str] = []

    def show(self) -> bool:
        """Show what came since the last time, and return whether anything did."""
        news = self._news()
        for event in news:
            self._lines.append(event["message"])
            self._output.line(event["message"])
            self._output.document({"event": "service_log", **event})
        return bool(news)

    def keep(self, file: Path) -> None:
        """Write all that was shown into a file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{line}\n" for line in self._lines), encoding="utf-8")

    def _news(self) -> list[dict[str, Any]]:
        if self._forward is None:
            return self._first()
        found: list[dict[str, Any]] = []
        while True:
            page = self._page(next_forward_token=self._forward)
            self._forward = page["next_forward_token"]
            if not page["events"]:
                return found
            found += reversed(page["events"])

    def _first(self) -> list[dict[str, Any]]:
        """Return all that there is: the newest page, and what is behind it."""
        page = self._page()
        self._forward = page["next_forward_token"]
        found = list(page["events"])
        while page["events"]:
            page = self._page(next_backward_token=page["next_backward_token"])
            found += page["events"]
        return found[::-1]

    def _page(self, **token: Any) -> dict[str, Any]:
        page: dict[str, Any] = self._sdk.services.get_service_recent_logs(*self._of, **token)
        return page
