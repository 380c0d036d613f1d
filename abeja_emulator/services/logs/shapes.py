"""What clients send to see the log of a service, a run or a notebook, and what they are shown."""

import datetime
from typing import Optional

import msgspec


class LogQuery(msgspec.Struct):
    """Which lines of a log to show; times without a zone are UTC."""

    next_token: Optional[str] = None
    start_time: Optional[datetime.datetime] = None
    end_time: Optional[datetime.datetime] = None


class NewestLogQuery(msgspec.Struct):
    """Which lines of a log to show: those behind one of the tokens, or the newest."""

    next_forward_token: Optional[str] = None
    next_backward_token: Optional[str] = None


class RecentLogQuery(NewestLogQuery):
    """Which lines of a log to show; times without a zone are UTC."""

    start_time: Optional[datetime.datetime] = None
    end_time: Optional[datetime.datetime] = None


class LogEvent(msgspec.Struct):
    """One line of a log."""

    message: str
    timestamp: str


class LogView(msgspec.Struct, omit_defaults=True):
    """A page of a log, oldest line first; no token at its end."""

    events: list[LogEvent]
    next_token: Optional[str] = None


class RecentLogView(msgspec.Struct):
    """A page of a log, newest line first, and how to go on both ways."""

    events: list[LogEvent]
    next_backward_token: str
    next_forward_token: str
