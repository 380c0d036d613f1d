"""A fake file system in which what a handler does with the SDK works, next to a Platform."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from contextlib import contextmanager, suppress
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from pyfakefs.fake_filesystem_unittest import Patcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from pathlib import Path
    from types import ModuleType

    from pyfakefs.fake_filesystem import FakeFilesystem

#: tensorboardX writes through a queue of these, and the numbers of its pipes are those of real files.
_REAL = ("multiprocessing", "multiprocessing.connection", "multiprocessing.queues", "multiprocessing.util")

#: Says that pytest itself is not faked, when it is imported; a run may have switched the plugin that it is off.
_LEAVES_PYTEST_ALONE = "pyfakefs.pytest_plugin"

#: What handlers use of the SDK, and what that imports when it is used.
_USED = (
    "abeja.datasets",
    "abeja.datalake",
    "abeja.tracking",
    "abeja.train.client",
    "abeja.train.statistics",
    "abeja.training",
    "numpy",
    "requests",
    "tensorboardX",
    "abeja_emulator.pytest_places",
)

#: Variables that name certificates; requests looks whether they are there before each call.
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")

#: Libraries that read files of their own long after they were imported.
_WITH_DATA = ("boto3", "botocore", "moto")


def is_faked() -> bool:
    """Tell whether a fake file system is in use already."""
    return Patcher.REF_COUNT > 0


@contextmanager
def faked_file_system(kept: Iterable[Path], shown: Iterable[Path]) -> Iterator[FakeFilesystem]:
    """Fake the file system, and put the real one back.

    Args:
        kept: folders that are there as they are, on the disk that can be filled.
        shown: folders that are there to be read, each a disk of its own: what is read on the way does
            not fill the first one. What is written there is fake too.
    """
    _import_first()
    work = os.getcwd()  # noqa: PTH109 - text, for both file systems
    # The outer before the inner, which is there then.
    folders = sorted(map(str, [*shown, *_data_folders()]), key=len)
    with Patcher(additional_skip_names=list(_REAL)) as patcher:
        fake = patcher.fs
        assert fake is not None  # noqa: S101 - it is there as long as the patcher is
        for folder in map(str, kept):
            _add(fake, folder)
        for file in _certificates():
            folder = os.path.dirname(file)  # noqa: PTH120 - text, as variables are
            if not fake.exists(folder):
                fake.add_mount_point(folder)
            _show(fake, file)
        for folder in folders:
            _show(fake, folder)
        fake.makedirs(work, exist_ok=True)
        os.chdir(work)
        finder = _WorkingFolder(work)
        # Not the first: pyfakefs takes whatever is first for its own when it pauses.
        sys.meta_path.insert(1, finder)
        try:
            yield fake
        finally:
            sys.meta_path[:] = [each for each in sys.meta_path if each is not finder]


def _import_first() -> None:
    """Import what a test uses for sure while the file system is real.

    pyfakefs forgets what is imported under it, so that it is imported anew, and NumPy, which comes with the
    SDK, can be imported once only.
    """
    for name in (*_REAL, *_USED, _LEAVES_PYTEST_ALONE):
        with suppress(ImportError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)


class _WorkingFolder:
    """Finds modules in the working folder of the fake file system; the import system knows the real one only.

    A job imports its handler from there.
    """

    def __init__(self, real: str) -> None:
        self._real = real

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module there if that is the first place to look in, and is elsewhere than the real one."""
        folder = os.getcwd()  # noqa: PTH109 - text, as the import system wants it
        if path is not None or sys.path[:1] != [""] or folder == self._real or name in sys.builtin_module_names:
            return None
        return PathFinder.find_spec(name, [folder], target)


def _show(fake: FakeFilesystem, path: str) -> None:
    """Add a real file or folder as a disk of its own, unless it is there."""
    if fake.exists(path):
        return
    _add(fake, path)
    if fake.isdir(path):
        fake.add_mount_point(path, can_exist=True)


def _add(fake: FakeFilesystem, path: str) -> None:
    # A variable may name a file that does not exist; requests will say so.
    with suppress(FileNotFoundError):
        fake.add_real_paths([path], read_only=False)


def _certificates() -> list[str]:
    requests = sys.modules.get("requests")
    own = [] if requests is None else [requests.certs.where()]
    named = [os.environ[name] for name in _CERTIFICATES if os.environ.get(name)]
    return [*own, *named]


def _data_folders() -> list[str]:
    files = [getattr(sys.modules.get(name), "__file__", None) for name in _WITH_DATA]
    return [os.path.dirname(file) for file in files if file]  # noqa: PTH120 - the same
