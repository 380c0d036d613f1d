"""The short look at the environment sees what the long one sees."""

from __future__ import annotations

import os
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import requests.utils

from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.transports.proxy_settings import names_a_proxy

if TYPE_CHECKING:
    from tests.transports.stub_application import StubApplication

NAMES = ["HTTP_PROXY", "https_proxy", "All_Proxy", "NO_PROXY", "no_proxy", "ftp_proxy", "REQUEST_METHOD"]


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("name", ["", *NAMES])
@pytest.mark.usefixtures("in_process")
def test_it_finds_the_same_proxies(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Whatever the spelling, set before or after the start."""
    if name:
        monkeypatch.setenv(name, "http://proxy.example:1,example.com")

    utils: Any = requests.utils
    assert utils.getproxies() == urllib.request.getproxies()
    assert bool(utils.proxy_bypass("example.com")) == bool(urllib.request.proxy_bypass("example.com"))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep settings elsewhere too")
def test_it_is_short_only_when_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anything unusual takes the long way."""
    assert not names_a_proxy()
    monkeypatch.setenv("Any_Proxy", "")
    assert names_a_proxy()
    monkeypatch.delenv("Any_Proxy")
    monkeypatch.setattr(os, "environ", {})
    assert names_a_proxy()


def test_two_transports_share_it_and_the_last_removes_it(application: StubApplication) -> None:
    """In whatever order they stop."""
    original = requests.utils.getproxies  # type: ignore[attr-defined]
    first, second = InProcess(application), InProcess(application, hosts=["other.example"])
    for order in ((first, second), (second, first)):
        first.start()
        second.start()
        for transport in order:
            transport.stop()
        assert requests.utils.getproxies is original  # type: ignore[attr-defined]
