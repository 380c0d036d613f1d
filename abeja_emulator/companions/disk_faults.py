"""What goes wrong with the fake disk of `abeja_fs`, on purpose: full, read-only, refused, stale.

It fails below pyfakefs' own `open` and `os`, so whatever in Python meets the fake disk meets the fault: the handler,
the SDK's cache and its threads, tensorboardX. pyfakefs itself is as usable as before.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pyfakefs.fake_open import FakeFileOpen

from abeja_emulator.faults.moments import Moment, spans_of
from abeja_emulator.runtime.limits import amount_of, in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyfakefs.fake_filesystem import FakeFilesystem
    from typing_extensions import Self

    from abeja_emulator.faults.moments import Calls

#: Folders that a job has, and the variables that name them.
FOLDERS = {"result_dir": "ABEJA_TRAINING_RESULT_DIR", "storage": "ABEJA_STORAGE_DIR_PATH"}

#: What is done with a disk: a file is opened, read from, grows; anything else that changes what is there.
OPEN, READ, GROW, CHANGE = "open", "read", "grow", "change"

#: What a person can name.
ON = {"open": frozenset({OPEN}), "read": frozenset({READ}), "write": frozenset({GROW})}

#: Methods of pyfakefs' file system that change it, and how many paths they are given.
_CHANGES = {
    "chmod": 1,
    "create_symlink": 1,
    "link": 2,
    "makedir": 1,
    "makedirs": 1,
    "remove": 1,
    "rename": 2,
    "rmdir": 1,
    "utime": 1,
}
_MAKING = ("makedir", "makedirs")


class DiskFaultError(ValueError):
    """A fault of the disk that cannot be; the text is a sentence."""


@dataclass
class DiskFault:
    """Something that goes wrong with the disk.

    Attributes:
        where: `result_dir`, `storage`, a path, or None for all of the disk.
        error: number of the error, such as `errno.ENOSPC`.
        on: what it happens to, of `OPEN`, `READ`, `GROW` and `CHANGE`.
        moment: at which of them.
        room: bytes that may be written before a file cannot grow; None: it has nothing to do with that.
        optional: whether it need not fire.
        text: what it is, for people.
        seen: how often what it happens to was done there.
        fired: how often it happened.
        lifted: whether it happens no more.
    """

    where: str | None
    error: int
    on: frozenset[str]
    moment: Moment = field(default_factory=Moment)
    room: int | None = None
    optional: bool = False
    text: str = ""
    seen: int = 0
    fired: int = 0
    lifted: bool = False

    def lift(self) -> None:
        """Let it happen no more; a test need not wait for one that it has lifted."""
        self.lifted = True

    @property
    def never_fired(self) -> str:
        """Why it did not fire, as far as that can be told."""
        place = "the disk" if self.where is None else self.where
        if self.room is not None:
            return f"less than {in_words(self.room + 1)} were written below {place}"
        what = " or ".join(sorted(self.on))
        if not self.seen:
            return f"nothing below {place} met it ({what})"
        return f"{what} was done {self.seen} times below {place}, none of them at {self.moment}"

    def meets(self, operation: str, growth: int) -> bool:
        """Count an operation in its place, and tell whether it happens to it.

        Args:
            operation: what is done.
            growth: bytes by which a file grows; negative when it shrinks.
        """
        if self.lifted or operation not in self.on:
            return False
        if self.room is not None:
            if growth <= self.room:
                self.room -= growth
                return False
        elif operation == GROW and growth < 0:
            return False
        self.seen += 1
        if not self.moment.has_come(self.seen, self.fired, 0):
            return False
        self.fired += 1
        return True

    def __str__(self) -> str:
        return self.text


class DiskFaults:
    """What goes wrong with a fake disk while this is entered; nothing at first.

    Each fault says where: `result_dir` and `storage` (the cache of the SDK) are those of the job that runs, anything
    else is a path. One that never happens fails the test, unless it is `optional` or was lifted.

    Args:
        fake: the file system.

    Attributes:
        faults: all of them.
    """

    def __init__(self, fake: FakeFilesystem) -> None:
        self._fake = fake
        self._lock = threading.RLock()
        self._thread = threading.local()
        self._limited: dict[int, Any] = {}
        self._stack = ExitStack()
        self.faults: list[DiskFault] = []

    # -- saying what goes wrong -----------------------------------------------------------------

    def full(
        self, where: str | os.PathLike[str] | None = None, *, after: int | str = 0, optional: bool = False
    ) -> DiskFault:
        """Let the disk be full once so much more was written: `No space left on device`.

        Args:
            where: below which folder; anywhere by default.
            after: bytes, or text such as `1MB`. What is removed or becomes shorter makes room.
            optional: whether it need not happen.

        Raises:
            DiskFaultError: when that is no amount.
        """
        try:
            room = 0 if after in {0, "0"} else amount_of(after)
        except ValueError as error:
            message = f"after: {error}"
            raise DiskFaultError(message) from None
        text = f"full after {in_words(room)}"
        return self._add(where, text, errno.ENOSPC, {GROW}, room=room, optional=optional)

    def read_only(self, where: str | os.PathLike[str], *, optional: bool = False) -> DiskFault:
        """Let nothing be written below a folder, by root neither: `Read-only file system`."""
        return self._add(where, "read-only", errno.EROFS, {CHANGE}, optional=optional)

    def refuse(self, where: str | os.PathLike[str], *, optional: bool = False) -> DiskFault:
        """Let nothing be opened or written below a folder, by root neither: `Permission denied`."""
        return self._add(where, "permission refused", errno.EACCES, {OPEN, CHANGE}, optional=optional)

    def stale(
        self,
        where: str | os.PathLike[str] = "storage",
        *,
        on: str = "read",
        calls: Calls | None = 1,
        optional: bool = False,
    ) -> DiskFault:
        """Let the server of files have forgotten a file: `Stale file handle`, as when a shared cache is deleted.

        Args:
            where: below which folder.
            on: `read`, of a file that is open, or `open`.
            calls: which of them, counted from now on; None for all.
            optional: whether it need not happen.

        Raises:
            DiskFaultError: when `on` is something else.
        """
        return self.fail(where, errno.ESTALE, on=on, calls=calls, optional=optional)

    def fail(
        self,
        where: str | os.PathLike[str] | None,
        error: int,
        *,
        on: str = "read",
        calls: Calls | None = 1,
        optional: bool = False,
    ) -> DiskFault:
        """Let a call fail with any error, such as `errno.EIO`.

        Args:
            where: below which folder; None for anywhere.
            error: its number.
            on: `open`, `read`, or `write`, when what was written reaches the disk and makes a file longer.
            calls: which of them, counted from now on; None for all.
            optional: whether it need not happen.

        Raises:
            DiskFaultError: when there is no such error, or `on` is something else.
            ValueError: when `calls` are no numbers of calls.
        """
        if on not in ON:
            message = f"a disk fails on {', '.join(ON)}, not on {on!r}"
            raise DiskFaultError(message)
        if error not in errno.errorcode:
            message = f"{error!r} is the number of no error; take one of the module errno, such as errno.EIO"
            raise DiskFaultError(message)
        moment = Moment() if calls is None else Moment(spans_of(calls))
        text = f"{os.strerror(error)} on {on}{f' {moment}' if calls is not None else ''}"
        return self._add(where, text, error, ON[on], moment=moment, optional=optional)

    def _add(
        self, where: str | os.PathLike[str] | None, text: str, error: int, on: set[str] | frozenset[str], **fields: Any
    ) -> DiskFault:
        place = None if where is None else os.fspath(where)
        if place is not None and place not in FOLDERS:
            place = self._fake.absnormpath(place)
        fault = DiskFault(place, error, frozenset(on), text=f"disk {place or 'anywhere'}: {text}", **fields)
        with self._lock:
            self.faults.append(fault)
        return fault

    # -- looking --------------------------------------------------------------------------------

    def unfired(self) -> list[DiskFault]:
        """Return the faults that had to happen and did not."""
        return [fault for fault in self.faults if not (fault.fired or fault.optional or fault.lifted)]

    def __enter__(self) -> Self:
        try:
            self._hook_in()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    # -- between Python and the fake disk -------------------------------------------------------

    def _hook_in(self) -> None:
        patch = self._stack.enter_context(pytest.MonkeyPatch.context())
        for name, paths in _CHANGES.items():
            patch.setattr(self._fake, name, self._changing(name, paths, getattr(self._fake, name)))
        patch.setattr(self._fake, "change_disk_usage", self._growing(self._fake.change_disk_usage))
        patch.setattr(FakeFileOpen, "call", self._opening(FakeFileOpen.call))

    def _changing(self, name: str, number: int, original: Callable[..., Any]) -> Callable[..., Any]:
        def change(*arguments: Any, **options: Any) -> Any:
            with self._outermost() as outermost:
                if outermost:
                    for path in arguments[:number]:
                        # A folder that is there already is said to be so, whatever it is on.
                        if name not in _MAKING or not self._fake.exists(path):
                            self._meet(CHANGE, path)
                    if name == "remove":
                        self._give_back(arguments[0])
                return original(*arguments, **options)

        return change

    def _opening(self, original: Callable[..., Any]) -> Callable[..., Any]:
        faults = self

        def call(self: Any, file_: Any, *arguments: Any, **options: Any) -> Any:
            if self.filesystem is not faults._fake or isinstance(file_, int):
                return original(self, file_, *arguments, **options)
            # Where it is now: the handler may go elsewhere before it reads or writes.
            place = faults._fake.absnormpath(os.fsdecode(file_))
            faults._meet(OPEN, place)
            if _writes(arguments, options):
                faults._meet(CHANGE, place)
            with faults._writing(place):
                opened = original(self, file_, *arguments, **options)
            return faults._watched(opened, place)

        return call

    def _watched(self, opened: Any, path: Any) -> Any:
        """Let what is read from and written to an open file be seen."""
        # They are private, and there is nothing else between a file of pyfakefs and what it holds.
        opened._io = _Stream(opened._io, lambda: self._meet(READ, path, named=False))  # noqa: SLF001
        content = opened.file_object
        with self._lock:
            if id(content) not in self._limited:
                self._limited[id(content)] = content
                content.set_initial_contents = self._writing_to(path, content.set_initial_contents)
        return opened

    def _writing_to(self, path: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        def set_initial_contents(contents: Any) -> Any:
            with self._writing(path):
                return original(contents)

        return set_initial_contents

    @contextmanager
    def _writing(self, path: Any) -> Iterator[None]:
        """Note which file grows, which pyfakefs does not say when it asks whether there is room."""
        before = getattr(self._thread, "path", None)
        self._thread.path = path
        try:
            yield
        finally:
            self._thread.path = before

    def _growing(self, original: Callable[..., None]) -> Callable[..., None]:
        def change_disk_usage(usage_change: int, *arguments: Any, **options: Any) -> None:
            path = getattr(self._thread, "path", None)
            if path is not None and usage_change:
                self._meet(GROW, path, usage_change)
            original(usage_change, *arguments, **options)

        return change_disk_usage

    def _give_back(self, path: Any) -> None:
        if self._fake.isfile(path):
            size = self._fake.get_object(path).st_size or 0
            if size:
                self._meet(GROW, path, -size)

    @contextmanager
    def _outermost(self) -> Iterator[bool]:
        """Tell whether nothing else that changes the disk is being done in this thread: one calls another."""
        inside = getattr(self._thread, "inside", False)
        self._thread.inside = True
        try:
            yield not inside
        finally:
            self._thread.inside = inside

    def _meet(self, operation: str, path: Any, growth: int = 0, *, named: bool = True) -> None:
        """Raise what happens to an operation, if something does.

        Raises:
            OSError: as the system would.
        """
        if not self.faults:
            return
        name = os.fsdecode(path)
        with self._lock:
            met = [
                fault for fault in self.faults if self._is_below(name, fault.where) and fault.meets(operation, growth)
            ]
        if met:
            told = (path,) if named and operation != GROW else ()
            raise OSError(met[0].error, os.strerror(met[0].error), *told)

    def _is_below(self, path: str, where: str | None) -> bool:
        if where is None:
            return True
        # Those of the job that runs: a job of abeja_train has folders of its own.
        folder = os.environ.get(FOLDERS[where], "") if where in FOLDERS else where
        place = self._fake.absnormpath(path)
        top = self._fake.absnormpath(folder)
        return bool(folder) and (place == top or place.startswith(top.rstrip("/") + "/"))


class _Stream:
    """What pyfakefs keeps of an open file, which calls `check` before each read."""

    def __init__(self, stream: Any, check: Callable[[], None]) -> None:
        self._stream = stream
        self._check = check

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._stream, name)
        if not (name.startswith("read") and name != "readable"):
            return found

        def read(*arguments: Any, **options: Any) -> Any:
            self._check()
            return found(*arguments, **options)

        return read

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self._check()
        return next(self._stream)


def _writes(arguments: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Tell whether a file is opened to be written to, by the arguments of `FakeFileOpen.call` after its path."""
    modes = options.get("open_modes")
    if modes is not None:
        return bool(modes.can_write)
    mode = arguments[0] if arguments else options.get("mode", "r")
    return any(letter in mode for letter in "wax+")
