"""Following a job, a service or a run of a server: its log and a job's statistics, as they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.kinds import JOB

if TYPE_CHECKING:
    from abeja_emulator.cli.client import Client
    from abeja_emulator.cli.kinds import Kind


@dataclass
class News:
    """What is new of a job, a service or a run.

    Attributes:
        lines: of its log, with `timestamp` and `message`, and of a job's with `level`.
        statistics: what it posted.
        ended: whether nothing will ever come behind them.
    """

    lines: list[dict[str, Any]] = field(default_factory=list)
    statistics: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False


class Follower:
    """Asks what is new of a job, a service or a run, from its beginning on.

    Args:
        client: of the server.
        identifier: of the job, the service or the run.
        kind: which of them it is.
    """

    def __init__(self, client: Client, identifier: str, kind: Kind = JOB) -> None:
        self._client = client
        self._path = kind.path_of(identifier)
        self._after = {"log": 0, "statistics": 0}

    def news(self, *, statistics: bool = True) -> News:
        """Return what came since the last time.

        Raises:
            ServerError: when there is no such one.
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
