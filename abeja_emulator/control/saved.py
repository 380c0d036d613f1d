"""The named states of a platform, as the control API keeps them: in a folder that outlives the server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from abeja_emulator.errors import Conflict
from abeja_emulator.store.disk import Disk
from abeja_emulator.store.files import DataError

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.store.saved import SavedSnapshot


class SavedStates:
    """Saves and loads the states of a platform under names.

    Args:
        platform: the platform.
        folder: where they are, such as `saved` in its data directory; made when one is saved.
    """

    def __init__(self, platform: Platform, folder: Path | str) -> None:
        self._platform = platform
        self._folder = Path(folder).absolute()

    def saved(self) -> list[SavedSnapshot]:
        """Return them, sorted by name."""
        return self._platform.saved(self._folder)

    def save(self, name: str) -> SavedSnapshot:
        """Save the state as it is, in the place of one of that name.

        Raises:
            Conflict: when the platform cannot.
        """
        try:
            return self._platform.save(name, self._folder)
        except DataError as error:
            raise Conflict(str(error)) from error

    def load(self, name: str) -> SavedSnapshot:
        """Return to the state of that name.

        Raises:
            Conflict: when it cannot be used, because it is damaged or of another version.
        """
        try:
            return self._platform.load(name, self._folder)
        except DataError as error:
            raise Conflict(str(error)) from error

    def forget(self, name: str) -> None:
        """Remove the state of that name, which is among `saved`."""
        Disk.remove_folder(Disk.join(str(self._folder), name))
