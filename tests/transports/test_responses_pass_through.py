"""Under `responses` the platform is reached, whatever a user activates, resets and nests; the rest is as it was."""

from __future__ import annotations

import importlib
import io
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from abeja_emulator.transports.child.abeja_emulator_child import Line, Switchboard, split_url
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.transports.responses_pass_through import urls_of
from tests.transports.stub_application import ORIGIN, StubApplication

if TYPE_CHECKING:
    from collections.abc import Iterator

responses: Any = pytest.importorskip("responses")

THEIRS = "https://third.example/"


def hello(origin: str = ORIGIN) -> bytes:
    """Call the platform."""
    return requests.get(f"{origin}/hello", timeout=5).content


def test_the_platform_answers_under_any_number_of_activations(in_process: InProcess) -> None:
    """Each of them begins without the pass-through of the one before."""

    @responses.activate  # type: ignore[untyped-decorator]
    def activated() -> None:
        responses.get(THEIRS, body=b"theirs")
        assert hello() == b"hello"
        assert hello("http://org.api.abeja.io") == b"hello"
        assert requests.get(THEIRS, timeout=5).content == b"theirs"

    for _ in range(3):
        activated()


def test_the_platform_answers_under_every_way_to_activate(in_process: InProcess) -> None:
    """With arguments, as a context, nested, started by hand, and after a reset in the middle."""

    @responses.activate(registry=responses.registries.OrderedRegistry, assert_all_requests_are_fired=True)  # type: ignore[untyped-decorator]
    def ordered() -> None:
        assert hello() == b"hello"

    ordered()
    with responses.RequestsMock() as outer:
        assert hello() == b"hello"
        with responses.RequestsMock(passthru_prefixes=("https://else.example",)):
            assert hello() == b"hello"
        ordered()
        outer.reset()
        assert hello() == b"hello"
    responses.start()
    try:
        responses.reset()
        assert hello() == b"hello"
    finally:
        responses.stop()
        responses.reset()


def test_a_mock_that_was_started_before_the_transport_lets_it_through(application: StubApplication) -> None:
    """And refuses it again once the transport has stopped."""
    with responses.RequestsMock():
        with InProcess(application):
            assert hello() == b"hello"
        with pytest.raises(requests.ConnectionError, match="Connection refused by Responses"):
            hello()


def test_what_nobody_stubbed_is_refused_in_the_words_of_the_library(in_process: InProcess) -> None:
    """Also a host whose name only looks like the platform's."""
    with responses.RequestsMock():
        for url in (THEIRS, "https://notapi.abeja.io/hello", "https://api.abeja.io.evil.example/hello"):
            with pytest.raises(requests.ConnectionError, match="Connection refused by Responses"):
                requests.get(url, timeout=5)


def test_a_stub_for_the_platform_comes_before_the_platform(in_process: InProcess) -> None:
    """So that a test can play an outage; the other calls still arrive."""
    with responses.RequestsMock() as mock:
        mock.get(f"{ORIGIN}/hello", status=503)
        assert requests.get(f"{ORIGIN}/hello", timeout=5).status_code == 503
        assert requests.post(f"{ORIGIN}/echo", data=b"sent", timeout=5).content == b"sent"
        assert [call.response.status_code for call in mock.calls] == [503]


def test_bodies_arrive_whole(in_process: InProcess) -> None:
    """Bytes, files, generators and forms."""
    with responses.RequestsMock():
        for body in (b"sent", io.BytesIO(b"sent"), iter([b"se", b"nt"])):
            assert requests.put(f"{ORIGIN}/echo", data=body, timeout=5).content == b"sent"
        assert b"sent" in requests.post(f"{ORIGIN}/echo", files={"file": io.BytesIO(b"sent")}, timeout=5).content


def test_other_threads_reach_the_platform_too(in_process: InProcess) -> None:
    """As those in which the SDK fetches ahead."""
    found: list[bytes] = []
    with responses.RequestsMock():
        threads = [threading.Thread(target=lambda: found.append(hello())) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [b"hello"] * 5


def test_what_a_user_lets_through_is_the_users_own(application: StubApplication) -> None:
    """It is kept with ours there and without, and never mixed with ours."""
    mock = responses.RequestsMock(passthru_prefixes=("https://first.example",))
    transport = InProcess(application)
    with transport:
        mock.add_passthru("https://second.example")
        mock.add_passthru("https://third.example")
        assert mock.passthru_prefixes[:3] == (
            "https://first.example",
            "https://second.example",
            "https://third.example",
        )
        transport.add_address("https://other.example")
        mock.passthru_prefixes += ("https://fourth.example",)
    assert mock.passthru_prefixes == (
        "https://first.example",
        "https://second.example",
        "https://third.example",
        "https://fourth.example",
    )


@pytest.mark.parametrize("first", [0, 1])
def test_two_transports_each_have_theirs_and_the_last_takes_the_hook_along(
    application: StubApplication, first: int
) -> None:
    """Whichever stops first."""
    before = dict(vars(responses.RequestsMock)), list(sys.meta_path)
    transports = [InProcess(application), InProcess(application, hosts=["second.example:8443"])]
    origins = [ORIGIN, "https://second.example:8443"]
    for transport in transports:
        transport.start()
        transport.start()
    with responses.RequestsMock():
        assert [hello(origin) for origin in origins] == [b"hello"] * 2
        transports[first].stop()
        transports[first].stop()
        assert hello(origins[1 - first]) == b"hello"
        with pytest.raises(requests.ConnectionError, match="Connection refused by Responses"):
            hello(origins[first])
    transports[1 - first].stop()
    assert (dict(vars(responses.RequestsMock)), list(sys.meta_path)) == before


def test_somebody_elses_change_of_the_library_is_left_alone(
    application: StubApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was there before us, and one that came after us."""
    theirs = property(lambda _: ("http",))
    with monkeypatch.context() as patch:
        patch.setattr(responses.RequestsMock, "passthru_prefixes", theirs, raising=False)
        with InProcess(application):
            assert vars(responses.RequestsMock)["passthru_prefixes"] is theirs
        assert vars(responses.RequestsMock)["passthru_prefixes"] is theirs
    with InProcess(application):
        responses.RequestsMock.passthru_prefixes = theirs
    assert vars(responses.RequestsMock)["passthru_prefixes"] is theirs
    del responses.RequestsMock.passthru_prefixes


@pytest.fixture
def _unimported() -> Iterator[None]:
    """The library as if it had never been imported."""
    names = [name for name in sys.modules if name.partition(".")[0] == "responses"]
    kept = {name: sys.modules.pop(name) for name in names}
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "responses"]:
        del sys.modules[name]
    sys.modules.update(kept)


@pytest.mark.usefixtures("_unimported")
def test_a_library_that_is_imported_late_is_hooked_and_cannot_tell(application: StubApplication) -> None:
    """With two Platforms waiting for it, its loader is its own, and it is unhooked like any other."""
    with InProcess(application), InProcess(application, hosts=["second.example"]):
        late: Any = importlib.import_module("responses")
        assert type(late.__loader__) is type(late.__spec__.loader) is type(requests.__loader__)
        with late.RequestsMock():
            assert hello() == hello("https://second.example") == b"hello"
    assert "passthru_prefixes" not in vars(late.RequestsMock)


def test_nothing_is_imported_for_somebody_who_does_not_use_it() -> None:
    """Neither `responses` nor requests."""
    script = """
import sys
from abeja_emulator.transports.in_process import InProcess
with InProcess(None):
    pass
print([name for name in ("requests", "responses", "unittest.mock") if name in sys.modules], len(sys.meta_path))
"""
    command = [sys.executable, "-S", "-c", script]
    environment = {"PYTHONPATH": ":".join(sys.path)}
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=60)
    bare = subprocess.run(
        [sys.executable, "-S", "-c", "import sys; print([], len(sys.meta_path))"],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    assert run.stdout == bare.stdout


HOSTS = st.sampled_from(
    ["api.abeja.io", "org.api.abeja.io", "xapi.abeja.io", "io", "127.0.0.1", "[::1]", "API.abeja.io"]
)
PORTS = st.sampled_from(["", ":80", ":443", ":8443", ":84430"])


@given(
    addresses=st.lists(st.builds("{}{}".format, HOSTS, PORTS), max_size=3),
    url=st.builds(
        "{}://{}{}{}{}".format,
        st.sampled_from(["http", "https", "HTTPS"]),
        st.sampled_from(["", "user:secret@", "api.abeja.io@"]),
        HOSTS,
        PORTS,
        st.sampled_from(["", "/", "/hello", "?a=1", "/@api.abeja.io", "#api.abeja.io"]),
    ),
)
@example(addresses=[], url="https://api.abeja.io/")
@example(addresses=["api.abeja.io:443"], url="http://api.abeja.io/")
def test_what_is_let_through_is_what_the_switchboard_would_answer(addresses: list[str], url: str) -> None:
    """For any address, its ports and subdomains, and any URL."""
    board = Switchboard()
    line = Line(lambda *_: None)
    line.keys = []
    for address in addresses:
        board.add_address(line, address)
    board._lines.append(line)
    board._rebuild()
    _, host, port, _ = split_url(url)
    assert bool(urls_of(addresses).match(url)) == (board.find(host, port or 0) is not None)
