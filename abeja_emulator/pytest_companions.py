"""Fixtures for other test libraries beside the platform: moto, responses, pyfakefs, each imported when asked for."""

# ruff: noqa: PLC0415 - at import it imports nothing but pytest; a plugin that is not used costs nothing

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from boto3 import Session
    from pyfakefs.fake_filesystem import FakeFilesystem
    from responses import RequestsMock

    from abeja_emulator.companions.disk_faults import DiskFaults
    from abeja_emulator.emulation import Emulation
    from abeja_emulator.platform import Platform


_FAKED_FROM = (3, 11)


@pytest.fixture(scope="session")
def _abeja_moto() -> Session:
    """Moto, imported; clients that were made before it are mocked by it too; and a session for those to come."""
    _need("abeja_s3", "s3", "moto", "boto3")
    from abeja_emulator.companions.s3 import mock_earlier_clients, new_session

    mock_earlier_clients()
    return new_session()


@pytest.fixture
def abeja_s3(
    _abeja_moto: Session,
    abeja: Platform,  # in reach, so that nothing for AWS leaves either
) -> Iterator[Any]:
    """The handler's own S3, mocked by moto, next to the platform: a boto3 client; no bucket is there at first.

    All that moto has of AWS is mocked for every client of this process, signed URLs through `requests`
    included. Credentials, region and configuration of the shell are replaced. Child processes and
    `urllib` do not reach moto; their calls are refused. A fault such as `s3:GetObject status=503` (abeja_faults)
    goes wrong as boto3 would see it. Needs the extra `s3`.
    """
    from abeja_emulator.companions.s3 import mocked_s3
    from abeja_emulator.companions.s3_faults import faulty_s3

    with mocked_s3(_abeja_moto) as client, faulty_s3(abeja):
        yield client


@pytest.fixture
def abeja_responses(
    abeja: Platform,  # in reach, or nothing could be let through to it
) -> Iterator[RequestsMock]:
    """HTTP of third parties, stubbed: a started `responses.RequestsMock`; calls to the platform pass it.

    `abeja_responses.get("https://example.com/", json={})` adds a stub. A URL without one raises the
    `ConnectionError` of `responses`; a stub for a URL of the platform comes before the platform. A stub that
    is never called fails the test, unless `abeja_responses.assert_all_requests_are_fired = False`. Only
    `requests` is stubbed. A fault such as `https://example.com/* reset` (abeja_faults) goes wrong as `requests` would
    see it. Needs the extra `responses`.
    """
    _need("abeja_responses", "responses", "responses")
    from abeja_emulator.companions.http_faults import faulty
    from abeja_emulator.companions.stubs import stubbed

    with stubbed() as mock, faulty(mock, abeja):
        yield mock


@pytest.fixture
def abeja_fs(request: pytest.FixtureRequest) -> Iterator[FakeFilesystem]:
    """A fake file system, pyfakefs' `fs`, prepared so that the SDK, its cache and tensorboardX work in it.

    The result directory of the current job, `tmp_path`, certificates, the project and the sample data are
    there; nothing that is written reaches the disk. Fill it with `abeja_fs.set_disk_usage(bytes)`, take the
    right to write with `abeja_fs.chmod(path, 0o500)`. It fakes Python only: C libraries such as h5py (so
    Keras, when it saves `.h5`), TensorFlow and sqlite3 go past it to the real disk, and so do child
    processes. Needs the extra `pyfakefs`, and Python 3.11 or later.
    """
    _need("abeja_fs", "pyfakefs", "pyfakefs")
    if sys.version_info < _FAKED_FROM:
        # Before, a path of pathlib keeps the functions it was made with, so half of a job would pass the fake by.
        message = "abeja_fs needs Python 3.11 or later: before, pathlib cannot be faked once a path is made"
        pytest.fail(message, pytrace=False)
    from abeja_emulator.companions.file_system import faked_file_system, is_faked
    from abeja_emulator.seeding import samples_folder

    if is_faked():
        message = (
            "abeja_fs comes too late: `fs` has faked the file system already. Ask for abeja_fs alone, it is an `fs`"
        )
        pytest.fail(message, pytrace=False)
    # Not as arguments: under `fs` they would fail before this can say why.
    emulation: Emulation = request.getfixturevalue("_abeja_emulation")
    tmp_path: Path = request.getfixturevalue("tmp_path")
    emulation.hosts.make_all()
    with faked_file_system(
        kept=[emulation.result_dir, tmp_path],
        shown=[request.path.parent, request.config.rootpath, samples_folder()],
    ) as fake:
        yield fake


@pytest.fixture
def abeja_disk(abeja_fs: FakeFilesystem) -> Iterator[DiskFaults]:
    """What goes wrong with the disk of `abeja_fs`: `abeja_disk.full("storage", after="1MB")`, and so on.

    `full`, `read_only`, `refuse`, `stale` and `fail` say where (`result_dir`, `storage`, or a path), and happen to
    whatever in Python does something there; a C library does not meet them, see `abeja_confine`. One that never happens
    fails the test. Needs what `abeja_fs` needs.
    """
    from abeja_emulator.companions.disk_faults import DiskFaults

    with DiskFaults(abeja_fs) as faults:
        yield faults
    never = [f"{fault} never happened: {fault.never_fired}" for fault in faults.unfired()]
    if never:
        pytest.fail("\n".join(never), pytrace=False)


def _need(fixture: str, extra: str, *libraries: str) -> None:
    """Fail, and say what to install, when a library of a fixture is not there."""
    from importlib.util import find_spec

    if any(find_spec(library) is None for library in libraries):
        message = f"{fixture} needs {' and '.join(libraries)}: pip install 'abeja-emulator[{extra}]'"
        pytest.fail(message, pytrace=False)
