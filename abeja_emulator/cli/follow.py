"""Following a job of a server: its log and its statistics, as they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.client import ServerError, segment
from abeja_emulator.cli.exits import CommandError

if TYPE_CHECKING:
    from abeja_emulator.cli.client import Client


@dataclass
class News:
    """What is new of a job.

    Attributes:
        lines: of its log, with `timestamp`, `level` and `message`.
        statistics: what it posted.
        ended: whether nothing will ever come behind them.
    """

    lines: list[dict[str, Any]] = field(default_factory=list)
    statistics: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False


class Follower:
    """Asks what is new of a job, from its beginning on.

    Args:
        client: of the server.
        job_id: of the job.
    """

    def __init__(self, client: Client, job_id: str) -> None:
        self._client = client
        self._path = f"/jobs/{segment(job_id)}"
        self._after = {"log": 0, "statistics": 0}

    def news(self, *, statistics: bool = True) -> News:
        """Return what came since the last time.

        Raises:
            ServerError: when there is no such job.
        """
        news = News()
        # The log comes last: it is complete only when the job has ended, which is asked with it.
        if statistics:
            news.statistics, _ = self._read("statistics", "statistics")
        news.lines, news.ended = self._read("log", "lines")
        if statistics and news.ended:
            news.statistics += self._read("statistics", "statistics")[0]
        return news

    def _read(self, what: str, name: str) -> tuple[list[Any], bool]:
        found: list[Any] = []
        while True:
            page = self._client.control("GET", f"{self._path}/{what}", after=self._after[what])
            found += page[name]
            self._after[what] = page["next"]
            if page["ended"] or not page[name]:
                return found, page["ended"]


def find_job(client: Client, job_id: str | None) -> dict[str, Any]:
    """Return a job as the server shows it; the newest one when none is named.

    Raises:
        CommandError: when there is none.
    """
    if job_id is not None:
        try:
            found: dict[str, Any] = client.control("GET", f"/jobs/{segment(job_id)}")
        except ServerError as error:
            message = f"{client.url}: {error}"
            raise CommandError(message) from error
        return found
    jobs: list[dict[str, Any]] = client.control("GET", "/jobs", limit=1)["jobs"]
    if not jobs:
        message = f"{client.url} has no jobs"
        raise CommandError(message)
    return jobs[0]
