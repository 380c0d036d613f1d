"""The state a platform had at the start, to return to as often as it is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform

_START = "start"


class Checkpoint:
    """Returns a platform in memory to the state it has now.

    It holds a snapshot open all the time, so it is the wrong thing for a platform with a data directory: what comes
    after an open snapshot is on disk only when that one is left.

    Args:
        platform: the platform; nobody else takes snapshots of it that outlive a call of this.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._snapshot = platform.snapshot()
        self._residents = platform.organization, platform.user

    def __call__(self) -> None:
        """Return to that state.

        Raises:
            SnapshotOrderError: when a snapshot that was taken later is still open.
        """
        # Nobody gets a word in between: what came after the return, but before the new snapshot, would stay.
        with self._platform.world.store.reading():
            self._snapshot.rollback()
            self._snapshot = self._platform.snapshot()
            # They may be others since a saved state was loaded.
            self._platform.organization, self._platform.user = self._residents


class SavedCheckpoint:
    """Returns a platform to the state it has now, a copy of which it keeps in a folder.

    Args:
        platform: the platform, in memory or with a data directory.
        folder: where the copy is, for whoever made it to remove.
    """

    def __init__(self, platform: Platform, folder: Path | str) -> None:
        self._platform = platform
        self._folder = Path(folder).absolute()
        platform.save(_START, self._folder)

    def __call__(self) -> None:
        """Return to that state.

        Raises:
            DataError: when the copy is damaged or gone.
        """
        self._platform.load(_START, self._folder)
