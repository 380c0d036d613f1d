"""SQLite files of ours: made, opened again, and refused when they are not ours."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from abeja_emulator.store.disk import Disk

#: Pages of a file that are kept in memory, in KiB; SQLite's own 2 MB are too few to add many records at once.
_CACHE = 32_000

#: A log larger than this many bytes, after much was added at once, is made small again.
_LOG = 64 * 1024 * 1024


class DataError(RuntimeError):
    """Kept data cannot be used as it is; the message says why and what to do."""


def open_file(path: str, schema: str, version: int) -> sqlite3.Connection:
    """Open a file for reading and writing, and make it when it is not there; nobody else can read it.

    The log is written ahead, so that what was committed survives the end of the process at any moment.
    It reaches the disk itself only now and then (`synchronous` is NORMAL): after a loss of power the
    last writes may be missing, but the file opens. FULL would wait for the disk at each write.

    Raises:
        DataError: when another version made it, or it is no file of ours.
    """
    with suppress(FileExistsError):
        Disk.create(path)
    # isolation_level=None: sqlite3 must not open transactions of its own among our savepoints.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE}")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG}")
        found = version_of(connection)
        if not found:
            connection.executescript(f"BEGIN; {schema}; PRAGMA user_version = {version}; COMMIT")
        else:
            check_version(path, found, version)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise explain(path, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of our schema that a file has; 0 when nothing is in it yet."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_version(path: str, found: int, version: int) -> None:
    """Check the version of a file.

    Raises:
        DataError: when it is another one.
    """
    if found != version:
        message = (
            f"{path} was made by another version of abeja-emulator: its data is of version {found} and this one reads "
            f"version {version}; use the abeja-emulator that made it, or other data"
        )
        raise DataError(message)


def explain(path: str, error: sqlite3.DatabaseError) -> Exception:
    """Return what to raise for an error of SQLite's: a sentence when the file is damaged, or no file of ours."""
    if type(error) is not sqlite3.DatabaseError:
        return error
    return DataError(
        f"{path} is damaged, or is no data of abeja-emulator ({error}); use another directory, or remove this one"
    )
