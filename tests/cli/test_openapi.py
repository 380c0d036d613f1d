"""`openapi`: the API of the platform, as a document and as a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from abeja_emulator.services.openapi import platform_openapi

if TYPE_CHECKING:
    from tests.cli.commands import Commands, Server


def test_the_document(command: Commands) -> None:
    """It is the same on stdout and in a file."""
    assert json.loads(command("openapi").stdout) == platform_openapi()
    command("openapi", "api.json")
    assert json.loads((command.folder / "api.json").read_text(encoding="utf-8")) == platform_openapi()


def test_the_page(command: Commands) -> None:
    """The name of the file asks for it, or the option."""
    shown = command("openapi", "--html").stdout
    assert shown.startswith("<!doctype html>")
    command("openapi", "api.html")
    assert (command.folder / "api.html").read_text(encoding="utf-8") == shown


def test_a_file_that_cannot_be_written(command: Commands) -> None:
    """One sentence says so."""
    assert "nowhere/api.json" in command.refused("openapi", "nowhere/api.json", code=1)


def test_a_server_has_both(command: Commands, server: Server) -> None:
    """And its own control API beside them."""
    import requests

    url = server.variables["ABEJA_API_URL"] + "/_emulator/openapi"
    document = requests.get(url + ".json", timeout=30)
    assert document.json() == platform_openapi()
    answer = requests.get(url + ".html", timeout=30)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.text.startswith("<!doctype html>")
    control = requests.get(url + "/control.json", timeout=30).json()
    assert "/_emulator/health" in control["paths"]
