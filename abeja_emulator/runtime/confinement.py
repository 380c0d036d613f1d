"""What the job of a child is confined to, as data: sizes of folders, what is read-only, memory, no network.

The launcher does it (`launcher/abeja_emulator_confinement.py`), but for memory, which is watched (`limits`).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.launcher import abeja_emulator_confinement as program
from abeja_emulator.runtime.limits import LimitError, amount_of, can_watch_memory, in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Folders of a job that can be read-only.
FOLDERS = ("result_dir", "storage", "source")

#: Bytes of memory of a job, in the place of those of its instance type.
MEMORY = "ABEJA_EMULATOR_MEMORY"

#: Option → variable of a job that says it.
VARIABLES = {
    "result_dir_size": program.RESULT_DIR_SIZE,
    "storage_size": program.STORAGE_SIZE,
    "read_only": program.READ_ONLY,
    "memory": MEMORY,
    "network": program.NETWORK,
}
_AMOUNTS = ("result_dir_size", "storage_size", "memory")


class ConfinementError(ValueError):
    """A confinement that is none, or that cannot be had here; the text is a sentence."""


@dataclass(frozen=True)
class Confinement:
    """What a job is confined to; nothing by default.

    Attributes:
        result_dir_size: bytes that fit into the result directory.
        storage_size: bytes that fit into the cache of the SDK.
        read_only: of `FOLDERS`, those that nobody can write to.
        memory: bytes of memory, in the place of those of the instance type.
        network: `none`: nothing but the platform can be reached.
    """

    result_dir_size: int | None = None
    storage_size: int | None = None
    read_only: tuple[str, ...] = ()
    memory: int | None = None
    network: str | None = None

    def __post_init__(self) -> None:
        for name in self.read_only:
            if name not in FOLDERS:
                message = f"{name!r} cannot be read-only; a job has {', '.join(FOLDERS)}"
                raise ConfinementError(message)
        if self.network not in {None, "none"}:
            message = f"the network of a job is {self.network!r}; it can be none, or left alone"
            raise ConfinementError(message)
        for name, size in (("result_dir", self.result_dir_size), ("storage", self.storage_size)):
            if size is not None and name in self.read_only:
                message = f"{name} is read-only and has a size as well; nothing would ever fill it: take one of the two"
                raise ConfinementError(message)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Confinement:
        """Return what options say, as a person writes them; None and the empty text say nothing.

        Args:
            options: `result_dir_size`, `storage_size` and `memory`, such as `1MB` or bytes; `read_only`, one of
                `FOLDERS`, several with commas between them, or a list; `network`, `none`.

        Raises:
            ConfinementError: when they say nothing that can be.
        """
        found: dict[str, Any] = {}
        for name, value in options.items():
            if name not in VARIABLES:
                message = f"a job is confined by {', '.join(VARIABLES)}, not by {name!r}"
                raise ConfinementError(message)
            if value is None or value == "":  # 0 is no amount, and says so
                continue
            found[name] = _read(name, value)
        return cls(**found)

    @classmethod
    def of_variables(cls, variables: Mapping[str, Any]) -> Confinement:
        """Return what the variables of a job say.

        Raises:
            ConfinementError: when one says nothing that can be; it is named.
        """
        options = {}
        for name, variable in VARIABLES.items():
            try:
                cls.of({name: variables.get(variable)})
            except ConfinementError as error:
                message = f"the variable {variable}: {error}"
                raise ConfinementError(message) from None
            options[name] = variables.get(variable)
        return cls.of(options)

    def merge(self, other: Confinement) -> Confinement:
        """Return this one with another over it; what either makes read-only is read-only.

        Raises:
            ConfinementError: when together they cannot be.
        """
        said: dict[str, Any] = {}
        for each in fields(self):
            mine, its = getattr(self, each.name), getattr(other, each.name)
            said[each.name] = mine if its is None else its
        said["read_only"] = tuple(name for name in FOLDERS if name in {*self.read_only, *other.read_only})
        return Confinement(**said)

    def variables(self) -> dict[str, str]:
        """Return the variables with which a job says the same, for its `environment`."""
        return {VARIABLES[name]: text for name, text in self._texts()}

    def launcher_variables(self) -> dict[str, str]:
        """Return those of them that the launcher takes."""
        return {name: text for name, text in self.variables().items() if name in program.VARIABLES}

    def why_not(self) -> str | None:
        """Return why this system cannot do it, as a sentence, or None when it can; it is tried in a process."""
        if self.memory is not None and not can_watch_memory():
            return f"the memory of a job cannot be limited: {sys.platform} does not say in /proc what a process uses"
        if not self.launcher_variables():
            return None
        with tempfile.TemporaryDirectory() as folder:
            result, storage = Path(folder, "result"), Path(folder, "storage")
            result.mkdir()
            storage.mkdir()
            environment = {
                **self.launcher_variables(),
                "ABEJA_TRAINING_RESULT_DIR": str(result),
                "ABEJA_STORAGE_DIR_PATH": str(storage),
                "ABEJA_API_URL": "http://127.0.0.1:1",
            }
            command = [sys.executable, "-I", str(program.__file__)]
            tried = subprocess.run(  # noqa: S603 - our own program
                command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False
            )
        return None if tried.returncode == 0 else tried.stdout.strip() or "it could not be tried"

    def __bool__(self) -> bool:
        """Whether it confines anything."""
        return self != Confinement()

    def __str__(self) -> str:
        return ", ".join(f"{name} {text}" for name, text in self._texts(in_words)) or "nothing"

    def _texts(self, amount: Any = str) -> Iterable[tuple[str, str]]:
        for each in fields(self):
            value = getattr(self, each.name)
            if value:
                yield each.name, amount(value) if each.name in _AMOUNTS else _text(value)


def _read(name: str, value: Any) -> Any:
    if name in _AMOUNTS:
        try:
            return amount_of(value)
        except LimitError as error:
            message = f"{name}: {error}"
            raise ConfinementError(message) from None
    if name == "network":
        return str(value)
    names = value.split(",") if isinstance(value, str) else list(value)
    return tuple(dict.fromkeys(str(each).strip() for each in names))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ",".join(value)
