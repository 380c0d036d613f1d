"""Times: how they are shown, which each service does in its own way, and what a time that was sent means."""

from __future__ import annotations

import datetime

from abeja_emulator.errors import BadRequest


def zulu(moment: str | None) -> str | None:
    """Return a kept time with its microseconds, as most services show it: `2024-01-02T03:04:05.123456Z`."""
    return None if moment is None else moment + "Z"


def millisecond(moment: str) -> str:
    """Return a kept time as the logs of notebooks show it: `2024-01-02T03:04:05.123Z`."""
    return moment[:-3] + "Z"


def zoned(moment: str) -> str:
    """Return a kept time as files of the datalake and of buckets show it: `2024-01-02T03:04:05+00:00`."""
    return moment[:19] + "+00:00"


def second(moment: datetime.datetime) -> str:
    """Return a time as organizations, users and channels show it, and keep it: `2024-01-02T03:04:05Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def utc(moment: datetime.datetime) -> datetime.datetime:
    """Return a time that was sent, in UTC; one without a zone is UTC.

    Raises:
        BadRequest: when it is beyond what UTC can say.
    """
    try:
        return (
            moment.astimezone(datetime.timezone.utc) if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
        )
    except OverflowError as error:
        message = f"the time {moment.isoformat()} is outside the years 1 to 9999 of UTC"
        raise BadRequest(message) from error
