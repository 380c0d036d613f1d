"""What has a log on a server: jobs, services and runs, and how their ids tell them apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from abeja_emulator.cli.client import ServerError, segment
from abeja_emulator.cli.exits import USAGE, CommandError

if TYPE_CHECKING:
    from abeja_emulator.cli.client import Client

#: Of each kind, ids that an error names.
_NAMED = 3


class Kind(NamedTuple):
    """One of them.

    Attributes:
        noun: what one is called; with an s, its path and its list in the control API.
        id_field: name of its id there.
        form: what its ids look like.
    """

    noun: str
    id_field: str
    form: re.Pattern[str]

    def path_of(self, identifier: str) -> str:
        """Return the path of one, below the control API."""
        return f"/{self.noun}s/{segment(identifier)}"

    def find(self, client: Client, identifier: str) -> dict[str, Any]:
        """Return one as the server shows it.

        Raises:
            CommandError: when there is none of that id.
        """
        try:
            found: dict[str, Any] = client.control("GET", self.path_of(identifier))
        except ServerError as error:
            message = f"{client.url}: {error}"
            raise CommandError(message) from error
        return found

    def newest(self, client: Client, limit: int) -> list[str]:
        """Return the ids of the newest ones."""
        listed = client.control("GET", f"/{self.noun}s", limit=limit)
        return [each[self.id_field] for each in listed[f"{self.noun}s"]]


JOB = Kind("job", "training_job_id", re.compile(r"[0-9]+"))
SERVICE = Kind("service", "service_id", re.compile(r"ser-.+", re.DOTALL))
RUN = Kind("run", "run_id", re.compile(r"run-.+", re.DOTALL))

KINDS = (JOB, SERVICE, RUN)


def kind_of(client: Client, identifier: str) -> Kind:
    """Return what an id is of.

    Raises:
        CommandError: when nothing has such ids; it names some that are there.
    """
    for kind in KINDS:
        if kind.form.fullmatch(identifier):
            return kind
    message = (
        f"{identifier!r:.80} is no id of a job (digits), a service (ser-…) or a run (run-…); newest {_there(client)}"
    )
    raise CommandError(message, USAGE)


def newest_job(client: Client) -> str:
    """Return the id of the newest job.

    Raises:
        CommandError: when there are no jobs; it names the services and runs that are there.
    """
    newest = JOB.newest(client, 1)
    if not newest:
        message = f"{client.url} has no jobs"
        others = {kind.noun: kind.newest(client, _NAMED) for kind in (SERVICE, RUN)}
        if any(others.values()):
            named = "; ".join(f"newest {noun}s: {', '.join(ids)}" for noun, ids in others.items() if ids)
            message += f"; name a service or a run; {named}"
        raise CommandError(message)
    return newest[0]


def _there(client: Client) -> str:
    return "; ".join(f"{kind.noun}s: {', '.join(kind.newest(client, _NAMED)) or 'none'}" for kind in KINDS)
