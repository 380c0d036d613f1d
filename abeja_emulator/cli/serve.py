"""`serve`: a platform on an address of this machine, until somebody ends it."""

from __future__ import annotations

import os
import shlex
import signal
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from abeja_emulator.cli.address import is_loopback
from abeja_emulator.cli.client import Client
from abeja_emulator.cli.execution import options_of
from abeja_emulator.cli.exits import DONE, INTERRUPTED, USAGE, CommandError
from abeja_emulator.cli.faulting import add_faults
from abeja_emulator.cli.listening import start
from abeja_emulator.cli.output import Output
from abeja_emulator.cli.seed import opened, put
from abeja_emulator.cli.signals import Signals
from abeja_emulator.cli.sources import Contents, read
from abeja_emulator.cli.targets import PlatformTarget
from abeja_emulator.platform import Platform
from abeja_emulator.report.summary import counted
from abeja_emulator.seed_document import SeedOrganization
from abeja_emulator.server import Server
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.security.rules import Cidrs

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    output = Output(json=arguments.json)
    _check_host(arguments, output)
    contents = None if arguments.seed is None else read(arguments.seed)
    ended = Signals()
    with ExitStack() as stack:
        platform = stack.enter_context(_platform(arguments, contents))
        if contents is not None:
            _put_seed(platform, contents, output)
        add_faults(platform, arguments.fault)
        stack.enter_context(ended)
        server = Server(
            platform,
            host=arguments.host,
            port=arguments.port,
            allow_hosts=arguments.allow_host,
            slots=arguments.jobs,
            mode=arguments.job_mode,
            answer_timeout=arguments.answer_timeout,
            **options_of(arguments, dict(arguments.image)),
        )
        stack.callback(_stop, server, output)
        start(server, arguments.host, arguments.port)
        variables = server.variables()
        with Client(variables["ABEJA_API_URL"]) as client:
            client.health()
        if arguments.env_file is not None:
            stack.enter_context(_env_file(Path(arguments.env_file), exports(variables)))
        _announce(output, variables, arguments)
        ended.wait()
    return DONE if ended.number == signal.SIGTERM else INTERRUPTED


def exports(variables: Mapping[str, str]) -> str:
    """Return lines that set variables in a shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def _check_host(arguments: argparse.Namespace, output: Output) -> None:
    if is_loopback(arguments.host):
        return
    if not arguments.i_know_who_can_reach_this:
        message = (
            f"--host {arguments.host or repr('')} is reached from other machines, and whoever reaches it has the "
            "platform and runs code here as you; leave the option out, or add --i-know-who-can-reach-this"
        )
        raise CommandError(message, USAGE)
    output.remark(
        f"warning: whoever reaches {arguments.host or 'this machine'} has this platform, and runs code here as you"
    )


@contextmanager
def _platform(arguments: argparse.Namespace, contents: Contents | None) -> Iterator[Platform]:
    """Open the platform; its organization is the one of the options, else of the seed file."""
    said = None if contents is None or arguments.organization or arguments.organization_id else contents.organization
    options = {
        "auth": arguments.auth,
        "enforce_cidrs": arguments.enforce_cidrs,
        "organization": arguments.organization or (said.name if said else None),
        "organization_id": arguments.organization_id or (said.id if said else None),
    }
    if arguments.data is None:
        with Platform(**options) as platform:
            yield platform
    else:
        with opened(arguments.data, **options) as platform:
            yield platform


def _put_seed(platform: Platform, contents: Contents, output: Output) -> None:
    if not _is_new(platform):
        output.remark(f"{contents.where} is left out: something is on the platform already")
        return
    # Its organization is that of the platform by now, and stdout is for the variables.
    contents = replace(contents, organization=SeedOrganization())
    made = put(PlatformTarget(platform), contents, Output(json=True))
    items = sum(dataset["total_count"] for dataset in made["datasets"])
    datasets = counted(len(made["datasets"]), "dataset")
    output.remark(f"seeded {contents.where}: {datasets}, {counted(items, 'item')}")
    for user in made["users"]:
        output.remark(f"{user['email']} is user-{user['user_id']}, {user['role']}")


def _is_new(platform: Platform) -> bool:
    """Tell whether a platform holds nothing but what each has from the start."""
    look, accounts = platform.look, Accounts(platform.world)
    organization = platform.organization.id
    with platform.world.store.reading():
        people = (
            accounts.users.count(organization) > 1
            or accounts.bearer_tokens.count(organization)
            or accounts.datasources.count(organization)
        )
        cidrs = Cidrs(platform.world).select(organization, limit=1)[0]
    return not (people or cidrs or look.datasets() or look.channels() or look.job_definitions())


@contextmanager
def _env_file(path: Path, text: str) -> Iterator[None]:
    """Keep a file, whole from the first moment on and for nobody else to read, as long as the server answers."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    made = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        made.replace(path)
    except BaseException:
        made.unlink()
        raise
    try:
        yield
    finally:
        # Another server may have written its own there meanwhile.
        with suppress(OSError):
            if path.read_text(encoding="utf-8") == text:
                path.unlink()


def _announce(output: Output, variables: Mapping[str, str], arguments: argparse.Namespace) -> None:
    url = variables["ABEJA_API_URL"]
    for line in exports(variables).splitlines():
        output.line(line)
    output.document({"url": url, "pid": os.getpid(), "variables": dict(variables)})
    where = f"in {arguments.data}" if arguments.data else "in memory"
    output.remark(f"the platform is at {url}, {where}; Ctrl-C ends it")


def _stop(server: Server, output: Output) -> None:
    running = {
        "job": len(server.executor.running()),
        "service": len(server.services.at_work()),
        "run": len(server.runs.running()),
    }
    if any(running.values()):
        output.remark(f"stopping {', '.join(counted(count, noun) for noun, count in running.items() if count)}")
    server.stop()
