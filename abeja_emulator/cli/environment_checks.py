"""What the doctor knows of variables, files and plugins."""

from __future__ import annotations

import netrc
import os
import sys
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from abeja_emulator.cli.address import URL_VARIABLES, is_loopback, server_url
from abeja_emulator.cli.client import Client
from abeja_emulator.cli.exits import CommandError
from abeja_emulator.cli.findings import Finding, normalized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.cli.findings import Facts

#: What the SDK reads once, when it is imported (clients.md, 1.1).
_FROZEN = ("ABEJA_API_URL", "ABEJA_STORAGE_DIR_PATH", "FETCH_WORKER_COUNT", "UPLOAD_WORKER_COUNT")

#: What it leaves as text, and then calculates with.
_BROKEN = {
    "ABEJA_SDK_CONNECTION_TIMEOUT": "a ValueError at every call",
    "ABEJA_SDK_MAX_RETRY_COUNT": "a TypeError at the first retry",
}

_CREDENTIALS = (
    "ABEJA_PLATFORM_DATASOURCE_SECRET",
    "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN",
    "PERSONAL_ACCESS_TOKEN",
    "PLATFORM_AUTH_TOKEN",
)

#: What the platform's command line takes rather than the variables that `serve` prints (clients.md, 1.2).
_PREFERRED = (
    "ABEJA_CLI_USER",
    "ABEJA_PLATFORM_USER",
    "ABEJA_CLI_TOKEN",
    "PERSONAL_ACCESS_TOKEN",
    "ABEJA_CLI_ORGANIZATION",
    "ORGANIZATION_NAME",
)

#: Plugins that put connections or sockets of their own in the place of those that lead to the emulator.
_RIVALS = ("mocket", "pook", "pytest-recording", "pytest-vcr", "pytest-vcrpandas", "wsgi-intercept")

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

_TESTS_NOT = "tests with --abeja-emulate and jobs are not affected"


def check_environment(facts: Facts, url: str | None) -> Iterator[Finding]:
    """Look at everything but versions.

    Args:
        facts: what there is.
        url: where a server should be, when an option says so.
    """
    yield from _check_url(facts)
    yield from _check_server(facts, url)
    yield from _check_proxies(facts, url)
    yield from _check_variables(facts)
    yield from _check_credentials(facts)
    yield from _check_netrc(facts)
    yield from _check_bundles(facts)
    yield from _check_python(facts)
    yield from _check_pytest(facts)


def _check_url(facts: Facts) -> Iterator[Finding]:
    said = facts.environment.get("ABEJA_API_URL")
    if said is None:
        return
    url = _without_login(said)
    parts = urlsplit(url)
    if url.count("://") != 1:
        yield Finding(
            "breaks",
            f"ABEJA_API_URL is {url!r}",
            "an empty one counts as set, and every call fails: the SDK puts paths behind it, the command line splits "
            "it at ://",
            "unset ABEJA_API_URL, or set it to what serve prints",
        )
    elif url.endswith("/"):
        yield Finding(
            "mind",
            f"ABEJA_API_URL ends with a slash: {url}",
            "the SDK puts paths behind it as it is, so that they begin with two",
            f"export ABEJA_API_URL={url.rstrip('/')}",
        )
    elif parts.scheme == "https" and is_loopback(parts.hostname or ""):
        yield Finding(
            "breaks",
            f"ABEJA_API_URL is {url}",
            "the server of the emulator speaks plain http",
            f"export ABEJA_API_URL=http://{parts.netloc}",
        )


def _check_server(facts: Facts, option: str | None) -> Iterator[Finding]:
    asked = _asked_for(facts, option)
    if asked is None:
        return
    name, url = asked
    try:
        with Client(url) as client:
            health = client.health()
    except CommandError as error:
        yield Finding("breaks", f"{name} says that a server is at {url}", str(error), "start it, or unset the variable")
        return
    ours = version("abeja-emulator")
    if health["version"] != ours:
        yield Finding(
            "mind",
            f"the server at {url} is abeja-emulator {health['version']}, and this command is {ours}",
            "they may not understand each other",
            "use one version for both",
        )


def _check_proxies(facts: Facts, option: str | None) -> Iterator[Finding]:
    # Of this process's environment, which is the one of the facts.
    proxies = {scheme: proxy for scheme, proxy in getproxies_environment().items() if scheme in {"all", "http"}}
    if not proxies or proxy_bypass_environment("127.0.0.1"):
        return
    if all(
        is_loopback(urlsplit(proxy if "://" in proxy else f"//{proxy}").hostname or "") for proxy in proxies.values()
    ):
        # One that is on this machine may be the emulator itself, which is a proxy too.
        return
    shown = ", ".join(sorted(set(map(_without_login, proxies.values()))))
    yield Finding(
        "mind" if _asked_for(facts, option) is None else "breaks",
        f"calls go through a proxy ({shown}), and NO_PROXY does not except 127.0.0.1",
        f"clients of a served platform ask the proxy for 127.0.0.1, which is another machine there; {_TESTS_NOT}",
        "export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost",
    )


def _check_variables(facts: Facts) -> Iterator[Finding]:
    for name, what in _BROKEN.items():
        if facts.environment.get(name):
            yield Finding(
                "breaks",
                f"{name} is set",
                f"the SDK takes it for a number, but leaves it as text: {what}; {_TESTS_NOT}",
                f"unset {name}, and pass timeout= or max_retry_count= to the client",
            )
    for name in ("FETCH_WORKER_COUNT", "UPLOAD_WORKER_COUNT"):
        value = facts.environment.get(name)
        if value is not None and not value.strip().isdigit():
            yield Finding(
                "breaks",
                f"{name} is {value!r}",
                "the SDK reads a number there when it is imported: a ValueError, also in tests and jobs",
                f"unset {name}, or set it to a number",
            )
    frozen = [name for name in _FROZEN if facts.environment.get(name)]
    if frozen:
        them = "it" if len(frozen) == 1 else "them"
        yield Finding(
            "note",
            f"{', '.join(frozen)} {'is' if len(frozen) == 1 else 'are'} set",
            f"the SDK reads {them} once, when it is imported: a change afterwards has no effect in the same process",
            f"set {them} before the first import of abeja; a test run with --abeja-emulate sets its own",
        )


def _check_credentials(facts: Facts) -> Iterator[Finding]:
    url = _without_login(facts.environment.get("ABEJA_API_URL") or "https://api.abeja.io")
    held = [name for name in _CREDENTIALS if facts.environment.get(name)]
    config = facts.home / ".abeja" / "config"
    if held and not is_loopback(urlsplit(url).hostname or ""):
        yield Finding(
            "mind",
            f"{', '.join(held)} {'is' if len(held) == 1 else 'are'} set, for {url}",
            "tests and jobs of the emulator never see them, but a handler that is started without it uses the real "
            "platform",
            f"unset {' '.join(held)}, or use a shell of its own",
        )
    if config.is_file() and not facts.environment.get("ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"):
        yield Finding(
            "mind",
            f"{config} has credentials",
            "the platform's command line takes from it what no variable says, ABEJA_API_URL included",
            "set the variables that serve prints before you use it with the emulator",
        )
    preferred = [name for name in _PREFERRED if facts.environment.get(name)]
    if preferred:
        yield Finding(
            "mind",
            f"{', '.join(preferred)} {'is' if len(preferred) == 1 else 'are'} set",
            "the platform's command line takes them rather than the variables that serve prints",
            f"unset {' '.join(preferred)}",
        )


def _check_netrc(facts: Facts) -> Iterator[Finding]:
    named = facts.environment.get("NETRC")
    for path in [Path(named)] if named else [facts.home / ".netrc", facts.home / "_netrc"]:
        if not path.is_file():
            continue
        try:
            found = netrc.netrc(str(path))
        except (netrc.NetrcParseError, OSError):
            # requests leaves one out that it cannot read.
            continue
        hosts = [host for host in ("api.abeja.io", "127.0.0.1", "localhost") if found.authenticators(host)]
        if hosts:
            yield Finding(
                "breaks",
                f"{path} has a login for {', '.join(hosts)}",
                "requests sends that in the place of the SDK's own credential, in tests too: 401 at every call",
                "take the entry out, or export NETRC=/dev/null",
            )


def _check_bundles(facts: Facts) -> Iterator[Finding]:
    for name in _BUNDLES:
        value = facts.environment.get(name)
        if value and not Path(value).exists():
            yield Finding(
                "breaks",
                f"{name} is {value}, which is not there",
                "requests looks for it at every https call, also when nothing is encrypted: an OSError",
                f"unset {name}, or name a bundle that is there",
            )


def _check_python(facts: Facts) -> Iterator[Finding]:
    flags = sys.flags
    switches = {"-I": flags.isolated, "-E": flags.ignore_environment, "-S": flags.no_site}
    unseen = [switch for switch, is_on in switches.items() if is_on]
    if unseen:
        yield Finding(
            "mind",
            f"this Python was started with {' '.join(unseen)}",
            "children that are started so do not look at their environment, and are neither emulated nor guarded",
            "leave it out",
        )
    if flags.optimize:
        yield Finding(
            "mind",
            "Python runs optimized (PYTHONOPTIMIZE or -O)",
            "assert statements of handlers and of their modules are left out",
            "unset PYTHONOPTIMIZE",
        )
    if facts.environment.get("PYTHONHOME"):
        yield Finding(
            "mind",
            "PYTHONHOME is set",
            "another interpreter, such as one of --python or --image, takes the wrong standard library and does not "
            "start",
            "unset PYTHONHOME",
        )
    if facts.environment.get("PYTHONWARNINGS", "").startswith("error"):
        yield Finding(
            "mind",
            "PYTHONWARNINGS makes errors of warnings",
            "abeja-sdk and pytest plugins warn when they are imported, and fail then",
            "unset PYTHONWARNINGS, and use filterwarnings of pytest",
        )
    for folder in filter(None, facts.environment.get("PYTHONPATH", "").split(os.pathsep)):
        if (Path(folder) / "sitecustomize.py").is_file():
            yield Finding(
                "note",
                f"{folder} on PYTHONPATH has a sitecustomize",
                "the one that leads children to the emulator comes before it, and then runs it too",
                "nothing",
            )


def _check_pytest(facts: Facts) -> Iterator[Finding]:
    if facts.environment.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        yield Finding(
            "breaks",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD is set",
            "pytest does not load the plugin, and does not know --abeja-emulate",
            "unset it, or add -p abeja_emulator.pytest_plugin",
        )
    if "no:abeja_emulator" in facts.environment.get("PYTEST_ADDOPTS", ""):
        yield Finding(
            "breaks",
            "PYTEST_ADDOPTS has -p no:abeja_emulator",
            "pytest does not load the plugin, and does not know --abeja-emulate",
            "take it out",
        )
    # Not `entry_points(group=…)`, which Python 3.9 does not have.
    if not _has_plugin():
        yield Finding(
            "breaks",
            "the pytest plugin is not registered in this environment",
            "abeja-emulator is on the path, but was not installed, so that pytest does not find it",
            "pip install abeja-emulator (from a checkout: pip install -e .)",
        )
    rivals = [name for name in _RIVALS if normalized(name) in facts.packages]
    if rivals:
        yield Finding(
            "mind",
            f"{', '.join(rivals)} {'is' if len(rivals) == 1 else 'are'} installed",
            "they put connections of their own in the place of those that lead to the emulator: a test that uses both "
            "may not reach it",
            "do not use them in tests that use the platform; moto, responses and requests-mock are no trouble",
        )


def _without_login(url: str) -> str:
    """Return a URL without a password that may be in it."""
    scheme, colon, rest = url.rpartition("://")
    return scheme + colon + rest.rpartition("@")[2]


def _has_plugin() -> bool:
    found = entry_points()
    plugins = list(found.select(group="pytest11")) if hasattr(found, "select") else list(found.get("pytest11", ()))
    return any(plugin.value == "abeja_emulator.pytest_plugin" for plugin in plugins)


def _asked_for(facts: Facts, option: str | None) -> tuple[str, str] | None:
    """Return what says where a server is, and where; None when nothing does."""
    for name, url in [("--url", option), *((name, facts.environment.get(name)) for name in URL_VARIABLES)]:
        if url and (name != "ABEJA_API_URL" or (is_loopback(urlsplit(url).hostname or "") and url.startswith("http:"))):
            return name, server_url(url)
    return None
